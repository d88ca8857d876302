package collector_test

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pulltrail/collector"
	"pulltrail/internal/hubtest"
)

// within runs a test on a clock of its own, with a Docker Hub in the same process.
func within(t *testing.T, change func(*collector.Config), test func(t *testing.T, h *hubtest.Hub, r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		h := hubtest.NewInProcess(t)
		h.URL = "https://hub.invalid"
		test(t, h, newRig(t, h.URL, change, h.RoundTripper()))
	})
}

func patient(c *collector.Config) { c.Tries = 4 }

func TestWhatDockerHubAsksToWaitIsWaited(t *testing.T) {
	for name, form := range map[string]hubtest.RetryForm{
		"in seconds": hubtest.Seconds, "as seconds since 1970": hubtest.Epoch, "as a date": hubtest.HTTPDate, "not at all": hubtest.Absent,
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func(c *collector.Config) { c.Tries, c.Rate = 4, 10 }, func(t *testing.T, h *hubtest.Hub, r *rig) {
				names := numbered(h, 25)
				h.Limit(20)
				h.RetryAfter(form)
				began := time.Now()
				summary, err := r.Collect(t.Context(), slot, repositories(t, names...), nil)
				if err != nil || summary.Succeeded != 25 || summary.Again != 0 {
					t.Errorf("%+v, %v", summary, err)
				}
				if took := time.Since(began); took < 30*time.Second || took > 3*time.Minute {
					t.Errorf("it took %v", took)
				}
				told := 0
				for _, line := range append(r.log.lines(t, slog.LevelInfo), r.log.lines(t, slog.LevelWarn)...) {
					if line["until"] != nil {
						told++
					}
				}
				if told != 1 {
					t.Errorf("it is told %d times", told)
				}
				if h.Refused() > 4 { // those that were under way
					t.Errorf("%d requests beyond the limit", h.Refused())
				}
			})
		})
	}
}

func TestAnAbsurdWaitIsCappedAndTheRunGoesOnLater(t *testing.T) {
	within(t, patient, func(t *testing.T, h *hubtest.Hub, r *rig) {
		names := numbered(h, 3)
		h.Fail("a/r1", func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("Retry-After", strconv.FormatInt(time.Now().AddDate(1, 0, 0).Unix(), 10))
			w.WriteHeader(http.StatusTooManyRequests)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		summary, _ := r.Collect(ctx, slot, repositories(t, names...), nil)
		if summary.Succeeded == 3 || summary.Again < 10*time.Minute || summary.Again > 20*time.Minute {
			t.Errorf("%+v", summary)
		}
		time.Sleep(summary.Again)
		h.Fail("a/r1", nil)
		summary, err := r.Collect(t.Context(), slot, repositories(t, names...), nil)
		if err != nil || summary.Succeeded+summary.Skipped != 3 || summary.Again != 0 {
			t.Errorf("later: %+v, %v", summary, err)
		}
	})
}

func TestTheLimiterBeforeTheAPIIsWaitedFor(t *testing.T) {
	within(t, patient, func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.Set("a/b", 1)
		h.Fail("a/b", hubtest.Times(2, hubtest.EdgeLimited))
		began := time.Now()
		summary, err := r.Collect(t.Context(), slot, repositories(t, "a/b"), nil)
		if err != nil || summary.Succeeded != 1 || time.Since(began) < 2*time.Minute {
			t.Errorf("after %v: %+v, %v", time.Since(began), summary, err)
		}
		if lines := r.log.lines(t, slog.LevelWarn); len(lines) != 1 || lines[0]["msg"] != "rate-limited by Docker Hub, waiting" || lines[0]["until"] == nil {
			t.Errorf("the log has %v", lines)
		}
		if got := counter(t, r, "pulltrail_collector_retries_total", "rate_limited"); got != 2 {
			t.Errorf("%v retries are counted", got)
		}
	})
}

func TestWhatMayPassIsTriedAgain(t *testing.T) {
	for name, fault := range map[string]hubtest.Fault{
		"503": hubtest.Status(503), "a reset": hubtest.Reset, "HTML with 200": hubtest.HTML, "an empty body": hubtest.Empty,
		"a body that breaks off": hubtest.Truncated, "half a body": hubtest.CutOff,
	} {
		t.Run(name, func(t *testing.T) {
			within(t, patient, func(t *testing.T, h *hubtest.Hub, r *rig) {
				h.Set("a/b", 1)
				h.Fail("a/b", hubtest.Times(3, fault))
				summary, err := r.Collect(t.Context(), slot, repositories(t, "a/b"), nil)
				if err != nil || summary.Succeeded != 1 || summary.Requests != 4 {
					t.Errorf("%+v, %v", summary, err)
				}
			})
		})
	}
}

