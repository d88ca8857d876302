package main

import (
	"context"
	"fmt"
	"time"
)

// scale shows whether a message costs the same in a run of any length, and a start the
// same with a backlog of any length.
func scale(ctx context.Context, r *rig) (values, error) {
	all := values{}
	for _, n := range r.opts.scale {
		if err := r.scaleStream(ctx, n, all); err != nil {
			return nil, fmt.Errorf("%d messages: %w", n, err)
		}
	}
	for _, n := range r.opts.backlogs {
		if err := r.scaleBacklog(ctx, n, all); err != nil {
			return nil, fmt.Errorf("a backlog of %d messages: %w", n, err)
		}
	}
	return all, nil
}

// scaleStream is liveDocuments with n of them.
func (r *rig) scaleStream(ctx context.Context, n int, into values) (err error) {
	run, err := r.startRun(ctx, documentMessages(r.opts.size), "scale", route{kind: kindDocument, openSearch: r.opts.opensearch})
	if err != nil {
		return err
	}
	defer run.end(ctx, &err)
	used, err := run.stream(ctx, n)
	if err != nil {
		return err
	}
	into.put(streamKey, n, used)
	r.say("  %s messages: %.0f/s, %.1f µs each, peak %.0f MiB", number(n), used.rate(), used.each(), used.peak)
	return run.settled(ctx, n)
}

// scaleBacklog starts a Pulltrail whose journal holds n messages from before, while
// OpenSearch is still away, and then lets it come back.
func (r *rig) scaleBacklog(ctx context.Context, n int, into values) (err error) {
	away, err := r.gate(ctx)
	if err != nil {
		return err
	}
	defer away.end(&err)
	// what surrounds a message in the journal is far smaller than a message
	to := route{kind: kindDocument, openSearch: away.url(), journalBytes: max(1<<30, 2*int64(n)*int64(r.opts.size))}
	run, err := r.startRun(ctx, documentMessages(r.opts.size), "backlog", to)
	if err != nil {
		return err
	}
	defer run.end(ctx, &err)
	if err := run.fill(ctx, n); err != nil {
		return err
	}
	if err := run.daemon.stop(); err != nil {
		return err
	}
	start := time.Now()
	if err := run.daemon.start(ctx); err != nil {
		return err
	}
	took := time.Since(start)
	memory, err := memoryMiB(run.daemon.pid(), memoryNow)
	if err != nil {
		return err
	}
	run.cpu = 0 // from the start, which reads a part of the journal
	used, err := run.drain(ctx, away, n)
	if err != nil {
		return err
	}
	into.put(backlogKey, n, used)
	into[backlogKey(n, "start")], into[backlogKey(n, "memory")] = milliseconds(took), memory
	r.say("  a backlog of %s: ready in %.0f ms with %.0f MiB, %.0f/s, %.1f µs each, peak %.0f MiB",
		number(n), milliseconds(took), memory, used.rate(), used.each(), used.peak)
	return run.settled(ctx, n)
}

// settled fails unless the journal has had n entries: as the ids let no document be
// stored twice, one that came twice shows there.
func (p *pipeline) settled(ctx context.Context, n int) error {
	if err := p.lagging(ctx, 0); err != nil {
		return err
	}
	position, err := p.daemon.journal(ctx, cursorPosition)
	if err == nil && position != n {
		err = fmt.Errorf("%d messages have come to %d entries of the journal", n, position)
	}
	return err
}

// streamKey and backlogKey are the keys of what was measured with n messages.
func streamKey(n int, what string) string  { return fmt.Sprintf("scale_%d_%s", n, what) }
func backlogKey(n int, what string) string { return fmt.Sprintf("backlog_%d_%s", n, what) }

func (v values) put(key func(n int, what string) string, n int, used usage) {
	v[key(n, "rate")], v[key(n, "each")], v[key(n, "peak")] = used.rate(), used.each(), used.peak
}
