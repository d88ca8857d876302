package trail

import "time"

// Best is the period with the most pulls, the earliest of several. Those that are
// partial or a gap set no record, nor do no pulls; false when there is none.
func Best(periods []Period) (Period, bool) {
	var best Period
	for _, p := range periods {
		if !p.Partial && !p.Gap && p.Pulls > best.Pulls {
			best = p
		}
	}
	return best, best.Pulls > 0
}

// Milestone is a round total: 1, 2 or 5 with any number of zeros.
type Milestone struct {
	Pulls int64
	// At is when the total reached it, on the straight line between two snapshots.
	At time.Time
}

// Milestones are those that were passed after the first snapshot, in their order,
// each the first time: a total that is restated and grows again passes none twice.
func (c Curve) Milestones() []Milestone {
	if len(c.points) == 0 {
		return nil
	}
	var passed []Milestone
	next, more := milestoneAfter(c.points[0].total)
	for i := 1; i < len(c.points); i++ {
		for more && c.points[i].total >= next {
			passed = append(passed, Milestone{next, c.crossing(i, next)})
			next, more = milestoneAfter(next)
		}
	}
	return passed
}

// crossing is when the total reached level on its way to the point i, which is at or
// above it while the point before is below.
func (c Curve) crossing(i int, level int64) time.Time {
	p, q := c.points[i-1], c.points[i]
	into := share(distance(p.at, q.at), distance(p.total, level), distance(p.total, q.total))
	return moment(p.at + clamp(into))
}

// milestoneAfter is the first above total; false when it does not fit an int64.
func milestoneAfter(total int64) (int64, bool) {
	for zeros := int64(1); ; zeros *= 10 {
		for _, digit := range [...]int64{1, 2, 5} {
			if digit*zeros > total {
				return digit * zeros, true
			}
		}
		if zeros == 1e18 {
			return 0, false
		}
	}
}

const (
	// The rate of an estimate is that of the newest rateOver, of which leastKnown must be
	// known. It says nothing of what is further away than horizon.
	rateOver   = 30 * 24 * time.Hour
	leastKnown = 7 * 24 * time.Hour
	horizon    = 10 * 365 * 24 * time.Hour
)

// Goal is a milestone that is still to come.
type Goal struct {
	Pulls int64
	// At is when it will be reached if the rate of the last 30 days stays, counted from
	// the newest snapshot; only when Known.
	At time.Time
	// Known is false where there is no honest estimate: the rate is zero or known for
	// fewer than 7 days, or it would take more than ten years.
	Known bool
}

// Next is the lowest milestone above all totals so far; false when there are no
// samples, or no further milestone that a counter could reach.
func (c Curve) Next() (Goal, bool) {
	if len(c.points) == 0 {
		return Goal{}, false
	}
	highest := c.points[0].total
	for _, p := range c.points {
		highest = max(highest, p.total)
	}
	level, ok := milestoneAfter(highest)
	if !ok {
		return Goal{}, false
	}
	goal := Goal{Pulls: level}
	goal.At, goal.Known = c.reach(level)
	return goal, true
}

// reach is when the total will be at level; false where there is no honest estimate.
func (c Curve) reach(level int64) (time.Time, bool) {
	newest := c.last().sample()
	rate := c.Between(newest.Time.Add(-rateOver), newest.Time)
	if rate.Pulls == 0 || rate.Covered < leastKnown {
		return time.Time{}, false
	}
	wait := (float64(level) - float64(newest.Pulls)) / float64(rate.Pulls) * float64(rate.Covered)
	if wait > float64(horizon) {
		return time.Time{}, false
	}
	return newest.Time.Add(time.Duration(wait)), true
}

// SinceRegistered is the average pulls a day of a total that was read at a time, since
// the repository was registered: what there is to say with one snapshot. False when
// that was less than a day before, too little for an average.
func SinceRegistered(total int64, registered, at time.Time) (float64, bool) {
	days := at.Sub(registered).Hours() / 24
	if days < 1 {
		return 0, false
	}
	return float64(total) / days, true
}
