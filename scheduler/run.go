package scheduler

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// acquire reserves the job for one run, which execute gives back.
func (j *job) acquire() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.running {
		return false
	}
	j.running = true
	return true
}

// skip passes slot over.
func (j *job) skip(slot time.Time) {
	j.mu.Lock()
	j.skipped++
	j.mu.Unlock()
	j.metrics.skipped.Inc()
	j.log.Warn("slot skipped: the job is still running", "slot", slot)
}

// execute is one run of the acquired job, from its start to its records. A run on
// schedule is recorded before the job is given back, so that the next one finds the
// ledger up to date.
func (j *job) execute(ctx context.Context, run Run) error {
	started := time.Now()
	outcome, err := j.call(ctx, run)
	finished := time.Now()
	cut := ctx.Err() != nil
	postponed := !cut && outcome == outcomeFailed && j.postpone(run, err)
	switch {
	case postponed:
		outcome = outcomeUnfinished
	case outcome == outcomePanic: // logged with its stack
	case cut && err != nil:
		j.log.Info("run cut short", "slot", run.Slot, "manual", run.Manual, "err", err)
	case err != nil:
		j.log.Error("run failed", "slot", run.Slot, "manual", run.Manual, "err", err)
	default:
		j.log.Debug("run finished", "slot", run.Slot, "manual", run.Manual, "duration", finished.Sub(started))
	}
	if !run.Manual && !cut && !postponed {
		j.book.record(ctx, run.Slot)
	}
	j.metrics.observe(outcome, started, finished)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last = &RunStatus{Slot: run.Slot, Manual: run.Manual, Started: started, Finished: finished, Err: err}
	j.running = false
	return err
}

// call calls the job within its deadline and turns a panic into an error.
func (j *job) call(parent context.Context, run Run) (outcome string, err error) {
	ctx, cancel := context.WithTimeout(parent, j.Deadline)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			outcome, err = outcomePanic, fmt.Errorf("the job panicked: %v", p)
			j.log.Error("the job panicked", "slot", run.Slot, "err", err, "stack", string(debug.Stack()))
		}
	}()
	j.log.Debug("run started", "slot", run.Slot, "manual", run.Manual)
	err = j.Job(ctx, run)
	if err == nil {
		return outcomeOK, nil
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil && parent.Err() == nil {
		err = fmt.Errorf("the run took longer than its deadline of %s: %w", j.Deadline, err)
	}
	return outcomeFailed, err
}

func (j *job) status() Status {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := Status{Name: j.Name, Next: j.next, Running: j.running, Skipped: j.skipped}
	if j.again != nil {
		s.Again = j.again.at
	}
	if j.last != nil {
		last := *j.last
		s.Last = &last
	}
	return s
}
