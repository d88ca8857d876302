package broker

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"golang.org/x/time/rate"
)

// crashes counts panics and logs them: ten at once, then one a minute.
type crashes struct {
	metrics *metrics
	log     *slog.Logger
	limit   *rate.Limiter
	report  func(cause any, stack []byte) // for tests; nil for nobody
}

func newCrashes(m *metrics, log *slog.Logger) *crashes {
	return &crashes{metrics: m, log: log, limit: rate.NewLimiter(rate.Every(time.Minute), 10)}
}

// add records one panic. It is called while the stack of the panic is still there.
func (r *crashes) add(s *stranger, cause any) {
	stack := debug.Stack()
	r.metrics.panics.Inc()
	if r.report != nil {
		r.report(cause, stack)
	}
	if !r.limit.Allow() {
		return
	}
	id := ""
	if s.client != nil {
		id = s.client.ID
	}
	r.log.Error("the embedded broker closed a connection after a panic; please report this as a bug, with the stack",
		"client_id", id, "remote", s.RemoteAddr().String(), "err", fmt.Sprint(cause), "stack", string(stack))
}

// crashed ends the session of a connection in which mochi has panicked, as mochi does
// when a connection is lost: will, subscribers that are awaited, session. mochi has closed the
// connection and counts it no more.
func (d *door) crashed(s *stranger, cause any) {
	d.crashes.add(s, cause)
	c := s.client
	if c == nil {
		return // no session had begun
	}
	if s.giving == nil {
		s.take(d.handover, c.ID) // until the listener has the connection back
	}
	if s.settled.Load() {
		d.protect(s, func() { d.publishWill(c) })
	}
	d.protect(s, func() {
		d.away(c)
		if ephemeral(c) && !c.IsTakenOver() {
			d.endSession(c)
		}
	})
}

// protect lets a panic in one step of the clean-up not stop the next.
func (d *door) protect(s *stranger, step func()) {
	defer func() {
		if cause := recover(); cause != nil {
			d.crashes.add(s, cause)
		}
	}()
	step()
}

// publishWill publishes the will of a client, if there is one. mochi does so when a
// client sends a second CONNECT, which is the only way to have it done.
func (d *door) publishWill(c *mqtt.Client) {
	// The error is always that of the second CONNECT.
	_ = d.server.InjectPacket(c, packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Connect}})
}

// ephemeral reports whether a session ends with its connection.
func ephemeral(c *mqtt.Client) bool {
	if c.Properties.ProtocolVersion == 5 {
		return c.Properties.Props.SessionExpiryInterval == 0
	}
	return c.Properties.Clean
}

// endSession deletes a session with its messages and subscriptions.
func (d *door) endSession(c *mqtt.Client) {
	c.ClearInflights()
	d.server.UnsubscribeClient(c)
	if current, ok := d.server.Clients.Get(c.ID); ok && current == c {
		d.server.Clients.Delete(c.ID)
	}
}
