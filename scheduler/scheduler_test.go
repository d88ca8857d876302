package scheduler_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/scheduler"
)

func TestEverySlotIsRunOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &ledger{}, nil)
		sleepTo(3*time.Hour - time.Nanosecond)
		want := []call{{slot: time.Hour, began: time.Hour}, {slot: 2 * time.Hour, began: 2 * time.Hour}}
		if got := f.seen(); !slices.Equal(got, want) {
			t.Errorf("calls = %v, want %v", got, want)
		}
		if got := f.ledger.last(); !got.Equal(epoch.Add(2 * time.Hour)) {
			t.Errorf("the ledger holds %v", got)
		}
		f.stop()
		time.Sleep(24 * time.Hour)
		if n := len(f.seen()); n != 2 {
			t.Errorf("%d calls after the end of Run", n)
		}
	})
}

func TestWhatIsRunAtTheStart(t *testing.T) {
	tests := []struct {
		name       string
		last       time.Duration // in the ledger, since epoch; -1 for an empty one
		runOnStart bool
		want       []float64 // slots in hours, until half past seven
		recorded   float64   // in the ledger at the start, once what was due has run
	}{
		{"an empty ledger waits for the next slot and remembers where it began", -1, false, []float64{7}, 6},
		{"an empty ledger with run_on_start takes the latest past slot", -1, true, []float64{6, 7}, 6},
		{"a slot that was taken is not taken again", 6 * time.Hour, false, []float64{7}, 6},
		{"a slot that was taken is not taken again with run_on_start", 6 * time.Hour, true, []float64{7}, 6},
		{"of the missed slots the newest is caught up", time.Hour, false, []float64{6, 7}, 6},
		{"of the missed slots the newest is caught up with run_on_start", time.Hour, true, []float64{6, 7}, 6},
		{"the one missed slot is caught up", 5 * time.Hour, false, []float64{6, 7}, 6},
		{"a ledger ahead of the clock does not stop the schedule", 30 * time.Hour, true, []float64{7}, 30},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &ledger{}
				if test.last >= 0 {
					l.slots = map[string]time.Time{"collect": epoch.Add(test.last)}
				}
				sleepTo(6*time.Hour + 30*time.Minute)
				f := start(t, l, func(_ *fixture, s *scheduler.Spec) { s.RunOnStart, s.Jitter = test.runOnStart, 29*time.Minute })
				if got := l.last().Sub(epoch).Hours(); got != test.recorded {
					t.Errorf("after the start the ledger holds slot %v, want %v", got, test.recorded)
				}
				sleepTo(7*time.Hour + 30*time.Minute)
				if got := f.slots(); !slices.Equal(got, test.want) {
					t.Errorf("slots = %v, want %v", got, test.want)
				}
				if len(test.want) == 2 && f.seen()[0].began != 6*time.Hour+30*time.Minute {
					t.Errorf("the first run began at %v: catching up has no jitter", f.seen()[0].began)
				}
				ahead := f.logs.count("ahead of the clock")
				if want := test.recorded > 6; (ahead == 1) != want {
					t.Errorf("%d warnings of a ledger ahead of the clock", ahead)
				}
			})
		})
	}
}

func TestARestartAfterDowntimeCatchesUpFromTheBaseline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{}
		start(t, l, nil).stop() // notes epoch as dealt with
		sleepTo(5*time.Hour + time.Minute)
		f := start(t, l, nil)
		if got := f.slots(); !slices.Equal(got, []float64{5}) {
			t.Errorf("slots = %v, want the one of 05:00", got)
		}
		f.stop()
		f = start(t, l, nil)
		if got := f.slots(); got != nil {
			t.Errorf("a second restart ran %v again", got)
		}
	})
}

