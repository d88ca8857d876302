package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/collector"
	"pulltrail/internal/hub"
	"pulltrail/internal/roster"
	"pulltrail/internal/web/ops"
)

// slowScrapes serves /metrics of one repository and of the outbox. Each read of the
// repositories takes what read says.
func slowScrapes(t *testing.T, log *slog.Logger, read func(context.Context) error) (scrape func() (status int, lines []string)) {
	one := hub.Repository{Namespace: "library", Name: "nginx"}
	repositories := newLatest("the repositories", log, func(ctx context.Context) (repositoryValues, error) {
		return repositoryValues{entries: []roster.Entry{{Repository: one}}}, read(ctx)
	})
	waiting := &stored{
		latest:   newLatest("the outbox", log, func(context.Context) (counts, error) { return counts{outbox: 3}, nil }),
		waiting:  prometheus.NewDesc("pulltrail_outbox_snapshots", "Snapshots.", nil, nil),
		dead:     prometheus.NewDesc("pulltrail_deadletters", "Letters.", []string{"sink"}, nil),
		replaced: prometheus.NewDesc("pulltrail_deadletters_replaced_total", "Letters.", []string{"sink"}, nil),
	}
	values := scraped{waiting, gaugesOf(repositories, tracked{plan: collector.Config{Repositories: []string{"library/nginx"}}.Plan()}, 10)}
	go func() { _ = values.stored.Run(t.Context()) }()
	go func() { _ = values.gauges.Run(t.Context()) }()
	h := ops.New(ops.Options{Gatherer: prometheus.NewRegistry(), Shown: values.metrics, Log: log})
	return func() (int, []string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return w.Code, strings.Split(w.Body.String(), "\n")
	}
}

const nginxUp = `pulltrail_repository_up{namespace="library",repository="nginx"} 1`

func TestAScrapeGetsTheLastCompleteValuesWithTheirAgeWhileReadingIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var takes atomic.Int64
		scrape := slowScrapes(t, slog.New(slog.DiscardHandler), func(context.Context) error {
			time.Sleep(time.Duration(takes.Load()))
			return nil
		})
		want := func(age string) {
			t.Helper()
			status, lines := scrape()
			for _, line := range []string{nginxUp, "pulltrail_outbox_snapshots 3", `pulltrail_metrics_age_seconds{metrics="repositories"} ` + age, `pulltrail_metrics_age_seconds{metrics="outbox"} 0`} {
				if status != http.StatusOK || !slices.Contains(lines, line) {
					t.Errorf("no %s in %d %q", line, status, lines)
				}
			}
		}
		want("0")
		takes.Store(int64(time.Minute))
		time.Sleep(10 * time.Second)
		want("12") // after the 2 s for which it waits for newer ones
		time.Sleep(10 * time.Second)
		want("24")
		takes.Store(0)
		time.Sleep(48 * time.Second) // the slow read, which started 12 s ago, ends
		want("0")
	})
}

// A slow read goes on when the scrape that asked for it has ended, so that it ends at all.
func TestASlowReadIsNotStartedAnewByEachScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		scrape := slowScrapes(t, slog.New(slog.DiscardHandler), func(ctx context.Context) error {
			reads++
			select {
			case <-time.After(12 * time.Second):
			case <-ctx.Done():
			}
			return ctx.Err()
		})
		for _, want := range []int{http.StatusServiceUnavailable, http.StatusServiceUnavailable, http.StatusOK} { // after 5, 10 and 12 s
			if status, lines := scrape(); status != want || (status == http.StatusOK) != slices.Contains(lines, nginxUp) {
				t.Errorf("got %d %q, want %d", status, lines, want)
			}
		}
		if reads != 1 {
			t.Errorf("%d reads for three scrapes", reads)
		}
	})
}

func TestAFailedReadIsNoAnswerBeforeTheFirstValuesAndIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		cause := errors.New("the disk hangs")
		scrape := slowScrapes(t, slog.New(slog.NewTextHandler(&log, nil)), func(context.Context) error { return cause })
		for range 3 {
			if status, lines := scrape(); status != http.StatusServiceUnavailable || !strings.Contains(lines[0], "the repositories cannot be read") {
				t.Errorf("got %d %q", status, lines)
			}
		}
		cause = nil
		if status, lines := scrape(); status != http.StatusOK || !slices.Contains(lines, nginxUp) {
			t.Errorf("got %d %q", status, lines)
		}
		cause = errors.New("again")
		time.Sleep(time.Second)
		if status, lines := scrape(); status != http.StatusOK || !slices.Contains(lines, nginxUp) || !slices.Contains(lines, `pulltrail_metrics_age_seconds{metrics="repositories"} 1`) {
			t.Errorf("got %d %q", status, lines)
		}
		if n := strings.Count(log.String(), "\n"); n != 3 { // failed, works again, failed
			t.Errorf("logged %s", &log)
		}
	})
}
