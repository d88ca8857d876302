package app

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/collector"
	"pulltrail/indexer"
	"pulltrail/internal/deadletter"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/journal"
	"pulltrail/internal/version"
	"pulltrail/internal/web/api"
	"pulltrail/internal/web/ops"
	"pulltrail/internal/web/page"
	"pulltrail/mqttio"
	"pulltrail/scheduler"
)

// shownParts are the parts that page, API and health look at.
type shownParts struct {
	registry    prometheus.Gatherer
	tracked     []hub.Repository
	trail       *history.Store
	journal     *journal.Journal // nil without document routes
	letters     *deadletter.Store
	schedule    *scheduler.Scheduler
	poller      *collector.Collector
	publisher   *mqttio.Publisher
	subscribers []*mqttio.Subscriber
	followers   []*indexer.Follower
	log         *slog.Logger
}

// handler puts page, API, health and metrics under one roof.
func handler(s shownParts) (http.Handler, error) {
	tracked := func() []hub.Repository { return s.tracked }
	pages, err := page.New(page.Options{
		History: s.trail, DeadLetters: letterCount{s.letters}, Runs: runs{s.schedule, s.poller},
		Tracked: tracked, Version: version.Short(), Log: s.log,
	})
	if err != nil {
		return nil, err
	}
	health := ops.New(ops.Options{Version: version.Short(), Checks: s.checks(), Gatherer: s.registry, Log: s.log})
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	mux.Handle("/api/", api.New(api.Options{History: s.trail, Tracked: tracked, Log: s.log}))
	mux.Handle("/-/", health)
	mux.Handle("/metrics", health)
	return mux, nil
}

// letterCount tells the page of the dead letters.
type letterCount struct{ letters *deadletter.Store }

// Len is how many there are, whoever refused them.
func (c letterCount) Len(ctx context.Context) (int, error) {
	counts, err := c.letters.Count(ctx)
	total := 0
	for _, n := range counts {
		total += n
	}
	return total, err
}

// runs tells the page of the collect job.
type runs struct {
	schedule *scheduler.Scheduler
	poller   *collector.Collector
}

func (r runs) status() scheduler.Status { return r.schedule.Status()[0] }

// Next is when the next run begins.
func (r runs) Next() time.Time { return r.status().Next }

// LastRun is what the collector made of the last run that has ended, and whether
// one is under way.
func (r runs) LastRun() (page.Run, bool) {
	last, ran := r.poller.Last()
	run := page.Run{Slot: last.Slot, Started: last.Started, Finished: last.Finished, Running: r.status().Running}
	for _, result := range last.Results {
		o := page.Outcome{Repository: result.Repository}
		if result.Err != nil {
			o.Cause, o.Message = string(result.Cause), result.Err.Error()
		}
		run.Outcomes = append(run.Outcomes, o)
	}
	return run, ran || run.Running
}
