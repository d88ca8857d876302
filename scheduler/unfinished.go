package scheduler

import (
	"context"
	"errors"
	"sync"
	"time"
)

// leastAgain is the shortest pause before an unfinished slot goes on.
const leastAgain = time.Second

// Unfinished is the error of a job that has done a part of its slot and wants to be called
// for it again. The slot is not recorded in the ledger, so that a restart goes on with it
// too. The next slot takes its place when it comes first.
type Unfinished struct {
	// After is how long from now, at least a second.
	After time.Duration
	// Err is what is left to do, or why.
	Err error
}

func (u *Unfinished) Error() string { return "unfinished: " + u.Err.Error() }
func (u *Unfinished) Unwrap() error { return u.Err }

// continuation is an unfinished slot and when it goes on, by the wall clock.
type continuation struct {
	slot, at time.Time
}

// postpone remembers that a run on schedule is to go on, and reports whether it is.
func (j *job) postpone(run Run, err error) bool {
	var unfinished *Unfinished
	if run.Manual || !errors.As(err, &unfinished) {
		return false
	}
	at := time.Now().Round(0).Add(max(unfinished.After, leastAgain))
	j.mu.Lock()
	j.again = &continuation{run.Slot, at}
	j.mu.Unlock()
	j.log.Info("run unfinished", "slot", run.Slot, "again", at.UTC().Truncate(time.Second), "err", unfinished.Err)
	select {
	case j.postponed <- struct{}{}:
	default: // the loop has yet to take the last one
	}
	return true
}

// takeAgain is the unfinished slot whose time has come, which is forgotten with that.
// Otherwise wait is how long it may take until there is one, at most recheck.
func (j *job) takeAgain(now time.Time) (slot time.Time, wait time.Duration, due bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.again == nil {
		return time.Time{}, recheck, false
	}
	if wait := j.again.at.Sub(now); wait > 0 {
		return time.Time{}, min(wait, recheck), false
	}
	slot = j.again.slot
	j.again = nil
	return slot, 0, true
}

// resume runs the job for an unfinished slot, or a little later where it is running.
func (j *job) resume(ctx context.Context, slot time.Time, runs *sync.WaitGroup) {
	if j.acquire() {
		runs.Go(func() { _ = j.execute(ctx, Run{Slot: slot}) }) // the error is in the log and the status
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.again = &continuation{slot, time.Now().Round(0).Add(recheck)}
}

// dropAgain forgets the continuation, because a newer slot has come.
func (j *job) dropAgain() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.again = nil
}
