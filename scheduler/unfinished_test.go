package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pulltrail/scheduler"
)

// inParts is work for which each slot takes some calls of a minute, with a pause
// between one's end and the next.
func inParts(calls int, pause time.Duration) func(context.Context, scheduler.Run) error {
	done := make(map[time.Time]int)
	return func(ctx context.Context, run scheduler.Run) error {
		if err := takes(time.Minute)(ctx, run); err != nil {
			return err
		}
		if done[run.Slot]++; done[run.Slot] < calls {
			return fmt.Errorf("collect: %w", &scheduler.Unfinished{After: pause, Err: errWrong})
		}
		return nil
	}
}

// minutes are the calls as slot and beginning, in minutes since epoch.
func (r *recorder) minutes() [][2]float64 {
	var all [][2]float64
	for _, c := range r.seen() {
		all = append(all, [2]float64{c.slot.Minutes(), c.began.Minutes()})
	}
	return all
}

func TestASlotIsContinuedUntilItIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &ledger{}, func(f *fixture, s *scheduler.Spec) {
			f.work, s.Schedule = inParts(3, 10*time.Minute), "@every 2h"
		})
		sleepTo(121*time.Minute + time.Second)
		if s := f.Status()[0]; !s.Retry.Equal(epoch.Add(131*time.Minute)) || s.Retry.Location() != time.UTC || s.Running || !errors.Is(s.Last.Err, errWrong) {
			t.Errorf("status = %+v", s)
		}
		sleepTo(131*time.Minute + time.Second)
		if s := f.Status()[0]; !s.Retry.IsZero() || !s.Running || !s.Next.Equal(epoch.Add(4*time.Hour)) {
			t.Errorf("while it goes on, the status is %+v", s)
		}
		sleepTo(143*time.Minute - time.Second)
		if got := f.ledger.last(); !got.Equal(epoch) {
			t.Errorf("the ledger holds %v before the slot is done", got)
		}
		sleepTo(239 * time.Minute)
		if got, want := f.minutes(), [][2]float64{{120, 120}, {120, 131}, {120, 142}}; !slices.Equal(got, want) {
			t.Errorf("calls = %v, want %v", got, want)
		}
		if got := f.ledger.last(); !got.Equal(epoch.Add(2 * time.Hour)) {
			t.Errorf("the ledger holds %v", got)
		}
		if s := f.Status()[0]; !s.Retry.IsZero() || s.Last.Err != nil || s.Skipped != 0 {
			t.Errorf("in the end the status is %+v", s)
		}
		for outcome, want := range map[string]float64{"unfinished": 2, "ok": 1, "failed": 0} {
			if got := counter(t, f, "pulltrail_scheduler_runs_total", "outcome", outcome); got != want {
				t.Errorf("%v runs with outcome %s, want %v", got, outcome, want)
			}
		}
		line := `level=INFO msg="slot not finished, retrying later" job=collect slot=2000-01-01T02:00:00.000Z at=2000-01-01T02:11:00.000Z err="collect: the slot is not finished: wrong"`
		if f.logs.count(line) != 1 || f.logs.count("level=INFO") != 2 || f.logs.count("level=ERROR") != 0 {
			t.Errorf("log: %s", f.logs.buffer.String())
		}
	})
}

func TestWhatEndsAnUnfinishedSlot(t *testing.T) {
	tests := []struct {
		name string
		end  func() error
	}{
		{"an error", func() error { return errWrong }},
		{"a panic", func() error { panic("oh dear") }},
		{"a panic with the error itself", func() error { panic(&scheduler.Unfinished{}) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, &ledger{}, func(f *fixture, _ *scheduler.Spec) {
					f.work = func(context.Context, scheduler.Run) error {
						if len(f.seen()) == 1 {
							return &scheduler.Unfinished{After: time.Minute}
						}
						return test.end()
					}
				})
				sleepTo(119 * time.Minute)
				if got, want := f.minutes(), [][2]float64{{60, 60}, {60, 61}}; !slices.Equal(got, want) {
					t.Errorf("calls = %v, want %v", got, want)
				}
				if got := f.ledger.last(); !got.Equal(epoch.Add(time.Hour)) {
					t.Errorf("the ledger holds %v", got)
				}
			})
		})
	}
}

