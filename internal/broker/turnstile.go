package broker

import (
	"errors"
	"maps"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
)

const (
	// passage is how long a message may take from its acknowledgement to the sessions that
	// it is for, before a session that comes back does not wait for it any more.
	passage = time.Second
	// queueing bounds how long a message may wait, and its connection with it.
	queueing = 30 * time.Second
)

// errLeft says that a client did not wait, or has waited too long.
var errLeft = errors.New("the client has gone")

// turnstile lets messages of others in while the process's own subscribers are there to
// take them, and holds them up, without an acknowledgement, while one is not: mochi would
// acknowledge a message that no session is there for yet, and loses those that come in
// the instant in which a session comes back.
type turnstile struct {
	mu      sync.Mutex
	awaited map[string]*mqtt.Client  // by client id; nil for one that is away
	all     map[string]bool          // the ids that were ever awaited and not dismissed
	held    bool                     // whoever is there
	open    chan struct{}            // closed while messages pass
	waiting map[string]chan struct{} // by the client id of a message; closed when that connects anew
	refused map[*mqtt.Client]bool    // that did not wait, and are not gone yet
	passing map[*mqtt.Client]bool    // whose message has passed and is not with the sessions yet
	empty   chan struct{}            // closed when nothing is passing
	closed  <-chan struct{}          // when the broker closes
}

func newTurnstile(closed <-chan struct{}) *turnstile {
	t := &turnstile{
		awaited: map[string]*mqtt.Client{}, all: map[string]bool{}, waiting: map[string]chan struct{}{}, passing: map[*mqtt.Client]bool{}, refused: map[*mqtt.Client]bool{},
		open: make(chan struct{}), empty: make(chan struct{}), closed: closed,
	}
	close(t.open)
	close(t.empty)
	return t
}

// await makes ids those without which nothing passes.
func (t *turnstile) await(ids ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	awaited := make(map[string]*mqtt.Client, len(ids))
	for _, id := range ids {
		awaited[id], t.all[id] = t.awaited[id], true
	}
	t.awaited, t.held = awaited, false
	t.turn()
}

// dismiss gives those that were awaited once and are not any more.
func (t *turnstile) dismiss() (ids []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.all, func(id string, _ bool) bool {
		_, still := t.awaited[id]
		if !still {
			ids = append(ids, id)
		}
		return !still
	})
	return ids
}

// turn is called when something has changed that decides whether messages pass.
func (t *turnstile) turn() {
	free := !t.held
	for _, c := range t.awaited {
		free = free && c != nil
	}
	select {
	case <-t.open:
		if !free {
			t.open = make(chan struct{})
		}
	default:
		if free {
			close(t.open)
		}
	}
}

// here says that a subscriber takes messages.
func (t *turnstile) here(c *mqtt.Client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.awaited[c.ID]; ok {
		t.awaited[c.ID] = c
		t.turn()
	}
}

// away says that a connection has ended.
func (t *turnstile) away(c *mqtt.Client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leave(c)
	delete(t.refused, c)
	if t.awaited[c.ID] == c {
		t.awaited[c.ID] = nil
		t.turn()
	}
}

// renew says that the session of c is about to be given to a new connection. For a
// subscriber it returns when no message is on its way to the one before.
func (t *turnstile) renew(c *mqtt.Client) {
	t.mu.Lock()
	_, ok := t.awaited[c.ID]
	if ok {
		t.awaited[c.ID] = nil
		t.turn()
	}
	empty := t.empty
	t.mu.Unlock()
	if !ok {
		return
	}
	select {
	case <-empty:
	case <-t.closed:
	case <-time.After(passage):
	}
}

// supersede says that a client id has a new connection with its session: a message of the
// old one does not wait any longer.
func (t *turnstile) supersede(id string) {
	t.mu.Lock()
	gone := t.waiting[id]
	delete(t.waiting, id)
	t.mu.Unlock()
	if gone != nil {
		close(gone)
	}
}

// pass waits until a message of c may come in, as long as c does.
func (t *turnstile) pass(c *mqtt.Client) error {
	open, gone := t.enter(c)
	if open == nil {
		return nil // as nearly always
	}
	if gone == nil {
		return errLeft
	}
	late := time.NewTimer(queueing)
	defer late.Stop()
	for open != nil {
		left := t.outlasted(open, gone, late.C)
		t.give(c.ID, gone)
		if left || c.Closed() {
			t.refuse(c)
			return errLeft
		}
		open, gone = t.enter(c)
	}
	return nil
}

// refuse lets no more of c in: what it has sent behind the message that did not wait.
func (t *turnstile) refuse(c *mqtt.Client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused[c] = true
}

// outlasted waits until messages pass, and reports whether the client does not any more.
func (t *turnstile) outlasted(open, gone <-chan struct{}, late <-chan time.Time) bool {
	select {
	case <-open:
		return false
	case <-gone:
	case <-late:
	case <-t.closed:
	}
	return true
}

// give says that nobody waits at gone any more.
func (t *turnstile) give(id string, gone chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting[id] == gone {
		delete(t.waiting, id)
	}
}

// enter lets c pass, or gives what it has to wait for; no gone where it waits for nothing.
func (t *turnstile) enter(c *mqtt.Client) (open, gone chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused[c] {
		return t.open, nil
	}
	select {
	case <-t.open:
	default:
		gone = make(chan struct{})
		t.waiting[c.ID] = gone
		return t.open, gone
	}
	if len(t.passing) == 0 {
		t.empty = make(chan struct{})
	}
	t.passing[c] = true
	return nil, nil
}

// passed says that the message of c is with the sessions that it is for.
func (t *turnstile) passed(c *mqtt.Client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leave(c)
}

func (t *turnstile) leave(c *mqtt.Client) {
	if !t.passing[c] {
		return
	}
	delete(t.passing, c)
	if len(t.passing) == 0 {
		close(t.empty)
	}
}

// hold lets nothing in any more.
func (t *turnstile) hold() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held = true
	t.turn()
}

// left are how many messages are passing, and the ids of those that are awaited.
func (t *turnstile) left() (passing int, ids []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id := range t.awaited {
		ids = append(ids, id)
	}
	return len(t.passing), ids
}
