package scheduler

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// acquire reserves the job for one run, after which execute releases it.
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
// schedule is recorded before the job is released, so that the next one finds the
// ledger up to date.
func (j *job) execute(ctx context.Context, run Run) error {
	started := time.Now()
	outcome, err := j.call(ctx, run)
	status := RunStatus{Slot: run.Slot, Manual: run.Manual, Started: started, Finished: time.Now(), Err: err}
	cut := ctx.Err() != nil
	j.tell(status, outcome, cut)
	var rest *continuation
	if !run.Manual && !cut {
		if rest = continuationOf(run, status); rest == nil {
			j.book.record(ctx, run.Slot)
		}
	}
	j.release(status, rest) // before anybody can see that it has ended, and asks for another
	j.metrics.observe(outcome, started, status.Finished)
	return err
}

// tell logs a run that has failed. A success is for the job to log, and a retry for release.
func (j *job) tell(run RunStatus, outcome string, cut bool) {
	switch {
	case outcome == outcomePanic: // logged with its stack
	case cut && run.Err != nil:
		j.log.Info("run cut short", "slot", run.Slot, "manual", run.Manual, "err", run.Err)
	case outcome == outcomeUnfinished && run.Manual:
		j.log.Info("run not finished", "slot", run.Slot, "manual", run.Manual, "err", run.Err)
	case outcome == outcomeUnfinished:
	case run.Err != nil:
		j.log.Error("run failed", "slot", run.Slot, "manual", run.Manual, "err", run.Err)
	}
}

// release gives the job back after a run that leaves rest to do, nil for nothing.
func (j *job) release(run RunStatus, rest *continuation) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case rest == nil:
	case !rest.at.Before(j.next) || !rest.run.Slot.Before(j.next): // the latter after a clock was set back
		j.log.Info("unfinished slot superseded by the next", "slot", rest.run.Slot, "next", j.next, "err", run.Err)
	default:
		j.rest = rest
		j.log.Info("slot not finished, retrying later", "slot", rest.run.Slot, "at", rest.at, "err", run.Err)
	}
	j.last = &run
	j.running = false
	select {
	case j.ended <- struct{}{}:
	default:
	}
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
	if unfinished := (*Unfinished)(nil); errors.As(err, &unfinished) {
		return outcomeUnfinished, err
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
	if j.rest != nil {
		s.Retry = j.rest.at
	}
	if j.last != nil {
		last := *j.last
		s.Last = &last
	}
	return s
}
