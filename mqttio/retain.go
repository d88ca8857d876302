package mqttio

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"pulltrail/internal/document"
)

// errAway is the answer to Retain where there is no connection.
var errAway = errors.New("there is no connection to the broker")

// outlet is the present connection, for what is published besides the outbox. It opens
// when what was due in the outbox has been published, which comes first on a connection.
type outlet struct {
	mu     sync.Mutex
	c      connection // nil while it is closed
	opened chan struct{}
}

func newOutlet() *outlet { return &outlet{opened: make(chan struct{}, 1)} }

// open does nothing where c is open already.
func (o *outlet) open(c connection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.c != nil {
		return
	}
	o.c = c
	select {
	case o.opened <- struct{}{}:
	default: // the signal before has not been received
	}
}

func (o *outlet) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.c = nil
}

func (o *outlet) present() connection {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.c
}

// Opened carries a signal after each connection on which Retain can publish, to one
// receiver.
func (p *Publisher) Opened() <-chan struct{} { return p.outlet.opened }

// Retain has the broker keep payload as the message of topic, or nothing where it is
// empty, and returns nil when the broker has answered. A permanent error says that it
// refuses this message, any other that the connection has ended, or that there is none:
// Opened tells of the next one. At most 4 may be under way at a time, beside the snapshots.
func (p *Publisher) Retain(ctx context.Context, topic string, payload []byte) error {
	c := p.outlet.present()
	if c == nil {
		return errAway
	}
	limits := c.limits()
	if size := len(topic) + len(payload) + packetOverhead; limits.maxPacket > 0 && size > limits.maxPacket {
		return document.Permanent(fmt.Errorf("it has %d bytes, the broker takes %d", size, limits.maxPacket))
	}
	code, err := p.until(ctx, c, message{topic: topic, payload: payload, contentType: "application/json", retain: limits.retain})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case code >= codeFailure || errors.As(err, new(invalid)):
		return document.Permanent(err)
	case errors.Is(err, context.DeadlineExceeded):
		p.link.drop(fmt.Sprintf("the broker has not acknowledged a message within %v", p.link.pace.answer))
	}
	return err
}

// until publishes and waits for the answer, for as long as one can come.
func (p *Publisher) until(ctx context.Context, c connection, m message) (code byte, err error) {
	var watching sync.WaitGroup
	defer watching.Wait()
	ctx, cancel := context.WithTimeout(ctx, p.link.pace.answer)
	defer cancel()
	watching.Go(func() {
		select {
		case <-c.ended():
			cancel()
		case <-ctx.Done():
		}
	})
	return c.publish(ctx, m)
}
