package indexer

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// The pauses between two tries, each half to one and a half times as long as named,
// so that they begin around 0.5 s and are never above 30 s.
const (
	firstPause  = 500 * time.Millisecond
	longPause   = 20 * time.Second
	pauseFactor = 2
	pauseJitter = 0.5
)

func newBackoff(first, most time.Duration) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = first, most
	b.Multiplier, b.RandomizationFactor = pauseFactor, pauseJitter
	b.Reset()
	return b
}

// errProgress wraps the error of a try that got a part done, so that the next one
// follows after a short pause again.
type errProgress struct{ error }

func (e errProgress) Unwrap() error { return e.error }

// until repeats step, with the context work, until it succeeds or ctx is done. Its own
// error is that of ctx. This is the only place where anything is tried again.
func (f *Follower) until(ctx, work context.Context, step func(context.Context) error) error {
	pauses := newBackoff(firstPause, longPause)
	trouble := new(trouble)
	for {
		err := step(work)
		switch {
		case err == nil:
			f.health.recover(trouble)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
		f.metrics.failures.WithLabelValues(causeOf(err)).Inc()
		f.health.fail(trouble, err)
		if errors.As(err, new(errProgress)) {
			pauses.Reset()
		}
		if err := pause(ctx, pauses.NextBackOff()); err != nil {
			return err
		}
	}
}

// pause waits; its error is that of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
