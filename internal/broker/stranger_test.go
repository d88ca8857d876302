package broker

import (
	"errors"
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
