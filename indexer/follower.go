package indexer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/internal/document"
)

const (
	// idlePing is how often a sink is asked for its health while there is nothing to
	// write.
	idlePing = time.Minute
	// awayPing is the same for a sink that did not answer the last time.
	awayPing = 2 * time.Second
	// askTimeout bounds the questions to a log for State and metrics.
	askTimeout = time.Second
)

// FollowerOptions are the parts and bounds of a Follower.
type FollowerOptions struct {
	// Name is the log's name in cursors, dead letters and metrics.
	Name string
	Log  Log
	// LogID is the log's identity at a position, a part of the ids of documents that have
	// none of their own. Nil: Name.
	LogID       func(document.Position) string
	Sink        Sink
	Router      *Router
	Cursors     Cursors
	DeadLetters DeadLetters
	// Concurrency is how many batches may be on their way; less than 1 stands for 1.
	Concurrency int
	// BatchSize is the most documents, BatchBytes about the most bytes, of a batch.
	BatchSize  int
	BatchBytes int64
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// OnAdvance, where set, is told the durable cursor when it is known and whenever it
	// has moved, by one goroutine.
	OnAdvance func(document.Position)
}

// Follower carries the entries of one log to one sink.
type Follower struct {
	opts    FollowerOptions
	sink    string
	log     *slog.Logger
	health  *health
	metrics *metrics
	gate    *gate
	closed  *closed

	position, head, refused atomic.Uint64
	front                   atomic.Pointer[front]
	old                     document.Position // the head at the start
}

// NewFollower makes a follower; Run runs it. It panics where the registerer knows a
// follower of the same log and sink already.
func NewFollower(opts FollowerOptions) *Follower {
	if opts.LogID == nil {
		opts.LogID = func(document.Position) string { return opts.Name }
	}
	opts.Concurrency = max(1, opts.Concurrency)
	f := &Follower{opts: opts, sink: opts.Sink.String()}
	f.log = opts.Logger.With("sink", f.sink, "log", opts.Name)
	f.health = newHealth(f.log)
	f.gate = newGate()
	f.closed = &closed{follower: f, indices: make(map[string]*trouble)}
	f.metrics = newMetrics(opts.Registerer, f.sink, opts.Name, progress{
		position:   func() float64 { return float64(f.position.Load()) },
		lagEntries: func() float64 { return float64(f.State().Behind()) },
		lagSeconds: func() float64 { return f.State().Lag.Seconds() },
	})
	return f
}

// Log is the name of the log that is followed.
func (f *Follower) Log() string { return f.opts.Name }

// Sink is the name of the sink that is written to.
func (f *Follower) Sink() string { return f.sink }

// State is how it fares. While the log does not say where its head is, the newest
// that is known stands.
func (f *Follower) State() State {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	if head, err := f.opts.Log.Head(ctx); err == nil {
		f.head.Store(uint64(head))
	}
	s := f.health.state()
	s.Position, s.Head = document.Position(f.position.Load()), document.Position(f.head.Load())
	s.Refused = f.refused.Load()
	s.Lag = f.lag(ctx, s.Position, s.Head)
	return s
}

// Run follows the log until ctx is done. It lets the requests under way end, for a few
// seconds at most: what they have stored without its being known is stored again,
// harmlessly, next time. The error says that the last cursor could not be saved.
func (f *Follower) Run(ctx context.Context) error {
	var redelivery sync.WaitGroup
	redelivery.Go(func() { f.redeliver(ctx) })
	defer redelivery.Wait()
	if err := f.follow(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (f *Follower) follow(ctx context.Context) error {
	if err := f.until(ctx, ctx, f.start); err != nil {
		return err
	}
	f.advanced()
	return newPipeline(f).run(ctx)
}

// start finds the cursor.
func (f *Follower) start(ctx context.Context) error {
	cursor, err := f.opts.Cursors.Cursor(ctx, f.sink, f.opts.Name)
	if err != nil {
		return caused{err, causeCursor}
	}
	head, err := f.opts.Log.Head(ctx)
	if err != nil {
		return caused{err, causeLog}
	}
	if cursor > head {
		f.log.Warn("cursor is ahead of the log, which must have been replaced; restarting at its beginning",
			"cursor", cursor, "head", head)
		cursor = 0
	}
	f.position.Store(uint64(cursor))
	f.old = head
	return nil
}

func (f *Follower) advanced() {
	if f.opts.OnAdvance != nil {
		f.opts.OnAdvance(document.Position(f.position.Load()))
	}
}

// ping asks the sink whether it is there, so that State tells of one that is away
// before it is needed.
func (f *Follower) ping(ctx context.Context) (ok bool) {
	err := f.opts.Sink.Ping(ctx)
	switch {
	case err == nil:
		f.health.recover(f)
	case ctx.Err() == nil:
		f.metrics.failures.WithLabelValues(causeOf(err)).Inc()
		f.health.fail(f, err)
	}
	return err == nil
}
