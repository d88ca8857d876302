package systemd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds how long a test waits for something that must come.
const patience = time.Minute

// listen stands in for systemd: it returns what the process says, one message each.
func listen(t *testing.T) (next func() string) {
	t.Helper()
	address := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	t.Setenv("NOTIFY_SOCKET", address)
	return func() string {
		t.Helper()
		buffer := make([]byte, 4096)
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Read(buffer)
		if err != nil {
			t.Fatalf("nothing was said: %v", err)
		}
		return string(buffer[:n])
	}
}

func TestNobodyIsToldWhereNobodyAsked(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if m, err := New(slog.New(slog.DiscardHandler)); m != nil || err != nil {
		t.Errorf("got %v, %v", m, err)
	}
}

func TestASocketThatIsGoneIsAnError(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	if _, err := New(slog.New(slog.DiscardHandler)); err == nil {
		t.Error("no error")
	}
}

func TestTheLifeOfAProcess(t *testing.T) {
	next := listen(t)
	t.Setenv("WATCHDOG_USEC", "10000")
	m, err := New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answers := make(chan error) // one for each probe
	ended := make(chan error, 1)
	go func() {
		ended <- m.Run(ctx, func(ctx context.Context) error {
			select {
			case err := <-answers:
				return err
			case <-ctx.Done():
				return errors.New("the probe took too long")
			}
		})
	}()
	expect := func(want string) {
		t.Helper()
		if got := next(); !strings.Contains(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	expect("STATUS=starting")
	expect("READY=1")
	// What is said now depends on whether an answer comes in time: a probe that fails, or
	// takes too long, is followed by a status, and by a sign of life only once one succeeds.
	healthy := make(chan struct{})
	go func() {
		for {
			select {
			case answers <- nil:
			case <-healthy:
				return
			}
		}
	}()
	for got := ""; !strings.Contains(got, "WATCHDOG=1"); got = next() {
	}
	healthy <- struct{}{}
	for got := ""; !strings.Contains(got, "STATUS=not healthy"); got = next() {
	}
	cancel()
	for got := ""; !strings.Contains(got, "STOPPING=1"); got = next() { // behind what was said of further probes
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestNoSignOfLifeFollowsAProbeThatFails(t *testing.T) {
	next := listen(t)
	t.Setenv("WATCHDOG_USEC", "10000")
	m, err := New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	probes := 0
	err = m.Run(ctx, func(context.Context) error {
		if probes++; probes == 5 {
			cancel()
		}
		return errors.New("history:\nunreadable")
	})
	if err != nil || probes != 5 {
		t.Fatalf("%d probes, %v", probes, err)
	}
	for _, want := range []string{"STATUS=starting", "READY=1\nSTATUS=running", "STATUS=not healthy: history: unreadable", "STOPPING=1"} {
		if got := next(); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWithoutAWatchdogNothingIsProbed(t *testing.T) {
	next := listen(t)
	t.Setenv("WATCHDOG_USEC", "")
	m, err := New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- m.Run(ctx, func(context.Context) error { t.Error("probed"); return nil })
	}()
	if next(); !strings.HasPrefix(next(), "READY=1") {
		t.Error("it is not ready")
	}
	cancel()
	if err := <-ended; err != nil || !strings.HasPrefix(next(), "STOPPING=1") {
		t.Error(err)
	}
}
