// Package rollup keeps in memory what pages ask for again and again: the pulls of each
// day of each repository, and what follows from them. It is made from history and
// holds nothing that history does not.
//
// What it promises: an answer has everything that was in history when it was asked
// for, because a question looks at history's head first and takes in what is new. The
// numbers are those of internal/trail. A Trail does not change once it was given out.
//
// At its bounds: a repository takes some nine bytes for each of its days, of which the
// newest 36,600 are kept, and a few kilobytes besides. Reading a repository of three
// years of days takes a few milliseconds, and it is read again when it has a new
// snapshot; Run does that ahead of the questions, without taking more than a twentieth
// of a core for it in the long run. One reads at a time, the others wait for it.
package rollup

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"pulltrail/internal/document"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
)

// History is what it reads. An error means that history cannot be read now.
type History interface {
	// Head is the position of the newest entry.
	Head(ctx context.Context) (document.Position, error)
	// Changed are the repositories with entries behind after, and the head up to which
	// that is true.
	Changed(ctx context.Context, after document.Position) ([]hub.Repository, document.Position, error)
	// Repository is one of them; false when it has no snapshot.
	Repository(ctx context.Context, r hub.Repository) (history.Repository, bool, error)
	// Series are the first samples of r, at most limit (a negative one is none), in the
	// order of their timestamps. Zero times leave both ends open.
	Series(ctx context.Context, r hub.Repository, from, to time.Time, limit int) ([]history.Sample, error)
	// Notify returns the channel that is closed when there are new entries.
	Notify() <-chan struct{}
}

// Options are what New needs.
type Options struct {
	History History
	// MaxGap is how far apart two snapshots may be without a gap in a curve.
	MaxGap func() time.Duration
	// Deletions counts the deletions of snapshots, before which everything that was read is
	// outdated; nil where nothing is ever deleted.
	Deletions func() uint64
	Log       *slog.Logger
}

// Rollup is safe for concurrent use.
type Rollup struct {
	Options
	current atomic.Pointer[version]
	turn    chan struct{} // who has it reads history
}

// version is everything as it was at one head of history.
type version struct {
	head      document.Position
	deletions uint64 // before it was read
	maxGap    time.Duration
	trails    []*Trail // sorted by namespace and name
}

// New makes a rollup that has read nothing yet.
func New(opts Options) *Rollup {
	if opts.Deletions == nil {
		opts.Deletions = func() uint64 { return 0 }
	}
	r := &Rollup{Options: opts, turn: make(chan struct{}, 1)}
	r.current.Store(&version{maxGap: opts.MaxGap()})
	return r
}

// Trails are all repositories that have a snapshot, private ones included, sorted by
// namespace and name. The slice is shared: it must not be changed.
func (r *Rollup) Trails(ctx context.Context) ([]*Trail, error) {
	v, err := r.fresh(ctx)
	if err != nil {
		return nil, err
	}
	return v.trails, nil
}

// Trail is one of them; false when it has no snapshot.
func (r *Rollup) Trail(ctx context.Context, of hub.Repository) (*Trail, bool, error) {
	v, err := r.fresh(ctx)
	if err != nil {
		return nil, false, err
	}
	i, found := v.find(of)
	if !found {
		return nil, false, nil
	}
	return v.trails[i], true, nil
}

func (v *version) find(of hub.Repository) (int, bool) {
	return slices.BinarySearchFunc(v.trails, of, func(t *Trail, of hub.Repository) int { return compare(t.Repository, of) })
}

// fresh is the version of history's present head.
func (r *Rollup) fresh(ctx context.Context) (*version, error) {
	head, err := r.History.Head(ctx)
	if err != nil {
		return nil, err
	}
	if v := r.current.Load(); r.isFresh(v, head) {
		return v, nil
	}
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	v := r.current.Load() // somebody else may have read it while we waited
	if r.isFresh(v, head) {
		return v, nil
	}
	gap, deletions := r.MaxGap(), r.Deletions()
	if gap != v.maxGap || deletions != v.deletions { // either may change every day
		v = &version{maxGap: gap, deletions: deletions}
	}
	next, err := r.read(ctx, v)
	if err != nil {
		return nil, err
	}
	r.current.Store(next)
	return next, nil
}

func (r *Rollup) isFresh(v *version, head document.Position) bool {
	return v.head >= head && v.maxGap == r.MaxGap() && v.deletions == r.Deletions()
}

// read is v with what has come into history since.
func (r *Rollup) read(ctx context.Context, v *version) (*version, error) {
	changed, head, err := r.History.Changed(ctx, v.head)
	if err != nil {
		return nil, err
	}
	next := &version{head: head, deletions: v.deletions, maxGap: v.maxGap, trails: slices.Clone(v.trails)}
	for _, of := range changed {
		t, exists, err := r.readTrail(ctx, of, v.maxGap)
		if err != nil {
			return nil, err
		}
		i, found := next.find(of)
		switch {
		case exists && found:
			next.trails[i] = t
		case exists:
			next.trails = slices.Insert(next.trails, i, t)
		case found:
			next.trails = slices.Delete(next.trails, i, i+1)
		}
	}
	return next, nil
}

// readTrail returns false where all snapshots have been deleted meanwhile.
func (r *Rollup) readTrail(ctx context.Context, of hub.Repository, maxGap time.Duration) (*Trail, bool, error) {
	samples, err := r.History.Series(ctx, of, time.Time{}, time.Time{}, -1)
	if err != nil {
		return nil, false, err
	}
	// After the series, so that the newest snapshot is not older than its newest sample.
	newest, found, err := r.History.Repository(ctx, of)
	if err != nil || !found || len(samples) == 0 {
		return nil, false, err
	}
	return newTrail(newest, samples, maxGap), true, nil
}

// The shares of Run: after an hour's worth of reading it rests for the rest of the day.
const (
	restFactor = 19
	retryAfter = 5 * time.Second
)

// Run reads what is new before somebody asks for it, until ctx is done.
func (r *Rollup) Run(ctx context.Context) error {
	failing := false
	for {
		more := r.History.Notify()
		begun := time.Now()
		_, err := r.fresh(ctx)
		rest := restFactor * time.Since(begun)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // stopped as it was told
		case err != nil:
			if !failing {
				r.Log.Error("the curves cannot be read from history", "err", err)
			}
			failing, rest, more = true, retryAfter, nil
		case failing:
			failing = false
			r.Log.Info("the curves can be read from history again")
		}
		if err := wait(ctx, rest, more); err != nil {
			return nil //nolint:nilerr // stopped as it was told
		}
	}
}

// wait takes as long as rest at least, and then until more is closed, where there is
// such a channel.
func wait(ctx context.Context, rest time.Duration, more <-chan struct{}) error {
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	if more == nil {
		return nil
	}
	select {
	case <-more:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
