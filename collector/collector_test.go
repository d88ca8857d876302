package collector_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"pulltrail/collector"
	"pulltrail/internal/hub"
	"pulltrail/internal/hubtest"
)

func TestARunTakesASnapshotOfEachRepository(t *testing.T) {
	h := hubtest.New(t)
	h.Set("library/nginx", 12916987208)
	h.SetBody("a/b", []byte(`{"namespace":"a","name":"b","pull_count":9007199254740993,"new":[1.50],"full_description":"long"}`))
	r := newRig(t, h.URL+"/", nil, nil)
	if _, ok := r.Last(); ok {
		t.Error("there is a last run before the first")
	}
	var seen []string
	berlin := time.FixedZone("", 3600)
	summary, err := r.Collect(t.Context(), slot.In(berlin), repositories(t, "nginx", "a/b", "a/gone"), func(result collector.Result) {
		seen = append(seen, result.Repository.String())
	})
	if err != nil {
		t.Fatal(err)
	}
	if summary.Slot != slot || summary.Succeeded != 2 || summary.Failed != 1 || summary.Skipped != 0 || summary.Finished.Before(summary.Started) {
		t.Errorf("%+v", summary)
	}
	if len(seen) != 3 {
		t.Errorf("progress saw %v", seen)
	}
	if got := summary.Results[0]; got.Snapshot.PullCount != 12916987208 || got.Snapshot.Slot != slot || got.Cause != "" {
		t.Errorf("first result: %+v", got)
	}
	want := fmt.Sprintf(`{"namespace":"a","name":"b","pull_count":9007199254740993,"new":[1.50],"timestamp":%s,"slot":"2026-11-23T01:00:00Z"}`,
		hub.FormatTime(summary.Results[1].Snapshot.Timestamp))
	if diff := cmp.Diff(want, string(summary.Results[1].Snapshot.Encode())); diff != "" {
		t.Error(diff)
	}
	if last, ok := r.Last(); !ok || len(last.Results) != 3 || last.Finished != summary.Finished {
		t.Errorf("last run: %+v", last)
	}
	infos := r.log.lines(t, slog.LevelInfo)
	if len(infos) != 1 || infos[0]["succeeded"] != 2.0 || infos[0]["failed"] != 1.0 || infos[0]["skipped"] != 0.0 || infos[0]["duration"] == nil {
		t.Errorf("log at the end: %v", infos)
	}
}

func TestNoRepositoriesAreNoError(t *testing.T) {
	r := newRig(t, "http://hub.invalid", nil, nil)
	if summary, err := r.Collect(t.Context(), slot, nil, nil); err != nil || len(summary.Results) != 0 {
		t.Errorf("%+v, %v", summary, err)
	}
}

func TestWhatIsKnownIsNotAskedAgain(t *testing.T) {
	h := hubtest.New(t)
	h.Set("a/known", 1)
	h.Set("a/new", 2)
	r := newRig(t, h.URL, nil, nil)
	r.store.known["a/known@2026-11-23T01:00:00Z"] = true
	summary, err := r.Collect(t.Context(), slot, repositories(t, "a/known", "a/new"), nil)
	if err != nil || summary.Skipped != 1 || summary.Succeeded != 1 || !summary.Results[0].Skipped || summary.Results[1].Skipped {
		t.Errorf("%+v, %v", summary, err)
	}
	if h.RequestsFor("a/known") != 0 || h.RequestsFor("a/new") != 1 {
		t.Errorf("%d requests for the known one, %d for the new one", h.RequestsFor("a/known"), h.RequestsFor("a/new"))
	}
}

func TestAnOutboxThatCannotStoreStopsTheRun(t *testing.T) {
	h := hubtest.New(t)
	names := numbered(h, 20)
	r := newRig(t, h.URL, func(c *collector.Config) { c.Concurrency = 1 }, nil)
	r.store.appendErr = errors.New("disk is full")
	summary, err := r.Collect(t.Context(), slot, repositories(t, names...), nil)
	if !errors.Is(err, r.store.appendErr) || !strings.Contains(err.Error(), "storing a/r0@2026-11-23T01:00:00Z in the outbox") {
		t.Errorf("got %v", err)
	}
	if summary.Failed != 20 || h.Requests() != 1 {
		t.Errorf("%d failed after %d requests", summary.Failed, h.Requests())
	}
	oneWarning(t, r, "disk is full", 20)
}

func TestKnownThatCannotAnswerStopsTheRun(t *testing.T) {
	h := hubtest.New(t)
	r := newRig(t, h.URL, nil, nil)
	r.store.hasErr = errors.New("database is locked")
	_, err := r.Collect(t.Context(), slot, repositories(t, numbered(h, 9)...), nil)
	if !errors.Is(err, r.store.hasErr) || h.Requests() != 0 {
		t.Errorf("%v after %d requests", err, h.Requests())
	}
	oneWarning(t, r, "database is locked", 9)
}

