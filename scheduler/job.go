package scheduler

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// recheck is how often the wall clock is looked at: timers stand still while a
	// machine sleeps, and know nothing of a clock that is set.
	recheck = time.Minute
	// tolerance is how far the clock may go back without the schedule beginning anew.
	tolerance = time.Hour
)

// job is one job: its loop, which waits for slots, and the state of its runs.
type job struct {
	Spec
	schedule Schedule
	book     *book
	log      *slog.Logger
	metrics  jobMetrics
	manual   chan request
	unasked  bool          // Missing has failed; used by the loop only
	ended    chan struct{} // a signal that a run has ended; those that nobody has taken are one

	mu      sync.Mutex
	next    time.Time
	running bool
	rest    *continuation // nil when none is pending
	missing *missingRun   // the run for what is missing; nil when it is not running
	last    *RunStatus
	skipped int
}

// missingRun is a run for what is missing. The next slot cancels it, and a manual run waits for it; to that, it is the
// error.
type missingRun struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when the run has ended
}

func (*missingRun) Error() string { return ErrRunning.Error() }

// request asks for a manual run; done gets its result, once.
type request struct {
	ctx  context.Context //nolint:containedctx // it is on its way to the loop, nothing keeps it
	done chan<- error
}

func newJob(spec Spec, opts Options, m *metrics) (*job, error) {
	schedule, err := ParseSchedule(spec.Schedule, spec.Timezone)
	switch {
	case err != nil:
		return nil, err
	case spec.Name == "":
		return nil, errors.New("it has no name")
	case spec.Job == nil:
		return nil, errors.New("there is nothing to run")
	case spec.Jitter < 0:
		return nil, errors.New("the jitter must not be negative; write 0s for none")
	case spec.Deadline <= 0:
		return nil, errors.New("the deadline must be above zero, such as 30m")
	}
	log := opts.Log.With("job", spec.Name)
	return &job{
		Spec:     spec,
		schedule: schedule,
		book:     &book{ledger: opts.Ledger, job: spec.Name, log: log},
		log:      log,
		metrics:  m.of(spec.Name),
		manual:   make(chan request),
		ended:    make(chan struct{}, 1),
		next:     schedule.Next(time.Now()),
	}, nil
}

// loop launches a run for every slot until ctx is done. What it launches counts in
// runs and may outlive it.
func (j *job) loop(ctx context.Context, runs *sync.WaitGroup) {
	taken := j.schedule.Latest(time.Now()) // nothing up to here is waited for
	slot, due := j.plan(taken)             // before any run, which asks what comes next
	begun := j.begin(ctx, taken, runs)
	for ctx.Err() == nil {
		now := time.Now().Round(0) // by the wall clock, as slots are
		switch wait := due.Sub(now); {
		case taken.Sub(now) > tolerance:
			taken = j.schedule.Latest(now)
			slot, due = j.plan(taken)
			j.drop(slot)
			j.log.Warn("clock set back; restarting the schedule", "slot", slot)
		case wait <= 0:
			taken, begun = j.newest(slot, now), true
			slot, due = j.plan(taken)
			j.launch(ctx, Run{Slot: taken}, runs)
		default:
			if launched, pause := j.proceed(ctx, now, runs); !launched && j.idle(ctx, min(wait, pause, recheck), runs) {
				begun = begun || j.begin(ctx, taken, runs)
				j.book.retry(ctx)
			}
		}
	}
}

// idle waits until something happens, for d at most, and answers a request for a
// manual run. It reports whether d has passed.
func (j *job) idle(ctx context.Context, d time.Duration, runs *sync.WaitGroup) bool {
	select {
	case <-ctx.Done():
	case <-j.ended: // there may be something to go on with
	case r := <-j.manual:
		j.trigger(ctx, r, runs)
	case <-time.After(d):
		return true
	}
	return false
}

// begin deals with slot, the latest past one, as the ledger says. It reports false
// when the ledger cannot be read, which calls for another try.
func (j *job) begin(ctx context.Context, slot time.Time, runs *sync.WaitGroup) bool {
	last, known, err := j.book.last(ctx)
	switch {
	case err != nil:
		return false
	case known && !last.Before(slot):
		if last.After(time.Now()) {
			j.log.Warn("slot ledger is ahead of the clock; missed slots are not caught up until then", "slot", last)
		}
		return j.complete(ctx, slot, runs)
	case known:
		j.log.Info("catching up the newest missed slot", "slot", slot, "last", last)
		j.launch(ctx, Run{Slot: slot}, runs)
	case j.RunOnStart:
		j.launch(ctx, Run{Slot: slot}, runs)
	default: // so that a later restart sees what was missed since
		j.book.record(ctx, slot)
		return j.complete(ctx, slot, runs)
	}
	return true
}

// complete launches a run for slot, the latest past one, if something has never had a run. It returns false if that
// cannot be found out; the caller retries.
func (j *job) complete(ctx context.Context, slot time.Time, runs *sync.WaitGroup) bool {
	if j.Missing == nil {
		return true
	}
	missing, err := j.Missing(ctx)
	if ctx.Err() != nil {
		return true
	}
	if failed := err != nil; failed != j.unasked {
		j.unasked = failed
		if failed {
			j.log.Error("cannot determine what has never had a run; retrying every minute", "err", err)
		}
	}
	if missing && err == nil {
		j.launch(ctx, Run{Slot: slot, Missing: true}, runs)
	}
	return err == nil
}

// plan is the slot after taken and when its run is due.
func (j *job) plan(taken time.Time) (slot, due time.Time) {
	slot = j.schedule.Next(taken)
	j.mu.Lock()
	j.next = slot
	j.mu.Unlock()
	j.metrics.next.Set(float64(slot.Unix()))
	spread := min(j.Jitter, j.schedule.Next(slot).Sub(slot))
	if spread <= 0 {
		return slot, slot
	}
	return slot, slot.Add(rand.N(spread)) //nolint:gosec // it spreads load and guards nothing
}

// newest is slot, or the newest one that has come since, when the time of several
// went by unnoticed.
func (j *job) newest(slot, now time.Time) time.Time {
	newest := j.schedule.Latest(now)
	if !newest.After(slot) {
		return slot
	}
	j.log.Warn("slots missed (machine asleep, or clock set?); running the newest", "slot", newest, "first", slot)
	return newest
}

// trigger answers a request for a manual run.
func (j *job) trigger(ctx context.Context, r request, runs *sync.WaitGroup) {
	if ctx.Err() != nil {
		r.done <- ErrNotRunning
		return
	}
	j.mu.Lock()
	missing := j.missing // before it ends; only this goroutine begins one
	j.mu.Unlock()
	if !j.acquire() {
		if missing != nil {
			r.done <- missing
		} else {
			r.done <- ErrRunning
		}
		return
	}
	run := Run{Slot: time.Now().UTC().Truncate(time.Second), Manual: true}
	runs.Go(func() {
		both, cancel := context.WithCancel(r.ctx)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		r.done <- j.execute(both, run)
	})
}

// launch runs the job for a slot, unless it is still running. The run replaces a pending continuation, and cancels a run
// for what is missing, because it covers that too.
func (j *job) launch(ctx context.Context, run Run, runs *sync.WaitGroup) {
	if !j.acquire() && !j.preempt() {
		j.skip(run.Slot)
		return
	}
	j.drop(run.Slot)
	if !run.Missing {
		runs.Go(func() {
			// The error is in the log, the metrics and the status.
			_ = j.execute(ctx, run)
		})
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	this := &missingRun{cancel: cancel, done: make(chan struct{})}
	j.mu.Lock()
	j.missing = this
	j.mu.Unlock()
	runs.Go(func() {
		defer close(this.done)
		defer cancel()
		_ = j.execute(ctx, run)
		j.mu.Lock()
		j.missing = nil
		j.mu.Unlock()
	})
}

// preempt cancels the run for what is missing, if it is that which is running, and waits for its end. It reports whether
// it has acquired the job.
func (j *job) preempt() bool {
	j.mu.Lock()
	running := j.missing
	j.mu.Unlock()
	if running != nil {
		running.cancel()
		<-running.done
	}
	return j.acquire()
}
