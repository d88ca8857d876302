package scheduler

import (
	"context"
	"errors"
	"sync"
	"time"
)

// minPause is the shortest time between a run and its continuation.
const minPause = time.Second

// Unfinished is the error of a job that has done a part of its slot and wants to be
// called again for it. It may be wrapped.
type Unfinished struct {
	// After is how long to wait until then, from the end of the run; anything below a
	// second is one.
	After time.Duration
	// Err is the reason, for the log; it may be nil.
	Err error
}

// Error is the reason.
func (u *Unfinished) Error() string {
	if u.Err == nil {
		return "the slot is not finished"
	}
	return "the slot is not finished: " + u.Err.Error()
}

// Unwrap is the reason.
func (u *Unfinished) Unwrap() error { return u.Err }

// continuation is what is left of a slot, until it is launched or replaced.
type continuation struct {
	run   Run
	at    time.Time
	pause time.Duration // what lay between the end of the run and at
}

// continuationOf returns what run leaves to do; nil unless the error in its status says that the slot is not finished.
func continuationOf(run Run, status RunStatus) *continuation {
	var u *Unfinished
	if !errors.As(status.Err, &u) {
		return nil
	}
	pause := max(u.After, minPause)
	return &continuation{run: run, at: status.Finished.Round(0).UTC().Add(pause), pause: pause}
}

// wait is how long it has to wait yet. A clock that was set back makes it wait no
// longer than was asked for.
func (c *continuation) wait(now time.Time) time.Duration {
	if c.at.Sub(now) > c.pause {
		c.at = now.Add(c.pause)
	}
	return c.at.Sub(now)
}

// proceed launches the pending continuation if it is its time, the job is free and the
// next slot has not come. Otherwise it says when to look again, unless a run ends
// before that.
func (j *job) proceed(ctx context.Context, now time.Time, runs *sync.WaitGroup) (launched bool, wait time.Duration) {
	run, wait := j.pending(now)
	if wait > 0 {
		return false, wait
	}
	j.launch(ctx, run, runs)
	return true, 0
}

// pending is the run to go on with and how long to wait until then, recheck if there
// is nothing to wait for.
func (j *job) pending(now time.Time) (run Run, wait time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.rest == nil || j.running || !now.Before(j.next) {
		return Run{}, recheck
	}
	return j.rest.run, j.rest.wait(now)
}

// drop forgets the pending continuation, because it is launched or next takes its
// place.
func (j *job) drop(next time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.rest != nil && !j.rest.run.Slot.Equal(next) {
		j.log.Info("unfinished slot superseded by the next", "slot", j.rest.run.Slot, "next", next)
	}
	j.rest = nil
}
