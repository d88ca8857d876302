package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ErrRunning is the answer to Trigger when the job is running already.
var ErrRunning = errors.New("the job is running already")

// ErrNotRunning is the answer to Trigger before Run was called and after its
// context is done.
var ErrNotRunning = errors.New("the scheduler is not running")

// Run is one run of a job.
type Run struct {
	// Slot is what the run is for, in UTC; for a manual run the time at which it was
	// triggered, in whole seconds.
	Slot   time.Time
	Manual bool
	// Missing says that the run is for what Spec.Missing has reported, and for nothing else.
	Missing bool
}

// Job does the work of one run. Its context ends at the deadline and when the
// scheduler stops; it must return soon after that, because Run waits for it. Its
// error is logged and counted, and the slot is dealt with all the same, unless the
// error is an Unfinished. It is never called while an earlier call has not returned.
type Job func(ctx context.Context, run Run) error

// Ledger remembers across restarts which slot each job has dealt with.
type Ledger interface {
	// LastSlot is the newest recorded slot of a job; ok is false before the first.
	LastSlot(ctx context.Context, job string) (slot time.Time, ok bool, err error)
	// RecordSlot is durable when it returns nil. It never moves backwards: an older
	// slot than the recorded one changes nothing. After an error it is called again.
	RecordSlot(ctx context.Context, job string, slot time.Time) error
}

// Spec is one job and when it runs.
type Spec struct {
	// Name is unique; the ledger and the metrics know the job by it.
	Name string
	// Schedule and Timezone are as ParseSchedule takes them.
	Schedule, Timezone string
	// Jitter delays the start of a run by a random time below it, but never to the
	// next slot. 0 is none.
	Jitter time.Duration
	// Deadline bounds one run; it must be above zero.
	Deadline time.Duration
	// RunOnStart runs the latest past slot at start if it was not recorded.
	RunOnStart bool
	// Missing reports whether something has never had a run, such as a repository that was added to the configuration.
	// It is called at start, unless a run for the latest past slot begins then anyway; if it reports true, the job runs
	// for that slot with Run.Missing set, whatever RunOnStart says. Nil reports false.
	Missing func(ctx context.Context) (bool, error)
	Job     Job
}

// Options are what all jobs share; all of them are needed.
type Options struct {
	Ledger     Ledger
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Scheduler runs jobs. Its methods are safe for concurrent use.
type Scheduler struct {
	jobs    []*job
	called  atomic.Bool   // Run was called
	started chan struct{} // closed when Run begins
	stopped chan struct{} // closed when its context is done
}

// New checks every spec and lists all mistakes in one error. Nothing runs before
// Run is called.
func New(opts Options, specs ...Spec) (*Scheduler, error) {
	metrics := newMetrics()
	s := &Scheduler{started: make(chan struct{}), stopped: make(chan struct{})}
	var mistakes []error
	names := make(map[string]bool, len(specs))
	for _, spec := range specs {
		j, err := newJob(spec, opts, metrics)
		if err == nil && names[spec.Name] {
			err = errors.New("the name is used twice")
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("job %q: %w", spec.Name, err))
			continue
		}
		names[spec.Name] = true
		s.jobs = append(s.jobs, j)
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	if err := metrics.register(opts.Registerer); err != nil {
		return nil, err
	}
	return s, nil
}

// Run runs the jobs until ctx is done and those that were running have returned. It
// can be called once; its error is nil after that.
func (s *Scheduler) Run(ctx context.Context) error {
	if s.called.Swap(true) {
		return errors.New("the scheduler was run before: it can run once")
	}
	close(s.started)
	var loops, runs sync.WaitGroup
	for _, j := range s.jobs {
		loops.Go(func() { j.loop(ctx, &runs) })
	}
	<-ctx.Done()
	close(s.stopped)
	loops.Wait() // from here on, no run begins
	runs.Wait()
	for _, j := range s.jobs {
		j.book.retry(ctx)
	}
	return nil
}

// Started is closed when Run begins: from then on Trigger has an answer other than
// ErrNotRunning, until the end.
func (s *Scheduler) Started() <-chan struct{} { return s.started }

// Trigger runs the named job now, without jitter and without touching the ledger,
// waits for its end and returns its error. The run ends with ctx, the values of
// which the job sees, as well as with the scheduler and at the deadline. ErrRunning
// says that the job is running already, ErrNotRunning that Run is not. A run for what is
// missing, which nobody has asked for, is waited for instead. A run that ends
// as Unfinished is not gone on with.
func (s *Scheduler) Trigger(ctx context.Context, name string) error {
	j, err := s.job(name)
	if err != nil {
		return err
	}
	select {
	case <-s.started:
	default:
		return ErrNotRunning
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for {
		done := make(chan error, 1)
		select {
		case <-s.stopped:
			return ErrNotRunning
		case <-ctx.Done():
			return ctx.Err()
		case j.manual <- request{ctx, done}:
		}
		err := <-done
		var wait *missingRun
		if !errors.As(err, &wait) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wait.done: // at the latest when the scheduler stops
		}
	}
}

func (s *Scheduler) job(name string) (*job, error) {
	names := make([]string, len(s.jobs))
	for i, j := range s.jobs {
		if j.Name == name {
			return j, nil
		}
		names[i] = j.Name
	}
	return nil, fmt.Errorf("there is no job %q, only: %s", name, strings.Join(names, ", "))
}

// Status is what a job is doing.
type Status struct {
	Name string
	// Next is the slot that is waited for.
	Next time.Time
	// Retry is when a slot is gone on with that its run has not finished; zero when
	// there is none.
	Retry   time.Time
	Running bool
	// Last is the last run that has ended; nil before the first since the start.
	Last *RunStatus
	// Skipped counts the slots that were passed over because the job was running.
	Skipped int
}

// RunStatus is how a run went.
type RunStatus struct {
	Slot              time.Time
	Manual            bool
	Started, Finished time.Time
	// Err is nil after a success.
	Err error
}

// Status tells of every job, in the order in which they were given to New.
func (s *Scheduler) Status() []Status {
	all := make([]Status, len(s.jobs))
	for i, j := range s.jobs {
		all[i] = j.status()
	}
	return all
}
