package scheduler_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pulltrail/scheduler"
)

func TestATriggeredRunLeavesTheLedgerAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var value any
		f := start(t, &ledger{}, func(f *fixture, s *scheduler.Spec) {
			s.Jitter = 10 * time.Minute
			f.work = func(ctx context.Context, _ scheduler.Run) error {
				value = ctx.Value(key{})
				time.Sleep(90 * time.Second)
				return errWrong
			}
		})
		sleepTo(20*time.Minute + 1500*time.Millisecond)
		err := f.Trigger(context.WithValue(t.Context(), key{}, "asked"), "collect")
		if !errors.Is(err, errWrong) {
			t.Errorf("Trigger = %v, want the error of the job", err)
		}
		if since := time.Since(epoch); since != 21*time.Minute+31500*time.Millisecond {
			t.Errorf("Trigger returned at %v", since)
		}
		want := []call{{slot: 20*time.Minute + time.Second, began: 20*time.Minute + 1500*time.Millisecond, manual: true}}
		if got := f.seen(); !slices.Equal(got, want) {
			t.Errorf("calls = %v, want %v", got, want)
		}
		if value != "asked" {
			t.Errorf("the job saw the value %v in its context", value)
		}
		if got := f.ledger.last(); !got.Equal(epoch) {
			t.Errorf("the ledger holds %v", got)
		}
		if last := f.Status()[0].Last; last == nil || !last.Manual || last.Slot.Location() != time.UTC || !errors.Is(last.Err, errWrong) {
			t.Errorf("the last run was %+v", last)
		}
	})
}

func TestNothingRunsTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &ledger{}, func(f *fixture, _ *scheduler.Spec) { f.work = takes(20 * time.Minute) })
		manual := make(chan error)
		sleepTo(50 * time.Minute)
		go func() { manual <- f.Trigger(t.Context(), "collect") }() // until 01:10
		synctest.Wait()
		if err := f.Trigger(t.Context(), "collect"); !errors.Is(err, scheduler.ErrRunning) {
			t.Errorf("a second Trigger = %v", err)
		}
		sleepTo(time.Hour)
		if s := f.Status()[0]; s.Skipped != 1 {
			t.Errorf("%d slots skipped during a manual run", s.Skipped)
		}
		if err := <-manual; err != nil {
			t.Errorf("Trigger = %v", err)
		}
		sleepTo(2*time.Hour + time.Minute) // the run of 02:00 is under way
		if err := f.Trigger(t.Context(), "collect"); !errors.Is(err, scheduler.ErrRunning) {
			t.Errorf("Trigger during a run on schedule = %v", err)
		}
		if s := f.Status()[0]; s.Skipped != 1 {
			t.Errorf("a Trigger that is refused counts as a skipped slot: %d", s.Skipped)
		}
		if n := len(f.seen()); n != 2 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestATriggeredRunEndsWithWhoever(t *testing.T) {
	tests := []struct {
		name string
		end  func(cancel func(), f *fixture)
		want error
		at   time.Duration // after it began
	}{
		{"asked for it", func(cancel func(), _ *fixture) { cancel() }, context.Canceled, time.Minute},
		{"runs the scheduler", func(_ func(), f *fixture) { f.stop() }, context.Canceled, time.Minute},
		{"set the deadline", func(func(), *fixture) {}, context.DeadlineExceeded, 20 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, &ledger{}, func(f *fixture, s *scheduler.Spec) {
					f.work, s.Deadline = takes(100*time.Hour), 20*time.Minute
				})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				done := make(chan error)
				go func() { done <- f.Trigger(ctx, "collect") }()
				time.Sleep(time.Minute)
				go test.end(cancel, f)
				if err := <-done; !errors.Is(err, test.want) {
					t.Errorf("Trigger = %v, want %v", err, test.want)
				}
				if got := time.Since(epoch); got != test.at {
					t.Errorf("the run ended at %v, want %v", got, test.at)
				}
				synctest.Wait()
			})
		})
	}
}

func TestTriggerNeedsARunningScheduler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := build(t, &ledger{}, nil)
		if err := f.Trigger(t.Context(), "collect"); !errors.Is(err, scheduler.ErrNotRunning) {
			t.Errorf("Trigger before Run = %v", err)
		}
		if next := f.Status()[0].Next; !next.Equal(epoch.Add(time.Hour)) {
			t.Errorf("before Run, the next slot is %v", next)
		}
		select {
		case <-f.Started():
			t.Error("it has started before Run")
		default:
		}
		f = start(t, &ledger{}, nil)
		<-f.Started()
		if err := f.Trigger(t.Context(), "collect"); err != nil {
			t.Errorf("Trigger = %v", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := f.Trigger(ended, "collect"); !errors.Is(err, context.Canceled) {
			t.Errorf("Trigger with a context that is done = %v", err)
		}
		f.stop()
		if err := f.Trigger(t.Context(), "collect"); !errors.Is(err, scheduler.ErrNotRunning) {
			t.Errorf("Trigger after Run = %v", err)
		}
		err := f.Trigger(t.Context(), "collct")
		if err == nil || !strings.Contains(err.Error(), `"collct"`) || !strings.Contains(err.Error(), "only: collect") {
			t.Errorf("Trigger of an unknown job = %v", err)
		}
	})
}

func TestAPanicOfATriggeredRunReachesTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &ledger{}, func(f *fixture, _ *scheduler.Spec) {
			f.work = func(context.Context, scheduler.Run) error { panic("oh dear") }
		})
		for range 2 { // the second shows that the job was given back
			if err := f.Trigger(t.Context(), "collect"); err == nil || !strings.Contains(err.Error(), "oh dear") {
				t.Errorf("Trigger = %v", err)
			}
		}
	})
}
