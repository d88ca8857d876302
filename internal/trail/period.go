package trail

import (
	"slices"
	"time"
)

// Unit is what a curve is divided into. All are in UTC; weeks begin on Monday.
type Unit int

// The units.
const (
	Hour Unit = iota
	Day
	Week
	Month
)

// Floor is the beginning of the unit that has t.
func (u Unit) Floor(t time.Time) time.Time {
	t = t.UTC()
	year, month, day := t.Date()
	hour := 0
	switch u {
	case Hour:
		hour = t.Hour()
	case Day:
	case Week:
		day -= (int(t.Weekday()) + 6) % 7 // since Monday
	case Month:
		day = 1
	}
	return time.Date(year, month, day, hour, 0, 0, 0, time.UTC)
}

// Ceil is t where a unit begins at t, otherwise the beginning of the next.
func (u Unit) Ceil(t time.Time) time.Time {
	if floor := u.Floor(t); floor.Before(t) {
		return u.next(floor)
	}
	return t.UTC()
}

// next is the beginning of the unit after the one that begins at start.
func (u Unit) next(start time.Time) time.Time {
	switch u {
	case Hour:
		return start.Add(time.Hour)
	case Week:
		return start.AddDate(0, 0, 7)
	case Month:
		return start.AddDate(0, 1, 0)
	default:
		return start.AddDate(0, 0, 1)
	}
}

// Period is the pulls of one hour, day, week or month.
type Period struct {
	// Start is when it begins, in UTC.
	Start time.Time
	// Pulls are those of the part of it that is known.
	Pulls int64
	// Gap says that they are an estimate, which a curve leaves out and a sum takes: most
	// of what is known of the period lies in intervals between snapshots that are longer
	// than maxGap and reach over an end of the period, so its pulls were spread.
	Gap bool
	// Partial says that a part of the period is not known: it has the first snapshot, or
	// the newest.
	Partial bool
}

// Daily is Periods of days.
func (c Curve) Daily(from, to time.Time, maxGap time.Duration) []Period {
	return c.Periods(Day, from, to, maxGap)
}

// Periods are those of which something is known and that the time from <= time < to
// touches, in their order and without holes. A period is never cut by from or to. A
// zero time leaves that end open.
//
// An interval between snapshots that is longer than maxGap, twice the distance of the
// schedule's slots, is a gap; a maxGap of zero has none.
//
// There are as many as the snapshots and the range are wide: whoever asks for the
// range of a stranger, or trusts the times of strangers, bounds it first.
func (c Curve) Periods(unit Unit, from, to time.Time, maxGap time.Duration) []Period {
	if len(c.points) == 0 {
		return nil
	}
	first, end := moment(c.points[0].at), moment(c.last().at)
	if !from.IsZero() && from.After(first) {
		first = from
	}
	if !to.IsZero() && to.Before(end) {
		end = to
	}
	var periods []Period
	for start := unit.Floor(first); start.Before(end); {
		next := unit.next(start)
		if p, ok := c.period(start, next, maxGap); ok {
			periods = append(periods, p)
		}
		start = next
	}
	return periods
}

// period is the one from first to next; false when nothing is known of it.
func (c Curve) period(first, next time.Time, maxGap time.Duration) (Period, bool) {
	from, to := first.UnixMicro(), next.UnixMicro()
	start, end, ok := c.known(from, to)
	if !ok {
		return Period{}, false
	}
	spread := c.spread(from, to, maxGap)
	return Period{
		Start: first, Pulls: c.pulls(start, end),
		Gap:     spread > (end-start)/2,
		Partial: start != from || end != to,
	}, true
}

// spread is how much of from to to lies in intervals that are longer than maxGap and
// do not lie within.
func (c Curve) spread(from, to int64, maxGap time.Duration) int64 {
	start, end, ok := c.known(from, to)
	if !ok || maxGap <= 0 {
		return 0
	}
	var spread int64
	for i := c.before(start); i+1 < len(c.points) && c.points[i].at < end; i++ {
		p, q := c.points[i].at, c.points[i+1].at
		within := p >= from && q <= to
		if !within && q-p > maxGap.Microseconds() {
			spread += min(q, end) - max(p, start)
		}
	}
	return spread
}

// Sum adds up many curves, each of them divided into the same unit, and has every
// period that one of them has. It takes the pulls of a gap, so that one does not look
// like a fall: the sum is a gap only where all are. It is partial where one of them
// is; where a curve has no period any more, or not yet, it adds nothing.
func Sum(curves [][]Period) []Period {
	at := map[int64]int{}
	var total []Period
	for _, periods := range curves {
		for _, p := range periods {
			i, seen := at[p.Start.Unix()]
			if !seen {
				at[p.Start.Unix()] = len(total)
				total = append(total, p)
				continue
			}
			t := &total[i]
			t.Pulls = sum(t.Pulls, p.Pulls)
			t.Gap = t.Gap && p.Gap
			t.Partial = t.Partial || p.Partial
		}
	}
	slices.SortFunc(total, func(a, b Period) int { return a.Start.Compare(b.Start) })
	return total
}
