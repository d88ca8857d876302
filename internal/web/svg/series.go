package svg

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// The times that can be shown. A year outside of what time.Time can count may look like
// one within, so they are compared as times.
var (
	earliest = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
)

// seconds since 1970.
func seconds(t time.Time) float64 { return float64(t.Unix()) + float64(t.Nanosecond())/1e9 }

// bounded is t in UTC, within the times that can be shown.
func bounded(t time.Time) time.Time {
	switch {
	case t.Before(earliest):
		return earliest
	case t.After(latest):
		return latest
	}
	return t.UTC()
}

// span is the time from first to last. An end that is zero is that of the points; what
// is no more than a moment is put in the middle of three days.
func span(from, to time.Time, lines [][]Point) (first, last time.Time) {
	if from.IsZero() || to.IsZero() {
		var least, most time.Time
		for _, points := range lines {
			for _, p := range points {
				if least.IsZero() || p.At.Before(least) {
					least = p.At
				}
				if most.IsZero() || p.At.After(most) {
					most = p.At
				}
			}
		}
		if from.IsZero() {
			from = least
		}
		if to.IsZero() {
			to = most
		}
	}
	from, to = bounded(from), bounded(to)
	if to.Sub(from) < time.Minute {
		const half = 36 * time.Hour
		return bounded(from.Add(-half)), bounded(from.Add(half))
	}
	return from, to
}

// within are the points of that time, in its order.
func within(points []Point, from, to time.Time) []Point {
	kept := make([]Point, 0, len(points))
	for _, p := range points {
		if p.Value = max(p.Value, 0); !p.At.Before(from) && !p.At.After(to) {
			kept = append(kept, p)
		}
	}
	slices.SortStableFunc(kept, func(a, b Point) int { return a.At.Compare(b.At) })
	return kept
}

// spot is where a point comes to lie.
type spot struct {
	at
	gap, partial bool
}

// piece is a part of a line that is drawn in one go.
type piece struct {
	points  []at
	partial bool
}

// pieces divides a line where it breaks and where it changes between solid and dashed.
// Columns are that many tenths of a pixel wide: within one, nothing changes, as nobody
// would see it, and only the lowest and the highest are kept. So there are never more
// than a few points a column.
func pieces(spots []spot, column int) []piece {
	var out []piece
	var last spot
	broken := true
	for _, s := range spots {
		if s.gap {
			broken = true
			continue
		}
		same := len(out) > 0 && s.x/column == last.x/column
		dashed := s.partial || last.partial
		switch {
		case len(out) == 0, broken && !same:
			out = append(out, piece{points: []at{s.at}, partial: s.partial})
		case same:
			out[len(out)-1].points = append(out[len(out)-1].points, s.at)
		case dashed != out[len(out)-1].partial && len(out[len(out)-1].points) > 1:
			out = append(out, piece{points: []at{last.at, s.at}, partial: dashed})
		default:
			out[len(out)-1].points = append(out[len(out)-1].points, s.at)
			out[len(out)-1].partial = dashed
		}
		last, broken = s, false
	}
	for i := range out {
		out[i].points = thinned(out[i].points, column)
	}
	return out
}

// thinned keeps the lowest and the highest of each column, and both ends.
func thinned(points []at, column int) []at {
	var kept []at
	for i := 0; i < len(points); {
		end := i + 1
		for end < len(points) && points[end].x/column == points[i].x/column {
			end++
		}
		kept = append(kept, extremes(points[i:end], i == 0, end == len(points))...)
		i = end
	}
	return kept
}

// extremes are the lowest and the highest, in their order; first and last as well where
// they are ends.
func extremes(points []at, first, last bool) []at {
	low, high := 0, 0
	for i, p := range points {
		if p.y < points[low].y {
			low = i
		}
		if p.y > points[high].y {
			high = i
		}
	}
	keep := []int{low, high}
	if first {
		keep = append(keep, 0)
	}
	if last {
		keep = append(keep, len(points)-1)
	}
	slices.SortFunc(keep, cmp.Compare)
	var kept []at
	for _, i := range slices.Compact(keep) {
		if len(kept) == 0 || kept[len(kept)-1] != points[i] {
			kept = append(kept, points[i])
		}
	}
	return kept
}

// most is the largest value that is drawn; false when nothing is.
func most(lines [][]Point) (Point, int, bool) {
	var best Point
	line, found := 0, false
	for i, points := range lines {
		for _, p := range points {
			if !p.Gap && (!found || p.Value > best.Value) {
				best, line, found = p, i, true
			}
		}
	}
	return best, line, found
}

// added is a + b, at most the largest int64.
func added(a, b int64) int64 {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}
