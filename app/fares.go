package app

import (
	"context"
	"time"

	"pulltrail/indexer"
	"pulltrail/internal/version"
	"pulltrail/internal/web/api"
)

// fares tells the API how the process fares, and begins runs for it.
type fares struct{ of operations }

// Collect begins a run.
func (f fares) Collect(context.Context) error { return f.of.runs.Begin() }

// Status puts together what the parts say.
func (f fares) Status(ctx context.Context) (api.Status, error) {
	job := collectStatus(f.of.schedule)
	s := api.Status{
		Version: version.Short(), Running: job.Running || f.of.runs.Busy(), Next: orNone(job.Next),
		Last: f.lastRun(), DockerHub: f.limits(), Causes: map[string]int{}, Sinks: []api.Sink{},
	}
	fates, err := f.of.roster.Fates(ctx)
	if err != nil {
		return api.Status{}, err
	}
	s.Tracked = len(fates)
	for _, fate := range fates {
		if fate.Cause != "" {
			s.Causes[fate.Cause]++
		}
	}
	if s.DeadLetters, err = f.of.letters.Count(ctx); err != nil {
		return api.Status{}, err
	}
	for _, sink := range f.of.sinks {
		s.Sinks = append(s.Sinks, sinkOf(sink))
	}
	return s, nil
}

func (f fares) lastRun() *api.Run {
	last, ran := f.of.poller.Last()
	if !ran {
		return nil
	}
	return &api.Run{
		Slot: last.Slot, Started: last.Started, Finished: last.Finished,
		Succeeded: last.Succeeded, Skipped: last.Skipped, Failed: last.Failed, Requests: last.Requests,
	}
}

func (f fares) limits() *api.Limits {
	l, said := f.of.poller.Limits()
	if !said {
		return nil
	}
	return &api.Limits{Limit: l.Limit, Remaining: l.Remaining, Reset: l.Reset.UTC()}
}

func sinkOf(f *indexer.Follower) api.Sink {
	s := f.State()
	return api.Sink{
		Sink: f.Sink(), Log: f.Log(), OK: s.OK, Since: s.Since.UTC(),
		Behind: s.Behind(), LagSeconds: s.Lag.Seconds(),
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
