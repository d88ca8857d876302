package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	idleFor = 20 * time.Second

	singles     = 300
	singlesRate = 20.0 // a second
	singlesWarm = 20   // that are not counted: the first ones make connections and compile code

	steadyRate  = 1000.0 // a second
	steadyFor   = 20     // seconds
	steadyEvery = 50     // one message of so many is looked for
	// steadyPause keeps those that look from being the load.
	steadyPause = time.Millisecond

	// lostAfter is when a message that is looked for counts as lost.
	lostAfter = 30 * time.Second
)

// idle looks at a Pulltrail that has nothing to do.
func idle(ctx context.Context, r *rig) (v values, err error) {
	run, err := r.startRun(ctx, documentMessages(r.opts.size), "idle", route{kind: kindDocument, openSearch: r.opts.opensearch})
	if err != nil {
		return nil, err
	}
	defer run.end(ctx, &err)
	if err := sleep(ctx, time.Second); err != nil { // the start is over
		return nil, err
	}
	share, err := run.share(func() error { return sleep(ctx, idleFor) })
	if err != nil {
		return nil, err
	}
	memory, err := memoryMiB(run.daemon.pid(), memoryNow)
	return values{"idle_cpu": share, "idle_memory": memory}, err
}

// singleMessages measures from publishing until a read by id finds the document, one
// message at a time; and, in between, the same for documents that go straight into
// another index, which is what the cluster and the looking cost.
func singleMessages(ctx context.Context, r *rig) (v values, err error) {
	generate := documentMessages(r.opts.size)
	run, err := r.startRun(ctx, generate, "latency", route{kind: kindDocument, openSearch: r.opts.opensearch})
	if err != nil {
		return nil, err
	}
	defer run.end(ctx, &err)
	beside := r.unique("direct")
	if err := r.search.create(ctx, beside, indexBody); err != nil {
		return nil, err
	}
	defer r.discard(ctx, beside)
	through := func(n int) (string, error) { return run.index, run.publisher.send(ctx, n, n+1) }
	direct := func(n int) (string, error) { return beside, r.search.bulk(ctx, bulkLine(nil, beside, n, generate)) }
	var messages, documents []float64
	begin := time.Now()
	for i := range 2 * (singlesWarm + singles) {
		due := begin.Add(time.Duration(float64(i) / (2 * singlesRate) * float64(time.Second)))
		if err := sleep(ctx, time.Until(due)); err != nil {
			return nil, err
		}
		n, send, to := i/2, through, &messages
		if i%2 == 1 {
			send, to = direct, &documents
		}
		took, err := run.single(ctx, n, send)
		if err != nil {
			return nil, err
		}
		if n >= singlesWarm {
			*to = append(*to, took)
		}
	}
	return values{
		"latency_p50": percentile(messages, 50), "latency_p90": percentile(messages, 90), "latency_p99": percentile(messages, 99),
		"direct_p50": percentile(documents, 50), "direct_p99": percentile(documents, 99),
	}, nil
}

// single is how many milliseconds document n takes from being sent to being found.
func (p *pipeline) single(ctx context.Context, n int, send func(n int) (index string, err error)) (float64, error) {
	start := time.Now()
	index, err := send(n)
	if err == nil {
		err = p.found(ctx, index, n, 0)
	}
	return milliseconds(time.Since(start)), err
}

// steadyStream publishes at a steady rate and looks for some of the messages.
func steadyStream(ctx context.Context, r *rig) (v values, err error) {
	run, err := r.startRun(ctx, documentMessages(r.opts.size), "steady", route{kind: kindDocument, openSearch: r.opts.opensearch})
	if err != nil {
		return nil, err
	}
	defer run.end(ctx, &err)
	warm := int(steadyRate) // the first second
	if err := run.publisher.paced(ctx, 0, warm, steadyRate, nil); err != nil {
		return nil, err
	}
	seekers, within := errgroup.WithContext(ctx)
	var mu sync.Mutex
	var took []float64
	seek := func(n int) {
		if n%steadyEvery != 0 {
			return
		}
		start := time.Now()
		seekers.Go(func() error {
			err := run.found(within, run.index, n, steadyPause)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, milliseconds(time.Since(start)))
			return err
		})
	}
	total := warm + steadyFor*int(steadyRate)
	share, err := run.share(func() error { return run.publisher.paced(ctx, warm, total, steadyRate, seek) })
	if err := errors.Join(err, seekers.Wait()); err != nil {
		return nil, err
	}
	v = values{"steady_cpu": share, "steady_p50": percentile(took, 50), "steady_p99": percentile(took, 99)}
	return v, run.indexed(ctx, total)
}

// found looks for a document until it is there.
func (p *pipeline) found(ctx context.Context, index string, n int, pause time.Duration) error {
	return eventually(ctx, "document "+documentID(n), lostAfter, pause, func(ctx context.Context) (bool, error) {
		return p.rig.search.has(ctx, index, documentID(n))
	}, p.daemon.process)
}

// share is the part of a core, in per cent, that the daemon uses while something goes on.
func (p *pipeline) share(meanwhile func() error) (float64, error) {
	before, err := cpuSeconds(p.daemon.pid())
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := meanwhile(); err != nil {
		return 0, err
	}
	wall := time.Since(start).Seconds()
	after, err := cpuSeconds(p.daemon.pid())
	return 100 * (after - before) / wall, err
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
