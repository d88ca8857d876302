package homeassistant

import (
	"log/slog"
	"sync"
	"time"
)

// State is what an Announcer says of itself.
type State struct {
	// Since is when there began to be an Err, or none.
	Since time.Time
	// Err says what is wrong; empty when nothing is. It names no repository.
	Err string
	// Detail is worth knowing though nothing fails.
	Detail string
}

// tracker keeps the state, and logs when what is wrong changes.
type tracker struct {
	log *slog.Logger
	mu  sync.Mutex
	at  State
}

func newTracker(log *slog.Logger) tracker {
	return tracker{log: log, at: State{Since: time.Now(), Detail: "waits for the broker"}}
}

func (t *tracker) get() State {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.at
}

// note changes nothing of what is wrong.
func (t *tracker) note(detail string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at.Detail = detail
}

func (t *tracker) set(wrong, detail string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case wrong == t.at.Err:
	case wrong != "":
		t.log.Warn("not everything is announced to Home Assistant", "err", wrong)
	default:
		t.log.Info("everything is announced to Home Assistant again")
	}
	if (wrong == "") != (t.at.Err == "") {
		t.at.Since = time.Now()
	}
	t.at.Err, t.at.Detail = wrong, detail
}
