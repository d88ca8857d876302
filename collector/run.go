package collector

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"pulltrail/internal/hub"
	"pulltrail/internal/roster"
)

// appendTimeout bounds the storing of a snapshot, which the end of a run does not
// cancel.
const appendTimeout = 10 * time.Second

// run is one call of Collect. The context of its methods is the run's own: it ends
// when the caller's does, or by stop, whose argument is then the reason.
type run struct {
	*Collector
	stop     context.CancelCauseFunc
	slot     time.Time
	names    []hub.Repository
	listed   []Namespace
	requests atomic.Int64
	limited  sync.Once // the first wait for Docker Hub is logged
	results  chan indexed
	// abandoned is closed when nobody takes results any more.
	abandoned chan struct{}

	mu       sync.Mutex
	listings []Listing // guarded by mu
}

// indexed is a result with its place among the names; -1 for one of a listing.
type indexed struct {
	index int
	Result
}

// start begins the work and closes results at its end. Every name gets a result,
// whatever happens.
func (r *run) start(ctx context.Context, workers *sync.WaitGroup) {
	tasks := make(chan func(), len(r.names)+len(r.listed))
	for i, name := range r.names {
		tasks <- func() { r.emit(i, r.one(ctx, name, false)) }
	}
	for _, n := range r.listed {
		tasks <- func() { r.list(ctx, n) }
	}
	close(tasks)
	var working sync.WaitGroup
	for range min(r.concurrency, cap(tasks)) {
		working.Go(func() {
			for task := range tasks {
				task()
			}
		})
	}
	workers.Go(func() {
		working.Wait()
		close(r.results)
	})
}

func (r *run) emit(index int, result Result) {
	select {
	case r.results <- indexed{index, result}:
	case <-r.abandoned:
	}
}

// one takes one snapshot, unless it is known, and enters what became of it into the
// roster.
func (r *run) one(ctx context.Context, repository hub.Repository, listed bool) Result {
	result := Result{Repository: repository}
	result.Skipped, result.Err = r.isKnown(ctx, repository)
	if result.Err == nil && !result.Skipped {
		result.Snapshot, result.Err = r.take(ctx, repository)
	}
	if result.Err != nil {
		result.Cause = causeOf(result.Err)
	}
	r.report(ctx, listed, result)
	return result
}

// isKnown reports whether the snapshot for the slot exists. Its error is the end of the
// run.
func (r *run) isKnown(ctx context.Context, repository hub.Repository) (bool, error) {
	if ctx.Err() != nil {
		return false, &failure{Cancelled, ended(ctx)}
	}
	known, err := r.known.Has(ctx, repository, r.slot)
	if err != nil {
		r.stop(fmt.Errorf("whether %s is known already: %w", hub.ID(repository, r.slot), err))
		return false, &failure{Cancelled, ended(ctx)}
	}
	return known, nil
}

// take asks Docker Hub and stores the answer.
func (r *run) take(ctx context.Context, repository hub.Repository) (snapshot hub.Snapshot, err error) {
	before := r.remembered.of(repository)
	err = r.get(ctx, r.client.detail(repository), before.etag, func(a answer) (err error) {
		body := a.body
		if a.status == http.StatusNotModified {
			body = before.body
		}
		if snapshot, err = decode(body, repository, a.arrived, r.slot); err == nil {
			r.remembered.keep(repository, a.header.Get("ETag"), body)
		}
		return err
	})
	if err != nil {
		return hub.Snapshot{}, err
	}
	if err := r.store(ctx, snapshot); err != nil {
		return hub.Snapshot{}, err
	}
	return snapshot, nil
}

// store puts snapshots into the outbox. A poll cannot be repeated later: what has arrived
// is stored even while the run is being ended.
func (r *run) store(ctx context.Context, snapshots ...hub.Snapshot) error {
	storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout)
	defer cancel()
	err := r.outbox.Append(storing, snapshots...)
	r.keeps(err)
	if err != nil {
		err = fmt.Errorf("storing %s in the outbox: %w", snapshots[0].ID(), err)
		r.stop(err)
		return &failure{Cancelled, err}
	}
	return nil
}

// report enters results into the roster, but for those of repositories that are not
// tracked, of those that had no turn, and of those that only a pattern would track and
// that are not there.
func (r *run) report(ctx context.Context, listed bool, results ...Result) {
	var reports []roster.Report
	for _, result := range results {
		if result.Cause == Cancelled || result.Cause == Budget || !r.plan.Tracks(result.Repository) {
			continue
		}
		if result.Cause == NotFound && !listed && !r.plan.named[result.Repository] {
			continue // it was asked for by hand, and a pattern tracks what there is and no typing mistakes
		}
		report := roster.Report{Repository: result.Repository, Listed: listed, Absent: result.Cause == NotFound, Cause: string(result.Cause)}
		if result.Err != nil {
			report.Message = result.Err.Error()
		}
		reports = append(reports, report)
	}
	if len(reports) == 0 {
		return
	}
	storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout)
	defer cancel()
	if err := r.roster.Report(storing, r.slot, reports...); err != nil {
		r.stop(fmt.Errorf("entering %s into the roster: %w", reports[0].Repository, err))
	}
}
