package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
	"pulltrail/internal/trail"
)

const (
	// maxDays bounds the days of curves: a century, should a snapshot have a time that is
	// far from all others.
	maxDays = 36_600
	// usualTop and maxTop are how many repositories have a curve of their own.
	usualTop, maxTop = 8, 100
	// maxPushes bounds the pushes beside curves: the newest are given.
	maxPushes = 500
)

// curves are one metric of many repositories over the same UTC days, in columns.
type curves struct {
	Metric string     `json:"metric"`
	From   *time.Time `json:"from"`
	To     *time.Time `json:"to"`
	Dates  []string   `json:"dates"`
	// Series are those with the most pulls in these days first; the last may be of all
	// others together.
	Series []curve     `json:"series"`
	Sum    column      `json:"sum"`
	Pushes []pushAmong `json:"pushes"`
}

// curve is that of a repository, or of others.
type curve struct {
	Name       string `json:"name"`
	Namespace  string `json:"namespace,omitempty"`
	Repository string `json:"repository,omitempty"`
	// Others is how many repositories it is the sum of.
	Others int `json:"others,omitempty"`
	column
}

// column has a value for each date; null is not known. Gaps and Partial are places in
// dates, from 0.
type column struct {
	Values  []*int64 `json:"values"`
	Gaps    []int    `json:"gaps"`
	Partial []int    `json:"partial"`
}

// pushAmong is a push of one of the repositories that have a curve of their own.
type pushAmong struct {
	hub.Repository
	LastUpdated time.Time `json:"last_updated"`
}

func (h *handler) curves(w http.ResponseWriter, r *http.Request) {
	q := parseQuery(r.URL.RawQuery, "from", "to", "metric", "top", "repository…", "namespace", "q", "format")
	asked, metric := q.timeRange(), q.choice("metric", "pulls", "total")
	top, asCSV := q.number("top", usualTop, 1, maxTop), q.wantsCSV(r)
	names, namespace := q.names(), q.namespace()
	if q.err != nil {
		writeProblem(w, http.StatusBadRequest, sentence(q.err))
		return
	}
	all, err := h.all(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	for _, n := range names {
		if !slices.ContainsFunc(all, func(f found) bool { return f.Repository == n }) {
			h.unknown(w, r, n.String())
			return
		}
	}
	trails := trailsOf(q.matching(all, namespace), names)
	h.answer(w, r, asCSV, func(context.Context) (table, error) { return curvesOf(trails, metric, asked, top) })
}

// names are those of the parameter repository.
func (q *query) names() []hub.Repository {
	var names []hub.Repository
	for _, v := range q.values["repository"] {
		if !repositoryPattern.MatchString(v) {
			q.refuse("the parameter repository is %.40q: write namespace/name in lower-case letters, digits, '.', '_' and '-'", v)
		}
		r := hub.Repository{Namespace: "library", Name: v}
		if namespace, name, found := strings.Cut(v, "/"); found {
			r = hub.Repository{Namespace: namespace, Name: name}
		}
		names = append(names, r)
	}
	if len(names) > maxTop {
		q.refuse("the parameter repository is given %d times: %d are the most", len(names), maxTop)
	}
	return names
}

// trailsOf are those that have one; of names alone, where there are names.
func trailsOf(all []found, names []hub.Repository) []*rollup.Trail {
	var trails []*rollup.Trail
	for _, f := range all {
		if f.trail != nil && (len(names) == 0 || slices.Contains(names, f.Repository)) {
			trails = append(trails, f.trail)
		}
	}
	return trails
}

func curvesOf(trails []*rollup.Trail, metric string, asked timeRange, top int) (table, error) {
	if tooLong(trails, asked) {
		return nil, refusal(fmt.Sprintf("The range has more than %d days, the most that one answer has: narrow it with from and to.", maxDays))
	}
	if asked.empty() {
		trails = nil
	}
	of := rollup.Pulls
	if metric == "total" {
		of = rollup.Totals
	}
	t := rollup.NewTable(trails, of, asked.from, asked.to, top)
	out := curves{
		Metric: metric, From: end(asked.from), To: end(asked.to),
		Dates: make([]string, len(t.Days)), Series: make([]curve, len(t.Rows)), Sum: columnOf(t.Sum),
	}
	for i, d := range t.Days {
		out.Dates[i] = d.Format(time.DateOnly)
	}
	var single []*rollup.Trail
	for i, row := range t.Rows {
		c := curve{Name: "other", Others: len(row.Trails), column: columnOf(row)}
		if len(row.Trails) == 1 {
			one := row.Trails[0]
			c.Name, c.Namespace, c.Repository, c.Others = one.String(), one.Namespace, one.Name, 0
			single = append(single, one)
		}
		out.Series[i] = c
	}
	out.Pushes = pushesAmong(single, asked)
	return out, nil
}

// tooLong reports whether the days that trails have in the range are too many to have a
// column for each.
func tooLong(trails []*rollup.Trail, asked timeRange) bool {
	var first, last time.Time
	for _, t := range trails {
		if t.Days.Len() == 0 {
			continue
		}
		begin, end := t.Days.At(0).Start, t.Days.At(t.Days.Len()-1).Start
		if asked.from.After(begin) {
			begin = trail.Day.Floor(asked.from)
		}
		if !asked.to.IsZero() && asked.to.Before(end) {
			end = asked.to
		}
		if end.Before(begin) {
			continue
		}
		if first.IsZero() || begin.Before(first) {
			first = begin
		}
		if end.After(last) {
			last = end
		}
	}
	return last.Unix()-first.Unix() >= maxDays*int64(day/time.Second) && !first.IsZero()
}

func columnOf(row rollup.Row) column {
	c := column{Values: make([]*int64, len(row.Values)), Gaps: []int{}, Partial: []int{}}
	for i := range row.Values {
		v := &row.Values[i]
		if v.Known {
			c.Values[i] = &v.N
		}
		if v.Gap {
			c.Gaps = append(c.Gaps, i)
		}
		if v.Partial {
			c.Partial = append(c.Partial, i)
		}
	}
	return c
}

// pushesAmong are the newest pushes of trails within the range, in their order.
func pushesAmong(trails []*rollup.Trail, within timeRange) []pushAmong {
	all := []pushAmong{} // an empty list is [], not null
	for _, t := range trails {
		for _, p := range t.Pushes {
			if within.has(p.At) {
				all = append(all, pushAmong{t.Repository, p.At})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b pushAmong) int {
		return cmp.Or(a.LastUpdated.Compare(b.LastUpdated), byName(a.Repository, b.Repository))
	})
	return all[max(0, len(all)-maxPushes):]
}

func (c curves) file() string { return "curves-" + c.Metric }

// rows have a line for each value that is known.
func (c curves) rows() [][]string {
	rows := [][]string{{"date", "name", c.Metric, "gap", "partial"}}
	for _, s := range c.Series {
		gaps, partial := s.Gaps, s.Partial
		for i, v := range s.Values {
			isGap, isPartial := next(&gaps, i), next(&partial, i)
			if v != nil {
				rows = append(rows, []string{c.Dates[i], s.Name, digits(v), strconv.FormatBool(isGap), strconv.FormatBool(isPartial)})
			}
		}
	}
	return rows
}

// next reports whether i is the first of places, and takes it away.
func next(places *[]int, i int) bool {
	if len(*places) == 0 || (*places)[0] != i {
		return false
	}
	*places = (*places)[1:]
	return true
}
