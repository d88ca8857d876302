// Package demo is a Docker Hub that does not exist, for looking at Pulltrail without
// configuring anything: a dozen made-up repositories, what became of each in two years,
// a handler that answers for them now, and the snapshots that would have been taken.
//
// What it promises: a World is a pure function of the time at which its demo began and
// of the time that is asked for. The same question has the same answer in every process
// and in any order, so that what is polled goes on where what was seeded ends. All
// totals grow, but for one that is restated once. Nothing here reaches out: the handler
// answers, the seed writes to the data directory that it is given.
//
// At its bounds: time before the two years is not simulated, and after them it goes on
// for ever, a little slower to compute with each day. Of Docker Hub's API there are the
// single repositories only, without rate limit and login. A data directory that holds
// anything else than a demo is refused and not touched.
package demo

import (
	"math"
	"time"

	"pulltrail/internal/hub"
)

const (
	day  = 24 * time.Hour
	past = 730 // days of history
)

// World is the simulated Docker Hub. It does not change and is safe for concurrent use.
type World struct {
	began        time.Time
	origin       time.Time // a UTC midnight: the beginning of day 0
	repositories []*repository
}

// New is the world of a demo that begins at began: what happens in it does so some
// days before.
func New(began time.Time) *World {
	began = began.UTC()
	w := &World{began: began, origin: began.Truncate(day).Add(-past * day)}
	for i, s := range cast() {
		w.repositories = append(w.repositories, newRepository(s, uint64(i)+1, w.origin))
	}
	return w
}

// Repositories are all that there are, or were.
func (w *World) Repositories() []hub.Repository {
	names := make([]hub.Repository, len(w.repositories))
	for i, r := range w.repositories {
		names[i] = r.Repository
	}
	return names
}

// find is the repository where it exists at a time; nil where it does not.
func (w *World) find(name hub.Repository, at time.Time) *repository {
	for _, r := range w.repositories {
		if r.Repository == name && r.exists(at) {
			return r
		}
	}
	return nil
}

// repository is a script with its past worked out.
type repository struct {
	script
	key    uint64 // of its random numbers
	origin time.Time
	totals []int64 // at the beginning of each day of the past
}

func newRepository(s script, key uint64, origin time.Time) *repository {
	r := &repository{script: s, key: key, origin: origin, totals: make([]int64, past+1)}
	r.totals[0] = s.total
	for d := range past {
		r.totals[d+1] = r.next(d, r.totals[d])
	}
	return r
}

// next is the total at the end of day d, which began with total.
func (r *repository) next(d int, total int64) int64 {
	total += r.pulls(d)
	if r.restated > 0 && d+1 == past-r.restated {
		total -= total / 6
	}
	return total
}

// exists says whether Docker Hub knows the repository at a time.
func (r *repository) exists(at time.Time) bool {
	gone := r.gone > 0 && !at.Before(r.before(r.gone))
	return !gone && !at.Before(r.registeredAt())
}

// before is the beginning of the day that is some days before the demo begins.
func (r *repository) before(days int) time.Time {
	return r.origin.Add(time.Duration(past-days) * day)
}

// registeredAt is some time of the afternoon.
func (r *repository) registeredAt() time.Time {
	after := 13*time.Hour + time.Duration(r.chance(^uint64(0))*float64(4*time.Hour))
	return r.before(r.registered).Add(after).Truncate(time.Microsecond)
}

// dayOf is the day that has a time, and how much of it has passed, from 0 to 1.
func (r *repository) dayOf(at time.Time) (int, float64) {
	since := max(at.Sub(r.origin), 0)
	return int(since / day), float64(since%day) / float64(day)
}

// pullCount is the running total at a time.
func (r *repository) pullCount(at time.Time) int64 {
	d, part := r.dayOf(at)
	known := min(d, past)
	total := r.totals[known]
	for ; known < d; known++ {
		total = r.next(known, total)
	}
	return total + int64(float64(r.pulls(d))*passed(part))
}

// passed is how much of a day's pulls there were when part of the day has passed: most
// come in the afternoon, fewest at three in the morning.
func passed(part float64) float64 {
	const swing, trough = 0.45, 3.0 / 24
	wave := func(x float64) float64 { return math.Sin(2 * math.Pi * (x - trough)) }
	return part - swing/(2*math.Pi)*(wave(part)-wave(0))
}

// starCount grows unevenly.
func (r *repository) starCount(at time.Time) int64 {
	since := r.origin
	if born := r.registeredAt(); born.After(since) {
		since = born
	}
	if end := r.before(r.abandoned); r.abandoned > 0 && at.After(end) {
		at = end
	}
	years := max(at.Sub(since), 0).Hours() / (365 * 24)
	uneven := years + 0.04*(math.Sin(2*math.Pi*3*years+float64(r.key))-math.Sin(float64(r.key)))
	return r.stars + int64(uneven*r.starsEachYear)
}
