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
// Repositories that are named are asked for one by one; those that a pattern takes come
// with the listing of their namespace, a hundred in one request. One that was listed
// before and is not any more is asked for by itself. What is known of each, and how far
// a listing has come, is in the roster: a run that is cut, by its end, by Docker Hub's
// limit or by a restart, goes on where it was, for the same slot.
//
// # Limits
//
// Requests begin at Config.Rate, without bursts, more slowly when Docker Hub says that
// little is left of its limit, and not at all while it has asked to wait (429,
// Retry-After), which all runs and namespaces share. What may pass (429, 5xx, a lost
// connection, an empty or foreign page) is tried again Config.Tries times with growing
// pauses; then the run is unfinished, and says when to go on.
//
// # Login
//
// With a user, a token is fetched, renewed by its end, and sent to the configured host
// only. Two refusals in a row end all attempts, because an account is locked after a few
// more; public repositories are then polled without.
//
// # Bounds
//
// A run has at most Config.Concurrency requests under way, and sends Config.Budget of
// them. A request takes at most Config.Timeout, and of its answer at most Config.MaxBody
// bytes (and one) are read; beyond either it is a failure. Of a listing one page is held
// in memory, and the names of the namespace. No wait that Docker Hub asks for is longer
// than 15 minutes.
package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/internal/hub"
	"pulltrail/internal/roster"
	"pulltrail/internal/secret"
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

// Roster is what is known of the repositories from one run to the next; see
// roster.Store. It is called from several goroutines, and an error ends the run.
type Roster interface {
	Report(ctx context.Context, slot time.Time, reports ...roster.Report) error
	Listing(ctx context.Context, namespace string) (roster.Listing, bool, error)
	SetListing(ctx context.Context, l roster.Listing) error
	Unseen(ctx context.Context, namespace string, slot time.Time, most int, passing ...string) ([]hub.Repository, error)
}

// Options are what a Collector works with. All but Transport are required.
type Options struct {
	Outbox     Outbox
	Known      Known
	Roster     Roster
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
}

// Summary is what became of a run.
type Summary struct {
	Slot, Started, Finished    time.Time // UTC
	Succeeded, Skipped, Failed int       // repositories, listed ones included
	// Results are in the order of the repositories that were asked for by name. They are
	// not to be changed. Those of listed ones are told to progress only, so that memory
	// does not grow with a namespace.
	Results []Result
	// Listings are those of the namespaces, by name.
	Listings []Listing
	// Requests is how many were sent.
	Requests int
	// Again is how long from the end the run should go on with what it has not got;
	// zero when it is finished, with whatever failures.
	Again time.Duration
	// Unfinished says why, in a few words.
	Unfinished string
}

// Collector takes snapshots. It may be used by several goroutines.
type Collector struct {
	client     *client
	login      *login
	gate       *gate
	remembered remembered
	outbox     Outbox
	known      Known
	roster     Roster
	log        *slog.Logger
	metrics    *metrics
	plan       Plan
	// concurrency is how many requests of a run may be under way, budget how many it may
	// send, tries how often each is tried, goneAfter for how many slots one that is not
	// found is looked for.
	concurrency, budget, tries, goneAfter int
	// always says that listed repositories are asked for one by one.
	always bool

	mu     sync.Mutex
	last   *Summary // guarded by mu; nil before the end of the first run
	state  State    // guarded by mu
	kept   State    // guarded by mu
	unable unable   // guarded by mu
	// failing are repositories, unlisted namespaces; both are guarded by mu.
	failing, unlisted failing
	truncated         map[string]bool // by namespace, from its last listing; guarded by mu
}

// New makes a Collector. The error is about the configuration, or metrics that
// exist already.
func New(cfg Config, opts Options) (*Collector, error) {
	if err := cfg.Validate().Err(); err != nil {
		return nil, fmt.Errorf("collector: %w", err)
	}
	if opts.Outbox == nil || opts.Known == nil || opts.Roster == nil || opts.Log == nil || opts.Registerer == nil {
		return nil, errors.New("collector: Outbox, Known, Roster, Log and Registerer are required")
	}
	client, err := newClient(cfg, opts.Version, opts.Transport)
	if err != nil {
		return nil, fmt.Errorf("collector: %w", err)
	}
	password := cfg.Password
	if !password.IsSet() && cfg.PasswordFile != "" {
		if password, err = secret.ReadFile(cfg.PasswordFile); err != nil {
			return nil, fmt.Errorf("collector.password_file %s: %w", cfg.PasswordFile, err)
		}
	}
	if warning := cfg.TLS.Warning("Docker Hub"); warning != "" {
		opts.Log.Warn(warning)
	}
	c := &Collector{
		client: client, login: newLogin(cfg.Username, password), gate: newGate(cfg.Rate),
		outbox: opts.Outbox, known: opts.Known, roster: opts.Roster, log: opts.Log, plan: cfg.Plan(),
		concurrency: cfg.Concurrency, budget: cfg.Budget, tries: cfg.Tries, goneAfter: cfg.GoneAfter,
		always:  cfg.Detail == DetailAlways,
		state:   State{OK: true, Since: time.Now().UTC()},
		kept:    State{OK: true, Since: time.Now().UTC()},
		failing: failing{}, unlisted: failing{}, truncated: make(map[string]bool),
	}
	if c.metrics, err = newMetrics(opts.Registerer, c.gate); err != nil {
		return nil, fmt.Errorf("collector: metrics: %w", err)
	}
	return c, nil
}

