package indexer

import (
	"context"
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

// The pauses between two probes of a sink, or of an index, that takes no writes, each up to
// a fifth longer or shorter than named. A probe is one document, so it may come often: the
// first one that is stored ends the wait of all others within a second.
const (
	firstProbe  = 250 * time.Millisecond
	longProbe   = 500 * time.Millisecond
	probeJitter = 0.2
)

func newProbeBackoff() *backoff.ExponentialBackOff {
	return newJitterBackoff(firstProbe, longProbe, probeJitter)
}

func newBackoff(first, most time.Duration) *backoff.ExponentialBackOff {
	return newJitterBackoff(first, most, pauseJitter)
}

func newJitterBackoff(first, most time.Duration, jitter float64) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = first, most
	b.Multiplier, b.RandomizationFactor = pauseFactor, jitter
	b.Reset()
	return b
}

// until repeats step, with the context work, until it succeeds or ctx is done. Its own
// error is that of ctx. Writes are repeated by settle.
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
