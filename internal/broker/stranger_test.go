package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestAStrangerMayNotTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		c := newStranger(near)
		defer c.Close()
		begun := time.Now()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != patience {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}

func TestAClientThatReadsNothingIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		c := newStranger(near)
		c.settled.Store(true)
		begun := time.Now()
		go func() { // as mochi does with each packet that it reads
			time.Sleep(time.Second)
			_ = c.SetDeadline(time.Time{})
		}()
		if _, err := c.Write(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != unread {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		if _, err := near.Write([]byte("x")); err == nil {
			t.Error("the connection is open still")
		}
	})
}

// mochi would keep the session for a week, and half a megabyte with it.
func TestAClientThatBreaksOffAtOnceLeavesNoSession(t *testing.T) {
	b, end := serving(t)
	const connect = "\x10\x11\x00\x04MQTT\x05\x02\x00\x1e\x00\x00\x04"
	for n := range 100 {
		c := say(t, b, connect+fmt.Sprintf("%04d", n))
		_ = c.(*net.TCPConn).SetLinger(0) // the answer cannot be written
		_ = c.Close()
	}
	last := say(t, b, connect+"last")
	defer last.Close()
	if _, err := last.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	end()
	if n := b.server.Clients.Len(); n != 1 { // the broker itself
		t.Errorf("%d are left", n)
	}
}

// serving gives a broker that serves until end is called.
func serving(t testing.TB) (b *Broker, end func()) {
	t.Helper()
	return servingWith(t, Options{Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
}

func servingWith(t testing.TB, o Options) (b *Broker, end func()) {
	t.Helper()
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- b.Serve(ctx) }()
	return b, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// say sends a packet on a connection of its own.
func say(t testing.TB, b *Broker, packet string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", b.Addr().String())
	if err == nil {
		_, err = c.Write([]byte(packet))
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAClientThatReadsSlowlyIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := newStranger(near)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			time.Sleep(unread - time.Second)
			for _, err := far.Read(make([]byte, stretch)); err == nil; _, err = far.Read(make([]byte, stretch)) {
				time.Sleep(stretch * time.Second / slowest)
			}
		}()
		const size = 10*stretch + 1
		if n, err := c.Write(make([]byte, size)); n != size || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		_ = c.Close()
		<-ended
	})
}

// The process itself reads nothing while it cannot store: that is what holds up the others.
func TestTheProcessItselfIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		c := newStranger(near)
		defer c.Close()
		c.trust()
		go func() {
			time.Sleep(100 * unread)
			_, _ = far.Read(make([]byte, 1))
		}()
		if _, err := c.Write([]byte("x")); err != nil {
			t.Error(err)
		}
	})
}
