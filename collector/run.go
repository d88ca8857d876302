package collector

import (
	"context"
	"fmt"
	"sync"
	"time"

	"pulltrail/internal/hub"
)

// appendTimeout bounds the storing of a snapshot, which the end of a run does not
// cancel.
const appendTimeout = 10 * time.Second

// run is one call of Collect. The context of its methods is the run's own: it ends
// when the caller's does, or by stop, whose argument is then the reason.
type run struct {
	*Collector
	stop         context.CancelCauseFunc
	slot         time.Time
	repositories []hub.Repository
}

type indexed struct {
	index int
	Result
}

// start begins the work. Every repository gets a result, whatever happens, and
// nobody has to receive it for the workers to end.
func (r *run) start(ctx context.Context, workers *sync.WaitGroup) <-chan indexed {
	queue := make(chan int, len(r.repositories))
	for i := range r.repositories {
		queue <- i
	}
	close(queue)
	results := make(chan indexed, len(r.repositories))
	for range min(r.concurrency, len(r.repositories)) {
		workers.Go(func() {
			for i := range queue {
				results <- indexed{i, r.one(ctx, r.repositories[i])}
			}
		})
	}
	return results
}

// one takes one snapshot, when it is its turn.
func (r *run) one(ctx context.Context, repository hub.Repository) Result {
	result := Result{Repository: repository}
	result.Skipped, result.Err = r.turn(ctx, repository)
	if result.Err != nil {
		result.Cause = Cancelled
	}
	if result.Skipped || result.Err != nil {
		return result
	}
	started := time.Now()
	result.Snapshot, result.Err = r.take(ctx, repository)
	result.Cause, result.Duration = causeOf(result.Err), time.Since(started)
	return result
}

// turn waits until a request may begin, unless the snapshot is known. An error
// means that the run is over before it is this repository's turn.
func (r *run) turn(ctx context.Context, repository hub.Repository) (known bool, err error) {
	if ctx.Err() != nil {
		return false, ended(ctx)
	}
	known, err = r.known.Has(ctx, repository, r.slot)
	if err != nil {
		r.stop(fmt.Errorf("whether %s is known already: %w", hub.ID(repository, r.slot), err))
		return false, ended(ctx)
	}
	if known {
		return true, nil
	}
	if err := r.limiter.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return false, ended(ctx)
		}
		// The limiter begins no wait that the run's deadline would end, while
		// requests that are under way may still succeed.
		return false, fmt.Errorf("its turn would come after the end of the run: %w", context.DeadlineExceeded)
	}
	return false, nil
}

// take asks Docker Hub and stores the answer.
func (r *run) take(ctx context.Context, repository hub.Repository) (hub.Snapshot, error) {
	started := time.Now()
	snapshot, err := r.client.fetch(ctx, repository, r.slot)
	r.metrics.duration.Observe(time.Since(started).Seconds())
	if err != nil {
		r.metrics.requests.WithLabelValues(string(causeOf(err))).Inc()
		return hub.Snapshot{}, err
	}
	r.metrics.requests.WithLabelValues(outcomeOK).Inc()
	// A poll cannot be repeated later: what has arrived is stored even while the
	// run is being ended.
	storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout)
	defer cancel()
	if err := r.outbox.Append(storing, snapshot); err != nil {
		err = fmt.Errorf("storing %s in the outbox: %w", snapshot.ID(), err)
		r.stop(err)
		return hub.Snapshot{}, &failure{Cancelled, err}
	}
	return snapshot, nil
}

// ended is the error of what the end of a run cut off.
func ended(ctx context.Context) error {
	return fmt.Errorf("the run ended first: %w", context.Cause(ctx))
}

// cutShort is the error of a run that left repositories undone, which is logged
// in one line; nil when all had their turn.
func (r *run) cutShort(ctx context.Context, summary Summary) error {
	var undone int
	var reason error
	for _, result := range summary.Results {
		if result.Cause == Cancelled {
			undone++
			reason = result.Err
		}
	}
	if undone == 0 {
		return nil
	}
	if ctx.Err() != nil {
		reason = context.Cause(ctx)
	}
	r.log.Warn("run cut short", "slot", r.slot, "cause", string(Cancelled), "cancelled", undone, "err", reason)
	return fmt.Errorf("run for slot %s cut short, %d of %d repositories undone: %w",
		r.slot.Format(time.RFC3339), undone, len(summary.Results), reason)
}
