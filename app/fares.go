package app

import (
	"context"
	"time"

	"pulltrail/collector"
	"pulltrail/indexer"
	"pulltrail/internal/deadletter"
	"pulltrail/internal/version"
	"pulltrail/internal/web/api"
	"pulltrail/scheduler"
)

// fares tells the API how the process fares, and begins runs for it.
type fares struct {
	schedule *scheduler.Scheduler
	poller   *collector.Collector
	roster   tracked
	letters  *deadletter.Store
	sinks    []*indexer.Follower
	runs     *onDemand
}

// Collect begins a run.
func (o fares) Collect(context.Context) error { return o.runs.Begin() }

// Status puts together what the parts say.
func (o fares) Status(ctx context.Context) (api.Status, error) {
	job := collectStatus(o.schedule)
	s := api.Status{
		Version: version.Short(), Running: job.Running || o.runs.Busy(), Next: orNone(job.Next),
		Last: o.lastRun(), DockerHub: o.limits(), Causes: map[string]int{}, Sinks: []api.Sink{},
	}
	fates, err := o.roster.Fates(ctx)
	if err != nil {
		return api.Status{}, err
	}
	s.Tracked = len(fates)
	for _, f := range fates {
		if f.Cause != "" {
			s.Causes[f.Cause]++
		}
	}
	if s.DeadLetters, err = o.letters.Count(ctx); err != nil {
		return api.Status{}, err
	}
	for _, f := range o.sinks {
		s.Sinks = append(s.Sinks, sinkOf(f))
	}
	return s, nil
}

func (o fares) lastRun() *api.Run {
	last, ran := o.poller.Last()
	if !ran {
		return nil
	}
	return &api.Run{
		Slot: last.Slot, Started: last.Started, Finished: last.Finished,
		Succeeded: last.Succeeded, Skipped: last.Skipped, Failed: last.Failed, Requests: last.Requests,
	}
}

func (o fares) limits() *api.Limits {
	l, said := o.poller.Limits()
	if !said {
		return nil
	}
	return &api.Limits{Limit: l.Limit, Remaining: l.Remaining, Reset: l.Reset.UTC()}
}

func sinkOf(f *indexer.Follower) api.Sink {
	s := f.State()
	return api.Sink{
		Sink: f.Sink(), Log: f.Log(), OK: s.OK, Since: s.Since.UTC(),
		Behind: uint64(s.Head - min(s.Head, s.Position)), LagSeconds: s.Lag.Seconds(),
	}
}

// orNone is nil where there is no such time.
func orNone(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	u := t.UTC()
	return &u
}
