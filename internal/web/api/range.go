package api

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// timeRange is from <= time < to; a zero time leaves that end open.
type timeRange struct{ from, to time.Time }

// end is one end of a range, nil for an open one.
func end(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// parseRange reads from and to; absent or empty they are zero and leave their end
// open. It is strict, because a typing error that is passed over gives a wrong
// answer that looks right. The error is for the one who asked.
func parseRange(query string) (asked timeRange, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return asked, errors.New("the query cannot be read: write ?from=2026-01-01&to=2026-02-01")
	}
	for key, v := range values {
		switch {
		case key != "from" && key != "to":
			return asked, fmt.Errorf("the parameter %.40q is unknown: there are from and to", key)
		case len(v) > 1:
			return asked, fmt.Errorf("the parameter %s is given %d times: give it once", key, len(v))
		}
	}
	if asked.from, err = parseTime("from", values.Get("from")); err != nil {
		return asked, err
	}
	if asked.to, err = parseTime("to", values.Get("to")); err != nil {
		return asked, err
	}
	if !asked.from.IsZero() && !asked.to.IsZero() && !asked.from.Before(asked.to) {
		return asked, fmt.Errorf("the range is empty: from (%s) must be before to (%s), which does not belong to it",
			asked.from.Format(time.RFC3339Nano), asked.to.Format(time.RFC3339Nano))
	}
	return asked, nil
}

// parseNothing is for what has no parameters, and as strict.
func parseNothing(query string) (timeRange, error) {
	if query != "" {
		return timeRange{}, fmt.Errorf("the query %.40q is unknown: this has no parameters", query)
	}
	return timeRange{}, nil
}

func parseTime(key, value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, value)
	if err != nil {
		// The + of an offset that was not escaped has arrived as a space.
		t, err = time.Parse(time.RFC3339Nano, strings.Replace(value, " ", "+", 1))
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("the parameter %s is %.40q: write a UTC day such as 2026-01-31 or a time such as 2026-01-31T01:00:00Z", key, value)
	}
	t = t.UTC()
	if y := t.Year(); y < 1970 || y > 9999 {
		return time.Time{}, fmt.Errorf("the parameter %s is %.40q: write a time from the years 1970 to 9999", key, value)
	}
	return t, nil
}

// sentence is err as a person writes it.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
