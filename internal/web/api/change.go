package api

import (
	"time"

	"pulltrail/internal/rollup"
	"pulltrail/internal/trail"
)

const (
	day   = 24 * time.Hour
	week  = 7 * day
	month = 30 * day
)

// change is the pulls of a time that ends with the newest snapshot, beside those of as
// long before.
type change struct {
	// Pulls is null where nothing of the time is known.
	Pulls *int64 `json:"pulls"`
	// Before is null unless all of that time is known.
	Before *int64 `json:"before"`
	// Percent is null where Before is, where the pulls are not those of all the time, and
	// where a percentage of so few says nothing.
	Percent *float64 `json:"percent"`
	// Whole says that the pulls are those of all the time.
	Whole bool `json:"whole"`
}

func changed(c trail.Change) change {
	out := change{Whole: c.Now.Whole()}
	if c.Now.Covered > 0 {
		out.Pulls = &c.Now.Pulls
	}
	if c.Before.Whole() {
		out.Before = &c.Before.Pulls
	}
	if c.Known {
		out.Percent = &c.Percent
	}
	return out
}

// recent is the change of a repository, which has none before its first snapshot.
func (h *handler) recent(t *rollup.Trail, length time.Duration) trail.Change {
	if t == nil {
		return trail.Change{}
	}
	return t.Recent(length, h.Now())
}
