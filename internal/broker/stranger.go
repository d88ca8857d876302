package broker

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

const (
	// patience is how long a client may take to say who it is, the handshake of TLS included.
	patience = 10 * time.Second
	// maxConnect is the largest packet with which it may do so, in bytes. mochi makes room
	// for as many as the packet announces.
	maxConnect = 256 << 10
	// unread is how long a client may take to read a stretch of what is sent to it, in bytes.
	unread  = 10 * time.Second
	stretch = 16 << 10
	slowest = 16 << 10 // bytes a second that it has to read, of a large packet
)

var errTooLarge = errors.New("the first packet of a client is too large")

// stranger is a connection of a client that has not said yet who it is. mochi sets another
// deadline when it has. One that reads nothing is not waited for: mochi holds a lock while it
// writes, which everybody wants who publishes to that client.
type stranger struct {
	net.Conn
	trusted atomic.Bool // it is the process itself, which reads nothing while it cannot store
	settled atomic.Bool // its session has begun
	known   bool        // the length of the first packet
	begun   bool
	shift   uint
	length  int
	client  *mqtt.Client                 // once its session begins; only mochi's goroutine of the client has it
	excess  map[int]bool                 // the filters of that SUBSCRIBE that are too many; the same
	request uint16                       // the packet id of a SUBSCRIBE or UNSUBSCRIBE; the same
	parents map[int]packets.Subscription // of a SUBSCRIBE that is being answered; only mochi's goroutine has it
	giving  func()                       // while it begins or ends a session; only mochi's goroutine of the client has it
}

// take keeps other connections of the client id from beginning or ending a session.
func (s *stranger) take(h *handover, id string) { s.giving = h.take(id) }

// give lets them.
func (s *stranger) give() {
	if s.giving != nil {
		s.giving()
		s.giving = nil
	}
}

// trust ends the deadline of what is written.
func (s *stranger) trust() {
	s.trusted.Store(true)
	_ = s.SetWriteDeadline(time.Time{}) // fails if it is closed, as does what follows
}

// SetDeadline is that of reading: mochi calls it with each packet that it has read, and
// would put off that of a write that is under way.
func (s *stranger) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

func newStranger(c net.Conn) *stranger {
	_ = c.SetDeadline(time.Now().Add(patience)) // fails if it is closed, as does what follows
	return &stranger{Conn: c}
}

// Read fails when the first packet is too large.
func (s *stranger) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if !s.known && !s.small(p[:n]) {
		return 0, errTooLarge
	}
	return n, err
}

// Write fails only when the session has begun. mochi would keep one that has not, and not
// see that it has ended; so it begins, and ends at the next Read.
func (s *stranger) Write(p []byte) (int, error) {
	n, err := s.write(p)
	if err != nil && !s.settled.Load() {
		_ = hangUp(s.Conn) // mostly it is closed
		return len(p), nil
	}
	return n, err
}

// write goes on as long as the client reads something now and then, and not too slowly.
func (s *stranger) write(p []byte) (n int, err error) {
	if s.trusted.Load() {
		return s.Conn.Write(p)
	}
	last := time.Now().Add(unread + time.Duration(len(p)/slowest)*time.Second)
	for n < len(p) && err == nil {
		next := time.Now().Add(unread)
		if last.Before(next) {
			next = last
		}
		if err = s.SetWriteDeadline(next); err != nil {
			break
		}
		var written int
		written, err = s.Conn.Write(p[n:min(n+stretch, len(p))])
		n += written
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errors.Join(err, hangUp(s.Conn)) // its session stays
	}
	return n, err
}

// hangUp closes a connection at once; TLS would say goodbye to somebody who does not read.
func hangUp(c net.Conn) error {
	if encrypted, ok := c.(*tls.Conn); ok {
		c = encrypted.NetConn()
	}
	return c.Close()
}

// small follows the first bytes of a packet: one, and then its length, seven bits in each
// (MQTT 5.0, section 2.1).
func (s *stranger) small(p []byte) bool {
	for _, b := range p {
		if !s.begun {
			s.begun = true
			continue
		}
		s.length |= int(b&0x7f) << s.shift
		s.shift += 7
		if s.known = b < 0x80; s.known {
			break
		}
		if s.shift > 21 {
			return false
		}
	}
	return s.length <= maxConnect
}
