package scheduler_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pulltrail/scheduler"
)

// lacks makes the job miss something until it has run without an error; it counts the questions.
func lacks(f *fixture, s *scheduler.Spec) (asked *int) {
	asked = new(int)
	missing := true
	work := f.work
	f.work = func(ctx context.Context, run scheduler.Run) (err error) {
		if work != nil {
			err = work(ctx, run)
		}
		missing = missing && err != nil
		return err
	}
	s.Missing = func(context.Context) (bool, error) { *asked++; return missing, nil }
	return asked
}

// record is the ledger with the job's last slot.
func recorded(slot time.Duration) *ledger {
	return &ledger{slots: map[string]time.Time{"collect": epoch.Add(slot)}}
}

func TestWhatIsMissingIsRunAtStartForTheLatestSlot(t *testing.T) {
	for name, c := range map[string]struct {
		ledger     *ledger
		runOnStart bool
		want       scheduler.Run
		asked      int
	}{
		"the slot is done":                 {recorded(0), true, scheduler.Run{Slot: epoch, Missing: true}, 1},
		"the slot is done, not on start":   {recorded(0), false, scheduler.Run{Slot: epoch, Missing: true}, 1},
		"never run, not on start":          {&ledger{}, false, scheduler.Run{Slot: epoch, Missing: true}, 1},
		"the ledger is ahead of the clock": {recorded(48 * time.Hour), true, scheduler.Run{Slot: epoch, Missing: true}, 1},
		"a run for the slot begins anyway": {&ledger{}, true, scheduler.Run{Slot: epoch}, 0},
		"a missed slot is caught up":       {recorded(-24 * time.Hour), false, scheduler.Run{Slot: epoch}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Second) // so that jitter would show
				var runs []scheduler.Run
				var asked *int
				f := start(t, c.ledger, func(f *fixture, s *scheduler.Spec) {
					s.Schedule, s.RunOnStart, s.Jitter = "@daily", c.runOnStart, time.Hour
					f.work = func(_ context.Context, run scheduler.Run) error { runs = append(runs, run); return nil }
					asked = lacks(f, s)
				})
				sleepTo(23 * time.Hour)
				if !slices.Equal(runs, []scheduler.Run{c.want}) || *asked != c.asked {
					t.Errorf("runs = %+v, asked %d times", runs, *asked)
				}
				if calls := f.seen(); calls[0].began != time.Second {
					t.Errorf("began at %s", calls[0].began)
				}
				if last := f.ledger.last(); last.Before(epoch) {
					t.Errorf("the ledger has %s", last)
				}
			})
		})
	}
}

func TestWithoutAnythingMissingNothingIsRunAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, recorded(0), func(_ *fixture, s *scheduler.Spec) {
			s.Missing = func(context.Context) (bool, error) { return false, nil }
		})
		sleepTo(59 * time.Minute)
		if calls := f.seen(); len(calls) != 0 {
			t.Errorf("calls = %+v", calls)
		}
	})
}

// A restart does not lose what a stopped run has not got, and does not repeat what it has.
func TestWhatIsStillMissingAfterARestartIsRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := recorded(0)
		f := start(t, l, func(f *fixture, s *scheduler.Spec) { f.work = takes(time.Hour); lacks(f, s) })
		sleepTo(time.Minute)
		f.stop()
		if calls := f.seen(); len(calls) != 1 {
			t.Errorf("calls = %+v", calls)
		}
		f = start(t, l, func(f *fixture, s *scheduler.Spec) { lacks(f, s) })
		sleepTo(2 * time.Minute)
		if got, want := f.minutes(), [][2]float64{{0, 1}}; !slices.Equal(got, want) {
			t.Errorf("after the restart, calls = %v, want %v", got, want)
		}
	})
}

func TestARunForWhatIsMissingIsContinuedUntilItIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var missing []bool
		f := start(t, recorded(0), func(f *fixture, s *scheduler.Spec) {
			s.Schedule = "@daily"
			parts := inParts(3, 10*time.Minute)
			f.work = func(ctx context.Context, run scheduler.Run) error {
				mu.Lock()
				missing = append(missing, run.Missing)
				mu.Unlock()
				return parts(ctx, run)
			}
			lacks(f, s)
		})
		all := func() []bool {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(missing)
		}
		sleepTo(23 * time.Hour)
		if got, want := f.minutes(), [][2]float64{{0, 0}, {0, 11}, {0, 22}}; !slices.Equal(got, want) || slices.Contains(all(), false) {
			t.Errorf("calls = %v, want %v; missing: %v", got, want, all())
		}
		sleepTo(25 * time.Hour)
		if runs := all(); runs[len(runs)-1] {
			t.Error("the next slot is for what is missing only")
		}
	})
}

// A repository that is added shortly before a slot must not cost the others that slot.
func TestTheNextSlotEndsARunForWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(59 * time.Minute)
		var runs []scheduler.Run
		f := start(t, recorded(0), func(f *fixture, s *scheduler.Spec) {
			f.work = func(ctx context.Context, run scheduler.Run) error {
				runs = append(runs, run)
				return takes(5*time.Minute)(ctx, run)
			}
			lacks(f, s)
		})
		sleepTo(90 * time.Minute)
		want := []scheduler.Run{{Slot: epoch, Missing: true}, {Slot: epoch.Add(time.Hour)}}
		if s := f.Status()[0]; !slices.Equal(runs, want) || s.Skipped != 0 || s.Last.Err != nil {
			t.Errorf("runs = %+v, status %+v", runs, s)
		}
		if last := f.ledger.last(); !last.Equal(epoch.Add(time.Hour)) {
			t.Errorf("the ledger has %s", last)
		}
	})
}

func TestWhatIsMissingIsAskedAgainUntilThereIsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failures := 3
		f := start(t, recorded(0), func(f *fixture, s *scheduler.Spec) {
			s.Missing = func(context.Context) (bool, error) {
				if failures > 0 {
					failures--
					return false, errWrong
				}
				return true, nil
			}
		})
		sleepTo(30 * time.Minute)
		if got, want := f.minutes(), [][2]float64{{0, 3}}; !slices.Equal(got, want) {
			t.Errorf("calls = %v, want %v", got, want)
		}
		if n := f.logs.count("level=ERROR"); n != 1 {
			t.Errorf("logged %d times: %s", n, f.logs.buffer.String())
		}
	})
}

// Nobody has asked for a run for what is missing, so it is no reason to reject a run that somebody asks for.
func TestAManualRunWaitsForTheRunForWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, recorded(0), func(f *fixture, s *scheduler.Spec) { f.work = takes(10 * time.Minute); lacks(f, s) })
		sleepTo(time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan error, 1)
		go func() { given <- f.Trigger(ctx, "collect") }()
		asked := make(chan error, 1)
		go func() { asked <- f.Trigger(t.Context(), "collect") }()
		sleepTo(2 * time.Minute)
		cancel()
		if err := <-given; !errors.Is(err, context.Canceled) {
			t.Errorf("the run that was given up: %v", err)
		}
		if err := <-asked; err != nil {
			t.Error(err)
		}
		want := []call{{}, {slot: 10 * time.Minute, began: 10 * time.Minute, manual: true}}
		if calls := f.seen(); !slices.Equal(calls, want) {
			t.Errorf("calls = %+v, want %+v", calls, want)
		}
	})
}
