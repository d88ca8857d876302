package mqttio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// reminding is a link in a bubble that logs outages, and the lines that it has logged about them.
func reminding(t *testing.T, b *bubbleBroker, backlog func(context.Context) (int, error)) (lines func() []string) {
	t.Helper()
	book := new(logbook)
	l, err := newLink(testConfig(), bubbleURL, "test", &checks{}, slog.New(slog.NewTextHandler(book, nil)))
	if err != nil {
		t.Fatal(err)
	}
	l.open, l.backlog = b.dial, backlog
	l.counts = newMetrics("publisher").link()
	l.serve = func(ctx context.Context, _ connection) { <-ctx.Done() }
	start(t, func(ctx context.Context) error {
		l.run(ctx)
		return nil
	})
	return func() (found []string) {
		synctest.Wait()
		for line := range strings.Lines(book.all()) {
			if strings.Contains(line, `msg="broker still disconnected"`) {
				found = append(found, line)
			}
		}
		return found
	}
}

func TestAnOutageIsLoggedAgainWithTheBacklogAfterAMinuteTenMinutesAndAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, waiting := &bubbleBroker{}, 0
		b.set(nil)
		lines := reminding(t, b, func(context.Context) (int, error) { waiting += 100; return waiting, nil })
		for i, c := range []struct {
			until time.Duration
			lines int
		}{{59 * time.Second, 0}, {2 * time.Minute, 1}, {9 * time.Minute, 1}, {11 * time.Minute, 2}, {59 * time.Minute, 2}, {61 * time.Minute, 3}, {24 * time.Hour, 3}} {
			time.Sleep(c.until - []time.Duration{0, 59 * time.Second, 2 * time.Minute, 9 * time.Minute, 11 * time.Minute, 59 * time.Minute, 61 * time.Minute}[i])
			if got := lines(); len(got) != c.lines {
				t.Errorf("after %s: %d lines, want %d: %q", c.until, len(got), c.lines, got)
			}
		}
		for i, line := range lines() {
			for _, part := range []string{fmt.Sprintf("pending=%d", 100*(i+1)), "disconnected=" + []string{"1m", "10m", "1h"}[i], "retry_interval=", "err=", "client_id=test", "level=WARN"} {
				if !strings.Contains(line, part) {
					t.Errorf("%q lacks %s", line, part)
				}
			}
		}
	})
}

func TestAnOutageEndsWithAConnectionThatLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bubbleBroker{}
		b.set(nil)
		lines := reminding(t, b, func(context.Context) (int, error) { return 0, errors.New("disk") })
		time.Sleep(50 * time.Second)
		b.set(drops) // accepts and closes: no connection that lasts
		time.Sleep(20 * time.Second)
		if got := lines(); len(got) != 1 || !strings.Contains(got[0], "pending_err=disk") {
			t.Errorf("%q", got)
		}
		b.set(both)
		time.Sleep(time.Hour)
		b.set(nil)
		time.Sleep(50 * time.Second)
		if got := lines(); len(got) != 1 {
			t.Errorf("%q", got)
		}
		time.Sleep(20 * time.Second)
		if got := lines(); len(got) != 2 {
			t.Errorf("a new outage: %q", got)
		}
	})
}

func TestTheLossOfTheBrokerIsOneEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, book := &bubbleBroker{}, new(logbook)
		b.set(both)
		l, err := newLink(testConfig(), bubbleURL, "test", &checks{}, book.logger())
		if err != nil {
			t.Fatal(err)
		}
		l.open = b.dial
		l.counts = newMetrics("publisher").link()
		l.serve = func(ctx context.Context, _ connection) { <-ctx.Done() }
		start(t, func(ctx context.Context) error {
			l.run(ctx)
			return nil
		})
		time.Sleep(time.Minute)
		b.set(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := book.count("level=WARN"); n != 1 || !strings.Contains(l.state.state().Err, "connection refused") {
			t.Errorf("%d warnings, state %+v: %s", n, l.state.state(), book.all())
		}
		b.set(func(c net.Conn, _ byte) bool { // another reason: not authorized
			_, _ = c.Write([]byte{0x20, 3, 0, 0x87, 0})
			return false
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := book.count("level=WARN"); n != 2 {
			t.Errorf("%d warnings: %s", n, book.all())
		}
		b.set(both)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := book.count("connected to the broker"); n != 2 {
			t.Errorf("%d connections: %s", n, book.all())
		}
	})
}
