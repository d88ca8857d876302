package ops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"pulltrail/internal/web/access"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var since = time.Date(2026, 11, 23, 1, 0, 0, 0, time.FixedZone("CET", 3600))

func says(s State) func(context.Context) State {
	return func(context.Context) State { return s }
}

func handlerOf(checks ...Check) http.Handler {
	return New(Options{Version: "1.2.3", Checks: checks, Gatherer: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)})
}

func ask(h http.Handler, method, path string) *httptest.ResponseRecorder {
	return askAs(access.Visitor{MayRead: true}, h, method, path)
}

func askAs(v access.Visitor, h http.Handler, method, path string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, nil)
	h.ServeHTTP(w, r.WithContext(access.With(r.Context(), v)))
	return w
}

func TestStrangersAreToldTheStatusAlone(t *testing.T) {
	fine := Check{Name: "broker", Probe: says(State{OK: true, Since: since, Detail: "connected"})}
	broken := Check{Name: "opensearch", Probe: says(State{Detail: "no answer from opensearch.example"})}
	for _, c := range []struct {
		path   string
		checks []Check
		status int
		want   string
	}{
		{"/-/healthy", []Check{broken}, 200, "{\n  \"healthy\": true\n}\n"},
		{"/-/ready", []Check{fine}, 200, "{\n  \"ready\": true\n}\n"},
		{"/-/ready", []Check{fine, broken}, 503, "{\n  \"ready\": false\n}\n"},
	} {
		got := askAs(access.Visitor{}, handlerOf(c.checks...), http.MethodGet, c.path)
		if got.Code != c.status || got.Body.String() != c.want {
			t.Errorf("%s: got %d %s", c.path, got.Code, got.Body)
		}
	}
}

func TestHealthyAsLongAsTheProcessServes(t *testing.T) {
	got := ask(handlerOf(Check{Name: "broker", Probe: says(State{})}), http.MethodGet, "/-/healthy")
	want := "{\n  \"healthy\": true,\n  \"version\": \"1.2.3\"\n}\n"
	if got.Code != http.StatusOK || got.Body.String() != want || got.Header().Get("Content-Type") != "application/json" {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
}

func TestReady(t *testing.T) {
	fine := State{OK: true, Since: since, Detail: "connected"}
	broken := State{Since: since, Detail: "connection refused: is it \"there\" & <up>?"}
	for name, c := range map[string]struct {
		checks []Check
		status int
		ready  bool
	}{
		"is true without parts":                    {nil, 200, true},
		"is true when all parts are":               {[]Check{{Name: "a", Probe: says(fine)}, {Name: "b", Probe: says(fine)}}, 200, true},
		"is false when one part is not":            {[]Check{{Name: "a", Probe: says(fine)}, {Name: "b", Probe: says(broken)}}, 503, false},
		"is true when only an optional part fails": {[]Check{{Name: "a", Probe: says(fine)}, {Name: "b", Optional: true, Probe: says(broken)}}, 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(handlerOf(c.checks...), http.MethodGet, "/-/ready")
			var answer struct {
				Ready bool
				Parts []partAnswer
			}
			if err := json.Unmarshal(got.Body.Bytes(), &answer); err != nil {
				t.Fatal(err)
			}
			if got.Code != c.status || answer.Ready != c.ready || len(answer.Parts) != len(c.checks) || answer.Parts == nil {
				t.Errorf("got %d %s", got.Code, got.Body)
			}
		})
	}
}

func TestReadyShowsEveryPart(t *testing.T) {
	got := ask(handlerOf(
		Check{Name: "broker", Probe: says(State{OK: true, Since: since, Detail: "connected"})},
		Check{Name: "opensearch", Optional: true, Probe: says(State{Detail: "a \"b\" & <c>"})},
	), http.MethodGet, "/-/ready")
	want := `{
  "ready": true,
  "version": "1.2.3",
  "parts": [
    {
      "name": "broker",
      "ok": true,
      "optional": false,
      "since": "2026-11-23T00:00:00Z",
      "detail": "connected"
    },
    {
      "name": "opensearch",
      "ok": false,
      "optional": true,
      "since": null,
      "detail": "a \"b\" & <c>"
    }
  ]
}
`
	if diff := cmp.Diff(want, got.Body.String()); diff != "" {
		t.Error(diff)
	}
	if got.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", got.Header())
	}
}

