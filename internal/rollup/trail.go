package rollup

import (
	"cmp"
	"time"

	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/trail"
)

// day is 24 hours.
const day = 24 * time.Hour

// maxDays bounds the days of one repository: a century, should a snapshot have a time
// that is far from all others.
const maxDays = 36_600

// Lengths are those that a Trail knows the recent change of.
var Lengths = [...]time.Duration{day, 7 * day, 30 * day, 90 * day, 365 * day}

// Trail is what is known of one repository. It does not change.
type Trail struct {
	hub.Repository
	// Private is as the newest snapshot says.
	Private bool
	// Newest is the snapshot that was observed last.
	Newest hub.Snapshot
	// Snapshots is how many there are, First the first of them.
	Snapshots int
	First     trail.Sample
	// Days are its UTC days.
	Days Days
	// Pushes, Restatements and Milestones are all of them, in their order.
	Pushes       []trail.Push
	Restatements []trail.Restatement
	Milestones   []trail.Milestone
	// Next is the milestone to come; HasNext is false when there is none.
	Next    trail.Goal
	HasNext bool
	// BestDay, BestWeek and BestMonth are those with the most pulls; zero where there is none.
	BestDay, BestWeek, BestMonth trail.Period

	maxGap time.Duration
	recent [len(Lengths)]trail.Change
}

func newTrail(newest history.Repository, samples []history.Sample, maxGap time.Duration) *Trail {
	curve := trail.New(Samples(samples))
	t := &Trail{
		Repository: newest.Repository, Private: newest.Private, Newest: newest.Newest,
		Snapshots: len(samples), maxGap: maxGap,
		Pushes: curve.Pushes(), Restatements: curve.Restatements(), Milestones: curve.Milestones(),
	}
	t.First, _ = curve.First()
	last, _ := curve.Newest()
	since := last.Time.AddDate(0, 0, -maxDays)
	daily := curve.Daily(since, time.Time{}, maxGap)
	t.Days = packed(daily)
	t.BestDay, _ = trail.Best(daily)
	t.BestWeek, _ = trail.Best(curve.Periods(trail.Week, since, time.Time{}, maxGap))
	t.BestMonth, _ = trail.Best(curve.Periods(trail.Month, since, time.Time{}, maxGap))
	t.Next, t.HasNext = curve.Next()
	for i, length := range Lengths {
		t.recent[i] = curve.Recent(length, last.Time, 0)
	}
	return t
}

// Samples are those of history as the arithmetic takes them.
func Samples(samples []history.Sample) []trail.Sample {
	out := make([]trail.Sample, len(samples))
	for i, s := range samples {
		out[i] = trail.Sample{Time: s.Timestamp, Pulls: s.PullCount, LastUpdated: s.LastUpdated}
	}
	return out
}

// Recent is the pulls of the last length, one of Lengths, beside those of as long
// before. It ends at the newest snapshot; where that is older than the longest
// distance without a gap, nothing is known of the last length, and the change is zero.
// It panics for another length.
func (t *Trail) Recent(length time.Duration, now time.Time) trail.Change {
	for i, l := range Lengths {
		if l == length {
			if t.Stale(now) {
				return trail.Change{}
			}
			return t.recent[i]
		}
	}
	panic(length.String() + " is none of the lengths that are kept")
}

// Stale says that the newest snapshot is too old to say something about the present.
func (t *Trail) Stale(now time.Time) bool {
	return t.maxGap > 0 && now.Sub(t.Newest.Timestamp) > t.maxGap
}

// Total is a running total.
type Total struct {
	At    time.Time
	Pulls int64
	// Gap says that it is an estimate, on the line between two snapshots far apart.
	Gap bool
}

// Totals are the running totals at the ends of the days that the time from <= time < to
// touches, the newest total last. A zero time leaves that end open. Where the total
// fell, it falls with the snapshot that told of it.
func (t *Trail) Totals(from, to time.Time) []Total {
	var totals []Total
	running := runningTotal{total: t.First.Pulls, restated: t.Restatements}
	for i := range t.Days.Len() {
		d := t.Days.At(i)
		end := d.Start.Add(day)
		total := running.at(d.Pulls, t.Days.first+int64(i))
		if !to.IsZero() && !d.Start.Before(to) {
			break
		}
		if end.After(t.Newest.Timestamp) {
			end = t.Newest.Timestamp
		}
		if from.IsZero() || end.After(from) {
			totals = append(totals, Total{At: end, Pulls: total, Gap: d.Gap})
		}
	}
	return totals
}

func compare(a, b hub.Repository) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}
