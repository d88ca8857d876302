package control

import (
	"context"
	"time"

	"pulltrail/internal/hub"
)

// TopDays is how many days a Top tells the pulls of.
const TopDays = 30

// Curves is what the daemon lets commands know of the curves.
type Curves interface {
	// Top is how every repository fares, private ones included: who may open the socket
	// may read everything. They are sorted by namespace and name.
	Top(ctx context.Context) ([]Top, error)
}

// Top is how one repository fares.
type Top struct {
	hub.Repository
	Private bool `json:"is_private"`
	// Timestamp is when the newest snapshot was observed; what follows is what it says.
	Timestamp   time.Time  `json:"timestamp"`
	PullCount   int64      `json:"pull_count"`
	StarCount   *int64     `json:"star_count"`
	LastUpdated *time.Time `json:"last_updated"`
	// Outbox says that the newest snapshot is in the outbox: the broker has not delivered it
	// yet. It is the one shown here where no earlier one is stored.
	Outbox bool `json:"outbox"`
	// The pulls of the last 24 hours, 7 days and 30 days, nil where nothing is known.
	Day   *Growth `json:"pulls_24h"`
	Week  *Growth `json:"pulls_7d"`
	Month *Growth `json:"pulls_30d"`
	// Days are the pulls of the newest UTC days, the last of which may still be forming;
	// nil is a day of which nothing is known.
	Days []*int64 `json:"days"`
}

// Growth is the pulls of a time.
type Growth struct {
	Pulls int64 `json:"pulls"`
	// Whole says that all of the time is known.
	Whole bool `json:"whole"`
	// Percent is the change from as long before; nil where there is none to tell.
	Percent *float64 `json:"percent"`
}
