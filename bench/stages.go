package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// values are what one stage has measured in one round, by key of a metric.
type values map[string]float64

// stage is one part of a round.
type stage struct {
	name string
	run  func(context.Context, *rig) (values, error)
	// onDemand says that it takes minutes and is only run when it is named.
	onDemand bool
}

// stageScale has tables of its own.
const stageScale = "scale"

// stages in the order of a round. Direct bulk stands around each of those that are
// compared to it, as a short run tells little on a machine that others use too.
func stages() []stage {
	bulk := stage{name: "bulk", run: directBulk}
	return []stage{
		{name: "bare", run: bareSubscriber},
		bulk,
		{name: "live", run: liveDocuments},
		bulk,
		{name: "drain", run: drainBacklog},
		bulk,
		{name: "snapshot", run: liveSnapshots},
		bulk,
		{name: "idle", run: idle},
		{name: "latency", run: singleMessages},
		{name: "steady", run: steadyStream},
		{name: stageScale, run: scale, onDemand: true},
		{name: stagePages, run: pages, onDemand: true},
	}
}

// stageNames are the names of the stages, each once.
func stageNames() []string {
	var names []string
	for _, s := range stages() {
		if !slices.Contains(names, s.name) {
			names = append(names, s.name)
		}
	}
	return names
}

// warmUps is how many runs come before the first that counts: the servers compile their
// code by them.
const warmUps = 5

// rounds runs all stages that are wanted, round after round.
func (r *rig) rounds(ctx context.Context) ([]values, error) {
	r.say("warming up")
	for range warmUps {
		if _, err := directBulk(ctx, r); err != nil {
			return nil, fmt.Errorf("warming up: %w", err)
		}
	}
	var all []values
	for n := range r.opts.rounds {
		round, err := r.round(ctx, fmt.Sprintf("round %d of %d", n+1, r.opts.rounds))
		if err != nil {
			return nil, err
		}
		all = append(all, round)
	}
	return all, nil
}

// round runs each stage. What is measured several times in it counts with its median.
func (r *rig) round(ctx context.Context, name string) (values, error) {
	measured := map[string][]float64{}
	for _, s := range stages() {
		if !r.opts.wants(s) {
			continue
		}
		start := time.Now()
		got, err := s.run(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", name, s.name, err)
		}
		r.say("%s, %-8s %5.1f s  %s", name, s.name, time.Since(start).Seconds(), got.line())
		for key, v := range got {
			measured[key] = append(measured[key], v)
		}
	}
	round := values{}
	for key, all := range measured {
		round[key] = median(all)
	}
	round.derive()
	return round, nil
}

// derive adds the ratios to direct bulk.
func (v values) derive() {
	bound := v["bulk_rate"]
	for _, name := range []string{"live", "drain", "snapshot"} {
		if rate, ok := v[name+"_rate"]; ok && bound > 0 {
			v[name+"_ratio"] = rate / bound
		}
	}
}
