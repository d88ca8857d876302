package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"pulltrail/collector"
	"pulltrail/indexer"
	"pulltrail/internal/deadletter"
	"pulltrail/internal/outbox"
	"pulltrail/internal/web/ops"
	"pulltrail/internal/web/page"
	"pulltrail/scheduler"
)

// operations tell the status page, and as fares the API, how everything stands.
type operations struct {
	started  time.Time
	config   collector.Config
	schedule *scheduler.Scheduler
	poller   *collector.Collector
	roster   tracked
	parts    *ops.Probes
	sinks    []*indexer.Follower
	outbox   *outbox.Outbox
	letters  *deadletter.Store
	database string // its file
	runs     *onDemand
}

// Collect has a run begin now, unless there is one.
func (o operations) Collect() {
	_ = o.runs.Begin() // where there is one, that is what was wanted; where there is no collector, there is no button
}

// Report is how everything stands; with an error, what could be read of it.
func (o operations) Report(ctx context.Context) (page.Report, error) {
	s := collectStatus(o.schedule)
	r := page.Report{
		Started: o.started,
		Schedule: page.Schedule{
			Spec: o.config.Schedule, Timezone: o.config.Timezone, Next: s.Next, Retry: s.Retry, Skipped: s.Skipped,
		},
		Asked: o.runs.Busy(), Last: o.last(s), Limits: o.limits(),
	}
	if o.runs.never {
		r.Schedule, r.NoCollector = page.Schedule{Spec: "none, because mode is indexer"}, true
	}
	for _, p := range o.parts.States(ctx) {
		r.Parts = append(r.Parts, page.Part{Name: p.Name, OK: p.OK, Optional: p.Optional, Since: p.Since, Detail: p.Detail})
	}
	r.Sinks = o.Sinks()
	return r, o.stored(ctx, &r)
}

// Sinks are how far each has come.
func (o operations) Sinks() []page.Sink {
	var all []page.Sink
	for _, f := range o.sinks {
		st := f.State()
		all = append(all, page.Sink{
			Name: f.Sink(), Log: f.Log(), OK: st.OK, Lag: st.Lag, Refused: st.Refused,
			Behind: st.Behind(),
		})
	}
	return all
}

// stored fills in what has to be read.
func (o operations) stored(ctx context.Context, r *page.Report) error {
	listings, err := o.roster.Listings(ctx)
	for _, l := range listings {
		r.Listings = append(r.Listings, page.Listing{
			Namespace: l.Namespace, Rows: l.Rows, Total: l.Total, Slot: l.Slot, Truncated: l.Truncated, Message: l.Message,
		})
	}
	waiting, err2 := o.outbox.Len(ctx)
	if err2 == nil {
		r.Outbox = &waiting
	}
	var err3, err4 error
	r.Letters, err3 = o.letters.Count(ctx)
	r.Database, err4 = sizeOf(o.database)
	return errors.Join(err, err2, err3, err4)
}

// last is the last run that has ended. The collector counts, the scheduler knows of what
// ended the run as a whole; of runs that the two tell differently, the collector's is the
// one that asked for something.
func (o operations) last(s scheduler.Status) *page.LastRun {
	run, ran := o.poller.Last()
	if !ran {
		return nil
	}
	last := &page.LastRun{
		Slot: run.Slot, Started: run.Started, Finished: run.Finished,
		Succeeded: run.Succeeded, Skipped: run.Skipped, Failed: run.Failed, Requests: run.Requests,
		Unfinished: run.Unfinished,
	}
	if s.Last != nil && s.Last.Slot.Equal(run.Slot) {
		last.Manual = s.Last.Manual
		if s.Last.Err != nil && run.Unfinished == "" {
			last.Err = s.Last.Err.Error()
		}
	}
	return last
}

func (o operations) limits() *page.Limits {
	l, told := o.poller.Limits()
	if !told {
		return nil
	}
	return &page.Limits{Limit: l.Limit, Remaining: l.Remaining, Reset: l.Reset}
}

// sizeOf is what a database takes on the disk, its log included.
func sizeOf(database string) (*int64, error) {
	var total int64
	for _, name := range []string{database, database + "-wal"} {
		info, err := os.Stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist) && name != database:
		case err != nil:
			return nil, fmt.Errorf("the size of the database: %w", err)
		default:
			total += info.Size()
		}
	}
	return &total, nil
}
