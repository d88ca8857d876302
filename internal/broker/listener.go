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
	// farewell bounds how long a client may take to hear that the broker stops.
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
	broker *Broker // of which all clients are told, and all connections cut

	mu      sync.Mutex
	closing bool
	done    chan struct{} // closed when closing
	conns   map[net.Conn]struct{}
	running sync.WaitGroup
}

func newListener(id string, l net.Listener, b *Broker) *listener {
	return &listener{Listener: l, id: id, broker: b, done: make(chan struct{}), conns: map[net.Conn]struct{}{}}
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
			l.broker.failed <- err
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
		go func() {
			defer l.remove(c)
			s := newStranger(c)
			defer s.give()
			_ = establish(l.ID(), s) // mochi logs it too
		}()
	}
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

// Close stops accepting, tells the clients, and waits for them to be gone.
func (l *listener) Close(listeners.CloseFn) {
	if !l.refuse() {
		return
	}
	_ = l.Listener.Close()
	late := time.AfterFunc(farewell, l.broker.cut) // a client that does not read is not waited for
	l.broker.tell()
	late.Stop()
	l.cut()
	l.running.Wait()
}

// refuse lets no more connections in; false if that is so already.
func (l *listener) refuse() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return false
	}
	l.closing = true
	close(l.done)
	return true
}

func (l *listener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		_ = c.Close()
	}
}
