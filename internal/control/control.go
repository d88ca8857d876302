// Package control is how a command talks to the daemon that owns the data
// directory: HTTP on a Unix socket in that directory, which only its owner may
// open (mode 0600). Answers that take long are streams of JSON lines.
package control

import (
	"context"
	"errors"
	"time"

	"pulltrail/internal/hub"
)

// ErrNoDaemon says that no daemon listens on the socket.
var ErrNoDaemon = errors.New("no daemon is running on this data directory")

// Result is what became of one repository in a run.
type Result struct {
	Repository hub.Repository `json:"repository"`
	// PullCount is Docker Hub's total; nil when there is no snapshot.
	PullCount *int64 `json:"pull_count"`
	StarCount *int64 `json:"star_count,omitempty"`
	// Skipped says that the snapshot for this slot was there already.
	Skipped bool `json:"skipped,omitempty"`
	// Cause and Error say why there is none, the cause in one word.
	Cause string `json:"cause,omitempty"`
	Error string `json:"error,omitempty"`
}

// Summary is what became of a run.
type Summary struct {
	Slot      time.Time     `json:"slot"`
	Duration  time.Duration `json:"duration_ns"`
	Succeeded int           `json:"succeeded"`
	Skipped   int           `json:"skipped"`
	Failed    int           `json:"failed"`
	// Notes are what a person should know of the run besides, such as a namespace of which
	// only a part is listed.
	Notes []string `json:"notes,omitempty"`
	// Undelivered says what is durable but has not gone all the way yet, and why;
	// empty when everything has arrived.
	Undelivered string `json:"undelivered,omitempty"`
}

// Daemon is what the daemon lets commands do.
type Daemon interface {
	Collector
	Letters
	History
	Indices
	Reloader
	Backups
}

// History is what can be done with history, also where no daemon runs.
type History interface {
	Curves
	Archive
}

// Collector is what it lets them do about collecting.
type Collector interface {
	// Collect polls the repositories now, all tracked ones when none are given, and
	// waits until their snapshots have gone through the whole chain, or for settle
	// at most. It calls progress for each, one at a time.
	Collect(ctx context.Context, repositories []hub.Repository, settle time.Duration, progress func(Result)) (Summary, error)
}

// collectRequest is the wire of POST /collect.
type collectRequest struct {
	Repositories []hub.Repository `json:"repositories"`
	Settle       time.Duration    `json:"settle_ns"`
}

// event is one line of an answer that takes long: exactly one member is set.
type event[R, S any] struct {
	Result  *R     `json:"result,omitempty"`
	Summary *S     `json:"summary,omitempty"`
	Error   string `json:"error,omitempty"`
}