func TestRequestsBeginAtTheConfiguredRate(t *testing.T) {
	h := hubtest.New(t)
	names := numbered(h, 6)
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var starts []time.Duration
		epoch := time.Now()
		r := newRig(t, "http://hub.invalid", func(c *collector.Config) { c.Rate = 2 }, transport(func(request *http.Request) (*http.Response, error) {
			mu.Lock()
			starts = append(starts, time.Since(epoch))
			mu.Unlock()
			return h.RoundTripper().RoundTrip(request)
		}))
		for _, part := range [][]string{names[:3], names[3:]} { // a second run starts no burst
			if _, err := r.Collect(t.Context(), slot, repositories(t, part...), nil); err != nil {
				t.Error(err)
			}
		}
		var want []time.Duration
		for i := range names {
			want = append(want, time.Duration(i)*500*time.Millisecond)
		}
		if diff := cmp.Diff(want, starts); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRequestsUnderWayAreBounded(t *testing.T) {
	h := hubtest.New(t)
	names := numbered(h, 10)
	for _, name := range names {
		h.Fail(name, func(w http.ResponseWriter, _ *http.Request, body []byte) {
			time.Sleep(time.Minute / 2)
			_, _ = w.Write(body)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "http://hub.invalid", func(c *collector.Config) { c.Concurrency = 3 }, h.RoundTripper())
		summary, err := r.Collect(t.Context(), slot, repositories(t, names...), nil)
		if err != nil || summary.Succeeded != 10 {
			t.Errorf("%d succeeded, %v", summary.Succeeded, err)
		}
	})
	if h.MaxConcurrent() != 3 {
		t.Errorf("%d requests were under way at once, want 3", h.MaxConcurrent())
	}
}

func TestAStopIsNoWarning(t *testing.T) {
	within(t, nil, func(t *testing.T, h *hubtest.Hub, r *rig) {
		names := numbered(h, 3)
		h.Latency(time.Minute / 2)
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		if _, err := r.Collect(ctx, slot, repositories(t, names...), nil); err == nil {
			t.Error("it was not cut short")
		}
		if lines := r.log.lines(t, slog.LevelWarn); len(lines) != 0 {
			t.Errorf("the log has %v", lines)
		}
	})
}

func TestTheDeadlineCutsOffWhatHasNotHadItsTurn(t *testing.T) {
	h := hubtest.New(t)
	names := numbered(h, 10)
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "http://hub.invalid", func(c *collector.Config) { c.Rate = 1 }, h.RoundTripper())
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		summary, err := r.Collect(ctx, slot, repositories(t, names...), nil)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "6 of 10 repositories undone") {
			t.Errorf("got %v", err)
		}
		if summary.Succeeded != 4 || summary.Failed != 6 || len(r.store.ids()) != 4 {
			t.Errorf("%d succeeded, %d failed, %d stored", summary.Succeeded, summary.Failed, len(r.store.ids()))
		}
		oneWarning(t, r, "deadline exceeded", 6)
	})
}

func TestTheEndOfARunIsNoFailureOfARepository(t *testing.T) {
	h := hubtest.New(t)
	names := numbered(h, 9)
	for _, name := range names[1:] {
		h.Fail(name, hubtest.Hang)
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "http://hub.invalid", nil, h.RoundTripper())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // before a request's own timeout
		defer cancel()
		summary, err := r.Collect(ctx, slot, repositories(t, names...), nil)
		if !errors.Is(err, context.DeadlineExceeded) || summary.Succeeded != 1 || summary.Failed != 8 {
			t.Errorf("%+v, %v", summary, err)
		}
		for _, result := range summary.Results[1:] {
			if result.Cause != collector.Cancelled || !errors.Is(result.Err, context.DeadlineExceeded) {
				t.Errorf("%s: cause %s, err %v", result.Repository, result.Cause, result.Err)
			}
		}
		oneWarning(t, r, "deadline exceeded", 8)
	})
	if h.Requests() != 5 {
		t.Errorf("%d requests, want the one that succeeded and the 4 that were under way", h.Requests())
	}
}

