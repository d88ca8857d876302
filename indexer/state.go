package indexer

import (
	"log/slog"
	"sync"
	"time"

	"pulltrail/internal/document"
)

// State is how a follower fares.
type State struct {
	// OK is false while something is tried again and again.
	OK bool
	// Since is when OK took its present value.
	Since time.Time
	// Err is the newest reason, for a person; empty when OK.
	Err string
	// Position is the cursor, Head the newest entry of the log.
	Position, Head document.Position
	// Lag is how long ago the oldest entry that is not settled was received; 0 when
	// nothing waits.
	Lag time.Duration
	// Refused is how many entries became dead letters since the start.
	Refused uint64
}

// Behind is how many entries are not settled.
func (s State) Behind() uint64 { return uint64(s.Head - min(s.Head, s.Position)) }

// trouble stands for one thing that is tried again and again. It is not empty, so that
// each has an address of its own.
type trouble struct{ _ byte }

// health keeps what a follower is in trouble with and logs when that changes. Several
// batches can be at the same time, and it gets on when none is.
type health struct {
	log *slog.Logger

	mu       sync.Mutex
	troubles map[any]struct{}
	cause    string // empty: it gets on
	err      string
	since    time.Time
}

func newHealth(log *slog.Logger) *health {
	return &health{log: log, since: time.Now().UTC(), troubles: make(map[any]struct{})}
}

// fail takes note of a failed try. Only another cause than before is logged.
func (h *health) fail(who any, err error) {
	cause := causeOf(err)
	h.mu.Lock()
	before := h.cause
	if before == "" {
		h.since = time.Now().UTC()
	}
	h.troubles[who] = struct{}{}
	h.cause, h.err = cause, err.Error()
	h.mu.Unlock()
	if cause != before {
		h.log.Warn("indexing paused, retrying", "cause", cause, "err", err)
	}
}

// recover takes note of a try that was a success.
func (h *health) recover(who any) {
	h.mu.Lock()
	delete(h.troubles, who)
	before, since := h.cause, h.since
	over := before != "" && len(h.troubles) == 0
	if over {
		h.cause, h.err, h.since = "", "", time.Now().UTC()
	}
	h.mu.Unlock()
	if over {
		h.log.Info("indexing resumed", "cause", before, "duration", time.Since(since).Round(time.Millisecond))
	}
}

func (h *health) state() State {
	h.mu.Lock()
	defer h.mu.Unlock()
	return State{OK: h.cause == "", Since: h.since, Err: h.err}
}
