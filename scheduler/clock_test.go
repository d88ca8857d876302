package scheduler

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ahead is a schedule that was first asked by a clock ten hours ahead, because
// the clock of a synctest bubble cannot be set back.
type ahead struct {
	Schedule
	once sync.Once
}

func (a *ahead) Latest(t time.Time) time.Time {
	a.once.Do(func() { t = t.Add(10 * time.Hour) })
	return a.Schedule.Latest(t)
}

// nothing is a ledger that keeps nothing and knows of one slot at most.
type nothing struct{ last time.Time }

func (n nothing) LastSlot(context.Context, string) (time.Time, bool, error) {
	return n.last, !n.last.IsZero(), nil
}
func (nothing) RecordSlot(context.Context, string, time.Time) error { return nil }

func TestAClockThatIsSetBackBeginsTheScheduleAnew(t *testing.T) {
	const hour = time.Hour
	tests := []struct {
		name   string
		known  bool // a slot that is caught up by the clock that is ahead
		rest   *continuation
		work   error // of the first run, which takes five minutes
		want   []time.Duration
		logged int
	}{
		{name: "with nothing to catch up", want: []time.Duration{hour, 2 * hour}},
		{name: "while a run is under way", known: true, want: []time.Duration{10 * hour, hour, 2 * hour}},
		{
			name: "while a run is under way that is unfinished then", known: true, work: &Unfinished{After: time.Minute},
			want: []time.Duration{10 * hour, hour, 2 * hour}, logged: 1,
		},
		{
			name: "while a continuation is pending", rest: &continuation{run: Run{Slot: time.Unix(1e9, 0)}, at: time.Now(), pause: time.Minute},
			want: []time.Duration{hour, 2 * hour}, logged: 1,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				ledger := nothing{}
				if test.known {
					ledger.last = begun.Add(-hour)
				}
				r := newRig(t, ledger)
				r.work = func() (err error) {
					time.Sleep(5 * time.Minute)
					err, test.work = test.work, nil
					return err
				}
				r.job.schedule = &ahead{Schedule: r.job.schedule}
				r.job.rest = test.rest
				r.run(t, 2*hour+10*time.Minute)
				if !slices.Equal(r.slots, test.want) {
					t.Errorf("slots after %v, want %v", r.slots, test.want)
				}
				if n := strings.Count(r.logs.String(), "unfinished slot superseded"); n != test.logged {
					t.Errorf("log: %s", r.logs.String())
				}
			})
		})
	}
}

// The clock of a bubble cannot be set back, but what was noted before it can be ahead.
func TestAContinuationWaitsNoLongerThanItsPauseWhenTheClockIsSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		r := newRig(t, nothing{})
		var at time.Time
		r.work = func() error {
			at = time.Now()
			return nil
		}
		r.job.rest = &continuation{run: Run{Slot: begun.UTC().Add(-time.Hour)}, at: begun.Add(50 * time.Minute), pause: 10 * time.Minute}
		r.run(t, 59*time.Minute)
		if !slices.Equal(r.slots, []time.Duration{-time.Hour}) || !at.Equal(begun.Add(10*time.Minute)) {
			t.Errorf("slots after %v, the run at %v", r.slots, at)
		}
	})
}

// rig is a scheduler with the one hourly job "collect".
type rig struct {
	*Scheduler
	job   *job
	work  func() error
	slots []time.Duration // of all calls, since the rig was made
	logs  bytes.Buffer
}

func newRig(t *testing.T, l Ledger) *rig {
	t.Helper()
	r, begun := &rig{}, time.Now()
	var err error
	r.Scheduler, err = New(Options{Ledger: l, Log: slog.New(slog.NewTextHandler(&r.logs, nil)), Registerer: prometheus.NewRegistry()}, Spec{
		Name: "collect", Schedule: "@hourly", Deadline: time.Hour,
		Job: func(_ context.Context, run Run) error {
			r.slots = append(r.slots, run.Slot.Sub(begun))
			return r.work()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.job = r.jobs[0]
	return r
}

func (r *rig) run(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := r.Run(ctx); err != nil {
		t.Error(err)
	}
}
