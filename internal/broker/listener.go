package broker

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"
)

const (
	// farewell bounds how long a client may take to hear that the broker stops, or that
	// another connection has its session.
	farewell = time.Second
	// acceptPause is the wait after a connection that could not be accepted, such as
	// for want of file descriptors.
	acceptPause = 100 * time.Millisecond
	// acceptFailures in a row are the end.
	acceptFailures = 100
)

// listener hands connections to mochi. Unlike mochi's own it goes on after an error
// that passes, and waits for its connections when it stops, even for those of clients
// that read nothing.
type listener struct {
	net.Listener
	id     string
	failed chan<- error // receives why it cannot accept any more
	// crashed cleans up after a panic in the goroutine of a connection.
	crashed func(*stranger, any)

	mu      sync.Mutex
	closing bool
	done    chan struct{} // closed when closing
	conns   map[net.Conn]struct{}
	running sync.WaitGroup
}

func newListener(id string, l net.Listener, failed chan<- error, crashed func(*stranger, any)) *listener {
	return &listener{Listener: l, id: id, failed: failed, crashed: crashed, done: make(chan struct{}), conns: map[net.Conn]struct{}{}}
}

func (l *listener) ID() string              { return l.id }
func (l *listener) Address() string         { return l.Addr().String() }
func (l *listener) Protocol() string        { return l.id }
func (l *listener) Init(*slog.Logger) error { return nil }

// Serve accepts until the listener is closed. mochi calls it in a goroutine.
func (l *listener) Serve(establish listeners.EstablishFn) {
	for failures := 0; ; {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil && failures >= acceptFailures:
			l.failed <- err
			return
		case err != nil:
			failures++
			select {
			case <-time.After(acceptPause):
			case <-l.done:
			}
			continue
		}
		failures = 0
		if !l.add(c) {
			_ = c.Close() // the next Accept fails if that is why
			continue
		}
		go l.handle(c, establish)
	}
}

// handle serves one connection until it ends. A panic ends this connection only.
func (l *listener) handle(c net.Conn, establish listeners.EstablishFn) {
	defer l.remove(c)
	s := newStranger(c)
	defer s.give()
	defer func() {
		if cause := recover(); cause != nil {
			l.crashed(s, cause)
		}
	}()
	_ = establish(l.ID(), s) // mochi logs it too
}

// add refuses a connection where there are too many, or the listener closes.
func (l *listener) add(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing || len(l.conns) >= maxConnections+maxStrangers {
		return false
	}
	l.conns[c] = struct{}{}
	l.running.Add(1)
	return true
}

func (l *listener) remove(c net.Conn) {
	_ = c.Close()
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
	l.running.Done()
}

// Close waits for the connections to be gone: Broker.farewell has ended them.
func (l *listener) Close(listeners.CloseFn) { l.running.Wait() }

// refuse lets no more connections in.
func (l *listener) refuse() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closing = true
	close(l.done)
	_ = l.Listener.Close() // the next Accept fails
}

func (l *listener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		_ = hangUp(c)
	}
}
