package page

import (
	"html/template"
	"net/url"
	"slices"
	"time"

	"pulltrail/internal/rollup"
	"pulltrail/internal/web/svg"
)

const (
	// topLines have a line of their own in the chart, the rest one together.
	topLines = 8
	// maxDays is how many days the table below the chart has.
	maxDays = 100
	// The sizes of the chart, in pixels. One is for screens like that of a telephone.
	wideWidth, wideHeight     = 1200, 380
	narrowWidth, narrowHeight = 400, 320
)

// link leads to another view. One without an address cannot be chosen now.
type link struct {
	ID, Text, URL, Title string
	Current              bool
}

// choice is a row of links, one of which is current.
type choice struct {
	Label string
	Links []link
}

// chart is the main chart with its controls, and its numbers as a table.
type chart struct {
	Choices []choice
	// Wide and Narrow are the same picture, for screens of two sizes.
	Wide, Narrow template.HTML
	// Data is where the script finds the numbers; CSV is where people do.
	Data, CSV           string
	Metric, View, Scale string
	Unit                string
	Hidden              []string // lines that are not shown
	Heads               []string
	Days                []chartDay
	More                string
}

// chartDay is one row of the table below the chart.
type chartDay struct {
	Date   string
	Values []string
	Note   string // that one of the values is an estimate, or not final
}

// window are the ends of the range that is shown; a zero one is open. The last day is
// the one before end.
func (f *facts) window() (from, end time.Time) {
	if f.ask.custom() {
		if !f.ask.To.IsZero() {
			end = f.ask.To.AddDate(0, 0, 1)
		}
		return f.ask.From, end
	}
	if days, usual := spans[f.ask.Range]; usual {
		from = f.now.UTC().Truncate(day).AddDate(0, 0, -days)
	}
	return from, time.Time{}
}

func (f *facts) chart(c chosen) *chart {
	from, end := f.window()
	metric := rollup.Pulls
	if f.ask.Metric == metricTotal {
		metric = rollup.Totals
	}
	t := rollup.NewTable(c.trails, metric, from, end, topLines)
	out := &chart{
		Choices: f.choices(), Data: f.data(c, ""), CSV: f.data(c, "csv"),
		Metric: f.ask.Metric, View: f.ask.View, Scale: f.ask.Scale, Unit: unitOf(f.ask.Metric),
	}
	for _, r := range f.ask.Hidden {
		out.Hidden = append(out.Hidden, r.String())
	}
	if f.ask.othersAreNotShown {
		out.Hidden = append(out.Hidden, others)
	}
	out.draw(f, t)
	out.numbers(t)
	return out
}

// draw makes the pictures of what is not hidden.
func (c *chart) draw(f *facts, t rollup.Table) {
	drawn := svg.Chart{
		Unit: c.Unit, Stacked: c.View == viewStacked, Log: c.Scale == scaleLog,
		Inline: true, Empty: chartEmpty, Width: wideWidth, Height: wideHeight,
	}
	lines := t.Rows
	if c.View == viewSum {
		lines = []rollup.Row{t.Sum}
	}
	var ends []time.Time
	for i, r := range lines {
		name := lineName(r, c.View == viewSum)
		if c.View != viewSum && slices.Contains(c.Hidden, lineKey(r)) {
			continue
		}
		class := i + 1
		if len(r.Trails) > 1 && c.View != viewSum {
			class = svg.Other
		}
		points := pointsOf(t.Days, r.Values)
		if len(points) > 0 {
			ends = append(ends, points[len(points)-1].At)
		}
		drawn.Lines = append(drawn.Lines, svg.Line{Name: name, Class: class, Points: points})
		drawn.Marks = append(drawn.Marks, marksOf(r)...)
	}
	if len(ends) > 0 && !f.ask.custom() {
		drawn.To = f.now.UTC().Truncate(day) // what is missing up to now is seen to be missing
	}
	c.Wide = template.HTML(drawn.SVG()) //nolint:gosec // svg writes well-formed markup and escapes what strangers say
	drawn.Width, drawn.Height = narrowWidth, narrowHeight
	c.Narrow = template.HTML(drawn.SVG()) //nolint:gosec // as above
}

// lineKey is how a line is named in the address.
func lineKey(r rollup.Row) string {
	if len(r.Trails) > 1 {
		return others
	}
	return r.Trails[0].String()
}

