package mqttio

import (
	"io"
	"net"
	"sync"
	"testing"
)

// front passes connections on to a broker, and ends them when a test says so.
type front struct {
	addr string
	// admit, where set, looks at a connection first, and says whether to pass it on. It
	// gives back what it has read.
	admit func(net.Conn) ([]byte, bool)

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

func newFront(t *testing.T, to string) *front {
	t.Helper()
	f := &front{conns: map[net.Conn]struct{}{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = l.Addr().String()
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { f.pass(c, to) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		f.cut()
		running.Wait()
	})
	return f
}

func (f *front) pass(near net.Conn, to string) {
	defer near.Close()
	f.mu.Lock()
	admit := f.admit
	f.mu.Unlock()
	var head []byte
	if admit != nil {
		var ok bool
		if head, ok = admit(near); !ok {
			return
		}
	}
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer far.Close()
	f.mu.Lock()
	f.conns[near], f.conns[far] = struct{}{}, struct{}{}
	f.mu.Unlock()
	var both sync.WaitGroup
	defer both.Wait()
	both.Go(func() {
		_, _ = far.Write(head) // a failure shows below
		_, _ = io.Copy(far, near)
		_ = far.Close()
	})
	_, _ = io.Copy(near, far)
	_ = near.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, near)
	delete(f.conns, far)
}

// cut ends all connections.
func (f *front) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		_ = c.Close()
	}
}