func TestHowLongAContinuationWaits(t *testing.T) {
	tests := []struct{ after, want time.Duration }{
		{-time.Hour, time.Second},
		{0, time.Second},
		{time.Millisecond, time.Second},
		{1500 * time.Millisecond, 1500 * time.Millisecond},
		{40 * time.Minute, 40 * time.Minute},
		{time.Hour - time.Nanosecond, time.Hour - time.Nanosecond},
	}
	for _, test := range tests {
		t.Run(test.after.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, &ledger{}, func(f *fixture, _ *scheduler.Spec) {
					f.work = func(context.Context, scheduler.Run) error {
						if len(f.seen()) == 1 {
							return &scheduler.Unfinished{After: test.after}
						}
						return nil
					}
				})
				sleepTo(2*time.Hour - time.Nanosecond)
				want := []call{{slot: time.Hour, began: time.Hour}, {slot: time.Hour, began: time.Hour + test.want}}
				if got := f.seen(); !slices.Equal(got, want) {
					t.Errorf("calls = %v, want %v", got, want)
				}
			})
		})
	}
}

func TestTheNextSlotTakesThePlaceOfAContinuation(t *testing.T) {
	for _, pause := range []time.Duration{59 * time.Minute, 70 * time.Minute, 1000 * time.Hour} {
		t.Run(pause.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, &ledger{}, func(f *fixture, _ *scheduler.Spec) {
					f.work = func(ctx context.Context, run scheduler.Run) error {
						if run.Slot.Equal(epoch.Add(time.Hour)) {
							return inParts(2, pause)(ctx, run)
						}
						return takes(time.Minute)(ctx, run)
					}
				})
				sleepTo(62 * time.Minute)
				if s := f.Status()[0]; !s.Retry.IsZero() {
					t.Errorf("there is a continuation at %v, but the next slot is at %v", s.Retry, s.Next)
				}
				sleepTo(239 * time.Minute)
				if got, want := f.minutes(), [][2]float64{{60, 60}, {120, 120}, {180, 180}}; !slices.Equal(got, want) {
					t.Errorf("calls = %v, want %v", got, want)
				}
				if n := f.logs.count("unfinished slot superseded"); n != 1 {
					t.Errorf("%d lines about it", n)
				}
			})
		})
	}
}

// One that began before the next slot may run into it, until after its jitter: then that
// slot is skipped, and only then the old one goes on.
func TestNoContinuationBeginsWhileTheNextSlotWaitsForItsJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &ledger{}, func(f *fixture, s *scheduler.Spec) {
			f.work, s.Jitter = inParts(1000, 7*time.Minute), 59*time.Minute
		})
		sleepTo(500 * time.Hour)
		ran := make(map[time.Duration]bool)
		for _, c := range f.seen() {
			ran[c.slot] = true
		}
		for _, c := range f.seen() {
			if c.began-c.slot >= time.Hour && ran[c.slot+time.Hour] {
				t.Errorf("a run of slot %v began at %v", c.slot, c.began)
			}
		}
		if len(ran) < 450 || len(f.seen()) < 1000 {
			t.Errorf("%d calls for %d slots", len(f.seen()), len(ran))
		}
	})
}

func TestAContinuationThatHadToWaitBeyondTheNextSlotLeavesItsPlaceToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{slots: map[string]time.Time{"collect": epoch.Add(-time.Hour)}}
		parts := inParts(2, 10*time.Minute)
		f := start(t, l, func(f *fixture, s *scheduler.Spec) {
			s.Jitter = 59 * time.Minute // so that the next run is most unlikely to begin at once
			f.work = func(ctx context.Context, run scheduler.Run) error {
				if run.Manual {
					return takes(50*time.Minute+time.Nanosecond)(ctx, run)
				}
				return parts(ctx, run)
			}
		})
		sleepTo(10 * time.Minute)
		if err := f.Trigger(t.Context(), "collect"); err != nil {
			t.Error(err)
		}
		sleepTo(2*time.Hour - time.Nanosecond)
		var slots []float64
		for _, c := range f.minutes() {
			slots = append(slots, c[0])
		}
		if want := []float64{0, 10, 60}; !slices.Equal(slots[:3], want) || slices.Contains(slots[3:], 0) {
			t.Errorf("slots = %v, want %v", slots, want)
		}
		if n := f.logs.count("unfinished slot superseded"); n == 0 {
			t.Error("nothing says that the first slot stays unfinished")
		}
	})
}