func TestWhatStaysIsNotTriedAgain(t *testing.T) {
	for name, fault := range map[string]hubtest.Fault{
		"404": hubtest.NotFound, "403": hubtest.Forbidden, "no count": hubtest.NullPullCount, "another repository": hubtest.WrongRepository,
	} {
		t.Run(name, func(t *testing.T) {
			within(t, patient, func(t *testing.T, h *hubtest.Hub, r *rig) {
				h.Set("a/b", 1)
				h.Fail("a/b", fault)
				summary, err := r.Collect(t.Context(), slot, repositories(t, "a/b"), nil)
				if err != nil || summary.Failed != 1 || summary.Requests != 1 || summary.Again != 0 {
					t.Errorf("%+v, %v", summary, err)
				}
			})
		})
	}
}

func TestARunWithoutANetworkGoesOnLaterWithGrowingPauses(t *testing.T) {
	within(t, nil, func(t *testing.T, h *hubtest.Hub, r *rig) {
		names := numbered(h, 2)
		h.FailAll(hubtest.Reset)
		var pauses []time.Duration
		for range 6 {
			summary, err := r.Collect(t.Context(), slot, repositories(t, names...), nil)
			if err != nil || summary.Unfinished != "connection" {
				t.Errorf("%+v, %v", summary, err)
			}
			pauses = append(pauses, summary.Again)
		}
		if pauses[0] != 5*time.Minute || pauses[1] != 10*time.Minute || pauses[5] != time.Hour {
			t.Errorf("pauses %v", pauses)
		}
		h.FailAll(nil)
		summary, err := r.Collect(t.Context(), slot, repositories(t, names...), nil)
		if err != nil || summary.Succeeded != 2 || summary.Again != 0 || summary.Unfinished != "" {
			t.Errorf("%+v, %v", summary, err)
		}
	})
}

func TestTheBudgetOfARunIsKept(t *testing.T) {
	within(t, func(c *collector.Config) { c.Budget, c.Concurrency = 4, 3 }, func(t *testing.T, h *hubtest.Hub, r *rig) {
		names := numbered(h, 10)
		for part, want := range []int{4, 4, 2} {
			summary, err := r.Collect(t.Context(), slot, repositories(t, names...), nil)
			if err != nil || summary.Succeeded != want || summary.Requests != want || (summary.Again == 0) != (part == 2) {
				t.Errorf("part %d: %+v, %v", part, summary, err)
			}
		}
		if h.Requests() != 10 {
			t.Errorf("%d requests", h.Requests())
		}
	})
}

func TestLittleThatIsLeftOfTheLimitIsSpread(t *testing.T) {
	within(t, func(c *collector.Config) { c.Rate, c.Concurrency = 100, 1 }, func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.Limit(40)
		if _, err := r.Collect(t.Context(), slot, repositories(t, numbered(h, 100)...), nil); err != nil {
			t.Fatal(err)
		}
		if h.Refused() != 0 {
			t.Errorf("%d requests were refused", h.Refused())
		}
		limits, ok := r.Limits()
		if !ok || limits.Limit != 40 || limits.Remaining < 0 || limits.Reset.IsZero() {
			t.Errorf("%+v", limits)
		}
	})
}

func TestAnUnchangedAnswerIsASnapshotAllTheSame(t *testing.T) {
	within(t, nil, func(t *testing.T, h *hubtest.Hub, _ *rig) {
		h.ETags(true)
		h.Set("a/b", 7)
		statuses := map[int]int{}
		counted := transport(func(request *http.Request) (*http.Response, error) {
			response, err := h.RoundTripper().RoundTrip(request)
			if err == nil {
				statuses[response.StatusCode]++
			}
			return response, err
		})
		r := newRig(t, h.URL, nil, counted)
		for n := range 3 {
			if n == 2 {
				h.Set("a/b", 8)
			}
			summary, err := r.Collect(t.Context(), slot.Add(time.Duration(n)*time.Hour), repositories(t, "a/b"), nil)
			if err != nil || summary.Succeeded != 1 {
				t.Errorf("%+v, %v", summary, err)
			}
		}
		var pulls []int64
		for _, s := range r.store.snapshots {
			pulls = append(pulls, s.PullCount)
		}
		if len(pulls) != 3 || pulls[0] != 7 || pulls[1] != 7 || pulls[2] != 8 || statuses[http.StatusNotModified] != 1 {
			t.Errorf("pulls %v, statuses %v", pulls, statuses)
		}
		if !strings.HasSuffix(r.store.ids()[1], "T02:00:00Z") {
			t.Errorf("ids %v", r.store.ids())
		}
	})
}
