package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// throughputLimit bounds one run.
	throughputLimit = 30 * time.Minute
	// pollEvery is how exactly the end of a run is known.
	pollEvery = 10 * time.Millisecond
	// afterLoad is the rest after which the memory is looked at.
	afterLoad = 10 * time.Second
	// perDocuments is what CPU seconds are given for.
	perDocuments = 50_000
)

// liveDocuments publishes to a running Pulltrail with a document route, as fast as the
// broker goes along.
func liveDocuments(ctx context.Context, r *rig) (values, error) {
	return live(ctx, r, kindDocument, documentMessages(r.opts.size), "live")
}

// liveSnapshots is the same with a snapshot route, whose messages go into history.
func liveSnapshots(ctx context.Context, r *rig) (values, error) {
	return live(ctx, r, kindSnapshot, snapshotMessages(r.opts.size), "snapshot")
}

func live(ctx context.Context, r *rig, kind string, generate generator, name string) (v values, err error) {
	run, err := r.startRun(ctx, kind, generate, name, r.opts.opensearch)
	if err != nil {
		return nil, err
	}
	defer run.end(ctx, &err)
	start := time.Now()
	group, within := errgroup.WithContext(ctx)
	group.Go(func() error { return run.publisher.send(within, 0, r.opts.documents) })
	group.Go(func() error { return run.indexed(within, r.opts.documents) })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	took := time.Since(start)
	if v, err = run.usage(name); err != nil {
		return nil, err
	}
	v[name+"_rate"] = rate(r.opts.documents, took)
	if err := r.verify(ctx, run.index); err != nil {
		return nil, err
	}
	if err := sleep(ctx, afterLoad); err != nil {
		return nil, err
	}
	v[name+"_after"], err = memoryMiB(run.daemon.pid(), memoryNow)
	return v, err
}

// drainBacklog lets Pulltrail receive everything while OpenSearch is away, and measures
// from the moment at which it is back.
func drainBacklog(ctx context.Context, r *rig) (v values, err error) {
	target, err := url.Parse(r.opts.opensearch)
	if err != nil {
		return nil, err
	}
	away, err := newGate(ctx, target.Host)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closing := away.close(); err == nil {
			err = closing
		}
	}()
	run, err := r.startRun(ctx, kindDocument, documentMessages(r.opts.size), "drain", "http://"+away.addr())
	if err != nil {
		return nil, err
	}
	defer run.end(ctx, &err)
	if err := run.publisher.send(ctx, 0, r.opts.documents); err != nil {
		return nil, err
	}
	err = eventually(ctx, "the journal to hold everything", throughputLimit, 200*time.Millisecond, func(ctx context.Context) (bool, error) {
		lag, err := run.daemon.lag(ctx, "journal")
		return lag == r.opts.documents, err
	}, run.daemon.process)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	away.open()
	if err := run.indexed(ctx, r.opts.documents); err != nil {
		return nil, err
	}
	took := time.Since(start)
	if v, err = run.usage("drain"); err != nil {
		return nil, err
	}
	v["drain_rate"] = rate(r.opts.documents, took)
	return v, r.verify(ctx, run.index)
}

// pipeline is a daemon with an index, a topic and a publisher of its own.
type pipeline struct {
	rig       *rig
	index     string
	daemon    *daemon
	publisher *publisher
	cpu       float64 // seconds that were used when it was ready
}

// startRun makes all parts; end takes them apart.
func (r *rig) startRun(ctx context.Context, kind string, generate generator, name, openSearch string) (p *pipeline, err error) {
	p = &pipeline{rig: r, index: r.unique(name)}
	made := p // what is returned with an error is nil
	defer func() {
		if err != nil {
			made.end(ctx, &err)
		}
	}()
	if kind == kindDocument {
		// as for direct bulk; an index for snapshots is created by Pulltrail
		if err = r.search.create(ctx, p.index, indexBody); err != nil {
			return nil, err
		}
	}
	if p.daemon, err = r.startDaemon(ctx, route{topic: p.index, kind: kind, index: p.index, openSearch: openSearch}); err != nil {
		return nil, err
	}
	if p.publisher, err = newPublisher(ctx, r.broker, p.index+"/1", generate); err != nil {
		return nil, err
	}
	p.cpu, err = cpuSeconds(p.daemon.pid())
	return p, err
}

// indexed waits until the index has taken n documents.
func (p *pipeline) indexed(ctx context.Context, n int) error {
	got := 0
	err := eventually(ctx, "the documents in OpenSearch", throughputLimit, pollEvery, func(ctx context.Context) (ok bool, err error) {
		got, err = p.rig.search.written(ctx, p.index)
		return got >= n, err
	}, p.daemon.process)
	if err != nil {
		return fmt.Errorf("%w (%d of %d)", err, got, n)
	}
	return nil
}

// usage is what the daemon has used since it was ready.
func (p *pipeline) usage(name string) (values, error) {
	cpu, err := cpuSeconds(p.daemon.pid())
	if err != nil {
		return nil, err
	}
	peak, err := memoryMiB(p.daemon.pid(), memoryPeak)
	if err != nil {
		return nil, err
	}
	return values{
		name + "_cpu":  (cpu - p.cpu) * perDocuments / float64(p.rig.opts.documents),
		name + "_peak": peak,
	}, nil
}

// end stops the daemon and deletes the index. An error of it counts unless there is one.
func (p *pipeline) end(ctx context.Context, err *error) {
	if p.publisher != nil {
		_ = p.publisher.close() // what it sent was counted
	}
	if p.daemon != nil {
		if stopping := p.daemon.stop(); *err == nil {
			*err = stopping
		}
	}
	p.rig.discard(ctx, p.index)
}