func TestASlotThatComesDuringAContinuationIsSkippedAndTheOldOneGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &ledger{}, func(f *fixture, _ *scheduler.Spec) {
			f.work = func(ctx context.Context, _ scheduler.Run) error {
				n := len(f.seen())
				if n > 3 {
					return nil
				}
				if err := takes(25*time.Minute)(ctx, scheduler.Run{}); err != nil || n == 3 {
					return err
				}
				return &scheduler.Unfinished{After: 15 * time.Minute}
			}
		})
		sleepTo(3*time.Hour + time.Minute) // 60-85, 100-125, 140-165
		if got, want := f.minutes(), [][2]float64{{60, 60}, {60, 100}, {60, 140}, {180, 180}}; !slices.Equal(got, want) {
			t.Errorf("calls = %v, want %v", got, want)
		}
		if s := f.Status()[0]; s.Skipped != 1 {
			t.Errorf("status = %+v", s)
		}
	})
}

func TestAnUnfinishedSlotIsCaughtUpAfterARestart(t *testing.T) {
	tests := []struct {
		name     string
		stop, up time.Duration
		want     [][2]float64
	}{
		{"while its continuation is pending", 65 * time.Minute, 66 * time.Minute, [][2]float64{{60, 66}, {120, 120}}},
		{"while its continuation runs", 71*time.Minute + 30*time.Second, 72 * time.Minute, [][2]float64{{60, 72}, {120, 120}}},
		{"unless the next one was missed too", 65 * time.Minute, 125 * time.Minute, [][2]float64{{120, 125}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &ledger{}
				f := start(t, l, func(f *fixture, _ *scheduler.Spec) { f.work = inParts(9, 10*time.Minute) })
				sleepTo(test.stop)
				f.stop()
				if got := l.last(); !got.Equal(epoch) {
					t.Errorf("the ledger holds %v", got)
				}
				sleepTo(test.up)
				f = start(t, l, nil)
				sleepTo(150 * time.Minute)
				if got := f.minutes(); !slices.Equal(got, test.want) {
					t.Errorf("calls = %v, want %v", got, test.want)
				}
			})
		})
	}
}

// What is caught up can be unfinished too, also when its slot came between New and Run.
func TestACaughtUpSlotIsContinued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sleepTo(59 * time.Minute)
		l := &ledger{slots: map[string]time.Time{"collect": epoch}}
		f := build(t, l, func(f *fixture, _ *scheduler.Spec) { f.work = inParts(2, 10*time.Minute) })
		sleepTo(61 * time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Minute)
		defer cancel()
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
		if got, want := f.minutes(), [][2]float64{{60, 61}, {60, 72}}; !slices.Equal(got, want) {
			t.Errorf("calls = %v, want %v", got, want)
		}
	})
}

