package scheduler_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"pulltrail/scheduler"
)

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		f := start(t, &ledger{}, func(f *fixture, _ *scheduler.Spec) {
			f.work = func(ctx context.Context, run scheduler.Run) error {
				runs++
				switch runs {
				case 1:
					return takes(2*time.Second)(ctx, run)
				case 2:
					return errWrong
				case 3:
					panic(errWrong)
				}
				return takes(90*time.Minute)(ctx, run)
			}
		})
		sleepTo(5*time.Hour + 40*time.Minute) // the fourth run ended at half past five
		const want = `
# HELP pulltrail_scheduler_last_run_timestamp_seconds When the last run ended, whatever its outcome; 0 before the first since the start.
# TYPE pulltrail_scheduler_last_run_timestamp_seconds gauge
pulltrail_scheduler_last_run_timestamp_seconds{name="collect"} 9.467046e+08
# HELP pulltrail_scheduler_next_slot_timestamp_seconds The slot that is waited for.
# TYPE pulltrail_scheduler_next_slot_timestamp_seconds gauge
pulltrail_scheduler_next_slot_timestamp_seconds{name="collect"} 9.467064e+08
# HELP pulltrail_scheduler_run_duration_seconds How long runs took, whatever their outcome.
# TYPE pulltrail_scheduler_run_duration_seconds histogram
pulltrail_scheduler_run_duration_seconds_bucket{name="collect",le="0.1"} 2
pulltrail_scheduler_run_duration_seconds_bucket{name="collect",le="0.5"} 2
pulltrail_scheduler_run_duration_seconds_bucket{name="collect",le="1"} 2
pulltrail_scheduler_run_duration_seconds_bucket{name="collect",le="5"} 3
pulltrail_scheduler_run_duration_seconds_bucket{name="collect",le="15"} 3
pulltrail_scheduler_run_duration_seconds_bucket{name="collect",le="60"} 3
pulltrail_scheduler_run_duration_seconds_bucket{name="collect",le="300"} 3
pulltrail_scheduler_run_duration_seconds_bucket{name="collect",le="900"} 3
pulltrail_scheduler_run_duration_seconds_bucket{name="collect",le="1800"} 3
pulltrail_scheduler_run_duration_seconds_bucket{name="collect",le="3600"} 3
pulltrail_scheduler_run_duration_seconds_bucket{name="collect",le="+Inf"} 4
pulltrail_scheduler_run_duration_seconds_sum{name="collect"} 5402
pulltrail_scheduler_run_duration_seconds_count{name="collect"} 4
# HELP pulltrail_scheduler_runs_total Runs that have ended, manual ones included, by outcome: ok, failed, panic or unfinished.
# TYPE pulltrail_scheduler_runs_total counter
pulltrail_scheduler_runs_total{name="collect",outcome="failed"} 1
pulltrail_scheduler_runs_total{name="collect",outcome="ok"} 2
pulltrail_scheduler_runs_total{name="collect",outcome="panic"} 1
pulltrail_scheduler_runs_total{name="collect",outcome="unfinished"} 0
# HELP pulltrail_scheduler_skipped_total Slots that were passed over because the job was still running.
# TYPE pulltrail_scheduler_skipped_total counter
pulltrail_scheduler_skipped_total{name="collect"} 1
`
		if err := testutil.GatherAndCompare(f.registry, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
		problems, err := testutil.GatherAndLint(f.registry)
		if err != nil || len(problems) > 0 {
			t.Errorf("lint: %v, %v", problems, err)
		}
	})
}

// Whoever sees that a run has ended can have another begin.
func TestARunThatIsCountedIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &ledger{}, nil)
		counted := func() float64 { return counter(t, f, "pulltrail_scheduler_runs_total", "outcome", "ok") }
		for range 300 {
			before, ended := counted(), make(chan error, 1)
			go func() { ended <- f.Trigger(t.Context(), "collect") }()
			for counted() == before {
				runtime.Gosched()
			}
			if f.Status()[0].Running {
				t.Fatal("it is counted and still runs")
			}
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
		}
	})
}

// counter is the value of the series of name with this label.
func counter(t *testing.T, f *fixture, name, label, value string) float64 {
	t.Helper()
	families, err := f.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, l := range metric.GetLabel() {
				if family.GetName() == name && l.GetName() == label && l.GetValue() == value {
					return metric.GetCounter().GetValue()
				}
			}
		}
	}
	t.Fatalf("there is no %s with %s=%q", name, label, value)
	return 0
}
