package indexer

import (
	"context"
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
	// headTimeout bounds the question for a log's head for State and metrics.
	headTimeout = time.Second
)

// FollowerOptions are the parts and bounds of a Follower.
type FollowerOptions struct {
	// Name is the log's name in cursors, dead letters and metrics.
	Name string
	Log  Log
	// LogID is the log's identity, a part of the ids of documents that have none of
	// their own. Empty: Name.
	LogID       string
	Sink        Sink
	Router      *Router
	Cursors     Cursors
	DeadLetters DeadLetters
	// BatchSize is the most documents, BatchBytes about the most bytes, of a batch.
	BatchSize  int
	BatchBytes int64
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// OnAdvance, where set, is told the cursor when it is known and whenever it has
	// moved, by one goroutine.
	OnAdvance func(document.Position)
}

// Follower carries the entries of one log to one sink.
type Follower struct {
	opts    FollowerOptions
	sink    string
	log     *slog.Logger
	health  *health
	metrics *metrics

	position, head atomic.Uint64
}

// NewFollower makes a follower; Run runs it. It panics where the registerer knows a
// follower of the same log and sink already.
func NewFollower(opts FollowerOptions) *Follower {
	if opts.LogID == "" {
		opts.LogID = opts.Name
	}
	f := &Follower{opts: opts, sink: opts.Sink.String()}
	f.log = opts.Logger.With("sink", f.sink, "log", opts.Name)
	f.health = newHealth(f.log)
	f.metrics = newMetrics(opts.Registerer, f.sink, opts.Name,
		func() float64 { return float64(f.position.Load()) },
		func() float64 { s := f.State(); return float64(s.Head - min(s.Head, s.Position)) })
	return f
}

// Log is the name of the log that is followed.
func (f *Follower) Log() string { return f.opts.Name }

// Sink is the name of the sink that is written to.
func (f *Follower) Sink() string { return f.sink }

// State is how it fares. While the log does not say where its head is, the newest
// that is known stands.
func (f *Follower) State() State {
	ctx, cancel := context.WithTimeout(context.Background(), headTimeout)
	defer cancel()
	if head, err := f.opts.Log.Head(ctx); err == nil {
		f.head.Store(uint64(head))
	}
	s := f.health.state()
	s.Position, s.Head = document.Position(f.position.Load()), document.Position(f.head.Load())
	return s
}

// Run follows the log until ctx is done, and then returns nil: the request that is
// under way ends with ctx, and what it stored is stored again, harmlessly, next time.
func (f *Follower) Run(ctx context.Context) error {
	var redelivery sync.WaitGroup
	redelivery.Go(func() { f.redeliver(ctx) })
	defer redelivery.Wait()
	if err := f.follow(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

func (f *Follower) follow(ctx context.Context) error {
	if err := f.until(ctx, f.start); err != nil {
		return err
	}
	f.advanced()
	f.ping(ctx)
	for ctx.Err() == nil {
		appended := f.opts.Log.Notify() // before Read, so that nothing slips between
		entries, err := f.read(ctx)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			f.idle(ctx, appended)
			continue
		}
		if err := f.settle(ctx, entries); err != nil {
			return err
		}
		if err := f.advance(ctx, entries[len(entries)-1].Position); err != nil {
			return err
		}
	}
	return ctx.Err()
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
		f.log.Warn("the cursor is ahead of the log, which must have been replaced: following it from its beginning",
			"cursor", cursor, "head", head)
		cursor = 0
	}
	f.position.Store(uint64(cursor))
	return nil
}

func (f *Follower) read(ctx context.Context) (entries []document.Entry, err error) {
	after := document.Position(f.position.Load())
	err = f.until(ctx, func(ctx context.Context) error {
		if entries, err = f.opts.Log.Read(ctx, after, f.opts.BatchSize, f.opts.BatchBytes); err != nil {
			return caused{err, causeLog}
		}
		return nil
	})
	return entries, err
}

// advance makes the cursor durable behind a settled batch.
func (f *Follower) advance(ctx context.Context, to document.Position) error {
	err := f.until(ctx, func(ctx context.Context) error {
		if err := f.opts.Cursors.SetCursor(ctx, f.sink, f.opts.Name, to); err != nil {
			return caused{err, causeCursor}
		}
		return nil
	})
	if err != nil {
		return err
	}
	f.position.Store(uint64(to))
	f.metrics.batches.Inc()
	f.advanced()
	return nil
}

func (f *Follower) advanced() {
	if f.opts.OnAdvance != nil {
		f.opts.OnAdvance(document.Position(f.position.Load()))
	}
}

// idle waits for an append, and meanwhile asks the sink now and then whether it is
// there, so that State tells of one that is away before it is needed.
func (f *Follower) idle(ctx context.Context, appended <-chan struct{}) {
	timer := time.NewTimer(idlePing)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-appended:
			return
		case <-timer.C:
			f.ping(ctx)
			timer.Reset(idlePing)
		}
	}
}

func (f *Follower) ping(ctx context.Context) {
	err := f.opts.Sink.Ping(ctx)
	switch {
	case err == nil:
		f.health.recover()
	case ctx.Err() == nil:
		f.metrics.failures.WithLabelValues(causeOf(err)).Inc()
		f.health.fail(err)
	}
}
