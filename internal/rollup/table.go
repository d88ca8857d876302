package rollup

import (
	"cmp"
	"slices"
	"time"

	"pulltrail/internal/trail"
)

// Metric is what a Table has of each day.
type Metric int

// The metrics.
const (
	Pulls  Metric = iota // the pulls of the day
	Totals               // the running total at its end
)

// Table is one metric of many repositories over the same UTC days.
type Table struct {
	// Days are consecutive; all rows have a value for each of them.
	Days []time.Time
	// Rows are those with the most pulls in these days first; the last one may stand for
	// all others.
	Rows []Row
	// Sum is all of them together.
	Sum Row
}

// Row is a line of a Table.
type Row struct {
	// Trails are the repositories that it stands for: one, except in a sum.
	Trails []*Trail
	Values []Value
}

// Value is a metric of one day.
type Value struct {
	N int64
	// Known is false where nothing is known: N is then zero.
	Known bool
	// Gap and Partial are as in trail.Period.
	Gap, Partial bool
}

// NewTable is the metric of trails in the days that the time from <= time < to touches,
// as far as one of them is known; a zero time leaves that end open. The top with the
// most pulls have a row of their own, the others one together.
//
// In a sum of totals a repository counts with its last known total in the days
// after, because a total that is not known any more has not become zero.
func NewTable(trails []*Trail, metric Metric, from, to time.Time, top int) Table {
	first, n := extent(trails, from, to)
	table := Table{Days: make([]time.Time, n)}
	for i := range table.Days {
		table.Days[i] = beginning(first + int64(i))
	}
	sorted := mostPulls(trails, from, to)
	single := min(top, len(sorted))
	if len(sorted) == top+1 {
		single++ // instead of others that are one
	}
	rest := Row{Trails: sorted[single:], Values: make([]Value, n)}
	for _, t := range rest.Trails {
		t.addTo(rest.Values, metric, first)
	}
	table.Sum = Row{Trails: trails, Values: slices.Clone(rest.Values)}
	for _, t := range sorted[:single] {
		t.addTo(table.Sum.Values, metric, first)
		table.Rows = append(table.Rows, Row{Trails: []*Trail{t}, Values: t.values(metric, first, n)})
	}
	if len(rest.Trails) > 0 {
		table.Rows = append(table.Rows, rest)
	}
	return table
}

// Sum is trail.Sum of the days of many between from and to, for thousands of
// repositories: every day that one of them has, in order.
func Sum(trails []*Trail, from, to time.Time) []trail.Period {
	first, n := extent(trails, from, to)
	values := make([]Value, n)
	for _, t := range trails {
		t.addTo(values, Pulls, first)
	}
	periods := make([]trail.Period, 0, n)
	for i, v := range values {
		if v.Known {
			periods = append(periods, trail.Period{Start: beginning(first + int64(i)), Pulls: v.N, Gap: v.Gap, Partial: v.Partial})
		}
	}
	return periods
}

// extent is the first of the days, and how many there are.
func extent(trails []*Trail, from, to time.Time) (first int64, n int) {
	var end int64
	for _, t := range trails {
		part := t.Days.between(from, to)
		if part.Len() == 0 {
			continue
		}
		last := part.first + int64(part.Len())
		if end == 0 {
			first, end = part.first, last
		}
		first, end = min(first, part.first), max(end, last)
	}
	return first, int(end - first)
}

func mostPulls(trails []*Trail, from, to time.Time) []*Trail {
	type ranked struct {
		*Trail
		pulls int64
	}
	all := make([]ranked, len(trails))
	for i, t := range trails {
		all[i] = ranked{t, t.Days.Pulls(from, to)}
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(b.pulls, a.pulls) })
	out := make([]*Trail, len(all))
	for i, r := range all {
		out[i] = r.Trail
	}
	return out
}

// values are those of the n days from first.
func (t *Trail) values(metric Metric, first int64, n int) []Value {
	out := make([]Value, n)
	t.each(metric, first, n, func(at int, v Value) { out[at] = v })
	return out
}

// addTo adds to a sum the values of the days from first.
func (t *Trail) addTo(sum []Value, metric Metric, first int64) {
	n := len(sum)
	total := t.each(metric, first, n, func(at int, v Value) { sum[at] = sum[at].and(v) })
	if metric != Totals {
		return
	}
	since := max(number(t.First.Time), t.Days.first+int64(t.Days.Len())) - first
	for i := max(since, 0); i < int64(n); i++ {
		sum[i] = sum[i].and(Value{N: total, Known: true})
	}
}

// each tells what is known of the n days from first, in their order, with the place of
// each. It returns the last total that is known before they end.
func (t *Trail) each(metric Metric, first int64, n int, put func(at int, v Value)) int64 {
	days := t.Days
	start := max(0, min(first-days.first, int64(days.Len())))
	end := max(start, min(first-days.first+int64(n), int64(days.Len())))
	running := runningTotal{total: t.First.Pulls, restated: t.Restatements}
	if metric == Totals {
		for i := range start {
			running.at(days.pulls[i], days.first+i)
		}
	}
	for i := start; i < end; i++ {
		v := Value{N: days.pulls[i], Known: true, Gap: days.marks[i]&gap != 0, Partial: days.marks[i]&partial != 0}
		if metric == Totals {
			v.N = running.at(days.pulls[i], days.first+i)
			// The first day begins in the middle but ends with a total; only the newest has not ended.
			v.Partial = v.Partial && i == int64(days.Len())-1
		}
		put(int(days.first+i-first), v)
	}
	return running.total
}

// runningTotal goes from day to day.
type runningTotal struct {
	total    int64
	restated []trail.Restatement
}

// at is the total at the end of the day with this number and these pulls.
func (r *runningTotal) at(pulls, day int64) int64 {
	r.total += pulls
	end := (day + 1) * daySeconds * 1e6
	for len(r.restated) > 0 && r.restated[0].At.UnixMicro() <= end {
		r.total += r.restated[0].To - r.restated[0].From
		r.restated = r.restated[1:]
	}
	return r.total
}

// and is the sum of two values, the second of which is known; see trail.Sum.
func (v Value) and(w Value) Value {
	if !v.Known {
		return w
	}
	return Value{N: added(v.N, w.N), Known: true, Gap: v.Gap && w.Gap, Partial: v.Partial || w.Partial}
}
