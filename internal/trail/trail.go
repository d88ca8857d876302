// Package trail is the arithmetic over a repository's snapshots: pulls in a day or in
// any other time, what was a push, which records were set. It is pure: no clock, no
// input or output, the standard library only. Page, API, badges and terminal all
// take their numbers from here, so that they never differ.
//
// # What a pull count says
//
// Docker Hub tells a running total. Between two snapshots the total is taken to grow
// along a straight line, and the pulls of a time are what it grew in it.
//
//   - Days are UTC days. A day's pulls are those up to its end less those up to its
//     beginning, each rounded down to whole pulls. So a day is less than one pull away
//     from the exact value, and days add up to what was counted, to the pull.
//   - A total that stays is zero pulls. A total that falls is a Restatement: it is no
//     pulls, and counting goes on from the new value. Pulls are never negative. The
//     pulls of all days and the differences of all restatements make together the
//     newest total less the first.
//   - Before the first snapshot and after the newest nothing is known, which is not
//     zero: there are no days there, and a day of which only a part is known is
//     Partial. So the day that is still forming is Partial until a snapshot is taken
//     after its end.
//   - Where snapshots are far apart, sums spread the pulls evenly over the time
//     between them, and what was spread in this way is marked as a Gap for curves.
//
// # What is taken in
//
// Samples may come in any order. Of several at one moment (to the microsecond, as
// history keeps time) the highest total counts and the latest push. Several on one
// date are nothing special, as everything is computed from the time between them; and
// the time is that of the observation, never the slot.
//
// Totals may have any value that fits an int64; pulls that do not fit one are given as
// its largest (up to 2^64, which takes totals that were restated from near the largest
// more than once).
package trail

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"sort"
	"time"
)

// Sample is what a snapshot says, as far as it matters here.
type Sample struct {
	// Time is when it was observed.
	Time time.Time
	// Pulls is the running total.
	Pulls int64
	// LastUpdated is when the last push was; nil where there is none.
	LastUpdated *time.Time
}

// Curve is the trail of one repository. It does not change; the zero value has no
// samples.
type Curve struct{ points []point }

// point is what is known of one moment.
type point struct {
	at    int64 // microseconds since 1970
	total int64
	// grown is the pulls since the first point. It wraps, so that differences are right
	// whatever totals were restated before.
	grown   uint64
	updated *time.Time
}

// New is the curve through samples, which it does not keep.
func New(samples []Sample) Curve {
	points := make([]point, len(samples))
	for i, s := range samples {
		points[i] = point{at: s.Time.UnixMicro(), total: s.Pulls, updated: s.LastUpdated}
	}
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(a.at, b.at) })
	points = merged(points)
	for i := 1; i < len(points); i++ {
		p, q := points[i-1], &points[i]
		q.grown = p.grown
		if q.total > p.total {
			q.grown += distance(p.total, q.total)
		}
	}
	return Curve{points}
}

// merged makes one of the points at one moment; points are sorted by time.
func merged(points []point) []point {
	out := points[:0]
	for _, p := range points {
		if len(out) == 0 || out[len(out)-1].at != p.at {
			out = append(out, p)
			continue
		}
		last := &out[len(out)-1]
		last.total = max(last.total, p.total)
		if later(p.updated, last.updated) {
			last.updated = p.updated
		}
	}
	return out
}

// later reports whether a is a time after b; nil is before all.
func later(a, b *time.Time) bool { return a != nil && (b == nil || a.After(*b)) }

// First is the first sample; false when there is none.
func (c Curve) First() (Sample, bool) {
	if len(c.points) == 0 {
		return Sample{}, false
	}
	return c.points[0].sample(), true
}

// Newest is the sample that was observed last; false when there is none.
func (c Curve) Newest() (Sample, bool) {
	if len(c.points) == 0 {
		return Sample{}, false
	}
	return c.last().sample(), true
}

func (p point) sample() Sample {
	return Sample{Time: moment(p.at), Pulls: p.total, LastUpdated: p.updated}
}

func (c Curve) last() point { return c.points[len(c.points)-1] }

// known is the part of from to to, in microseconds, that lies between the first point
// and the last; false when that is nothing.
func (c Curve) known(from, to int64) (start, end int64, ok bool) {
	if len(c.points) == 0 {
		return 0, 0, false
	}
	start, end = max(from, c.points[0].at), min(to, c.last().at)
	return start, end, start < end
}

// before is the index of the last point at or before t, which must not be before the
// first.
func (c Curve) before(t int64) int {
	return sort.Search(len(c.points), func(i int) bool { return c.points[i].at > t }) - 1
}

// grown is the pulls from the first point to t, which must lie between the points,
// rounded down.
func (c Curve) grown(t int64) uint64 {
	i := c.before(t)
	p := c.points[i]
	if p.at == t {
		return p.grown
	}
	q := c.points[i+1]
	return p.grown + share(q.grown-p.grown, distance(p.at, t), distance(p.at, q.at))
}

// pulls are those from start to end, which must lie between the points.
func (c Curve) pulls(start, end int64) int64 {
	return clamp(c.grown(end) - c.grown(start))
}

// share is whole*part/of, rounded down, for part <= of.
func share(whole, part, of uint64) uint64 {
	if part == of {
		return whole
	}
	hi, lo := bits.Mul64(whole, part)
	quotient, _ := bits.Div64(hi, lo, of)
	return quotient
}

// distance is b-a for a <= b, also where that does not fit an int64.
func distance(a, b int64) uint64 {
	return uint64(b) - uint64(a) //nolint:gosec // it wraps to the right value
}

// clamp is n, or the largest int64.
func clamp(n uint64) int64 {
	return int64(min(n, math.MaxInt64))
}

// sum is a+b of two that are not negative, or the largest int64.
func sum(a, b int64) int64 { return clamp(distance(0, a) + distance(0, b)) }

func moment(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
