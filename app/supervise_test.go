package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// recorder notes the order in which parts stop.
type recorder struct{ stopped []string }

func (r *recorder) part(name string) part {
	return part{
		name:  name,
		run:   func(ctx context.Context) error { <-ctx.Done(); return nil },
		close: func() error { r.stopped = append(r.stopped, name); return nil },
	}
}

func TestPartsStopInReverse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() {
			result <- supervise(ctx, slog.New(slog.DiscardHandler), parts{r.part("a"), r.part("b"), r.part("c")}, nil)
		}()
		synctest.Wait()
		cancel()
		if err := <-result; err != nil {
			t.Error(err)
		}
		if want := []string{"c", "b", "a"}; !slices.Equal(r.stopped, want) {
			t.Errorf("stopped %v, want %v", r.stopped, want)
		}
	})
}

func TestAPartThatFailsStopsAllAndIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		broken := part{name: "web", run: func(context.Context) error { return errors.New("no socket") }}
		err := supervise(t.Context(), slog.New(slog.DiscardHandler), parts{r.part("a"), broken, r.part("c")}, nil)
		if err == nil || !strings.Contains(err.Error(), "web: no socket") {
			t.Errorf("supervise = %v", err)
		}
		if want := []string{"c", "a"}; !slices.Equal(r.stopped, want) {
			t.Errorf("stopped %v, want %v", r.stopped, want)
		}
	})
}

func TestAPartThatEndsByItselfIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		early := part{name: "early", run: func(context.Context) error { return nil }}
		err := supervise(t.Context(), slog.New(slog.DiscardHandler), parts{early}, nil)
		if err == nil || !strings.Contains(err.Error(), "early: ended by itself") {
			t.Errorf("supervise = %v", err)
		}
	})
}

func TestAPartThatDoesNotStopIsGivenUpAndNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		release := make(chan struct{})
		stuck := part{name: "stuck", run: func(context.Context) error { <-release; return nil }}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		err := supervise(ctx, slog.New(slog.DiscardHandler), parts{r.part("a"), stuck}, nil)
		if err == nil || !strings.Contains(err.Error(), "stuck: did not stop within 10s") {
			t.Errorf("supervise = %v", err)
		}
		if time.Since(began) != stopTimeout {
			t.Errorf("it took %v", time.Since(began))
		}
		if !slices.Equal(r.stopped, []string{"a"}) {
			t.Errorf("stopped %v", r.stopped)
		}
		close(release)
	})
}

func TestATaskEndsTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		wrong := errors.New("two repositories failed")
		err := supervise(t.Context(), slog.New(slog.DiscardHandler), parts{r.part("a")}, func(context.Context) error { return wrong })
		if !errors.Is(err, wrong) {
			t.Errorf("supervise = %v", err)
		}
		if !slices.Equal(r.stopped, []string{"a"}) {
			t.Errorf("stopped %v", r.stopped)
		}
	})
}

func TestATaskIsCancelledWhenAPartFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := part{name: "broker", run: func(context.Context) error { return errors.New("gone") }}
		err := supervise(t.Context(), slog.New(slog.DiscardHandler), parts{broken}, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "broker: gone") {
			t.Errorf("supervise = %v", err)
		}
	})
}

func TestWhatWasOpenedIsClosedWhenTheWiringFails(t *testing.T) {
	var r recorder
	if err := (parts{r.part("a"), r.part("b")}).abandon(); err != nil {
		t.Error(err)
	}
	if want := []string{"b", "a"}; !slices.Equal(r.stopped, want) {
		t.Errorf("closed %v, want %v", r.stopped, want)
	}
}
