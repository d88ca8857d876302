package app

import (
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
	polls       collector.Config
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
	gap, err := maxGap(s.polls, time.Now())
	if err != nil {
		return nil, err
	}
	health := ops.New(ops.Options{Version: version.Short(), Checks: s.checks(), Gatherer: s.registry, Log: s.log})
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	mux.Handle("/api/", api.New(api.Options{
		History: s.trail, Tracked: tracked, MaxGap: func() time.Duration { return gap }, Log: s.log,
	}))
	mux.Handle("/-/", health)
	mux.Handle("/metrics", health)
	return mux, nil
}

const (
	// How far the schedule is looked at for the longest time between two slots: past
	// the weekend of one that runs each minute of working days, past the months of others.
	slotsAhead = 12_000
	timeAhead  = 400 * 24 * time.Hour
)

// maxGap is how far apart two snapshots are that are not a gap: twice the longest time
// between two slots, so that one run may be missed, and what the second may be late
// for its slot.
func maxGap(cfg collector.Config, now time.Time) (time.Duration, error) {
	schedule, err := scheduler.ParseSchedule(cfg.Schedule, cfg.Timezone)
	if err != nil {
		return 0, err
	}
	var longest time.Duration
	slot := schedule.Next(now)
	for i := 0; i < slotsAhead && slot.Sub(now) < timeAhead || i == 0; i++ {
		next := schedule.Next(slot)
		longest = max(longest, next.Sub(slot))
		slot = next
	}
	return 2*longest + cfg.Jitter + cfg.Deadline, nil
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
