package page

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
	"pulltrail/internal/trail"
)

// figure is one of the four numbers.
type figure struct {
	ID, Label string
	value
	Change change
	Note   string
}

// recent is the pulls of a time up to now, with the change.
type recent struct {
	Label string
	value
	Change change
}

// change is how a number differs from the one before.
type change struct{ Text, Title, Level string }

// sums are the totals of several repositories.
type sums struct {
	pulls, stars, size sum
	newest             time.Time // the last observation of any of them
}

func sumsOf(trails []*rollup.Trail) sums {
	var s sums
	for _, t := range trails {
		s.pulls.add(&t.Newest.PullCount)
		s.stars.add(t.Newest.StarCount)
		s.size.add(t.Newest.StorageSize)
		if t.Newest.Timestamp.After(s.newest) {
			s.newest = t.Newest.Timestamp
		}
	}
	return s
}

// counted is the pulls of a time of several repositories. What is not known of some of
// them is missing in it.
type counted struct {
	pulls       sum
	since       time.Time // the earliest time of which something is known
	whole, some int       // of how many the whole time is known, and at least a part
	compared    int       // of how many the time before is known as well
	change      trail.Change
}

func (c *counted) add(change trail.Change, known time.Time) {
	now := change.Now
	if now.Covered == 0 {
		return
	}
	c.pulls.add(&now.Pulls)
	c.some++
	if now.Whole() {
		c.whole++
		if change.Before.Whole() {
			c.compared++
		}
	}
	if c.since.IsZero() || known.Before(c.since) {
		c.since = known
	}
}

// recent is the pulls of the last length, one of rollup.Lengths.
func (f *facts) recent(trails []*rollup.Trail, length time.Duration) counted {
	var c counted
	changes := make([]trail.Change, len(trails))
	for i, t := range trails {
		changes[i] = t.Recent(length, f.now)
		c.add(changes[i], t.First.Time)
	}
	c.change = trail.Together(changes)
	return c
}

// between is the pulls of whole days, the last of them before end.
func between(trails []*rollup.Trail, from, end time.Time) counted {
	var c counted
	changes := make([]trail.Change, len(trails))
	for i, t := range trails {
		changes[i].Now = t.Days.Span(from, end)
		if !from.IsZero() && !end.IsZero() {
			changes[i].Before = t.Days.Span(from.Add(from.Sub(end)), from)
		}
		c.add(changes[i], t.First.Time)
	}
	c.change = trail.Together(changes)
	return c
}

// numbers are the four, of what is chosen.
func (f *facts) numbers(c chosen) []figure {
	s := sumsOf(c.trails)
	rows := int64(c.items)
	repositories := figure{ID: "number-repositories", Label: labelRepositories, value: number(&rows)}
	switch {
	case c.items < c.all:
		repositories.Note = noteOf(c.all)
	case c.items > len(c.trails):
		repositories.Note = noteWaiting(c.items-len(c.trails)-c.outbox, c.outbox)
	}
	return []figure{
		f.pullsFigure(c),
		exactly(figure{ID: "number-total", Label: labelPulls, value: number(s.pulls.total)}),
		exactly(figure{ID: "number-stars", Label: labelStars, value: number(s.stars.total)}),
		repositories,
	}
}

// exactly puts the exact number below a shortened one.
func exactly(g figure) figure {
	g.Note = g.Exact
	return g
}

// pullsFigure is the pulls in the range that is shown. Before there are any, it is what
// the total comes to a day.
func (f *facts) pullsFigure(c chosen) figure {
	g := figure{ID: "number-pulls", Label: labelPullsIn(f.ask), value: value{Short: unknown}}
	if c.first() {
		if average, since, ok := averageADay(c.trails); ok {
			return figure{ID: g.ID, Label: labelAverage, value: number(&average), Note: noteRegistered(since)}
		}
	}
	n := f.inRange(c.trails)
	if n.some == 0 {
		g.Note = notEnough
		return g
	}
	g.value = number(n.pulls.total)
	g.Change = changeWords(n.change)
	switch {
	case f.ask.Range == rangeAll && !f.ask.custom():
		g.Note = noteSince(n.since)
	case n.whole == 0 && n.since.After(f.from()):
		g.Note = noteKnownSince(n.since)
	case n.whole == 0:
		g.Note = soFar // the range has not ended
	case g.Change.Text != "":
		g.Note = noteAgainst(f.ask)
		if n.compared < len(c.trails) {
			g.Note += noteAmong(n.compared, len(c.trails))
		}
	case n.whole < len(c.trails):
		g.Note = noteWhole(n.whole, len(c.trails))
	default:
		g.Note = notEnough
	}
	return g
}

func (f *facts) from() time.Time {
	from, _ := f.window()
	return from
}

// inRange is the pulls of the range that is shown.
func (f *facts) inRange(trails []*rollup.Trail) counted {
	if days, usual := spans[f.ask.Range]; usual && !f.ask.custom() {
		return f.recent(trails, time.Duration(days)*day)
	}
	from, end := f.window()
	return between(trails, from, end)
}

// recents are the pulls of the last day, week and month.
func (f *facts) recents(trails []*rollup.Trail) []recent {
	out := make([]recent, len(recently))
	known := false
	for i, length := range recently {
		out[i] = recentCell(f.recent(trails, length))
		out[i].Label = recentLabels[i]
		if out[i].None() {
			out[i].Change = change{Text: notEnough}
		}
		known = known || !out[i].None()
	}
	if !known {
		return nil
	}
	return out
}

// recentCell is a number only where all of its time is known of one at least.
func recentCell(c counted) recent {
	if c.whole == 0 {
		return recent{value: value{Short: unknown}}
	}
	return recent{value: number(c.pulls.total), Change: changeWords(c.change)}
}

// averageADay is what the totals come to a day, since the repositories were registered;
// false where Docker Hub does not tell of one when that was.
func averageADay(trails []*rollup.Trail) (average int64, since time.Time, ok bool) {
	var total float64
	for _, t := range trails {
		at, told := registered(t.Newest)
		rate, known := trail.SinceRegistered(t.Newest.PullCount, at, t.Newest.Timestamp)
		if !told || !known {
			return 0, time.Time{}, false
		}
		if since.IsZero() || at.Before(since) {
			since = at
		}
		total += rate
	}
	if len(trails) == 0 || total >= math.MaxInt64 {
		return 0, time.Time{}, false
	}
	return int64(math.Round(total)), since, true
}

// registered is when a repository was made, where its snapshot tells.
func registered(s hub.Snapshot) (time.Time, bool) {
	for _, f := range s.Fields() {
		var at time.Time
		if f.Key == "date_registered" && json.Unmarshal(f.Value, &at) == nil && !at.IsZero() {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// roundsToZero reports whether a percentage is shown as ±0 %, which is neither up nor down.
func roundsToZero(p float64) bool { return math.Abs(p) < 0.05 }

// percent is +12 %, −3 % or +0.4 %.
func percent(p float64) string {
	sign := "+"
	if p < 0 {
		sign, p = "−", -p
	}
	switch {
	case roundsToZero(p):
		return "±0" + space + "%"
	case p < 0.95:
		return sign + strconv.FormatFloat(p, 'f', 1, 64) + space + "%"
	}
	return sign + grouped(int64(math.Round(min(p, 1e15)))) + space + "%"
}
