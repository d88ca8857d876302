package indexer

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"pulltrail/internal/search"
)

// gate holds batches back while a sink takes no writes at all. Meanwhile one batch at a
// time probes it with a single document; when that is stored, all of them are sent at once.
type gate struct {
	turn chan struct{} // full while somebody probes

	mu     sync.Mutex
	opened chan struct{} // closed when the sink takes writes again; nil while it does
	next   time.Time     // when the next probe is due
	quick  *backoff.ExponentialBackOff
	slow   *backoff.ExponentialBackOff // where asking often does harm
}

func newGate() *gate {
	return &gate{turn: make(chan struct{}, 1), quick: newProbeBackoff(), slow: newBackoff(firstPause, longPause)}
}

// enter waits until something may be sent: a batch, or a probe, after which leave must be
// called with the same probe. The error is that of ctx.
func (g *gate) enter(ctx context.Context) (probe bool, err error) {
	for {
		g.mu.Lock()
		opened := g.opened
		g.mu.Unlock()
		if opened == nil {
			return false, ctx.Err()
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-opened:
		case g.turn <- struct{}{}:
			if g.isDue(ctx, opened) {
				return true, nil
			}
			<-g.turn
		}
	}
}

// isDue waits for the next probe; false says that the gate has opened or ctx is done.
func (g *gate) isDue(ctx context.Context, opened <-chan struct{}) bool {
	g.mu.Lock()
	wait := time.Until(g.next)
	g.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-opened:
		return false
	case <-timer.C:
	}
	select {
	case <-opened: // before we had the turn
		return false
	default:
		return true
	}
}

// leave records what became of a batch or a probe. A nil error says that the sink takes
// writes; after any other the gate is closed.
func (g *gate) leave(probe bool, err error) {
	g.mu.Lock()
	switch {
	case err == nil && probe:
		close(g.opened)
		g.opened = nil
	case err == nil: // a probe does not reset the pauses: the batches behind it may be too much
		g.quick.Reset()
		g.slow.Reset()
	case probe || g.opened == nil:
		if g.opened == nil {
			g.opened = make(chan struct{})
		}
		g.next = time.Now().Add(g.pause(err))
	}
	g.mu.Unlock()
	if probe {
		<-g.turn
	}
}

// pause is how long to wait after a failure. A cluster may lock the account of a user with
// a wrong password, and what is no answer of a cluster is mended by a person.
func (g *gate) pause(err error) time.Duration {
	var refused *search.Error
	if errors.As(err, &refused) && (refused.Class == search.Unidentified || refused.Class == search.Forbidden || refused.Class == search.Unexpected) {
		return g.slow.NextBackOff()
	}
	return g.quick.NextBackOff()
}
