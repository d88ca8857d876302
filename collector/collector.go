// Package collector asks Docker Hub for the state of repositories and puts every
// answer into the outbox.
//
// # What it promises
//
// A snapshot counts as taken only when the outbox has made it durable, which
// happens as soon as its answer is there: the end of a run loses none of them.
// An answer that is not a statistic of the repository that was asked for is a
// failure with a Cause, never a count of zero. A failing repository stops no
// other one; an outbox that cannot store stops the run, because a poll that
// nobody keeps is of no use to anyone.
//
// # Bounds
//
// A run has at most Config.Concurrency requests under way, and all runs together
// begin at most Config.Rate of them each second, without bursts. A request takes
// at most Config.Timeout, and of its answer at most Config.MaxBody bytes (and one)
// are read; beyond either it is a failure. Nothing is tried twice within a run:
// the next slot asks again.
package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"pulltrail/internal/hub"
)

// Outbox is where snapshots wait to be published.
type Outbox interface {
	// Append stores snapshots; they are durable when it returns without an error.
	// A snapshot whose id is there already changes nothing. It is called from
	// several goroutines.
	Append(ctx context.Context, snapshots ...hub.Snapshot) error
}

// Known tells what need not be asked again.
type Known interface {
	// Has reports whether the snapshot of r for slot was taken already. It is
	// called from several goroutines.
	Has(ctx context.Context, r hub.Repository, slot time.Time) (bool, error)
}

// Options are what a Collector works with. All but Transport are required.
type Options struct {
	Outbox     Outbox
	Known      Known
	Log        *slog.Logger
	Registerer prometheus.Registerer
	// Version is told to Docker Hub in the User-Agent.
	Version string
	// Transport sends the requests; nil is one that verifies TLS, keeps connections
	// and honours the environment's proxy.
	Transport http.RoundTripper
}

// Result is what became of one repository in a run.
type Result struct {
	Repository hub.Repository
	// Snapshot was taken and is in the outbox; zero for a failure or a skip.
	Snapshot hub.Snapshot
	// Cause and Err are set for a failure. Err is one line that names the remedy
	// where there is one.
	Cause Cause
	Err   error
	// Skipped says that the snapshot for this slot exists already.
	Skipped bool
	// Duration is the time for the request and the outbox, without waiting for its turn.
	Duration time.Duration
}

// Summary is what became of a run.
type Summary struct {
	Slot, Started, Finished    time.Time // UTC
	Succeeded, Skipped, Failed int
	// Results are in the order of the repositories that were asked for. They are
	// not to be changed.
	Results []Result
}

// Collector takes snapshots. It may be used by several goroutines.
type Collector struct {
	client  *client
	outbox  Outbox
	known   Known
	log     *slog.Logger
	metrics *metrics
	limiter *rate.Limiter
	// concurrency is how many requests of a run may be under way.
	concurrency int

	mu    sync.Mutex
	last  *Summary // guarded by mu; nil before the end of the first run
	state State    // guarded by mu
}

// New makes a Collector. The error is about the configuration, or metrics that
// exist already.
func New(cfg Config, opts Options) (*Collector, error) {
	if err := cfg.Validate().Err(); err != nil {
		return nil, fmt.Errorf("collector: %w", err)
	}
	if opts.Outbox == nil || opts.Known == nil || opts.Log == nil || opts.Registerer == nil {
		return nil, errors.New("collector: Outbox, Known, Log and Registerer are required")
	}
	client, err := newClient(cfg, opts.Version, opts.Transport)
	if err != nil {
		return nil, fmt.Errorf("collector: %w", err)
	}
	m, err := newMetrics(opts.Registerer)
	if err != nil {
		return nil, fmt.Errorf("collector: metrics: %w", err)
	}
	return &Collector{
		client: client, outbox: opts.Outbox, known: opts.Known, log: opts.Log, metrics: m,
		limiter:     rate.NewLimiter(rate.Limit(cfg.Rate), 1),
		concurrency: cfg.Concurrency,
		state:       State{OK: true, Since: time.Now().UTC()},
	}, nil
}

// Collect takes the snapshots of repositories for slot, unless they exist, and
// returns when every one has its Result. It calls progress, which may be nil, for
// each as it comes, one at a time.
//
// The error says that the run was cut short, by the end of ctx or because the
// outbox or Known failed; the Summary is complete all the same, and what was cut
// off has the cause Cancelled. Repositories that fail are no error.
func (c *Collector) Collect(ctx context.Context, slot time.Time, repositories []hub.Repository, progress func(Result)) (Summary, error) {
	defer c.client.http.CloseIdleConnections() // the next run is hours away
	ctx, stop := context.WithCancelCause(ctx)
	r := &run{Collector: c, stop: stop, slot: slot.UTC(), repositories: repositories}
	summary := Summary{Slot: r.slot, Started: time.Now().UTC(), Results: make([]Result, len(repositories))}

	var workers sync.WaitGroup
	// Also when progress panics, no goroutine is left behind.
	defer func() { stop(nil); workers.Wait() }()
	results := r.start(ctx, &workers)
	for range repositories {
		next := <-results
		summary.Results[next.index] = next.Result
		c.count(next.Result, r.slot, &summary)
		if progress != nil {
			progress(next.Result)
		}
	}
	summary.Finished = time.Now().UTC()
	err := r.cutShort(ctx, summary)
	c.log.Info("run finished", "slot", r.slot, "succeeded", summary.Succeeded, "skipped", summary.Skipped,
		"failed", summary.Failed, "duration", summary.Finished.Sub(summary.Started).Round(time.Millisecond))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last, c.state = &summary, c.state.after(summary)
	return summary, err
}

// Last is the Summary of the run that ended last; false before the first.
func (c *Collector) Last() (Summary, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		return Summary{}, false
	}
	return *c.last, true
}

// count enters a result into the summary, the metrics and, for a failure, the log.
func (c *Collector) count(r Result, slot time.Time, summary *Summary) {
	switch {
	case r.Err != nil:
		summary.Failed++
		c.metrics.failures.WithLabelValues(string(r.Cause)).Inc()
		if r.Cause != Cancelled { // those have one line together
			c.log.Warn("repository failed", "repository", r.Repository.String(), "slot", slot, "cause", string(r.Cause), "err", r.Err)
		}
	case r.Skipped:
		summary.Skipped++
	default:
		summary.Succeeded++
		c.metrics.snapshots.Inc()
		c.metrics.lastSuccess.SetToCurrentTime()
	}
}
