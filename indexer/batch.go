package indexer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pulltrail/internal/document"
)

// batch is what is left to do for some entries of the log.
type batch struct {
	entries []document.Entry    // entries[i] became docs[i]
	docs    []document.Document // not settled yet
	letters []document.DeadLetter
	causes  []string // of the letters, for the metrics
	waiting waiting
}

// waiting are entries, in the order of the log, whose index takes no writes for now.
type waiting map[string][]document.Position

// settle sees to it that every entry is stored or durable as a dead letter, or else is
// returned because its index takes no writes for now. Only what failed is tried again,
// until ctx is done; work bounds the tries themselves. Its error is that of ctx.
func (f *Follower) settle(ctx, work context.Context, entries []document.Entry) (waiting, error) {
	b := f.resolve(entries)
	pauses, trouble := newProbeBackoff(), new(trouble)
	for {
		// What was refused before the write does not wait for a sink that may be away.
		if err := f.until(ctx, work, func(ctx context.Context) error { return f.keep(ctx, b) }); err != nil {
			return nil, err
		}
		f.setAside(b)
		if len(b.docs) == 0 {
			f.health.recover(trouble)
			return b.waiting, nil
		}
		probe, err := f.gate.enter(ctx)
		if err != nil {
			return nil, err
		}
		again, away := f.try(work, b, probe)
		f.gate.leave(probe, away)
		switch {
		case again == nil:
			continue
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
		f.metrics.failures.WithLabelValues(causeOf(again)).Inc()
		f.health.fail(trouble, again)
		if away == nil { // else the gate waits
			if err := pause(ctx, pauses.NextBackOff()); err != nil {
				return nil, err
			}
		}
	}
}

// setAside takes out of a batch what its index does not take for now.
func (f *Follower) setAside(b *batch) {
	left := 0
	for i, doc := range b.docs {
		if f.closed.has(doc.Index) {
			b.wait(i)
			continue
		}
		b.entries[left], b.docs[left] = b.entries[i], b.docs[i]
		left++
	}
	b.cut(left)
}

// wait notes that an entry waits for its index.
func (b *batch) wait(i int) {
	if b.waiting == nil {
		b.waiting = make(waiting)
	}
	b.waiting[b.docs[i].Index] = append(b.waiting[b.docs[i].Index], b.entries[i].Position)
}

// cut leaves the first documents alone in a batch.
func (b *batch) cut(left int) {
	clear(b.entries[left:])
	clear(b.docs[left:])
	b.entries, b.docs = b.entries[:left], b.docs[:left]
}

func (f *Follower) resolve(entries []document.Entry) *batch {
	b := &batch{
		entries: make([]document.Entry, 0, len(entries)),
		docs:    make([]document.Document, 0, len(entries)),
	}
	for _, entry := range entries {
		doc, err := f.opts.Router.Resolve(entry, f.opts.LogID(entry.Position))
		switch {
		case errors.Is(err, ErrSkip):
			f.metrics.skipped.Inc()
		case err != nil:
			b.bury(f.letter(entry, err, false), causeUnreadable)
		default:
			b.entries, b.docs = append(b.entries, entry), append(b.docs, doc)
		}
	}
	return b
}

func (b *batch) bury(letter document.DeadLetter, cause string) {
	b.letters, b.causes = append(b.letters, letter), append(b.causes, cause)
}

func (f *Follower) letter(entry document.Entry, reason error, forbidden bool) document.DeadLetter {
	return document.DeadLetter{
		Sink: f.sink, Log: f.opts.Name, Position: entry.Position, Message: entry.Message,
		Reason: reason.Error(), At: time.Now().UTC(), Forbidden: forbidden,
	}
}

// try writes a batch, or as a probe its first document. The first error says why some of
// what was sent is to be sent again; the second is not nil where all of it is, because the
// sink takes no writes.
func (f *Follower) try(ctx context.Context, b *batch, probe bool) (again, away error) {
	sent := len(b.docs)
	if probe {
		sent = 1
	}
	results, err := f.write(ctx, b.docs[:sent])
	if err != nil {
		return err, err
	}
	left := f.sort(b, results)
	if left.count == sent {
		away = left.err
	}
	return left.err, away
}

func (f *Follower) write(ctx context.Context, docs []document.Document) ([]error, error) {
	results, err := f.opts.Sink.Write(ctx, docs)
	if err == nil && len(results) != len(docs) {
		err = fmt.Errorf("the sink says what became of %d documents, not of %d", len(results), len(docs))
	}
	if err == nil {
		f.metrics.documents.Observe(float64(len(docs)))
	}
	return results, err
}

// leftover is what is to be sent again.
type leftover struct {
	err   error // the first reason
	count int
}

// sort takes what is stored, refused or waiting for its index out of the batch. There are
// results for its first documents.
func (f *Follower) sort(b *batch, results []error) (again leftover) {
	now, left := time.Now(), 0
	for i, err := range results {
		switch {
		case err == nil:
			f.metrics.stored.Inc()
			if entry := &b.entries[i]; entry.Position > f.old {
				f.metrics.latency.Observe(max(0, now.Sub(entry.Received).Seconds()))
			}
		case errors.Is(err, ErrForbidden):
			b.bury(f.letter(b.entries[i], err, true), causeForbidden)
		case document.IsPermanent(err):
			b.bury(f.letter(b.entries[i], err, false), causeRefused)
		case errors.Is(err, ErrUnavailable):
			f.closed.add(b.docs[i].Index, err)
			b.wait(i)
		default:
			if again.err == nil {
				again.err = err
			}
			again.count++
			b.entries[left], b.docs[left] = b.entries[i], b.docs[i]
			left++
		}
	}
	left += copy(b.entries[left:], b.entries[len(results):])
	copy(b.docs[again.count:], b.docs[len(results):])
	b.cut(left)
	return again
}

// keep makes the dead letters of a batch durable.
func (f *Follower) keep(ctx context.Context, b *batch) error {
	if len(b.letters) == 0 {
		return nil
	}
	if err := f.opts.DeadLetters.Put(ctx, b.letters...); err != nil {
		return caused{fmt.Errorf("cannot store dead letters: %w", err), causeDeadLetters}
	}
	f.refused.Add(uint64(len(b.letters)))
	for _, cause := range b.causes {
		f.metrics.deadLetters.WithLabelValues(cause).Inc()
	}
	first := b.letters[0]
	f.log.Warn("documents rejected and stored as dead letters",
		"count", len(b.letters), "topic", first.Topic, "position", first.Position, "err", first.Reason)
	b.letters, b.causes = nil, nil
	return nil
}
