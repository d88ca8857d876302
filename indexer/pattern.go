package indexer

import (
	"strconv"
	"strings"
	"time"
)

// pattern is an index name with {Y}, {m} and {d} in it, taken apart once: to write the
// name for a date, and to read the date out of a name.
type pattern []piece

// piece is a part of a pattern: text, or the unit of time that stands for it.
type piece struct {
	text string
	unit byte // 'Y', 'm' or 'd'; 0 for text
}

// parsePattern takes any text; what is no placeholder is text.
func parsePattern(template string) pattern {
	var p pattern
	for template != "" {
		at := strings.IndexByte(template, '{')
		switch {
		case at < 0:
			return append(p, piece{text: template})
		case at+2 < len(template) && template[at+2] == '}' && strings.IndexByte("Ymd", template[at+1]) >= 0:
			if at > 0 {
				p = append(p, piece{text: template[:at]})
			}
			p = append(p, piece{unit: template[at+1]})
			template = template[at+3:]
		default:
			p = append(p, piece{text: template[:at+1]})
			template = template[at+1:]
		}
	}
	return p
}

// has reports whether a unit is part of it.
func (p pattern) has(unit byte) bool {
	for _, piece := range p {
		if piece.unit == unit {
			return true
		}
	}
	return false
}

// name is the index of t's day in UTC.
func (p pattern) name(t time.Time) string {
	if len(p) == 1 && p[0].unit == 0 {
		return p[0].text
	}
	year, month, day := t.UTC().Date()
	name := make([]byte, 0, 64)
	for _, piece := range p {
		switch piece.unit {
		case 'Y':
			name = appendPadded(name, year, 1000)
		case 'm':
			name = appendPadded(name, int(month), 10)
		case 'd':
			name = appendPadded(name, day, 10)
		default:
			name = append(name, piece.text...)
		}
	}
	return string(name)
}

// appendPadded writes n with zeros in front up to the digits of least.
func appendPadded(to []byte, n, least int) []byte {
	for ; least > 1 && n < least; least /= 10 {
		to = append(to, '0')
	}
	return strconv.AppendInt(to, int64(n), 10)
}

// wildcard takes at least the names of the pattern; a cluster knows * and nothing more
// exact, so each name needs a second look with end.
func (p pattern) wildcard() string {
	var text strings.Builder
	for _, piece := range p {
		if piece.unit == 0 {
			text.WriteString(piece.text)
		} else {
			text.WriteByte('*')
		}
	}
	return text.String()
}

// end reads a name: ok says that there is a date from firstYear to lastYear whose name it
// is. Other dates name no index, because no document has one. Where the pattern has the
// year, the end is the first moment that belongs to a later name for certain, which is
// after firstYear; else it is the zero time, which no dated name ends with.
func (p pattern) end(name string) (end time.Time, ok bool) {
	units := map[byte]int{}
	rest := name
	for _, piece := range p {
		if piece.unit == 0 {
			if rest, ok = strings.CutPrefix(rest, piece.text); !ok {
				return time.Time{}, false
			}
			continue
		}
		width := 2
		if piece.unit == 'Y' {
			width = 4
		}
		n, isNumber := leading(rest, width)
		if before, known := units[piece.unit]; !isNumber || known && before != n {
			return time.Time{}, false
		}
		units[piece.unit] = n
		rest = rest[width:]
	}
	if rest != "" {
		return time.Time{}, false
	}
	return endOf(units)
}

// leading reads the first digits of text, exactly so many.
func leading(text string, digits int) (n int, ok bool) {
	if len(text) < digits {
		return 0, false
	}
	for _, c := range []byte(text[:digits]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// endOf is the end of the time that has those units; ok is false where there is no such
// day.
func endOf(units map[byte]int) (end time.Time, ok bool) {
	year, hasYear := units['Y']
	month, hasMonth := units['m']
	day, hasDay := units['d']
	switch {
	case !hasYear:
		year = 2000 // a leap year: some year has the day
	case year < firstYear: // four digits do not exceed lastYear
		return time.Time{}, false
	}
	if !hasMonth {
		month = int(time.January) // which has every day
	}
	if !hasDay {
		day = 1
	}
	first := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if first.Year() != year || int(first.Month()) != month || first.Day() != day {
		return time.Time{}, false
	}
	switch {
	case !hasYear:
		return time.Time{}, true
	case !hasMonth: // also where it has the day, of every month
		return time.Date(year+1, time.January, 1, 0, 0, 0, 0, time.UTC), true
	case !hasDay:
		return first.AddDate(0, 1, 0), true
	}
	return first.AddDate(0, 0, 1), true
}
