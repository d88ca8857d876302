package scheduler_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"pulltrail/scheduler"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// epoch is when the clock of a synctest bubble begins; it is a slot of every spec
// that the tests use.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

var errWrong = errors.New("wrong")

// ledger is a Ledger in memory that can be told to fail or to take its time.
type ledger struct {
	mu                  sync.Mutex
	slots               map[string]time.Time
	writes              int
	failReads, failures int           // how many calls fail; -1 is all
	delay               time.Duration // of each write
}

func (l *ledger) LastSlot(_ context.Context, job string) (time.Time, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if fails(&l.failReads) {
		return time.Time{}, false, errWrong
	}
	slot, ok := l.slots[job]
	return slot, ok, nil
}

func (l *ledger) RecordSlot(ctx context.Context, job string, slot time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	delay := l.delay
	l.mu.Unlock()
	time.Sleep(delay)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes++
	if fails(&l.failures) {
		return errWrong
	}
	if l.slots == nil {
		l.slots = make(map[string]time.Time)
	}
	if slot.After(l.slots[job]) {
		l.slots[job] = slot
	}
	return nil
}

func fails(left *int) bool {
	if *left > 0 {
		*left--
		return true
	}
	return *left < 0
}

// set changes what the ledger does.
func (l *ledger) set(change func(*ledger)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

// last is what the ledger holds of the job "collect".
func (l *ledger) last() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.slots["collect"]
}

// call is one call of a job, in times since epoch.
type call struct {
	slot, began time.Duration
	manual      bool
}

// recorder is a job that notes its calls and then does what work says.
type recorder struct {
	work func(ctx context.Context, run scheduler.Run) error

	mu    sync.Mutex
	calls []call
}

func (r *recorder) job(ctx context.Context, run scheduler.Run) error {
	r.mu.Lock()
	r.calls = append(r.calls, call{slot: run.Slot.Sub(epoch), began: time.Since(epoch), manual: run.Manual})
	r.mu.Unlock()
	if r.work == nil {
		return nil
	}
	return r.work(ctx, run)
}

func (r *recorder) seen() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// slots are the slots of all calls, in hours since epoch.
func (r *recorder) slots() []float64 {
	var hours []float64
	for _, c := range r.seen() {
		hours = append(hours, c.slot.Hours())
	}
	return hours
}

// takes is work that lasts d, or shorter when it is cancelled.
func takes(d time.Duration) func(context.Context, scheduler.Run) error {
	return func(ctx context.Context, _ scheduler.Run) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
			return nil
		}
	}
}

// fixture is a scheduler with the one job "collect", hourly unless changed.
type fixture struct {
	*scheduler.Scheduler
	recorder
	ledger   *ledger
	registry *prometheus.Registry
	logs     *lockedBuffer
	stop     func()
}

// start runs a scheduler until the test ends or stop is called.
func start(t *testing.T, l *ledger, change func(*fixture, *scheduler.Spec)) *fixture {
	t.Helper()
	f := build(t, l, change)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	f.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	t.Cleanup(f.stop)
	synctest.Wait()
	return f
}

func build(t *testing.T, l *ledger, change func(*fixture, *scheduler.Spec)) *fixture {
	t.Helper()
	f := &fixture{ledger: l, registry: prometheus.NewRegistry(), logs: &lockedBuffer{}}
	spec := scheduler.Spec{Name: "collect", Schedule: "@hourly", Deadline: 24 * time.Hour, Job: f.job}
	if change != nil {
		change(f, &spec)
	}
	var err error
	f.Scheduler, err = scheduler.New(scheduler.Options{
		Ledger: l, Log: slog.New(slog.NewTextHandler(f.logs, nil)), Registerer: f.registry,
	}, spec)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// sleepTo lets the time since epoch come to d, and all that happens then happen.
func sleepTo(d time.Duration) {
	time.Sleep(time.Until(epoch.Add(d)))
	synctest.Wait()
}

type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

// count is how many lines hold text.
func (b *lockedBuffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.buffer.String(), text)
}
