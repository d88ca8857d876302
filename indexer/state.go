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
}

// health keeps whether a follower gets on and logs when that changes.
type health struct {
	log *slog.Logger

	mu    sync.Mutex
	cause string // empty: it gets on
	err   string
	since time.Time
}

func newHealth(log *slog.Logger) *health {
	return &health{log: log, since: time.Now().UTC()}
}

// fail takes note of a failed try. Only another cause than before is logged.
func (h *health) fail(err error) {
	cause := causeOf(err)
	h.mu.Lock()
	before := h.cause
	if before == "" {
		h.since = time.Now().UTC()
	}
	h.cause, h.err = cause, err.Error()
	h.mu.Unlock()
	if cause != before {
		h.log.Warn("indexing waits", "cause", cause, "err", err)
	}
}

// recover takes note of a try that was a success.
func (h *health) recover() {
	h.mu.Lock()
	before, since := h.cause, h.since
	if before != "" {
		h.cause, h.err, h.since = "", "", time.Now().UTC()
	}
	h.mu.Unlock()
	if before != "" {
		h.log.Info("indexing goes on", "cause", before, "after", time.Since(since).Round(time.Millisecond))
	}
}

func (h *health) state() State {
	h.mu.Lock()
	defer h.mu.Unlock()
	return State{OK: h.cause == "", Since: h.since, Err: h.err}
}
