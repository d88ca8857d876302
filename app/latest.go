package app

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// staleAfter is how long a caller waits for a new value when there is an older one.
	staleAfter = 2 * time.Second
	// firstWithin is how long a caller waits for the first value.
	firstWithin = 5 * time.Second
)

// latest keeps the newest complete result of a read that may take long. A slow read is
// never cut off, because a read that starts again from the beginning may never finish: it
// continues in Run, all callers share it, and they get the previous result until it ends.
type latest[T any] struct {
	what string // what is read, for the log and for errors: "the repositories"
	read func(context.Context) (T, error)
	log  *slog.Logger

	wake chan struct{} // holds the request for a read that has not started

	mu      sync.Mutex
	current chan struct{} // closed when the requested read has ended; nil when none is requested
	last    *aged[T]      // nil before the first complete result
	err     error         // of the last read; nil when it succeeded
}

// aged is a result with the time at which its read started.
type aged[T any] struct {
	value T
	at    time.Time
}

func newLatest[T any](what string, log *slog.Logger, read func(context.Context) (T, error)) *latest[T] {
	return &latest[T]{what: what, read: read, log: log, wake: make(chan struct{}, 1)}
}

// request starts a read, unless one is under way, and returns the channel that is closed
// when it has ended.
func (l *latest[T]) request() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == nil {
		l.current = make(chan struct{})
		l.wake <- struct{}{} // never blocks: at most one read is requested at a time
	}
	return l.current
}

// get returns the result of a read that ends within staleAfter, or else the newest
// complete one. Before the first one it waits for firstWithin, and then returns an error.
func (l *latest[T]) get(ctx context.Context) (aged[T], error) {
	done := l.request()
	l.mu.Lock()
	patience := firstWithin
	if l.last != nil {
		patience = staleAfter
	}
	l.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
		return aged[T]{}, ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.last != nil:
		return *l.last, nil
	case l.err != nil:
		return aged[T]{}, fmt.Errorf("%s cannot be read; Pulltrail's log says why", l.what)
	}
	return aged[T]{}, fmt.Errorf("%s could not be read within %v; retry later", l.what, firstWithin)
}

// Run performs the requested reads, one at a time, until ctx is done.
func (l *latest[T]) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.wake:
		}
		started := time.Now()
		value, err := l.read(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // stopped; nobody asks any more
		}
		l.finish(value, started, err)
	}
}

// finish stores the result of a read. The log has a line when reading starts to fail and
// when it works again.
func (l *latest[T]) finish(value T, started time.Time, err error) {
	l.mu.Lock()
	failed := l.err != nil
	l.err = err
	if err == nil {
		l.last = &aged[T]{value, started}
	}
	close(l.current)
	l.current = nil
	l.mu.Unlock()
	switch {
	case err != nil && !failed:
		l.log.Warn("metrics not refreshed: "+l.what+" cannot be read", "err", err)
	case err == nil && failed:
		l.log.Info("metrics refreshed again: " + l.what + " can be read")
	}
}
