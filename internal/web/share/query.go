package share

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"pulltrail/internal/web/svg"
)

const (
	maxQuery = 2048 // bytes
	maxLabel = 64   // characters
)

// query is the parameters of a request. It is strict, as that of the API is, and keeps
// the first mistake.
type query struct {
	values  url.Values
	mistake string
}

func parseQuery(raw string, known ...string) *query {
	q := &query{}
	values, err := url.ParseQuery(raw)
	if err != nil || len(raw) > maxQuery {
		q.refuse(mistakeQuery())
		return q
	}
	q.values = values
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys) // so that the same query has the same first mistake
	for _, key := range keys {
		switch value := values.Get(key); {
		case !slices.Contains(known, key):
			q.refuse(mistakeUnknown(key))
		case len(values[key]) > 1:
			q.refuse(mistakeTwice(key))
		case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
			q.refuse(mistakeText(key))
		}
	}
	return q
}

func (q *query) refuse(mistake string) {
	if q.mistake == "" {
		q.mistake = mistake
	}
}

// choice is one of choices, usual where it is not given.
func (q *query) choice(key, usual string, choices ...string) string {
	value := q.values.Get(key)
	if value == "" {
		return usual
	}
	if !slices.Contains(choices, value) {
		q.refuse(mistakeChoice(key, value, choices))
	}
	return value
}

func (q *query) number(key string, usual, least, most int) int {
	value := q.values.Get(key)
	if value == "" {
		return usual
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		q.refuse(mistakeNumber(key, value, least, most))
	}
	return n
}

// label is the parameter; one that is empty leaves the label out.
func (q *query) label() string {
	if !q.values.Has("label") {
		return wordPulls
	}
	label := q.values.Get("label")
	if utf8.RuneCountInString(label) > maxLabel {
		q.refuse(mistakeTooLong("label"))
	}
	return label
}

// colour is a name, or hexadecimal digits with or without the # that a URL has to escape.
func (q *query) colour() string {
	value := q.values.Get("color")
	switch {
	case value == "":
		return colourUsual
	case svg.IsColour(value):
		return value
	case svg.IsColour("#" + value):
		return "#" + value
	}
	q.refuse(mistakeColour(value))
	return colourUsual
}
