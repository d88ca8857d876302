package indexer

import (
	"context"
	"math"
	"time"

	"github.com/cenkalti/backoff/v5"

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
// moves the cursor over those that are settled, in the order of the log. A batch of which
// some documents wait for their index leaves its place in the window to the next, so that
// the documents of other indices are not held up.
type pipeline struct {
	*Follower
	flights []*flight         // in the order of the log
	active  int               // those of them that are under way
	landed  chan *flight      // those that are so no longer
	read    document.Position // everything up to here is settled or in a flight
	sent    time.Time         // when the last batch left
	saved   document.Position // the durable cursor
	savedAt time.Time

	pinged time.Time
	pingOK bool

	// What waits for closed indices.
	waiting int       // entries
	due     []*flight // to be sent again, because an index is open
	probing bool
	probed  chan []string // the indices that take writes again
	probeAt time.Time
	probes  *backoff.ExponentialBackOff
}

// flight is a batch. Every entry up to last is settled when it is neither under way nor
// due, nothing waits, and err is nil.
type flight struct {
	first   *front
	last    document.Position
	waiting waiting
	due     []document.Position // to be sent again
	active  bool

	left waiting // what settle returned, once it has landed
	err  error   // that of the context
}

func newPipeline(f *Follower) *pipeline {
	cursor := document.Position(f.position.Load())
	return &pipeline{
		Follower: f, read: cursor, saved: cursor, landed: make(chan *flight, f.opts.Concurrency),
		probed: make(chan []string, 1), probes: newProbeBackoff(),
	}
}

// run follows the log until ctx is done, and then lets the requests under way end.
func (p *pipeline) run(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	wake := time.NewTimer(0)
	defer wake.Stop()
	for ctx.Err() == nil {
		if p.untilPing() == 0 {
			p.pingOK, p.pinged = p.ping(ctx), time.Now()
		}
		appended := p.opts.Log.Notify() // before the log is read, so that nothing slips between
		pause, err := p.launch(ctx, work)
		if err != nil {
			break // ctx has ended
		}
		p.probe(work)
		wake.Reset(min(pause, p.untilSave(), p.untilPing(), p.untilProbe()))
		select {
		case <-ctx.Done():
		case <-appended:
		case <-wake.C:
		case open := <-p.probed:
			p.reopen(open)
		case f := <-p.landed:
			p.land(f)
			p.pingOK, p.pinged = true, time.Now() // a batch has told more than a ping
		}
		if err := p.save(ctx, false); err != nil {
			break
		}
	}
	return p.drain(ctx, cancel)
}

// untilPing is how long from now the sink is to be asked for its health.
func (p *pipeline) untilPing() time.Duration {
	switch {
	case p.active > 0:
		return idlePing
	case p.pinged.IsZero():
		return 0
	case p.pingOK:
		return max(0, idlePing-time.Since(p.pinged))
	}
	return max(0, awayPing-time.Since(p.pinged))
}

// launch sends what is due, and returns how long from now more may be.
func (p *pipeline) launch(ctx, work context.Context) (time.Duration, error) {
	for p.active < p.opts.Concurrency {
		if len(p.due) > 0 {
			p.relaunch(ctx, work)
			continue
		}
		if p.isFull() {
			return idlePing, nil
		}
		behind, err := p.behind(ctx)
		if err != nil || behind == 0 {
			return idlePing, err
		}
		if since := time.Since(p.sent); behind < p.opts.BatchSize && since < gather {
			return gather - since, nil
		}
		entries, err := p.entries(ctx)
		if err != nil || len(entries) == 0 {
			return idlePing, err
		}
		p.sent = time.Now()
		f := &flight{
			first: &front{cursor: p.read, received: entries[0].Received, seen: p.sent},
			last:  entries[len(entries)-1].Position,
		}
		p.read = f.last
		p.flights = append(p.flights, f)
		p.front.Store(p.flights[0].first)
		p.fly(f, func() (waiting, error) { return p.settle(ctx, work, entries) })
	}
	return idlePing, nil
}

// isFull reports whether no more of the log is to be read for now. The window is that of
// the batches from the first that is not settled on, but what waits for an index does not
// fill it.
func (p *pipeline) isFull() bool {
	if p.waiting == 0 {
		return len(p.flights) >= p.opts.Concurrency
	}
	return p.waiting >= maxWaiting || len(p.flights) >= maxFlights
}

// relaunch sends again what has waited in a batch.
func (p *pipeline) relaunch(ctx, work context.Context) {
	f := p.due[0]
	p.due = p.due[1:]
	positions := f.due
	f.due = nil
	p.fly(f, func() (waiting, error) {
		entries, err := p.reread(ctx, positions)
		if err != nil {
			return nil, err
		}
		return p.settle(ctx, work, entries)
	})
}

// fly lets a batch be settled. At most Concurrency are under way, so that landed takes all.
func (p *pipeline) fly(f *flight, settle func() (waiting, error)) {
	f.active = true
	p.active++
	go func() {
		f.left, f.err = settle()
		p.landed <- f
	}()
}

// behind is about how many entries are to be read.
func (p *pipeline) behind(ctx context.Context) (n int, err error) {
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

// land takes note of a batch that is not under way any more, and moves the cursor over
// those at the front that are settled.
func (p *pipeline) land(f *flight) {
	f.active = false
	p.active--
	for index, positions := range f.left {
		if f.waiting == nil {
			f.waiting = make(waiting)
		}
		f.waiting[index] = append(f.waiting[index], positions...)
		p.waiting += len(positions)
	}
	f.left = nil
	for len(p.flights) > 0 {
		f := p.flights[0]
		if f.active || len(f.due) > 0 || len(f.waiting) > 0 || f.err != nil {
			return
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

// drain waits for what is under way, which tries nothing again since ctx is done, and
// saves the cursor behind what was settled.
func (p *pipeline) drain(ctx context.Context, cancel context.CancelFunc) error {
	timer := time.AfterFunc(drainTimeout, cancel)
	defer timer.Stop()
	for p.active > 0 {
		p.land(<-p.landed)
	}
	if p.probing {
		<-p.probed
	}
	bounded, stop := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer stop()
	return p.save(bounded, true)
}
