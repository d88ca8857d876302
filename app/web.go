package app

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/collector"
	"pulltrail/indexer"
	"pulltrail/internal/broker"
	"pulltrail/internal/deadletter"
	"pulltrail/internal/history"
	"pulltrail/internal/homeassistant"
	"pulltrail/internal/journal"
	"pulltrail/internal/outbox"
	"pulltrail/internal/rollup"
	"pulltrail/internal/version"
	"pulltrail/internal/web/api"
	"pulltrail/internal/web/ops"
	"pulltrail/internal/web/page"
	"pulltrail/internal/web/share"
	"pulltrail/mqttio"
	"pulltrail/scheduler"
)

// shownParts are the parts that page, API and health look at.
type shownParts struct {
	registry    prometheus.Gatherer
	roster      tracked
	trail       *history.Store
	curves      *rollup.Rollup
	journal     *journal.Journal // nil without document routes
	letters     *deadletter.Store
	schedule    *scheduler.Scheduler
	poller      *collector.Collector
	runs        *onDemand
	publisher   *mqttio.Publisher
	subscribers []*mqttio.Subscriber
	followers   []*indexer.Follower
	announcer   *homeassistant.Announcer // nil where nothing is announced
	log         *slog.Logger
	demo        bool
	signIn      bool // there is a user, although the page is open to all
	scraped     scraped

	// What only the status page shows.
	started   time.Time
	collector collector.Config
	outbox    *outbox.Outbox
	database  string
	broker    *broker.Broker // nil where another one is used
	collects  bool           // there is a collector, and what publishes for it
}

func (s shownParts) operations(checks []ops.Check) operations {
	return operations{
		started: s.started, config: s.collector, schedule: s.schedule, poller: s.poller, roster: s.roster,
		parts: ops.NewProbes(checks, s.log), sinks: s.followers, outbox: s.outbox, letters: s.letters,
		database: s.database, runs: s.runs,
	}
}

// handler puts page, API, pictures, health and metrics under one roof.
func handler(s shownParts) (http.Handler, error) {
	checks := s.checks()
	stands := s.operations(checks)
	pages, err := page.New(page.Options{
		Curves: s.curves, DeadLetters: letterCount{s.letters}, Runs: runs{s.schedule, s.poller, s.roster, s.outbox, s.collects},
		Snapshots: s.trail, Operations: stands,
		Tracked: s.roster.repositories, Version: version.Short(), Demo: s.demo, SignIn: s.signIn, Log: s.log,
	})
	if err != nil {
		return nil, err
	}
	health := ops.New(ops.Options{
		Version: version.Short(), Checks: checks, Gatherer: s.registry,
		Shown: s.scraped.metrics, Log: s.log,
	})
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	mux.Handle("/api/", api.New(api.Options{
		History: s.trail, Curves: s.curves, Roster: s.roster, Log: s.log,
		Operations: fares{stands},
	}))
	pictures := share.New(share.Options{Curves: s.curves, Log: s.log})
	mux.Handle("/badge/", pictures)
	mux.Handle("/chart/", pictures)
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

const (
	// How far the schedule is looked at for the longest time between two slots: past
	// the weekend of one that runs each minute of working days, past the months of others.
	slotsAhead = 12_000
	timeAhead  = 400 * 24 * time.Hour
)

// leastDistance is what curves of days can bridge: what was collected once a day before
// is no gap after the schedule has become a faster one.
const leastDistance = 24 * time.Hour

// maxGap is how far apart two snapshots are that are not a gap: twice the longest time
// between two slots, or two days where that is less, so that one run may be missed, and
// what the second may be late for its slot.
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
	return 2*max(longest, leastDistance) + cfg.Jitter + cfg.Deadline, nil
}

// runs tells the page of the collect job.
type runs struct {
	schedule *scheduler.Scheduler
	poller   *collector.Collector
	roster   tracked
	outbox   *outbox.Outbox
	collects bool
}

func (r runs) status() scheduler.Status { return collectStatus(r.schedule) }

// collectStatus is that of the collect job; the zero value where there is none.
func collectStatus(schedule *scheduler.Scheduler) scheduler.Status {
	for _, job := range schedule.Status() {
		if job.Name == collectJob {
			return job
		}
	}
	return scheduler.Status{}
}

// Next is when the next run begins; zero where none does.
func (r runs) Next() time.Time {
	if !r.collects {
		return time.Time{}
	}
	return r.status().Next
}

// LastRun is how the last run that has ended went, and whether one is under way. How each
// repository fares is what the roster has of it, also from before the process started.
func (r runs) LastRun(ctx context.Context) (page.Run, bool, error) {
	last, ran := r.poller.Last()
	status := r.status()
	run := page.Run{Slot: last.Slot, Started: last.Started, Finished: last.Finished, Running: status.Running, Retry: status.Retry}
	entries, err := r.roster.entries(ctx)
	if err != nil {
		return page.Run{}, false, err
	}
	if run.Outbox, err = r.outbox.Repositories(ctx); err != nil {
		return page.Run{}, false, err
	}
	for _, e := range entries {
		run.Outcomes = append(run.Outcomes, page.Outcome{Repository: e.Repository, Cause: e.Cause, Message: e.Message, Gone: r.roster.gone(e)})
	}
	for _, l := range last.Listings {
		if l.Err != nil {
			run.Notes = append(run.Notes, l.Err.Error())
		}
	}
	if detail := r.poller.State().Detail; len(run.Notes) == 0 && detail != "" {
		run.Notes = append(run.Notes, detail)
	}
	return run, ran || run.Running, nil
}
