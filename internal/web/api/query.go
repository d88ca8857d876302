package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The bounds of a query: of all of it in bytes, and of one text in characters. The first
// is above what the parameters of any request in openapi.yaml can add up to.
const (
	maxQuery = 32_000
	maxText  = 255
)

// query is the parameters of a request. It is strict, because a typing error that is
// passed over gives a wrong answer that looks right. It keeps the first mistake, which is
// for the one who asked.
type query struct {
	values url.Values
	err    error
}

// parseQuery reads a query that may have the parameters of known, once each but for
// those that end in "…".
func parseQuery(raw string, known ...string) *query {
	if len(raw) > maxQuery {
		return &query{err: fmt.Errorf("the query has %d bytes: %d are the most", len(raw), maxQuery)}
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return &query{err: errors.New("the query cannot be read: write ?from=2026-01-01&to=2026-02-01")}
	}
	q := &query{values: values}
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys) // so that the same query has the same first mistake
	for _, key := range keys {
		q.check(key, values[key], known)
	}
	return q
}

func (q *query) check(key string, values, known []string) {
	many := slices.Contains(known, key+"…")
	switch {
	case !many && !slices.Contains(known, key):
		q.refuse("the parameter %.40q is unknown: there %s", key, are(known))
	case !many && len(values) > 1:
		q.refuse("the parameter %s is given %d times: give it once", key, len(values))
	}
	for _, v := range values {
		if utf8.RuneCountInString(v) > maxText {
			q.refuse("the parameter %s is %.40q and more: %d characters are the most", key, v, maxText)
		}
		if !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
			q.refuse("the parameter %s is %.40q: it has bytes that are no text", key, v)
		}
	}
}

// are names parameters in a sentence.
func are(known []string) string {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = strings.TrimSuffix(k, "…")
	}
	switch n := len(names); n {
	case 0:
		return "are none"
	case 1:
		return "is " + names[0]
	default:
		return "are " + strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}

func (q *query) refuse(format string, args ...any) {
	if q.err == nil {
		q.err = fmt.Errorf(format, args...)
	}
}

// text is a parameter; empty where it is not given. A text may be given as empty, which
// means the same; a number or a choice may not.
func (q *query) text(key string) string { return q.values.Get(key) }

// number is a whole number from least to most, usual where it is not given.
func (q *query) number(key string, usual, least, most int) int {
	if !q.values.Has(key) {
		return usual
	}
	value := q.text(key)
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		q.refuse("the parameter %s is %.40q: write a whole number from %d to %d", key, value, least, most)
		return usual
	}
	return n
}

// choice is one of choices, the first where it is not given.
func (q *query) choice(key string, choices ...string) string {
	value := q.text(key)
	switch {
	case !q.values.Has(key):
		return choices[0]
	case !slices.Contains(choices, value):
		q.refuse("the parameter %s is %.40q: write %s or %s", key, value, strings.Join(choices[:len(choices)-1], ", "), choices[len(choices)-1])
	}
	return value
}

func (q *query) time(key string) time.Time {
	value := q.text(key)
	if value == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, value)
	if err != nil {
		// The + of an offset that was not escaped has arrived as a space.
		t, err = time.Parse(time.RFC3339Nano, strings.Replace(value, " ", "+", 1))
	}
	if err != nil {
		q.refuse("the parameter %s is %.40q: write a UTC day such as 2026-01-31 or a time such as 2026-01-31T01:00:00Z", key, value)
		return time.Time{}
	}
	if y := t.Year(); y < earliest.Year() || y > latest.Year() {
		q.refuse("the parameter %s is %.40q: write a time from the years %d to %d", key, value, earliest.Year(), latest.Year())
		return time.Time{}
	}
	// With an offset, the year in UTC can be the one before or after.
	switch t = t.UTC(); {
	case t.Before(earliest):
		return earliest
	case t.After(latest):
		return latest
	}
	return t
}

// earliest and latest bound the times of a query.
var (
	earliest = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
)

// namespace is the parameter of that name.
func (q *query) namespace() string {
	value := q.text("namespace")
	if value != "" && !namespacePattern.MatchString(value) {
		q.refuse("the parameter namespace is %.40q: write a namespace in lower-case letters, digits, '.', '_' and '-'", value)
	}
	return value
}

// The patterns of names, as in openapi.yaml. A name of this form that no repository can
// have is unknown rather than a mistake.
const part = `[a-z0-9][a-z0-9._-]{0,254}`

var (
	namespacePattern  = regexp.MustCompile(`^` + part + `$`)
	repositoryPattern = regexp.MustCompile(`^(` + part + `/)?` + part + `$`)
)

// wantsCSV reports whether CSV is asked for, by the parameter format or the header Accept.
func (q *query) wantsCSV(r *http.Request) bool {
	if !q.values.Has("format") {
		return prefersCSV(r.Header.Get("Accept"))
	}
	return q.choice("format", "json", "csv") == "csv"
}

// prefersCSV reports whether a header Accept names CSV, and not JSON before it.
func prefersCSV(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		media, rest, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "application/json", "application/*", "*/*":
			return false
		case "text/csv":
			return !strings.Contains(strings.ReplaceAll(rest, " ", "")+";", "q=0;")
		}
	}
	return false
}
