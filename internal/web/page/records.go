package page

import (
	"time"

	"pulltrail/internal/rollup"
	"pulltrail/internal/trail"
)

const (
	// How many of each there are on the page, the newest.
	maxMilestones   = 10
	maxRestatements = 5
)

// record is one of the best periods.
type record struct {
	Label string
	Pulls value
	When  string // empty when there is none yet
}

// records are the best day, week and month.
func records(t *rollup.Trail) []record {
	best := func(label string, p trail.Period, when func(time.Time) string) record {
		if p.Start.IsZero() {
			return record{Label: label, Pulls: value{Short: unknown}}
		}
		return record{Label: label, Pulls: number(&p.Pulls), When: when(p.Start)}
	}
	return []record{
		best(labelBestDay, t.BestDay, dateOf),
		best(labelBestWeek, t.BestWeek, weekOf),
		best(labelBestMonth, t.BestMonth, monthOf),
	}
}

// milestone is a round total that was passed.
type milestone struct {
	Pulls string
	At    value
}

// milestones are the newest, and how many there were before.
func milestones(t *rollup.Trail) (shown []milestone, before int) {
	for i := len(t.Milestones) - 1; i >= 0; i-- {
		if len(shown) == maxMilestones {
			return shown, i + 1
		}
		m := t.Milestones[i]
		shown = append(shown, milestone{round(m.Pulls), onDay(m.At)})
	}
	return shown, 0
}

// goal is the next milestone with an honest estimate, in a sentence; empty when there is
// none.
func goal(t *rollup.Trail, now time.Time) string {
	switch next := t.Next; {
	case !t.HasNext:
		return ""
	case t.Stale(now):
		return goalStale(round(next.Pulls))
	case !next.Known:
		return goalUnknown(round(next.Pulls))
	case next.At.Before(now):
		return goalDue(round(next.Pulls))
	default:
		return goalExpected(round(next.Pulls), next.At)
	}
}

// restatements are the newest in sentences, and how many there were before.
func restatements(t *rollup.Trail) (shown []string, before int) {
	for i := len(t.Restatements) - 1; i >= 0; i-- {
		if len(shown) == maxRestatements {
			return shown, i + 1
		}
		r := t.Restatements[i]
		shown = append(shown, restated(r.At, grouped(r.From), grouped(r.To)))
	}
	return shown, 0
}

// round is a milestone as people say it: 10 M, not 10.0 M.
func round(n int64) string {
	unit := ""
	for _, u := range []string{space + "k", space + "M", space + "B", space + "T"} {
		if n < 1000 || n < 10_000 && unit == "" {
			break
		}
		n, unit = n/1000, u
	}
	return grouped(n) + unit
}

// onDay is the day of a time, in UTC.
func onDay(t time.Time) value {
	return value{Short: dateOf(t), Exact: exactTime(t), Machine: t.UTC().Format(time.RFC3339)}
}

// clock is a time to the minute, in UTC.
func clock(t time.Time) value {
	return value{Short: t.UTC().Format("2 Jan 2006 15:04"), Exact: exactTime(t), Machine: t.UTC().Format(time.RFC3339)}
}

// dateOf has no break within.
func dateOf(t time.Time) string {
	return t.UTC().Format("2" + space + "Jan" + space + "2006")
}