func TestJitterStaysBelowItsBoundAndTheNextSlot(t *testing.T) {
	tests := []struct {
		name          string
		jitter, bound time.Duration
	}{
		{"a short jitter", 10 * time.Minute, 10 * time.Minute},
		{"a jitter longer than the schedule", 100 * time.Hour, time.Hour},
		{"none", 0, time.Nanosecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, &ledger{}, func(_ *fixture, s *scheduler.Spec) { s.Jitter = test.jitter })
				const slots = 500
				sleepTo((slots + 1) * time.Hour)
				calls := f.seen()[:slots]
				delays := make(map[time.Duration]bool)
				for i, c := range calls {
					if c.slot != time.Duration(i+1)*time.Hour {
						t.Fatalf("call %d is for slot %v", i, c.slot)
					}
					delay := c.began - c.slot
					if delay < 0 || delay >= test.bound {
						t.Fatalf("slot %v began after %v", c.slot, delay)
					}
					delays[delay] = true
				}
				if test.jitter > 0 && len(delays) < slots/2 {
					t.Errorf("%d different delays in %d runs", len(delays), slots)
				}
			})
		})
	}
}

func TestASlotThatComesWhileTheJobRunsIsSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &ledger{}, func(f *fixture, _ *scheduler.Spec) {
			f.work = func(ctx context.Context, run scheduler.Run) error {
				if run.Slot.Equal(epoch.Add(time.Hour)) {
					return takes(150*time.Minute)(ctx, run) // into 03:30
				}
				return nil
			}
		})
		sleepTo(3*time.Hour + time.Minute)
		if s := f.Status()[0]; !s.Running || s.Skipped != 2 || !s.Next.Equal(epoch.Add(4*time.Hour)) || s.Last != nil {
			t.Errorf("status = %+v", s)
		}
		if got := f.ledger.last(); !got.Equal(epoch) {
			t.Errorf("the ledger holds %v while the first run is under way", got)
		}
		sleepTo(4*time.Hour + time.Minute)
		if got := f.slots(); !slices.Equal(got, []float64{1, 4}) {
			t.Errorf("slots = %v", got)
		}
		s := f.Status()[0]
		if s.Running || s.Skipped != 2 || s.Last == nil || !s.Last.Slot.Equal(epoch.Add(4*time.Hour)) || s.Last.Manual || s.Last.Err != nil {
			t.Errorf("status = %+v", s)
		}
		if n := f.logs.count("slot skipped"); n != 2 {
			t.Errorf("%d lines about skipped slots", n)
		}
	})
}

func TestJobsDoNotHoldUpOneAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := recorder{work: takes(1000 * time.Hour)}
		quick := recorder{}
		ctx, cancel := context.WithCancel(t.Context())
		s, err := scheduler.New(scheduler.Options{Ledger: &ledger{}, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()},
			scheduler.Spec{Name: "slow", Schedule: "@hourly", Deadline: 2000 * time.Hour, Job: slow.job},
			scheduler.Spec{Name: "quick", Schedule: "@every 20m", Deadline: time.Minute, Job: quick.job},
		)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		sleepTo(3*time.Hour + time.Minute)
		if a, b := len(slow.seen()), len(quick.seen()); a != 1 || b != 9 {
			t.Errorf("%d calls of the slow job, %d of the quick one", a, b)
		}
		if all := s.Status(); len(all) != 2 || all[0].Name != "slow" || all[1].Name != "quick" {
			t.Errorf("status = %+v", all)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestAFailedRunIsDealtWith(t *testing.T) {
	tests := []struct {
		name    string
		work    func(context.Context, scheduler.Run) error
		want    string // in the status
		logged  string
		outcome string
	}{
		{"an error", func(context.Context, scheduler.Run) error { return errWrong }, "wrong", "run failed", "failed"},
		{"a panic", func(context.Context, scheduler.Run) error { panic("oh dear") }, "the job panicked: oh dear", "scheduler_test.go", "panic"},
		{"a panic with an error", func(context.Context, scheduler.Run) error { panic(errWrong) }, "the job panicked: wrong", "goroutine", "panic"},
		{"the deadline", takes(100 * time.Hour), "longer than its deadline of 10m0s: context deadline exceeded", "run failed", "failed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, &ledger{}, func(f *fixture, s *scheduler.Spec) {
					f.work, s.Deadline = test.work, 10*time.Minute
				})
				sleepTo(time.Hour + 11*time.Minute)
				s := f.Status()[0]
				if s.Running || s.Last == nil || s.Last.Err == nil || !strings.Contains(s.Last.Err.Error(), test.want) {
					t.Fatalf("status = %+v", s)
				}
				if f.logs.count(test.logged) == 0 || f.logs.count("level=ERROR") != 1 {
					t.Errorf("log: %s", f.logs.buffer.String())
				}
				if got := f.ledger.last(); !got.Equal(epoch.Add(time.Hour)) {
					t.Errorf("the ledger holds %v: the run was not recorded", got)
				}
				if got := counter(t, f, "pulltrail_scheduler_runs_total", "outcome", test.outcome); got != 1 {
					t.Errorf("%v runs with outcome %s", got, test.outcome)
				}
				sleepTo(2*time.Hour + time.Minute)
				if n := len(f.seen()); n != 2 {
					t.Errorf("%d calls: the schedule did not go on", n)
				}
			})
		})
	}
}

func TestARunThatIsCutShortIsRunAgainAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{}
		f := start(t, l, func(f *fixture, _ *scheduler.Spec) { f.work = takes(30 * time.Minute) })
		sleepTo(time.Hour + 10*time.Minute)
		f.stop()
		if got := l.last(); !got.Equal(epoch) {
			t.Errorf("the ledger holds %v", got)
		}
		if s := f.Status()[0]; s.Running || !errors.Is(s.Last.Err, context.Canceled) {
			t.Errorf("status = %+v", s)
		}
		if f.logs.count("run cut short") != 1 || f.logs.count("level=ERROR") != 0 {
			t.Errorf("log: %s", f.logs.buffer.String())
		}
		f = start(t, l, nil)
		if got := f.slots(); !slices.Equal(got, []float64{1}) {
			t.Errorf("slots = %v, want the one of 01:00", got)
		}
	})
}

func TestRunWaitsForTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &ledger{}, func(f *fixture, _ *scheduler.Spec) {
			f.work = func(ctx context.Context, _ scheduler.Run) error {
				<-ctx.Done()
				time.Sleep(7 * time.Second) // tidies up
				return nil
			}
		})
		sleepTo(time.Hour)
		f.stop()
		if got := time.Since(epoch); got != time.Hour+7*time.Second {
			t.Errorf("Run returned at %v", got)
		}
	})
}

func TestRunCanBeCalledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &ledger{}, nil)
		if err := f.Run(t.Context()); err == nil {
			t.Error("Run ran twice")
		}
	})
}

func TestAWrongSpecIsRefused(t *testing.T) {
	job := func(context.Context, scheduler.Run) error { return nil }
	good := scheduler.Spec{Name: "good", Schedule: "@daily", Deadline: time.Minute, Job: job}
	tests := []struct {
		name   string
		change func(*scheduler.Spec)
		want   string
	}{
		{"without a name", func(s *scheduler.Spec) { s.Name = "" }, "no name"},
		{"with a name that is taken", func(s *scheduler.Spec) { s.Name = "good" }, `job "good": the name is used twice`},
		{"without a job", func(s *scheduler.Spec) { s.Job = nil }, `job "bad": there is nothing to run`},
		{"with a wrong schedule", func(s *scheduler.Spec) { s.Schedule = "0 99 * * *" }, `job "bad": schedule "0 99 * * *"`},
		{"with an unknown zone", func(s *scheduler.Spec) { s.Timezone = "Mars/Olympus" }, "Mars/Olympus"},
		{"with a negative jitter", func(s *scheduler.Spec) { s.Jitter = -1 }, "jitter"},
		{"without a deadline", func(s *scheduler.Spec) { s.Deadline = 0 }, "deadline"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bad, registry := good, prometheus.NewRegistry()
			bad.Name = "bad"
			test.change(&bad)
			opts := scheduler.Options{Ledger: &ledger{}, Log: slog.New(slog.DiscardHandler), Registerer: registry}
			_, err := scheduler.New(opts, good, bad)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("New = %v, want %q in it", err, test.want)
			}
			if _, err := scheduler.New(opts, good); err != nil {
				t.Errorf("the refused one left something behind: %v", err)
			}
			if _, err := scheduler.New(opts, good); err == nil {
				t.Error("two schedulers share one registry")
			}
		})
	}
}
