package mqttio

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"
)

// State is what a session says of itself.
type State struct {
	// Connected says that the broker has accepted the session.
	Connected bool
	// Since is when Connected, or whether there is an Err at all, last changed.
	Since time.Time
	// Err says what is wrong and, where it is known, the remedy; empty when nothing
	// is. A connected session may well have one, such as a store that fails.
	Err string
	// Detail is worth knowing though nothing fails.
	Detail string
}

// A fault is one thing that can be wrong with a session. Several can be at a time.
type fault int

const (
	faultConnection fault = iota
	faultTakeover
	faultSubscription
	faultStore
	faultDeadLetters
	faultConfirm
	faultOutbox
	faultPublish
	faultKinds
)

// lines are what is logged when a fault comes and goes.
var lines = [faultKinds]struct{ fails, mended string }{
	faultConnection:   {"no connection to the broker", "connected to the broker"},
	faultTakeover:     {"session taken over by another client", "session no longer taken over"},
	faultSubscription: {"subscription failed", "subscribed"},
	faultStore:        {"cannot store messages", "messages stored again"},
	faultDeadLetters:  {"cannot store dead letters", "dead letters stored again"},
	faultConfirm:      {"cannot confirm snapshots in the outbox", "snapshots confirmed in the outbox again"},
	faultOutbox:       {"cannot read the outbox", "outbox readable again"},
	faultPublish:      {"broker rejects a snapshot", "broker accepts snapshots again"},
}

// tracker keeps the state of one session and logs its changes, and only those.
type tracker struct {
	log *slog.Logger

	mu        sync.Mutex
	connected bool
	lost      bool // a connection was lost, and nothing has happened since
	since     time.Time
	faults    [faultKinds]string
	detail    string
}

func newTracker(log *slog.Logger) *tracker { return &tracker{log: log, since: time.Now()} }

// state is a copy, the faults joined in their order.
func (t *tracker) state() State {
	t.mu.Lock()
	defer t.mu.Unlock()
	var wrong []string
	for _, text := range t.faults {
		if text != "" {
			wrong = append(wrong, text)
		}
	}
	return State{Connected: t.connected, Since: t.since, Err: strings.Join(wrong, "; "), Detail: t.detail}
}

// up says that the broker has accepted the session; args are logged with it.
func (t *tracker) up(args ...any) {
	defer t.changed()()
	t.connected, t.lost = true, false
	t.faults[faultConnection] = ""
	if t.faults[faultTakeover] == "" { // the two processes would fill the log for ever
		t.log.Info(lines[faultConnection].mended, args...)
	}
}

// down says that there is no connection any more; no reason stands for an end that
// was asked for.
func (t *tracker) down(reason string) {
	if reason != "" {
		t.fail(faultConnection, reason)
	}
	defer t.changed()()
	t.connected, t.lost = false, reason != ""
}

// unreachable says that nobody was reached at the broker's address. Directly after the loss of a connection, which was
// logged, that is the same event.
func (t *tracker) unreachable(reason string) { t.failAt(faultConnection, reason, true) }

// fail says that something is wrong. It is logged when it is news.
func (t *tracker) fail(f fault, reason string) { t.failAt(f, reason, false) }

func (t *tracker) failAt(f fault, reason string, unreachable bool) {
	reason = stable(reason)
	defer t.changed()()
	level := slog.LevelWarn
	if f == faultConnection {
		if t.lost && unreachable {
			level = slog.LevelDebug
		}
		t.lost = false
	}
	if t.faults[f] == reason {
		return
	}
	t.faults[f] = reason
	if f != faultConnection || t.faults[faultTakeover] == "" {
		t.log.Log(context.Background(), level, lines[f].fails, "err", reason)
	}
}

// mend says that something is right, again or still.
func (t *tracker) mend(f fault) {
	defer t.changed()()
	if t.faults[f] != "" {
		t.faults[f] = ""
		t.log.Info(lines[f].mended)
	}
}

func (t *tracker) has(f fault) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.faults[f] != ""
}

func (t *tracker) note(detail string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.detail = detail
}

// changed locks the tracker; what it returns unlocks it, and moves since if the state
// has changed in between.
func (t *tracker) changed() func() {
	t.mu.Lock()
	connected, faulty := t.connected, t.faults != [faultKinds]string{}
	return func() {
		if t.connected != connected || (t.faults != [faultKinds]string{}) != faulty {
			t.since = time.Now()
		}
		t.mu.Unlock()
	}
}

// localAddress is the near end of a connection in the text of a network error. Its
// port is another one each time, so the same error would look like news.
var localAddress = regexp.MustCompile(`\S+:\d+->`)

func stable(reason string) string { return localAddress.ReplaceAllString(reason, "") }
