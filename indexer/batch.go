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
}

// settle sees to it that every entry is stored or durable as a dead letter. Only
// what failed is tried again, until ctx is done; work bounds the tries themselves.
func (f *Follower) settle(ctx, work context.Context, entries []document.Entry) error {
	b := f.resolve(entries)
	return f.until(ctx, work, func(ctx context.Context) error { return f.try(ctx, b) })
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

// try does what it can of a batch; nil says that all of it is settled.
func (f *Follower) try(ctx context.Context, b *batch) error {
	// What was refused before the write does not wait for a sink that may be away.
	if err := f.keep(ctx, b); err != nil {
		return err
	}
	if len(b.docs) == 0 {
		return nil
	}
	sent := len(b.docs)
	results, err := f.write(ctx, b.docs)
	if err != nil {
		return err
	}
	again := f.sort(b, results)
	if err := f.keep(ctx, b); err != nil {
		return err
	}
	switch {
	case again == nil:
		return nil
	case len(b.docs) < sent:
		return errProgress{again}
	}
	return again
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

// sort takes what is stored or refused out of the batch, and returns the first error
// of those that stay in it.
func (f *Follower) sort(b *batch, results []error) (again error) {
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
		default:
			if again == nil {
				again = err
			}
			b.entries[left], b.docs[left] = b.entries[i], b.docs[i]
			left++
		}
	}
	clear(b.entries[left:])
	clear(b.docs[left:])
	b.entries, b.docs = b.entries[:left], b.docs[:left]
	return again
}

// keep makes the dead letters of a batch durable.
func (f *Follower) keep(ctx context.Context, b *batch) error {
	if len(b.letters) == 0 {
		return nil
	}
	if err := f.opts.DeadLetters.Put(ctx, b.letters...); err != nil {
		return caused{fmt.Errorf("dead letters cannot be kept: %w", err), causeDeadLetters}
	}
	f.refused.Add(uint64(len(b.letters)))
	for _, cause := range b.causes {
		f.metrics.deadLetters.WithLabelValues(cause).Inc()
	}
	first := b.letters[0]
	f.log.Warn("documents were refused and are kept as dead letters",
		"count", len(b.letters), "topic", first.Topic, "position", first.Position, "err", first.Reason)
	b.letters, b.causes = nil, nil
	return nil
}
