package main

import (
	"context"
	"fmt"
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
	run, err := r.startRun(ctx, generate, name, route{kind: kind, openSearch: r.opts.opensearch})
	if err != nil {
		return nil, err
	}
	defer run.end(ctx, &err)
	used, err := run.stream(ctx, r.opts.documents)
	if err != nil {
		return nil, err
	}
	v = used.values(name)
	if err := sleep(ctx, afterLoad); err != nil {
		return nil, err
	}
	v[name+"_after"], err = memoryMiB(run.daemon.pid(), memoryNow)
	return v, err
}

// drainBacklog lets Pulltrail receive everything while OpenSearch is away, and measures
// from the moment at which it is back.
func drainBacklog(ctx context.Context, r *rig) (v values, err error) {
	away, err := r.gate(ctx)
	if err != nil {
		return nil, err
	}
	defer away.end(&err)
	run, err := r.startRun(ctx, documentMessages(r.opts.size), "drain", route{kind: kindDocument, openSearch: away.url()})
	if err != nil {
		return nil, err
	}
	defer run.end(ctx, &err)
	if err := run.fill(ctx, r.opts.documents); err != nil {
		return nil, err
	}
	used, err := run.drain(ctx, away, r.opts.documents)
	if err != nil {
		return nil, err
	}
	return used.values("drain"), nil
}

// pipeline is a daemon with an index, a topic and a publisher of its own.
type pipeline struct {
	rig       *rig
	index     string
	daemon    *daemon
	publisher *publisher
	cpu       float64 // seconds that were used when it was ready
}

// startRun makes all parts for a route, whose topic and index it names; end takes them
// apart.
func (r *rig) startRun(ctx context.Context, generate generator, name string, to route) (p *pipeline, err error) {
	p = &pipeline{rig: r, index: r.unique(name)}
	to.topic, to.index = p.index, p.index
	made := p // what is returned with an error is nil
	defer func() {
		if err != nil {
			made.end(ctx, &err)
		}
	}()
	if to.kind == kindDocument {
		// as for direct bulk; an index for snapshots is created by Pulltrail
		if err = r.search.create(ctx, p.index, indexBody); err != nil {
			return nil, err
		}
	}
	if p.daemon, err = r.startDaemon(ctx, to); err != nil {
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

// stream publishes n messages while the daemon indexes them.
func (p *pipeline) stream(ctx context.Context, n int) (usage, error) {
	start := time.Now()
	group, within := errgroup.WithContext(ctx)
	group.Go(func() error { return p.publisher.send(within, 0, n) })
	group.Go(func() error { return p.indexed(within, n) })
	if err := group.Wait(); err != nil {
		return usage{}, err
	}
	return p.used(ctx, n, time.Since(start))
}

// fill publishes n messages while OpenSearch is away, until the journal holds them.
func (p *pipeline) fill(ctx context.Context, n int) error {
	if err := p.publisher.send(ctx, 0, n); err != nil {
		return err
	}
	return p.lagging(ctx, n)
}

// lagging waits until n entries of the journal are not indexed.
func (p *pipeline) lagging(ctx context.Context, n int) error {
	what := fmt.Sprintf("the journal to be %d entries ahead", n)
	return eventually(ctx, what, throughputLimit, 200*time.Millisecond, func(ctx context.Context) (bool, error) {
		lag, err := p.daemon.journal(ctx, lagEntries)
		return lag == n, err
	}, p.daemon.process)
}

// drain lets OpenSearch come back to a daemon whose journal holds n messages.
func (p *pipeline) drain(ctx context.Context, away *gate, n int) (usage, error) {
	start := time.Now()
	away.open()
	if err := p.indexed(ctx, n); err != nil {
		return usage{}, err
	}
	return p.used(ctx, n, time.Since(start))
}

// usage is what a daemon has needed for some documents.
type usage struct {
	documents int
	took      time.Duration
	cpu       float64 // seconds since it was ready
	peak      float64 // MiB
}

// used is read when n documents have taken some time. It fails unless all are stored.
func (p *pipeline) used(ctx context.Context, n int, took time.Duration) (u usage, err error) {
	u = usage{documents: n, took: took}
	if u.cpu, err = cpuSeconds(p.daemon.pid()); err != nil {
		return u, err
	}
	u.cpu -= p.cpu
	if u.peak, err = memoryMiB(p.daemon.pid(), memoryPeak); err != nil {
		return u, err
	}
	return u, p.rig.verify(ctx, p.index, n)
}

// rate is documents a second.
func (u usage) rate() float64 { return rate(u.documents, u.took) }

// each is CPU microseconds for a document.
func (u usage) each() float64 { return u.cpu * 1e6 / float64(u.documents) }

// values are those of a stage.
func (u usage) values(name string) values {
	return values{name + "_rate": u.rate(), name + "_cpu": u.each() * perDocuments / 1e6, name + "_peak": u.peak}
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
