package broker

import (
	"context"
	"errors"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// passage is how long a message may take from its acknowledgement to the sessions that it
// is for, before nobody waits for it any more.
const passage = time.Second

// errLeft says that a client did not wait.
var errLeft = errors.New("the client has gone")

// turnstile lets messages of others in while the process's own subscribers are there to
// take them, and holds them up, without an acknowledgement, while one is not: mochi would
// acknowledge a message that no session is there for yet, and loses those that come in
// the instant in which a session comes back.
type turnstile struct {
	mu      sync.Mutex
	awaited map[string]*mqtt.Client // by client id; nil for one that is away
	held    bool                    // whoever is there
	open    chan struct{}           // closed while messages pass
	passing map[*mqtt.Client]bool   // whose message has passed and is not with the sessions yet
	empty   chan struct{}           // closed when nothing is passing
	closed  <-chan struct{}         // when the broker closes
}

func newTurnstile(closed <-chan struct{}) *turnstile {
	t := &turnstile{awaited: map[string]*mqtt.Client{}, open: make(chan struct{}), passing: map[*mqtt.Client]bool{}, empty: make(chan struct{}), closed: closed}
	close(t.open)
	close(t.empty)
	return t
}

// await makes ids those without which nothing passes, and gives those that were and are
// not any more.
func (t *turnstile) await(ids ...string) (dismissed []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	awaited := make(map[string]*mqtt.Client, len(ids))
	for _, id := range ids {
		awaited[id] = t.awaited[id]
	}
	for id := range t.awaited {
		if _, still := awaited[id]; !still {
			dismissed = append(dismissed, id)
		}
	}
	t.awaited, t.held = awaited, false
	t.turn()
	return dismissed
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
	if t.awaited[c.ID] == c {
		t.awaited[c.ID] = nil
		t.turn()
	}
}

// renew says that the session of c is about to be given to a new connection, and returns
// when no message is on its way to the one before.
func (t *turnstile) renew(c *mqtt.Client) {
	t.mu.Lock()
	_, ok := t.awaited[c.ID]
	if ok {
		t.awaited[c.ID] = nil
		t.turn()
	}
	t.mu.Unlock()
	if ok {
		t.quiet()
	}
}

// quiet waits until nothing is passing, or for as long as that may take.
func (t *turnstile) quiet() {
	t.mu.Lock()
	empty := t.empty
	t.mu.Unlock()
	select {
	case <-empty:
	case <-t.closed:
	case <-time.After(passage):
	}
}

// pass waits until a message of c may come in.
func (t *turnstile) pass(c *mqtt.Client) error {
	for {
		t.mu.Lock()
		open := t.open
		select {
		case <-open:
			if len(t.passing) == 0 {
				t.empty = make(chan struct{})
			}
			t.passing[c] = true
			t.mu.Unlock()
			return nil
		default:
		}
		t.mu.Unlock()
		select {
		case <-open:
		case <-t.closed:
			return errLeft
		}
		if c.Closed() {
			return errLeft
		}
	}
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

// drain lets nothing in any more, and waits until the subscribers have taken what there is.
// It gives how many messages they have not taken when ctx is done.
func (t *turnstile) drain(ctx context.Context) int {
	t.mu.Lock()
	t.held = true
	t.turn()
	t.mu.Unlock()
	t.quiet()
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for {
		left := t.waiting()
		if left == 0 {
			return 0
		}
		select {
		case <-ctx.Done():
			return left
		case <-tick.C:
		}
	}
}

const drainPoll = 2 * time.Millisecond

// waiting are the messages that a subscriber which is there has not acknowledged.
func (t *turnstile) waiting() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.awaited {
		if c == nil {
			continue
		}
		for _, p := range c.State.Inflight.GetAll(false) {
			if p.FixedHeader.Type == packets.Publish {
				n++
			}
		}
	}
	return n
}