func TestAManualRunBetweenTwoPartsOfASlot(t *testing.T) {
	tests := []struct {
		name      string
		at, takes time.Duration
		want      [][2]float64
		skipped   int
		manual    error
	}{
		{"ends before the continuation", 65 * time.Minute, time.Minute, [][2]float64{{60, 60}, {65, 65}, {60, 71}, {120, 120}}, 0, nil},
		{"makes it wait", 70 * time.Minute, 20 * time.Minute, [][2]float64{{60, 60}, {70, 70}, {60, 90}, {120, 120}}, 0, nil},
		{"makes it wait beyond a slot that is skipped", 70 * time.Minute, 55 * time.Minute, [][2]float64{{60, 60}, {70, 70}, {60, 125}, {180, 180}}, 1, nil},
		{"is unfinished itself", 65 * time.Minute, time.Minute, [][2]float64{{60, 60}, {65, 65}, {60, 71}, {120, 120}}, 0, &scheduler.Unfinished{After: time.Second}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				scheduled := inParts(2, 10*time.Minute)
				f := start(t, &ledger{}, func(f *fixture, _ *scheduler.Spec) {
					f.work = func(ctx context.Context, run scheduler.Run) error {
						switch {
						case run.Manual:
							time.Sleep(test.takes)
							return test.manual
						case run.Slot.Equal(epoch.Add(time.Hour)):
							return scheduled(ctx, run)
						}
						return nil
					}
				})
				sleepTo(test.at)
				if err := f.Trigger(t.Context(), "collect"); err != test.manual { //nolint:errorlint // as it is
					t.Errorf("Trigger = %v", err)
				}
				sleepTo(3*time.Hour + time.Minute)
				want := test.want
				if last := want[len(want)-1][0]; last == 120 {
					want = append(slices.Clone(want), [2]float64{180, 180})
				}
				if got := f.minutes(); !slices.Equal(got, want) {
					t.Errorf("calls = %v, want %v", got, want)
				}
				if s := f.Status()[0]; s.Skipped != test.skipped || !s.Retry.IsZero() {
					t.Errorf("status = %+v", s)
				}
			})
		})
	}
}

func TestAManualRunThatIsUnfinishedIsNotContinued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unfinished := fmt.Errorf("collect: %w", &scheduler.Unfinished{After: time.Second, Err: errWrong})
		f := start(t, &ledger{}, func(f *fixture, _ *scheduler.Spec) {
			f.work = func(context.Context, scheduler.Run) error { return unfinished }
		})
		if err := f.Trigger(t.Context(), "collect"); err != unfinished { //nolint:errorlint // as it is
			t.Errorf("Trigger = %v", err)
		}
		sleepTo(59 * time.Minute)
		if n := len(f.seen()); n != 1 {
			t.Errorf("%d calls", n)
		}
		if s := f.Status()[0]; !s.Retry.IsZero() || s.Last.Err == nil {
			t.Errorf("status = %+v", s)
		}
		if f.logs.count("run not finished") != 1 || f.logs.count("level=ERROR") != 0 {
			t.Errorf("log: %s", f.logs.buffer.String())
		}
	})
}

// A continuation runs beside nothing, whatever is triggered.
func TestAContinuationDoesNotOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &ledger{}, func(f *fixture, _ *scheduler.Spec) { f.work = inParts(1000, 17*time.Second) })
		var refused, granted int
		for time.Since(epoch) < 10*time.Hour {
			switch err := f.Trigger(t.Context(), "collect"); {
			case errors.Is(err, scheduler.ErrRunning):
				refused++
			default:
				granted++
			}
			time.Sleep(13 * time.Second)
		}
		calls := f.seen()
		for i := 1; i < len(calls); i++ {
			if calls[i].began-calls[i-1].began < time.Minute {
				t.Fatalf("call %v began during %v", calls[i], calls[i-1])
			}
		}
		if refused == 0 || granted == 0 || len(calls) < 100 {
			t.Errorf("%d refused, %d granted, %d calls", refused, granted, len(calls))
		}
	})
}

func TestUnfinishedSaysWhy(t *testing.T) {
	wrapped := fmt.Errorf("collect: %w", &scheduler.Unfinished{After: time.Minute, Err: errWrong})
	var u *scheduler.Unfinished
	if !errors.As(wrapped, &u) || u.After != time.Minute || !errors.Is(wrapped, errWrong) {
		t.Errorf("%v is read as %+v", wrapped, u)
	}
	if got := u.Error(); got != "the slot is not finished: wrong" {
		t.Error(got)
	}
	none := &scheduler.Unfinished{}
	if got := none.Error(); got != "the slot is not finished" || none.Unwrap() != nil {
		t.Error(got)
	}
}