func TestAnAnswerThatHasArrivedIsStoredThoughTheRunEnds(t *testing.T) {
	h := hubtest.New(t)
	h.Set("a/b", 1)
	ctx, cancel := context.WithCancel(t.Context())
	r := newRig(t, "http://hub.invalid", nil, transport(func(request *http.Request) (*http.Response, error) {
		defer cancel()
		return h.RoundTripper().RoundTrip(request)
	}))
	if _, err := r.Collect(ctx, slot, repositories(t, "a/b"), nil); err != nil {
		t.Error(err) // nothing was left undone
	}
	if len(r.store.ids()) != 1 {
		t.Errorf("stored: %v", r.store.ids())
	}
}

func TestTheTimestampIsWhenTheHeaderArrived(t *testing.T) {
	h := hubtest.New(t)
	h.Set("a/b", 1)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t, "http://hub.invalid", nil, transport(func(request *http.Request) (*http.Response, error) {
			time.Sleep(2700 * time.Millisecond)
			response, err := h.RoundTripper().RoundTrip(request)
			response.Body = slowBody{response.Body}
			return response, err
		}))
		summary, err := r.Collect(t.Context(), slot, repositories(t, "a/b"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := summary.Results[0].Snapshot.Timestamp, start.UTC().Add(2*time.Second); got != want {
			t.Errorf("timestamp %s, want %s", got, want)
		}
		if err := testutil.GatherAndCompare(r.registry, strings.NewReader(fmt.Sprintf(`# HELP pulltrail_collector_last_success_timestamp_seconds When the last snapshot was put into the outbox; 0 before the first.
# TYPE pulltrail_collector_last_success_timestamp_seconds gauge
pulltrail_collector_last_success_timestamp_seconds %g
`, float64(time.Now().UnixNano())/1e9)), "pulltrail_collector_last_success_timestamp_seconds"); err != nil {
			t.Error(err)
		}
		if err := testutil.GatherAndCompare(r.registry, strings.NewReader(durations(time.Since(start))), "pulltrail_collector_request_duration_seconds"); err != nil {
			t.Error(err)
		}
	})
}

// durations is the histogram after one request that took between 10 and 30 s.
func durations(d time.Duration) string {
	var b strings.Builder
	b.WriteString("# HELP pulltrail_collector_request_duration_seconds Time from a request to Docker Hub to the end of its answer.\n")
	b.WriteString("# TYPE pulltrail_collector_request_duration_seconds histogram\n")
	for _, le := range []string{"0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10"} {
		fmt.Fprintf(&b, "pulltrail_collector_request_duration_seconds_bucket{le=%q} 0\n", le)
	}
	fmt.Fprintf(&b, "pulltrail_collector_request_duration_seconds_bucket{le=\"30\"} 1\n")
	fmt.Fprintf(&b, "pulltrail_collector_request_duration_seconds_bucket{le=\"+Inf\"} 1\n")
	fmt.Fprintf(&b, "pulltrail_collector_request_duration_seconds_sum %g\n", d.Seconds())
	fmt.Fprintf(&b, "pulltrail_collector_request_duration_seconds_count 1\n")
	return b.String()
}

func TestAPanicInProgressLeavesNoGoroutineBehind(t *testing.T) {
	h := hubtest.New(t)
	r := newRig(t, h.URL, nil, nil)
	defer func() {
		if recover() == nil {
			t.Error("the panic was swallowed")
		}
	}() // goleak looks for the goroutines
	_, err := r.Collect(t.Context(), slot, repositories(t, numbered(h, 9)...), func(collector.Result) { panic("in progress") })
	t.Errorf("Collect returned %v", err)
}

// numbered sets n repositories.
func numbered(h *hubtest.Hub, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("a/r%d", i)
		h.Set(names[i], int64(i))
	}
	return names
}

// oneWarning sees to it that the end of a run is told in one line.
func oneWarning(t *testing.T, r *rig, err string, cancelled int) {
	t.Helper()
	lines := r.log.lines(t, slog.LevelWarn)
	if len(lines) != 1 || lines[0]["msg"] != "run cut short" || lines[0]["cancelled"] != float64(cancelled) ||
		!strings.Contains(lines[0]["err"].(string), err) || lines[0]["cause"] != "cancelled" {
		t.Errorf("warnings: %v", lines)
	}
}

func TestNewNeedsItsPartsAndMetricsOfItsOwn(t *testing.T) {
	if _, err := collector.New(collector.DefaultConfig(), collector.Options{}); err == nil || !strings.Contains(err.Error(), "required") {
		t.Errorf("without parts: %v", err)
	}
	r := newRig(t, "http://hub.invalid", nil, nil)
	_, err := collector.New(r.cfg, collector.Options{Outbox: r.store, Known: r.store, Roster: r.roster, Log: slog.New(slog.DiscardHandler), Registerer: r.registry})
	if err == nil || !strings.Contains(err.Error(), "metrics") {
		t.Errorf("with metrics that exist: %v", err)
	}
}
