package api

import (
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

// timeRange reads from and to; absent or empty they are zero and leave their end open. A
// range whose from is not before its to has nothing in it, which is no mistake.
func (q *query) timeRange() timeRange { return timeRange{q.time("from"), q.time("to")} }

// empty reports whether no time is in the range.
func (r timeRange) empty() bool {
	return !r.from.IsZero() && !r.to.IsZero() && !r.from.Before(r.to)
}

// has reports whether t is in the range.
func (r timeRange) has(t time.Time) bool {
	return !t.Before(r.from) && (r.to.IsZero() || t.Before(r.to))
}