func pointsOf(days []time.Time, values []rollup.Value) []svg.Point {
	points := make([]svg.Point, 0, len(values))
	for i, v := range values {
		if v.Known {
			points = append(points, svg.Point{At: days[i], Value: v.N, Gap: v.Gap, Partial: v.Partial})
		}
	}
	return points
}

// marksOf are the pushes of the repositories of a line, unless they are too many to
// tell apart.
func marksOf(r rollup.Row) []svg.Mark {
	if len(r.Trails) > topLines+1 {
		return nil
	}
	var marks []svg.Mark
	for _, t := range r.Trails {
		for _, p := range t.Pushes {
			marks = append(marks, svg.Mark{At: p.At, Label: t.String()})
		}
	}
	return marks
}

// numbers is the table, the newest day first.
func (c *chart) numbers(t rollup.Table) {
	several := len(t.Rows) > 1
	for _, r := range t.Rows {
		c.Heads = append(c.Heads, lineName(r, false))
	}
	if several {
		c.Heads = append(c.Heads, labelSum)
	}
	for i := len(t.Days) - 1; i >= 0 && len(c.Days) < maxDays; i-- {
		d := chartDay{Date: t.Days[i].Format(time.DateOnly)}
		var gap, partial bool
		show := func(v rollup.Value) {
			text := unknown
			if v.Known {
				text = grouped(v.N)
			}
			d.Values = append(d.Values, text)
			gap, partial = gap || v.Gap, partial || v.Partial
		}
		for _, r := range t.Rows {
			show(r.Values[i])
		}
		if several {
			show(t.Sum.Values[i])
		}
		d.Note = dayNote(gap, partial)
		c.Days = append(c.Days, d)
	}
	if hidden := len(t.Days) - len(c.Days); hidden > 0 {
		c.More = moreDays(hidden)
	}
}

// data is where the API has the numbers of the chart.
func (f *facts) data(c chosen, format string) string {
	values := url.Values{"metric": {f.ask.Metric}}
	from, end := f.window()
	for key, t := range map[string]time.Time{"from": from, "to": end} {
		if !t.IsZero() {
			values.Set(key, date(t))
		}
	}
	if format == "" {
		values.Set("top", "8")
	} else {
		values.Set("format", format)
	}
	if len(f.ask.Picked) > 0 {
		for _, t := range c.trails {
			values.Add("repository", t.String())
		}
		return "/api/v1/curves?" + values.Encode()
	}
	if f.ask.Search != "" {
		values.Set("q", f.ask.Search)
	}
	if f.ask.Namespace != "" {
		values.Set("namespace", f.ask.Namespace)
	}
	return "/api/v1/curves?" + values.Encode()
}

// choices are the ways to see the chart.
func (f *facts) choices() []choice {
	return []choice{
		f.choice(labelMetric, f.ask.Metric, []string{metricPulls, metricTotal}, func(q *query, v string) { q.Metric = v }),
		f.choice(labelView, f.ask.View, []string{viewLines, viewStacked, viewSum}, func(q *query, v string) { q.View = v }),
		f.scaleChoice(),
	}
}

// scaleChoice has no logarithmic scale where areas lie upon each other: they would lie.
func (f *facts) scaleChoice() choice {
	c := f.choice(labelScale, f.ask.Scale, []string{scaleLinear, scaleLog}, func(q *query, v string) { q.Scale = v })
	if f.ask.View == viewStacked {
		c.Links[0].Current, c.Links[1].Current = true, false
		c.Links[1].URL, c.Links[1].Title = "", scaleNotStacked
	}
	return c
}

func (f *facts) choice(label, current string, values []string, set func(*query, string)) choice {
	c := choice{Label: label}
	for _, v := range values {
		c.Links = append(c.Links, link{
			ID: "choose-" + v, Text: choiceWords(v), Current: v == current,
			URL: f.ask.with(func(q *query) { set(q, v) }),
		})
	}
	return c
}

// rangeLinks are the usual ranges.
func (f *facts) rangeLinks() []link {
	links := make([]link, len(ranges))
	for i, r := range ranges {
		links[i] = link{
			ID: "range-" + r, Text: rangeWords(r), Title: rangeTitle(r), Current: r == f.ask.Range && !f.ask.custom(),
			URL: f.ask.with(func(q *query) { q.Range, q.From, q.To = r, time.Time{}, time.Time{} }),
		}
	}
	return links
}
