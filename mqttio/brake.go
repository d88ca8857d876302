package mqttio

import (
	"sync"
	"time"
)

const (
	// answerPatience is how long an answer of the broker may stay away while the connection is
	// read no faster than the store stores. It is less than connectTimeout, keepAlive and
	// the pace's answer, after which a connection would be given up.
	answerPatience = 10 * time.Second
	// lookAgain is how exactly that is kept.
	lookAgain = time.Second
)

// brake waits while the queue is long, so that a broker that sends faster than the
// store stores is held up by the network, and not only by what fits into our memory. An
// answer stands behind the messages that were sent before it: where it stays away, there
// is no waiting until it has come.
func (c *conn) brake() {
	for !c.owed.overdue() {
		shorter := c.queue.shorter()
		if shorter == nil {
			return
		}
		select {
		case <-shorter:
		case <-c.closed:
			return
		case <-time.After(lookAgain):
		}
	}
}

// owed counts the answers that the broker owes. Pings are counted by the connection itself,
// whoever sends them.
type owed struct {
	mu    sync.Mutex
	n     int
	since time.Time // when the first of them was asked for
}

func (o *owed) ask() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.n++; o.n == 1 {
		o.since = time.Now()
	}
}

func (o *owed) answered() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.n--
}

func (o *owed) overdue() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.n > 0 && time.Since(o.since) > answerPatience
}
