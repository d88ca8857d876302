package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/collector"
	"pulltrail/indexer"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
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
		History: s.trail, Runs: runs{s.schedule, s.poller}, Tracked: tracked, Version: version.Short(), Log: s.log,
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

// checks are the parts of /-/ready. Ready means that snapshots are taken and kept:
// a sink may be away meanwhile, because history has what it misses.
func (s shownParts) checks() []ops.Check {
	connection := func(name string, state func() mqttio.State) ops.Check {
		return ops.Check{Name: name, Probe: func(context.Context) ops.State {
			st := state()
			return ops.State{OK: st.Connected && st.Err == "", Since: st.Since, Detail: either(st.Err, st.Detail)}
		}}
	}
	checks := []ops.Check{
		{Name: "history", Probe: func(ctx context.Context) ops.State {
			head, err := s.trail.Head(ctx)
			if err != nil {
				return ops.State{Detail: err.Error()}
			}
			return ops.State{OK: true, Detail: fmt.Sprintf("position %d", head)}
		}},
		connection("publisher", s.publisher.State),
	}
	for _, sub := range s.subscribers {
		checks = append(checks, connection("subscriber of "+sub.Name(), sub.State))
	}
	for _, f := range s.followers {
		checks = append(checks, ops.Check{
			Name: f.Sink() + " after " + f.Log(), Optional: true,
			Probe: func(context.Context) ops.State {
				st := f.State()
				return ops.State{OK: st.OK, Since: st.Since, Detail: either(st.Err, lag(st))}
			},
		})
	}
	return checks
}

func lag(s indexer.State) string {
	if s.Head <= s.Position {
		return "everything is stored"
	}
	return fmt.Sprintf("%d entries behind", s.Head-s.Position)
}

// either is a, or b where a is empty.
func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
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