func TestReadyAsksAllPartsAtTheSameTime(t *testing.T) {
	var all sync.WaitGroup
	all.Add(3)
	meet := func(context.Context) State {
		all.Done()
		all.Wait()
		return State{OK: true}
	}
	if got := ask(handlerOf(Check{Probe: meet}, Check{Probe: meet}, Check{Probe: meet}), http.MethodGet, "/-/ready"); got.Code != http.StatusOK {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
}

func TestAPartThatIsInterruptedMaySayAtWhat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := handlerOf(Check{Name: "opensearch", Probe: func(ctx context.Context) State {
			<-ctx.Done()
			return State{Detail: "no answer from opensearch.example"}
		}})
		got := ask(h, http.MethodGet, "/-/ready")
		if got.Code != http.StatusServiceUnavailable || !strings.Contains(got.Body.String(), "opensearch.example") {
			t.Errorf("got %d %s", got.Code, got.Body)
		}
	})
}

func TestAPartThatHangsIsNotReadyAndIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls atomic.Int32
		h := handlerOf(
			Check{Name: "stuck", Probe: func(context.Context) State {
				calls.Add(1)
				<-release
				return State{OK: true}
			}},
			Check{Name: "fine", Probe: says(State{OK: true})},
		)
		began := time.Now()
		var requests sync.WaitGroup
		for range 5 {
			requests.Go(func() {
				got := ask(h, http.MethodGet, "/-/ready")
				if got.Code != http.StatusServiceUnavailable || !strings.Contains(got.Body.String(), "within 2s") {
					t.Errorf("got %d %s", got.Code, got.Body)
				}
			})
		}
		requests.Wait()
		if waited := time.Since(began); waited > probeTimeout+probeGrace {
			t.Errorf("the answer took %v", waited)
		}
		ask(h, http.MethodGet, "/-/ready")
		if calls.Load() != 1 {
			t.Errorf("the part that hangs was asked %d times", calls.Load())
		}
		close(release)
		synctest.Wait()
		if got := ask(h, http.MethodGet, "/-/ready"); got.Code != http.StatusOK {
			t.Errorf("when it answers again: got %d %s", got.Code, got.Body)
		}
	})
}

func TestAReaderThatGoesDoesNotInterruptTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := handlerOf(Check{Name: "slow", Probe: func(ctx context.Context) State {
			select {
			case <-release:
			case <-ctx.Done():
			}
			return State{OK: ctx.Err() == nil}
		}})
		ctx, leave := context.WithCancel(t.Context())
		var first, second sync.WaitGroup
		first.Go(func() {
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/-/ready", nil))
		})
		synctest.Wait()
		second.Go(func() {
			if got := ask(h, http.MethodGet, "/-/ready"); got.Code != http.StatusOK {
				t.Errorf("got %d %s", got.Code, got.Body)
			}
		})
		synctest.Wait()
		leave()
		first.Wait()
		close(release)
		second.Wait()
	})
}

