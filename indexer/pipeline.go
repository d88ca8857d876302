package indexer

import (
	"context"
	"math"
	"time"

	"pulltrail/internal/document"
)

const (
	// gather is how long entries are gathered after a batch has left, unless they fill
	// one before: many small requests are what costs a cluster most. The first entry
	// after a quiet moment never waits.
	gather = 25 * time.Millisecond
	// saveEvery is how often the cursor is made durable while it moves. What was
	// settled since is written again after a crash, to the same ids.
	saveEvery = time.Second
	// drainTimeout bounds how long the requests under way may take at the end.
	drainTimeout = 5 * time.Second
)

// pipeline reads the log ahead of the cursor, a window of batches at a time, and
// moves the cursor over those that are settled, in the order of the log.
type pipeline struct {
	*Follower
	flights []*flight         // in the order of the log
	read    document.Position // everything up to here is settled or in a flight
	sent    time.Time         // when the last batch left
	saved   document.Position // the durable cursor
	savedAt time.Time
}

// flight is a batch on its way. Its err is that of the context, or nil when every
// entry up to last is settled.
type flight struct {
	first *front
	last  document.Position
	done  chan struct{}
	err   error // to be read when done is closed
}

// run follows the log until ctx is done, and then lets the requests under way end.
func (p *pipeline) run(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	wake := time.NewTimer(0)
	defer wake.Stop()
	pinged := time.Now()
	for ctx.Err() == nil {
		appended := p.opts.Log.Notify() // before the log is read, so that nothing slips between
		pause, err := p.launch(ctx, work)
		if err != nil {
			break // ctx has ended
		}
		if len(p.flights) == 0 && time.Since(pinged) >= idlePing {
			p.ping(ctx)
			pinged = time.Now()
		}
		wake.Reset(min(pause, p.untilSave(), idlePing))
		select {
		case <-ctx.Done():
		case <-appended:
		case <-wake.C:
		case <-p.first():
			pinged = time.Now() // a batch has told more than a ping
		}
		p.land()
		if err := p.save(ctx, false); err != nil {
			break
		}
	}
	return p.drain(ctx, cancel)
}

// launch sends what is due, and returns how long from now more may be.
func (p *pipeline) launch(ctx, work context.Context) (time.Duration, error) {
	for len(p.flights) < p.opts.Concurrency {
		waiting, err := p.waiting(ctx)
		if err != nil || waiting == 0 {
			return idlePing, err
		}
		if since := time.Since(p.sent); waiting < p.opts.BatchSize && since < gather {
			return gather - since, nil
		}
		entries, err := p.entries(ctx)
		if err != nil || len(entries) == 0 {
			return idlePing, err
		}
		p.sent = time.Now()
		f := &flight{
			first: &front{cursor: p.read, received: entries[0].Received, seen: p.sent},
			last:  entries[len(entries)-1].Position, done: make(chan struct{}),
		}
		p.read = f.last
		p.flights = append(p.flights, f)
		p.front.Store(p.flights[0].first)
		go func() {
			defer close(f.done)
			f.err = p.settle(ctx, work, entries)
		}()
	}
	return idlePing, nil
}

// waiting is about how many entries are to be read.
func (p *pipeline) waiting(ctx context.Context) (n int, err error) {
	err = p.until(ctx, ctx, func(ctx context.Context) error {
		head, err := p.opts.Log.Head(ctx)
		if err != nil {
			return caused{err, causeLog}
		}
		p.head.Store(uint64(head))
		n = int(min(head-min(head, p.read), math.MaxInt32))
		return nil
	})
	return n, err
}

func (p *pipeline) entries(ctx context.Context) (entries []document.Entry, err error) {
	err = p.until(ctx, ctx, func(ctx context.Context) error {
		if entries, err = p.opts.Log.Read(ctx, p.read, p.opts.BatchSize, p.opts.BatchBytes); err != nil {
			return caused{err, causeLog}
		}
		return nil
	})
	return entries, err
}

// first is closed when the batch before which the cursor stands is settled; nil while
// there is none.
func (p *pipeline) first() <-chan struct{} {
	if len(p.flights) == 0 {
		return nil
	}
	return p.flights[0].done
}

// land moves the cursor over the batches at the front that are settled.
func (p *pipeline) land() {
	for len(p.flights) > 0 {
		f := p.flights[0]
		select {
		case <-f.done:
		default:
			return
		}
		if f.err != nil {
			return // ctx has ended: what is behind it is not settled
		}
		p.position.Store(uint64(f.last))
		p.metrics.batches.Inc()
		p.health.recover(p.Follower) // also from a ping that failed
		p.flights[0] = nil
		p.flights = p.flights[1:]
		if len(p.flights) > 0 {
			p.front.Store(p.flights[0].first)
		}
	}
}

// untilSave is how long from now the cursor is to be made durable.
func (p *pipeline) untilSave() time.Duration {
	if p.saved == document.Position(p.position.Load()) {
		return idlePing
	}
	return max(0, saveEvery-time.Since(p.savedAt))
}

// save makes the cursor durable when that is due.
func (p *pipeline) save(ctx context.Context, now bool) error {
	position := document.Position(p.position.Load())
	if p.saved == position || !now && time.Since(p.savedAt) < saveEvery {
		return nil
	}
	err := p.until(ctx, ctx, func(ctx context.Context) error {
		if err := p.opts.Cursors.SetCursor(ctx, p.sink, p.opts.Name, position); err != nil {
			return caused{err, causeCursor}
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.saved, p.savedAt = position, time.Now()
	p.advanced()
	return nil
}

// drain waits for the flights, which try nothing again since ctx is done, and saves
// the cursor behind those that were settled.
func (p *pipeline) drain(ctx context.Context, cancel context.CancelFunc) error {
	timer := time.AfterFunc(drainTimeout, cancel)
	defer timer.Stop()
	for _, f := range p.flights {
		<-f.done
	}
	p.land()
	bounded, stop := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer stop()
	return p.save(bounded, true)
}