// CollectAll takes the snapshots of everything that is configured; see Collect.
func (c *Collector) CollectAll(ctx context.Context, slot time.Time, progress func(Result)) (Summary, error) {
	return c.collect(ctx, &run{slot: slot.UTC(), names: c.plan.Names, listed: c.plan.Namespaces}, progress)
}

// CollectOnly takes the snapshots of some of what is configured: of Plan.Names and of Plan.Namespaces; see Collect.
func (c *Collector) CollectOnly(ctx context.Context, slot time.Time, names []hub.Repository, namespaces []Namespace, progress func(Result)) (Summary, error) {
	return c.collect(ctx, &run{slot: slot.UTC(), names: names, listed: namespaces}, progress)
}

// Collect takes the snapshots of repositories for slot, unless they exist, and
// returns when every one has its Result. It calls progress, which may be nil, for
// each as it comes, one at a time.
//
// The error says that the run was cut short, by the end of ctx or because the
// outbox, Known or the roster failed; the Summary is complete all the same, and what was
// cut off has the cause Cancelled. Repositories that fail are no error.
func (c *Collector) Collect(ctx context.Context, slot time.Time, repositories []hub.Repository, progress func(Result)) (Summary, error) {
	return c.collect(ctx, &run{slot: slot.UTC(), names: repositories}, progress)
}

func (c *Collector) collect(ctx context.Context, r *run, progress func(Result)) (Summary, error) {
	defer c.client.http.CloseIdleConnections() // the next run is hours away
	ctx, stop := context.WithCancelCause(ctx)
	r.Collector, r.stop, r.results, r.abandoned = c, stop, make(chan indexed), make(chan struct{})
	c.login.again()
	summary := Summary{Slot: r.slot, Started: time.Now().UTC(), Results: make([]Result, len(r.names))}

	var workers sync.WaitGroup
	// Also when progress panics, no goroutine is left behind.
	defer func() { stop(nil); close(r.abandoned); workers.Wait() }()
	r.start(ctx, &workers)
	many := crowd{}
	for next := range r.results {
		if next.index >= 0 {
			summary.Results[next.index] = next.Result
		}
		c.count(next.Result, &summary, many)
		if progress != nil {
			progress(next.Result)
		}
	}
	many.log(c.log, r.slot)
	return c.finish(ctx, r, summary)
}

// finish closes the books of a run.
func (c *Collector) finish(ctx context.Context, r *run, summary Summary) (Summary, error) {
	summary.Finished, summary.Requests = time.Now().UTC(), int(r.requests.Load())
	summary.Listings = r.listings
	slices.SortFunc(summary.Listings, func(a, b Listing) int { return strings.Compare(a.Namespace, b.Namespace) })
	err := r.cutShort(ctx, summary)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.postpone(&summary)
	c.log.Info("run finished", "slot", r.slot, "succeeded", summary.Succeeded, "skipped", summary.Skipped,
		"failed", summary.Failed, "requests", summary.Requests, "duration", summary.Finished.Sub(summary.Started).Round(time.Millisecond))
	for _, l := range summary.Listings {
		c.truncated[l.Namespace] = l.Truncated
	}
	if len(r.listed) > 0 {
		c.metrics.truncated.Set(float64(truncated(c.truncated)))
	}
	c.last, c.state = &summary, c.state.after(summary, c.login.state())
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

// Limits are what Docker Hub's last answer said of its limit; false when none did.
func (c *Collector) Limits() (Limits, bool) { return c.gate.state() }

// Plan is what the configuration says to track.
func (c *Collector) Plan() Plan { return c.plan }

// count enters a result into the summary, the metrics and the log.
func (c *Collector) count(r Result, summary *Summary, many crowd) {
	if !r.Skipped && r.Cause != Cancelled && r.Cause != Budget { // those have one line together
		c.mu.Lock()
		c.failing.log(c.log, "repository", r.Repository.String(), r.Cause, r.Err, many, "slot", summary.Slot)
		c.mu.Unlock()
	}
	switch {
	case r.Err != nil:
		summary.Failed++
		c.metrics.failures.WithLabelValues(string(r.Cause)).Inc()
	case r.Skipped:
		summary.Skipped++
	default:
		summary.Succeeded++
		c.metrics.snapshots.Inc()
		c.metrics.lastSuccess.SetToCurrentTime()
	}
	summary.note(r.Cause)
}
