package transfer

import (
	"fmt"
	"strings"
)

// column is what a column of a CSV file, or a member of a JSON line, may hold.
type column int

const (
	colTime column = iota
	colSlot
	colCount
	colStars
	colSize
	colUpdated
	colPrivate
	colRepository
	colNamespace
	colName
	columns // how many there are
)

// columnNames are the names that a column may have; the first is the one of an export.
var columnNames = [columns][]string{
	colTime:       {"timestamp", "date", "time", "committed_at"},
	colSlot:       {"slot"},
	colCount:      {"pull_count", "count", "pulls"},
	colStars:      {"star_count", "stars"},
	colSize:       {"storage_size"},
	colUpdated:    {"last_updated"},
	colPrivate:    {"is_private"},
	colRepository: {"repository"},
	colNamespace:  {"namespace"},
	colName:       {"name"},
}

// understood lists the names, for people.
func understood() string {
	parts := make([]string, columns)
	for i, names := range columnNames {
		parts[i] = strings.Join(names, " or ")
	}
	return strings.Join(parts, ", ")
}

func columnOf(name string) (column, bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	for c, names := range columnNames {
		for _, known := range names {
			if name == known {
				return column(c), true
			}
		}
	}
	return 0, false
}

// header says where each column stands.
type header struct {
	at      [columns]int // -1: nowhere
	names   [columns]string
	ignored []string
}

// parseHeader makes sense of the first line. The error says what is understood.
func parseHeader(names []string) (h header, err error) {
	for c := range h.at {
		h.at[c] = -1
	}
	for i, name := range names {
		c, ok := columnOf(name)
		if !ok {
			h.ignored = append(h.ignored, clip(name))
			continue
		}
		if other := h.at[c]; other >= 0 {
			return h, fmt.Errorf("the header has both %s and %s, which say the same: leave one out", clip(names[other]), clip(name))
		}
		h.at[c], h.names[c] = i, clip(name)
	}
	switch {
	case h.at[colTime] < 0 && h.at[colCount] < 0:
		err = fmt.Errorf("the first line is not a header that is understood (%s): write the names of the columns into it, such as date,count; understood are %s", clip(strings.Join(names, ",")), understood())
	case h.at[colTime] < 0:
		err = fmt.Errorf("the header has no column for the time: name it %s", strings.Join(columnNames[colTime], " or "))
	case h.at[colCount] < 0:
		err = fmt.Errorf("the header has no column for the total: name it %s", strings.Join(columnNames[colCount], " or "))
	case (h.at[colNamespace] < 0) != (h.at[colName] < 0):
		err = fmt.Errorf("the header has only one of namespace and name: give both, or repository")
	case h.at[colNamespace] >= 0 && h.at[colRepository] >= 0:
		err = fmt.Errorf("the header has repository as well as namespace and name: leave one out")
	}
	return h, err
}

// namesRepositories says whether rows have a repository of their own.
func (h header) namesRepositories() bool { return h.at[colRepository] >= 0 || h.at[colName] >= 0 }

// clip is text in a length that fits a message.
func clip(text string) string {
	const most = 80
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
