package indexer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// object is a JSON object in its compact form. Only its top level is taken apart,
// once; values stay as they were written.
type object struct {
	compact []byte
	members []member
}

// member is a part of object.compact: the key with its escapes and without its
// quotes, and the value.
type member struct{ key, value []byte }

// parseObject checks that data is one JSON object, valid UTF-8, without a repeated
// key on its top level (whose meaning would be anybody's guess). The error is a
// reason for a person.
func parseObject(data []byte) (object, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return object{}, errors.New("the payload is empty, not a JSON object")
	}
	if !utf8.Valid(data) {
		return object{}, errors.New("the payload is not valid UTF-8")
	}
	if members, ok := scanObject(data); ok {
		return newObject(data, members)
	}
	var buffer bytes.Buffer
	buffer.Grow(len(data))
	if err := json.Compact(&buffer, data); err != nil {
		return object{}, fmt.Errorf("the payload is not JSON: %w", err)
	}
	compact := buffer.Bytes()
	if compact[0] != '{' {
		return object{}, fmt.Errorf("the payload is not a JSON object but %s", kindOf(compact[0]))
	}
	return newObject(compact, split(compact))
}

func newObject(compact []byte, members []member) (object, error) {
	if key, ok := repeated(members); ok {
		return object{}, fmt.Errorf("the payload has the key %q twice", key)
	}
	return object{compact: compact, members: members}, nil
}

func kindOf(first byte) string {
	switch first {
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}

// split takes the top level of a valid, compact JSON object apart.
func split(compact []byte) []member {
	var members []member
	for at := 1; compact[at] != '}'; {
		if compact[at] == ',' {
			at++
		}
		end := skipString(compact, at)
		key := compact[at+1 : end-1]
		at = end + 1 // behind the colon
		end = skipValue(compact, at)
		members = append(members, member{key: key, value: compact[at:end]})
		at = end
	}
	return members
}

// skipString returns the index behind the string that begins at.
func skipString(data []byte, at int) int {
	for at++; data[at] != '"'; at++ {
		if data[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// skipValue returns the index behind the member's value that begins at.
func skipValue(data []byte, at int) int {
	depth := 0
	for {
		switch data[at] {
		case '"':
			at = skipString(data, at)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at
			}
			depth--
		case ',':
			if depth == 0 {
				return at
			}
		}
		at++
	}
}

// fewMembers is up to how many members comparing each with each is the fastest.
const fewMembers = 24

// repeated finds a key that occurs twice, however it is escaped.
func repeated(members []member) (string, bool) {
	escaped := func(m member) bool { return bytes.IndexByte(m.key, '\\') >= 0 }
	if len(members) <= fewMembers && !slices.ContainsFunc(members, escaped) {
		for i, m := range members {
			for _, other := range members[:i] {
				if bytes.Equal(m.key, other.key) {
					return string(m.key), true
				}
			}
		}
		return "", false
	}
	seen := make(map[string]struct{}, len(members))
	for _, m := range members {
		key := m.name()
		if _, ok := seen[key]; ok {
			return key, true
		}
		seen[key] = struct{}{}
	}
	return "", false
}

// name is the key without escapes.
func (m member) name() string {
	if bytes.IndexByte(m.key, '\\') < 0 {
		return string(m.key)
	}
	var name string
	if err := json.Unmarshal([]byte(`"`+string(m.key)+`"`), &name); err != nil {
		return string(m.key) // cannot be: it is part of valid JSON
	}
	return name
}

// lookup finds the value at a path through nested objects; nil for none and for null.
func (o object) lookup(path []string) json.RawMessage {
	members := o.members
	for i, name := range path {
		value := find(members, name)
		switch {
		case value == nil || bytes.Equal(value, []byte("null")):
			return nil
		case i == len(path)-1:
			return value
		case value[0] != '{':
			return nil
		}
		members = split(value)
	}
	return nil
}

func find(members []member, name string) []byte {
	for _, m := range members {
		if string(m.key) == name || m.name() == name {
			return m.value
		}
	}
	return nil
}
