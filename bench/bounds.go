package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// The shape of the direct bulk: what the cluster takes best on two cores.
const (
	bulkSize     = 1000
	bulkInFlight = 4
)

// directBulk is the bound that the cluster sets: bodies that were encoded before, straight
// into an index, by a client that does nothing else.
func directBulk(ctx context.Context, r *rig) (values, error) {
	index := r.unique("bulk")
	bodies := bulkBodies(index, r.opts.documents, documentMessages(r.opts.size))
	if err := r.search.create(ctx, index, indexBody); err != nil {
		return nil, err
	}
	defer r.discard(ctx, index)
	start := time.Now()
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(bulkInFlight)
	for _, body := range bodies {
		group.Go(func() error { return r.search.bulk(within, body) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	took := time.Since(start)
	return values{"bulk_rate": rate(r.opts.documents, took)}, r.verify(ctx, index, r.opts.documents)
}

func bulkBodies(index string, documents int, generate generator) [][]byte {
	var bodies [][]byte
	for from := 0; from < documents; from += bulkSize {
		var body []byte
		for n := from; n < min(from+bulkSize, documents); n++ {
			body = bulkLine(body, index, n, generate)
		}
		bodies = append(bodies, body)
	}
	return bodies
}

// bulkLine appends what a bulk request has for document n.
func bulkLine(body []byte, index string, n int, generate generator) []byte {
	body = append(body, `{"create":{"_index":"`+index+`","_id":"`+documentID(n)+`"}}`+"\n"...)
	return append(generate(body, n), '\n')
}

// bareSubscriber is the bound that the broker sets: a subscriber that counts and
// acknowledges while the same publisher publishes as for Pulltrail.
func bareSubscriber(ctx context.Context, r *rig) (values, error) {
	topic := r.unique("bare")
	w, err := dialWire(ctx, r.broker, topic)
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.close() }() // what was wanted of it has been received
	if err := w.subscribe(topic + "/#"); err != nil {
		return nil, err
	}
	p, err := newPublisher(ctx, r.broker, topic+"/1", documentMessages(r.opts.size))
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.close() }() // all that it sent was received
	start := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.send(ctx, 0, r.opts.documents) })
	group.Go(func() error { return receive(w, r.opts.documents) })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return values{"bare_rate": rate(r.opts.documents, time.Since(start))}, nil
}

// receive takes and acknowledges n messages.
func receive(w *wire, n int) error {
	for n > 0 {
		kind, body, err := w.next()
		if err != nil {
			return fmt.Errorf("%d messages are missing: %w", n, err)
		}
		if kind&0xf0 != packetPublish {
			continue
		}
		n--
		if err := w.acknowledge(body); err != nil {
			return err
		}
		if w.in.Buffered() == 0 || n == 0 {
			if err := w.out.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// verify fails unless an index holds n documents. Ids make more of them impossible, and
// fewer are a loss.
func (r *rig) verify(ctx context.Context, index string, n int) error {
	count, err := r.search.count(ctx, index)
	if err == nil && count != n {
		err = fmt.Errorf("%d of %d documents are stored", count, n)
	}
	return err
}

// discard deletes an index and gives the cluster a moment to stop merging it.
func (r *rig) discard(ctx context.Context, index string) {
	if err := r.search.remove(ctx, index); err != nil {
		r.say("%v", err)
	}
	_ = sleep(ctx, time.Second) // the stage is over anyway
}

func rate(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }
