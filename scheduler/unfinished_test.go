package scheduler_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"pulltrail/scheduler"
)

// inParts makes a job unfinished so many times, to go on after a pause each time.
func inParts(times int, after time.Duration) func(*fixture, *scheduler.Spec) {
	return func(f *fixture, _ *scheduler.Spec) {
		f.work = func(context.Context, scheduler.Run) error {
			if times > 0 {
				times--
				return &scheduler.Unfinished{After: after, Err: errors.New("limited")}
			}
			return nil
		}
	}
}

// checkCalls compares calls on schedule: slot and beginning, both since epoch.
func checkCalls(t *testing.T, f *fixture, want ...call) {
	t.Helper()
	if got := f.seen(); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestAnUnfinishedSlotGoesOnUntilItIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &ledger{}, inParts(2, 5*time.Minute))
		sleepTo(66 * time.Minute)
		if _, ok, _ := f.ledger.LastSlot(t.Context(), "collect"); !ok || f.ledger.slots["collect"].After(epoch) {
			t.Errorf("an unfinished slot is in the ledger: %v", f.ledger.slots)
		}
		if st := f.Status()[0]; !st.Again.Equal(epoch.Add(70 * time.Minute)) {
			t.Errorf("%+v", st)
		}
		sleepTo(90 * time.Minute)
		checkCalls(t, f, call{slot: time.Hour, began: time.Hour}, call{slot: time.Hour, began: 65 * time.Minute}, call{slot: time.Hour, began: 70 * time.Minute})
		if !f.ledger.slots["collect"].Equal(epoch.Add(time.Hour)) || f.logs.count("run unfinished") != 2 {
			t.Errorf("ledger %v, %d lines", f.ledger.slots, f.logs.count("run unfinished"))
		}
		if err := testutil.GatherAndCompare(f.registry, strings.NewReader(`# HELP pulltrail_scheduler_runs_total Runs that have ended, manual ones included, by outcome: ok, failed, panic, or unfinished for those that go on later.
# TYPE pulltrail_scheduler_runs_total counter
pulltrail_scheduler_runs_total{job="collect",outcome="failed"} 0
pulltrail_scheduler_runs_total{job="collect",outcome="ok"} 1
pulltrail_scheduler_runs_total{job="collect",outcome="panic"} 0
pulltrail_scheduler_runs_total{job="collect",outcome="unfinished"} 2
`), "pulltrail_scheduler_runs_total"); err != nil {
			t.Error(err)
		}
	})
}

func TestTheNextSlotTakesThePlaceOfAnUnfinishedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &ledger{}, inParts(2, 40*time.Minute))
		sleepTo(3*time.Hour - time.Minute)
		checkCalls(t, f, call{slot: time.Hour, began: time.Hour}, call{slot: time.Hour, began: 100 * time.Minute}, call{slot: 2 * time.Hour, began: 2 * time.Hour})
		if st := f.Status()[0]; !st.Again.IsZero() {
			t.Errorf("%+v", st)
		}
	})
}

func TestARestartGoesOnWithAnUnfinishedSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{slots: map[string]time.Time{"collect": epoch}}
		f := start(t, l, inParts(1, 50*time.Minute))
		sleepTo(70 * time.Minute)
		f.stop()
		again := start(t, l, nil)
		checkCalls(t, again, call{slot: time.Hour, began: 70 * time.Minute})
	})
}

func TestAnUnfinishedRunByHandIsItsCallersAffair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &ledger{}, inParts(1, time.Minute))
		if err := f.Trigger(t.Context(), "collect"); err == nil || !strings.Contains(err.Error(), "limited") {
			t.Errorf("%v", err)
		}
		sleepTo(30 * time.Minute)
		if got := f.seen(); len(got) != 1 {
			t.Errorf("%v", got)
		}
	})
}

func TestAnUnfinishedSlotWaitsForARunByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &ledger{}, inParts(1, 5*time.Minute))
		sleepTo(time.Hour + time.Minute)
		f.work = takes(10 * time.Minute)
		go func() { _ = f.Trigger(t.Context(), "collect") }()
		sleepTo(80 * time.Minute)
		calls := f.seen()
		if last := calls[len(calls)-1]; len(calls) != 3 || last.slot != time.Hour || last.manual || last.began < 71*time.Minute {
			t.Errorf("%+v", calls)
		}
	})
}
