package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"pulltrail/collector"
	"pulltrail/indexer"
	"pulltrail/internal/control"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/outbox"
	"pulltrail/mqttio"
	"pulltrail/scheduler"
)

// settlePoll is how often a run by hand looks whether its snapshots have arrived.
const settlePoll = 50 * time.Millisecond

// collection is the collect job: what the scheduler runs, and what a person can
// ask for.
type collection struct {
	collector *collector.Collector
	outbox    *outbox.Outbox
	history   *history.Store
	publisher *mqttio.Publisher
	followers []*indexer.Follower
	fresh     uncollected
	// trigger runs the job now, unless it runs already.
	trigger func(context.Context) error
}

// request is what a run by hand asks of the job. It travels in the context,
// because the scheduler, which guards against overlap, knows nothing of it.
type request struct {
	repositories []hub.Repository
	progress     func(collector.Result)
	summary      collector.Summary // what became of it
}

type requestKey struct{}

// job is one run, on schedule or by hand.
func (c *collection) job(ctx context.Context, run scheduler.Run) error {
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		r = &request{}
	}
	var err error
	switch {
	case run.Missing:
		names, namespaces, failed := c.fresh.find(ctx)
		if failed != nil {
			return &scheduler.Unfinished{After: time.Minute, Err: failed}
		}
		if len(names)+len(namespaces) == 0 {
			return nil
		}
		r.summary, err = c.collector.CollectOnly(ctx, run.Slot, names, namespaces, r.progress)
	case len(r.repositories) == 0:
		r.summary, err = c.collector.CollectAll(ctx, run.Slot, r.progress)
	default:
		r.summary, err = c.collector.Collect(ctx, run.Slot, r.repositories, r.progress)
	}
	if again := r.summary.Again; again > 0 && !run.Manual {
		if err == nil {
			err = errors.New(r.summary.Unfinished)
		}
		return &scheduler.Unfinished{After: again, Err: err}
	}
	return err
}

// onceRunning triggers a run, and waits for a scheduler that is just starting, beside what
// asks it.
func onceRunning(ctx context.Context, schedule *scheduler.Scheduler) error {
	select {
	case <-schedule.Started():
	case <-ctx.Done():
	case <-time.After(stopTimeout):
	}
	return schedule.Trigger(ctx, collectJob)
}

// now runs the job without a scheduler.
func (c *collection) now(ctx context.Context) error {
	return c.job(ctx, scheduler.Run{Slot: time.Now().UTC().Truncate(time.Second), Manual: true})
}

// Collect is a run by hand; it makes collection a control.Collector.
func (c *collection) Collect(ctx context.Context, repositories []hub.Repository, settle time.Duration, progress func(control.Result)) (control.Summary, error) {
	r := &request{repositories: repositories, progress: func(result collector.Result) { progress(shown(result)) }}
	refused := c.refused()
	err := c.trigger(context.WithValue(ctx, requestKey{}, r))
	if errors.Is(err, scheduler.ErrRunning) {
		return control.Summary{}, errors.New("a run is under way: try again when it has ended")
	}
	if err != nil {
		return control.Summary{}, err
	}
	summary := summaryOf(r.summary)
	summary.Undelivered, err = c.settle(ctx, r.summary, refused, settle)
	return summary, err
}

func summaryOf(run collector.Summary) control.Summary {
	var notes []string
	for _, l := range run.Listings {
		if l.Err != nil {
			notes = append(notes, l.Err.Error())
		}
	}
	return control.Summary{
		Notes: notes,
		Slot:  run.Slot, Duration: run.Finished.Sub(run.Started),
		Succeeded: run.Succeeded, Skipped: run.Skipped, Failed: run.Failed,
	}
}

func shown(r collector.Result) control.Result {
	out := control.Result{Repository: r.Repository, Skipped: r.Skipped}
	switch {
	case r.Err != nil:
		out.Cause, out.Error = string(r.Cause), r.Err.Error()
	case !r.Skipped:
		out.PullCount, out.StarCount = &r.Snapshot.PullCount, r.Snapshot.StarCount
	}
	return out
}

// settle waits until the snapshots of a run are in history and the sinks have
// caught up with it, for patience at most. It returns what is missing then.
func (c *collection) settle(ctx context.Context, run collector.Summary, refused []uint64, patience time.Duration) (string, error) {
	deadline := time.After(patience)
	tick := time.NewTicker(settlePoll)
	defer tick.Stop()
	for {
		missing, err := c.missing(ctx, run)
		if missing == "" || err != nil {
			return c.refusedSince(refused), err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-deadline:
			return missing, nil
		case <-tick.C:
		}
	}
}

// missing says in words what of a run has not arrived; empty when all has.
func (c *collection) missing(ctx context.Context, run collector.Summary) (string, error) {
	waiting, err := c.outbox.Waiting(ctx, run.Slot)
	if err != nil {
		return "", err
	}
	if waiting > 0 {
		s := c.publisher.State()
		return counted(waiting, "snapshot is", "snapshots are") + " in the outbox, because the broker has not taken everything" + because(either(s.Err, s.Detail)), nil
	}
	head, err := c.history.Head(ctx)
	if err != nil {
		return "", err
	}
	var behind []string
	for _, f := range c.followers {
		if s := f.State(); f.Log() == historyLog && s.Position < head {
			behind = append(behind, fmt.Sprintf("%s has not stored everything yet%s", f.Sink(), because(s.Err)))
		}
	}
	return strings.Join(behind, "; "), nil
}

// refused is how many entries of history each follower could only keep as dead
// letters.
func (c *collection) refused() []uint64 {
	counts := make([]uint64, len(c.followers))
	for i, f := range c.followers {
		if f.Log() == historyLog {
			counts[i] = f.State().Refused
		}
	}
	return counts
}

// refusedSince says in words what was refused after before; empty for nothing.
func (c *collection) refusedSince(before []uint64) string {
	var all []string
	for i, now := range c.refused() {
		if n := now - before[i]; n > 0 {
			all = append(all, fmt.Sprintf("%s rejected %s: see pulltrail deadletters", c.followers[i].Sink(), counted(n, "snapshot", "snapshots")))
		}
	}
	return strings.Join(all, "; ")
}

// counted is such as "1 snapshot" or "2 snapshots".
func counted[N int | int64 | uint64](n N, one, more string) string {
	if n == 1 {
		more = one
	}
	return fmt.Sprintf("%d %s", n, more)
}

func because(err string) string {
	if err == "" {
		return ""
	}
	return " (" + err + ")"
}

// known tells the collector what was taken already: it waits in the outbox or has
// arrived in history.
type known struct {
	outbox  *outbox.Outbox
	history *history.Store
}

// Has reports whether the snapshot of r for slot exists.
func (k known) Has(ctx context.Context, r hub.Repository, slot time.Time) (bool, error) {
	there, err := k.outbox.Has(ctx, r, slot)
	if there || err != nil {
		return there, err
	}
	return k.history.Has(ctx, r, slot)
}