func TestAPanickingProbeIsAFailedPart(t *testing.T) {
	var log bytes.Buffer
	h := New(Options{
		Checks:   []Check{{Name: "odd", Probe: func(context.Context) State { panic("the cause") }}},
		Gatherer: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	got := ask(h, http.MethodGet, "/-/ready")
	if got.Code != http.StatusServiceUnavailable || strings.Contains(got.Body.String(), "the cause") {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
	if !strings.Contains(log.String(), "the cause") || !strings.Contains(log.String(), "odd") {
		t.Errorf("logged %q", &log)
	}
}

func TestMetricsAreThoseOfTheGatherer(t *testing.T) {
	registry := prometheus.NewRegistry()
	runs := prometheus.NewCounter(prometheus.CounterOpts{Name: "pulltrail_scheduler_runs_total", Help: "Runs."})
	registry.MustRegister(runs)
	runs.Add(3)
	h := New(Options{Gatherer: registry, Log: slog.New(slog.DiscardHandler)})
	want := "# HELP pulltrail_scheduler_runs_total Runs.\n# TYPE pulltrail_scheduler_runs_total counter\npulltrail_scheduler_runs_total 3\n"
	if got := ask(h, http.MethodGet, "/metrics"); got.Code != http.StatusOK || got.Body.String() != want {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	h.ServeHTTP(w, r)
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "application/openmetrics-text") || !strings.HasSuffix(w.Body.String(), "# EOF\n") {
		t.Errorf("OpenMetrics: got %v %s", w.Header(), w.Body)
	}
}

func TestWhatIsShownIsUpToWhoAsks(t *testing.T) {
	secrets := prometheus.NewDesc("pulltrail_secrets", "Secrets.", nil, nil)
	h := New(Options{
		Gatherer: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
		Shown: func(ctx context.Context) ([]prometheus.Metric, error) {
			if !access.Of(ctx).Authenticated {
				return nil, nil
			}
			return []prometheus.Metric{prometheus.MustNewConstMetric(secrets, prometheus.GaugeValue, 7)}, nil
		},
	})
	if got := ask(h, http.MethodGet, "/metrics"); got.Code != http.StatusOK || got.Body.Len() != 0 {
		t.Errorf("a stranger: got %d %s", got.Code, got.Body)
	}
	got := askAs(access.Visitor{MayRead: true, Authenticated: true}, h, http.MethodGet, "/metrics")
	if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "\npulltrail_secrets 7\n") {
		t.Errorf("the user: got %d %s", got.Code, got.Body)
	}
}

func TestAScrapeFailsAsAWholeWhereAPartOfItIsMissing(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "pulltrail_good", Help: "Good."}))
	h := New(Options{
		Gatherer: registry, Log: slog.New(slog.DiscardHandler),
		Shown: func(context.Context) ([]prometheus.Metric, error) {
			return nil, errors.New("read the repositories: too slow")
		},
	})
	got := ask(h, http.MethodGet, "/metrics")
	if got.Code != http.StatusServiceUnavailable || strings.Contains(got.Body.String(), "pulltrail_good") ||
		!strings.Contains(got.Body.String(), "too slow") || got.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %v %s", got.Code, got.Header(), got.Body)
	}
}

func TestTooManyScrapesAreTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := New(Options{
			Gatherer: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
			Shown: func(context.Context) ([]prometheus.Metric, error) {
				<-release
				return nil, nil
			},
		})
		var answered sync.WaitGroup
		for range maxScrapes {
			answered.Go(func() {
				if got := ask(h, http.MethodGet, "/metrics"); got.Code != http.StatusOK {
					t.Errorf("got %d %s", got.Code, got.Body)
				}
			})
		}
		synctest.Wait()
		if got := ask(h, http.MethodGet, "/metrics"); got.Code != http.StatusServiceUnavailable {
			t.Errorf("one too many: got %d %s", got.Code, got.Body)
		}
		close(release)
		answered.Wait()
		if got := ask(h, http.MethodGet, "/metrics"); got.Code != http.StatusOK {
			t.Errorf("afterwards: got %d %s", got.Code, got.Body)
		}
	})
}

func TestABrokenMetricIsLoggedAndTheOthersAreServed(t *testing.T) {
	registry := prometheus.NewRegistry()
	good := prometheus.NewGauge(prometheus.GaugeOpts{Name: "pulltrail_good", Help: "Good."})
	registry.MustRegister(good, brokenMetric{})
	var log bytes.Buffer
	got := ask(New(Options{Gatherer: registry, Log: slog.New(slog.NewTextHandler(&log, nil))}), http.MethodGet, "/metrics")
	if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "pulltrail_good 0") {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
	if !strings.Contains(log.String(), "the cause") || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("logged %q", &log)
	}
}

type brokenMetric struct{}

func (brokenMetric) Describe(ch chan<- *prometheus.Desc) {
	ch <- prometheus.NewDesc("pulltrail_broken", "Broken.", nil, nil)
}

func (brokenMetric) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.NewInvalidMetric(prometheus.NewDesc("pulltrail_broken", "Broken.", nil, nil), errors.New("the cause"))
}

func TestOnlyReadingIsAllowed(t *testing.T) {
	h := handlerOf()
	for _, path := range []string{"/-/healthy", "/-/ready", "/metrics"} {
		if got := ask(h, http.MethodHead, path); got.Code != http.StatusOK {
			t.Errorf("HEAD %s: got %d", path, got.Code)
		}
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "ODD"} {
			if got := ask(h, method, path); got.Code != http.StatusMethodNotAllowed || got.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: got %d %v", method, path, got.Code, got.Header())
			}
		}
	}
	if got := ask(h, http.MethodGet, "/-/nothing"); got.Code != http.StatusNotFound {
		t.Errorf("an unknown path: got %d", got.Code)
	}
}
