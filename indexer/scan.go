package indexer

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// maxScanDepth is how deep scanObject follows; what is deeper is left to the parser.
const maxScanDepth = 64

// scanObject takes the top level of data apart if it is a valid JSON object without
// any white space between its parts, which is what most programs send. It reports
// false for everything else, wrong or not: encoding/json decides on that. It exists
// because checking every byte with encoding/json is a third of the work of indexing.
func scanObject(data []byte) ([]member, bool) {
	if len(data) < 2 || data[0] != '{' {
		return nil, false
	}
	if len(data) == 2 {
		return nil, data[1] == '}'
	}
	members := make([]member, 0, 16)
	for at := 1; ; at++ {
		colon := scanString(data, at)
		if colon < 0 || colon >= len(data) || data[colon] != ':' {
			return nil, false
		}
		end := scanValue(data, colon+1, 1)
		if end < 0 || end >= len(data) {
			return nil, false
		}
		members = append(members, member{key: data[at+1 : colon-1], value: data[colon+1 : end]})
		switch at = end; data[at] {
		case ',':
		case '}':
			return members, at == len(data)-1
		default:
			return nil, false
		}
	}
}

// scanValue returns the index behind the value that begins at, or -1.
func scanValue(data []byte, at, depth int) int {
	if at >= len(data) || depth > maxScanDepth {
		return -1
	}
	switch data[at] {
	case '"':
		return scanString(data, at)
	case '{':
		return scanList(data, at, depth, '}')
	case '[':
		return scanList(data, at, depth, ']')
	case 't':
		return scanWord(data, at, "true")
	case 'f':
		return scanWord(data, at, "false")
	case 'n':
		return scanWord(data, at, "null")
	}
	return scanNumber(data, at)
}

// scanList returns the index behind the object or array that begins at, or -1.
func scanList(data []byte, at, depth int, closing byte) int {
	if at++; at < len(data) && data[at] == closing {
		return at + 1
	}
	for {
		if closing == '}' {
			if at = scanString(data, at); at < 0 || at >= len(data) || data[at] != ':' {
				return -1
			}
			at++
		}
		if at = scanValue(data, at, depth+1); at < 0 || at >= len(data) {
			return -1
		}
		switch data[at] {
		case closing:
			return at + 1
		case ',':
			at++
		default:
			return -1
		}
	}
}

func scanWord(data []byte, at int, word string) int {
	if !bytes.HasPrefix(data[at:], []byte(word)) {
		return -1
	}
	return at + len(word)
}

// scanNumber returns the index behind the number that begins at, or -1.
func scanNumber(data []byte, at int) int {
	if data[at] == '-' {
		at++
	}
	switch first := at; {
	case at < len(data) && data[at] == '0':
		at++
	default:
		if at = scanDigits(data, at); at == first {
			return -1
		}
	}
	if at < len(data) && data[at] == '.' {
		first := at + 1
		if at = scanDigits(data, first); at == first {
			return -1
		}
	}
	if at < len(data) && (data[at] == 'e' || data[at] == 'E') {
		at++
		if at < len(data) && (data[at] == '+' || data[at] == '-') {
			at++
		}
		first := at
		if at = scanDigits(data, first); at == first {
			return -1
		}
	}
	return at
}

func scanDigits(data []byte, at int) int {
	for at < len(data) && data[at]-'0' < 10 {
		at++
	}
	return at
}

// The same byte eight times.
const (
	ones   = 0x0101010101010101
	tops   = 0x80 * ones
	spaces = 0x20 * ones
	quotes = '"' * ones
	slants = '\\' * ones
)

// scanString returns the index behind the string that begins at, or -1. It looks at
// eight bytes at a time for what can end a run of plain ones: a quote, a backslash,
// a control character.
func scanString(data []byte, at int) int {
	if at >= len(data) || data[at] != '"' {
		return -1
	}
	at++
	for {
		for at+8 <= len(data) {
			word := binary.LittleEndian.Uint64(data[at:])
			// The lowest top bit that is set is exact, those above it may not be.
			found := ((word - spaces) | zeroBytes(word^quotes) | zeroBytes(word^slants)) & ^word & tops
			if found != 0 {
				at += bits.TrailingZeros64(found) / 8
				break
			}
			at += 8
		}
		if at >= len(data) {
			return -1
		}
		switch c := data[at]; {
		case c == '"':
			return at + 1
		case c == '\\':
			if at = scanEscape(data, at+1); at < 0 {
				return -1
			}
		case c < 0x20:
			return -1
		default:
			at++ // near the end of data
		}
	}
}

// zeroBytes has the top bit of the lowest zero byte of word set, and no lower one.
func zeroBytes(word uint64) uint64 { return (word - ones) & ^word }

// scanEscape returns the index behind the escape whose backslash stands before at.
func scanEscape(data []byte, at int) int {
	if at >= len(data) {
		return -1
	}
	if data[at] != 'u' {
		if bytes.IndexByte([]byte(`"\/bfnrt`), data[at]) < 0 {
			return -1
		}
		return at + 1
	}
	if at+5 > len(data) {
		return -1
	}
	for _, c := range data[at+1 : at+5] {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return -1
		}
	}
	return at + 5
}
