package mqttio

import (
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
	faultTakeover:     {"the session was taken over", "the session is no longer taken over"},
	faultSubscription: {"the subscription fails", "subscribed"},
	faultStore:        {"messages cannot be stored", "messages are stored again"},
	faultDeadLetters:  {"dead letters cannot be kept", "dead letters are kept again"},
	faultConfirm:      {"the outbox cannot forget what has arrived", "the outbox forgets what has arrived again"},
	faultOutbox:       {"the outbox cannot be read", "the outbox is read again"},
	faultPublish:      {"the broker refuses a snapshot", "the broker refuses no snapshot any more"},
}

// tracker keeps the state of one session and logs its changes, and only those.
type tracker struct {
	log *slog.Logger

	mu        sync.Mutex
	connected bool
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
	t.connected = true
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
	t.connected = false
}

// fail says that something is wrong. It is logged when it is news.
func (t *tracker) fail(f fault, reason string) {
	reason = stable(reason)
	defer t.changed()()
	if t.faults[f] == reason {
		return
	}
	t.faults[f] = reason
	if f != faultConnection || t.faults[faultTakeover] == "" {
		t.log.Warn(lines[f].fails, "err", reason)
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
