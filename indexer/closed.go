package indexer

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"pulltrail/internal/document"
)

const (
	// maxWaiting bounds the entries that wait for an index, maxFlights the batches of which
	// some do. At either bound no more of the log is read. Only positions are in memory: the
	// cursor stands before them, so the log has the entries themselves.
	maxWaiting = 1 << 20
	maxFlights = 10_000
	// maxProbed bounds the indices of one probe.
	maxProbed = 100
)

// closed are the indices that take no writes for now, each a trouble of its own.
type closed struct {
	follower *Follower

	mu      sync.Mutex
	indices map[string]*trouble
}

func (c *closed) has(index string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.indices[index] != nil
}

func (c *closed) add(index string, err error) {
	c.mu.Lock()
	it, known := c.indices[index]
	if !known {
		it = new(trouble)
		c.indices[index] = it
	}
	c.mu.Unlock()
	if !known {
		c.follower.metrics.failures.WithLabelValues(causeOf(err)).Inc()
		c.follower.health.fail(it, err)
	}
}

// remove ends the wait for an index.
func (c *closed) remove(index string) {
	c.mu.Lock()
	it, known := c.indices[index]
	delete(c.indices, index)
	c.mu.Unlock()
	if known {
		c.follower.health.recover(it)
	}
}

func (c *closed) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.indices))
}

// untilProbe is how long from now closed indices are to be asked.
func (p *pipeline) untilProbe() time.Duration {
	if p.waiting == 0 || p.probing {
		return idlePing
	}
	return max(0, time.Until(p.probeAt))
}

// probe sends, when that is due, one waiting document of each closed index, and tells
// p.probed which of them take writes again.
func (p *pipeline) probe(work context.Context) {
	if p.untilProbe() > 0 {
		return
	}
	oldest := make(map[string]document.Position)
	for _, index := range p.closed.names() { // in another order each time
		for _, f := range p.flights {
			if waits := f.waiting[index]; len(waits) > 0 {
				oldest[index] = waits[0]
				break
			}
		}
		if len(oldest) == maxProbed {
			break
		}
	}
	if len(oldest) == 0 {
		return // what waits is on its way again
	}
	p.probing = true
	go func() { p.probed <- p.open(work, oldest) }()
}

// open finds out which indices take writes again, by one document of each.
func (p *pipeline) open(work context.Context, oldest map[string]document.Position) (open []string) {
	var docs []document.Document
	var names []string
	for index, position := range oldest {
		entries, err := p.opts.Log.Read(work, position-1, 1, 1)
		if err != nil {
			return nil // the log is read again at the next probe
		}
		if len(entries) == 0 || entries[0].Position != position {
			open = append(open, index) // removed from the log: the batch goes on without it
			continue
		}
		doc, err := p.opts.Router.Resolve(entries[0], p.opts.LogID(position))
		if err != nil || doc.Index != index {
			open = append(open, index)
			continue
		}
		docs, names = append(docs, doc), append(names, index)
	}
	if len(docs) == 0 {
		return open
	}
	results, err := p.write(work, docs)
	if err != nil {
		p.metrics.failures.WithLabelValues(causeOf(err)).Inc()
		return open
	}
	for i, err := range results {
		if isUnsettled(err) {
			p.metrics.failures.WithLabelValues(causeOf(err)).Inc()
			continue
		}
		open = append(open, names[i])
	}
	return open
}

// isUnsettled reports whether a document is neither stored nor refused for good.
func isUnsettled(err error) bool {
	return err != nil && !document.IsPermanent(err) && !errors.Is(err, ErrForbidden)
}

// reopen lets what waits for some indices be sent again.
func (p *pipeline) reopen(open []string) {
	p.probing = false
	if len(open) > 0 {
		p.probes.Reset()
	}
	p.probeAt = time.Now().Add(p.probes.NextBackOff())
	for _, index := range open {
		p.closed.remove(index)
	}
	for _, f := range p.flights {
		for _, index := range open {
			waits := f.waiting[index]
			if len(waits) == 0 {
				continue
			}
			p.waiting -= len(waits)
			delete(f.waiting, index)
			if len(f.due) == 0 {
				p.due = append(p.due, f)
			}
			f.due = append(f.due, waits...)
		}
	}
}

// reread reads entries of a batch again; those that are gone from the log are left out.
func (p *pipeline) reread(ctx context.Context, positions []document.Position) (entries []document.Entry, err error) {
	slices.Sort(positions)
	for len(positions) > 0 {
		var read []document.Entry
		err := p.until(ctx, ctx, func(ctx context.Context) (err error) {
			if read, err = p.opts.Log.Read(ctx, positions[0]-1, p.opts.BatchSize, p.opts.BatchBytes); err != nil {
				return caused{err, causeLog}
			}
			return nil
		})
		if err != nil || len(read) == 0 {
			return entries, err
		}
		for _, entry := range read {
			at, found := slices.BinarySearch(positions, entry.Position)
			if found {
				entries = append(entries, entry)
				at++
			}
			if positions = positions[at:]; len(positions) == 0 {
				break
			}
		}
	}
	return entries, nil
}
