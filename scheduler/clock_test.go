package scheduler

import (
	"context"
	"log/slog"
	"slices"
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

type nothing struct{}

func (nothing) LastSlot(context.Context, string) (time.Time, bool, error) {
	return time.Time{}, false, nil
}
func (nothing) RecordSlot(context.Context, string, time.Time) error { return nil }

func TestAClockThatIsSetBackBeginsTheScheduleAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var slots []time.Duration
		s, err := New(Options{Ledger: nothing{}, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()}, Spec{
			Name: "collect", Schedule: "@hourly", Deadline: time.Minute,
			Job: func(_ context.Context, run Run) error {
				slots = append(slots, run.Slot.Sub(begun))
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.jobs[0].schedule = &ahead{Schedule: s.jobs[0].schedule}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour+time.Minute)
		defer cancel()
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
		if want := []time.Duration{time.Hour, 2 * time.Hour}; !slices.Equal(slots, want) {
			t.Errorf("slots after %v, want %v", slots, want)
		}
	})
}
