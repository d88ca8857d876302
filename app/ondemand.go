package app

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"pulltrail/internal/web/api"
	"pulltrail/scheduler"
)

// onDemand begins the runs that somebody asks the API for. They are the process's: they
// go on when the one who asked has gone, and end with Run.
type onDemand struct {
	trigger func(context.Context) error // runs the job now and returns at its end
	running func() bool                 // the job runs, whoever has begun it
	never   bool                        // there is no collector
	log     *slog.Logger

	asked chan struct{} // holds the one that is accepted and not begun yet
	busy  atomic.Bool   // from the asking to the end of the run
}

func newOnDemand(trigger func(context.Context) error, running func() bool, log *slog.Logger) *onDemand {
	return &onDemand{trigger: trigger, running: running, log: log, asked: make(chan struct{}, 1)}
}

// Begin accepts a run, unless there is one: api.ErrRunning.
// In a process that collects nothing that is an error.
func (d *onDemand) Begin() error {
	if d.never {
		return errNoCollector
	}
	if d.running() || !d.busy.CompareAndSwap(false, true) {
		return api.ErrRunning
	}
	d.asked <- struct{}{} // there is room, as it was not busy
	return nil
}

// Busy reports whether a run was accepted that has not ended.
func (d *onDemand) Busy() bool { return d.busy.Load() }

// Run runs what was accepted, until ctx is done.
func (d *onDemand) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.asked:
		}
		err := d.trigger(ctx) // what becomes of a run stands in the log already
		if errors.Is(err, scheduler.ErrRunning) || errors.Is(err, scheduler.ErrNotRunning) {
			d.log.Info("requested run did not start", "err", err)
		}
		d.busy.Store(false)
	}
}
