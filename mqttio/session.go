package mqttio

import (
	"io"
	"sync"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho/session/state"
)

// session is what paho keeps of a session of MQTT 5, with two differences: messages are acknowledged when
// we say so, and the reason in a DISCONNECT packet is known as soon as it is read.
//
// paho's own manual acknowledgement is not used: it scans all unacknowledged messages
// for each one, and sends what is acknowledged only at its next tick. It wants
// acknowledgements in any order; acknowledge takes them in the order of receipt, as
// the protocol asks (MQTT 5.0, section 4.6).
type session struct {
	*state.State

	mu   sync.Mutex
	conn *conn // nil when there is no connection
	left *packets.Disconnect
}

func newSession() *session { return &session{State: state.NewInMemory()} }

// ConAckReceived begins a connection.
func (s *session) ConAckReceived(w io.Writer, cp *packets.Connect, ca *packets.Connack) error {
	s.mu.Lock()
	s.conn, _ = w.(*conn)
	s.left = nil
	s.mu.Unlock()
	return s.State.ConAckReceived(w, cp, ca)
}

// ConnectionLost ends a connection; d is the broker's DISCONNECT packet if it sent one.
// paho calls it again, without d, before it makes another connection.
func (s *session) ConnectionLost(d *packets.Disconnect) error {
	s.mu.Lock()
	s.conn = nil
	if d != nil {
		s.left = d
	}
	s.mu.Unlock()
	return s.State.ConnectionLost(d)
}

// Ack is called by paho when the handler of a message has returned, which is too early.
func (s *session) Ack(*packets.Publish) error { return nil }

// acknowledge sends the acknowledgements of messages that came by c, in the order of
// their receipt, and says how many. There are none when c is not the present connection:
// the broker sends these messages again, and on another connection the same packet id can
// stand for another message.
func (s *session) acknowledge(c *conn, items []item) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil || s.conn != c {
		return 0
	}
	c.together(func() {
		for _, it := range items {
			if it.packetID == 0 {
				continue
			}
			if err := s.State.Ack(&packets.Publish{PacketID: it.packetID, QoS: 1}); err != nil {
				return // the connection is gone
			}
			n++
		}
	})
	return n
}

// farewell is the broker's DISCONNECT packet on the last connection; nil without one.
func (s *session) farewell() *packets.Disconnect {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left
}
