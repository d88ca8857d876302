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

// timeRange reads from and to; absent or empty they are zero and leave their end open.
func (q *query) timeRange() timeRange {
	asked := timeRange{q.time("from"), q.time("to")}
	if !asked.from.IsZero() && !asked.to.IsZero() && !asked.from.Before(asked.to) {
		q.refuse("the range is empty: from (%s) must be before to (%s), which does not belong to it",
			asked.from.Format(time.RFC3339Nano), asked.to.Format(time.RFC3339Nano))
	}
	return asked
}

// has reports whether t is in the range.
func (r timeRange) has(t time.Time) bool {
	return !t.Before(r.from) && (r.to.IsZero() || t.Before(r.to))
}
