package page

import (
	"cmp"
	"html/template"
	"slices"
	"strings"
	"time"

	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
	"pulltrail/internal/web/svg"
)

const (
	// storing is how long a snapshot may take from the end of its run into history
	// before the page remarks on it.
	storing = time.Minute
	// quiet is how long there is no pull before the page remarks on it.
	quiet = 365 * day
	// sparkDays is how many days a sparkline has.
	sparkDays = 30
)

// recently are the lengths of which a row has the pulls.
var (
	recently     = [...]time.Duration{day, 7 * day, 30 * day}
	recentLabels = [len(recently)]string{label24h, label7d, label30d}
)

// item is one repository, as far as it is needed to sort and to count.
type item struct {
	hub.Repository
	trail *rollup.Trail // nil without a snapshot
	state status
}

// row is one line of the table.
type row struct {
	hub.Repository
	URL, Description string
	Picked           bool
	cells
	LastPush value
	State    status
}

// cells are the numbers of a repository, or of several together.
type cells struct {
	Pulls       value
	Recent      [len(recently)]recent
	Spark       template.HTML
	Stars, Size value
}

// Words name the columns where a narrow page has no head.
func (cells) Words() vocabulary { return english() }

// items are all repositories that there are to show, by name.
func (f *facts) items() []item {
	outcomes := make(map[hub.Repository]*Outcome, len(f.run.Outcomes))
	for i, o := range f.run.Outcomes {
		outcomes[o.Repository] = &f.run.Outcomes[i]
	}
	tracked := make(map[hub.Repository]bool, len(f.tracked))
	for _, t := range f.tracked {
		tracked[t] = true
	}
	items := make([]item, 0, len(f.trails)+len(f.tracked))
	for _, t := range f.trails {
		items = append(items, item{t.Repository, t, f.state(t.Repository, t, outcomes[t.Repository], tracked[t.Repository])})
		delete(tracked, t.Repository)
	}
	for r := range tracked {
		items = append(items, item{r, nil, f.state(r, nil, outcomes[r], true)})
	}
	slices.SortFunc(items, byName)
	return items
}

func byName(a, b item) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// matching are the items that the search and the namespace leave.
func (f *facts) matching(items []item) []item {
	if f.ask.Search == "" && f.ask.Namespace == "" {
		return items
	}
	part := strings.ToLower(f.ask.Search)
	var out []item
	for _, i := range items {
		if (f.ask.Namespace == "" || i.Namespace == f.ask.Namespace) && strings.Contains(i.String(), part) {
			out = append(out, i)
		}
	}
	return out
}

// row is what is shown of one item.
func (f *facts) row(i item) row {
	r := row{Repository: i.Repository, URL: "/r/" + i.String(), Picked: slices.Contains(f.ask.Picked, i.Repository), State: i.state}
	if i.trail == nil { // we have nothing to show of it
		r.URL, r.cells = i.URL(), f.cells(nil)
		r.LastPush = moment(f.now, nil)
		return r
	}
	newest := i.trail.Newest
	r.cells = f.cells([]*rollup.Trail{i.trail})
	r.Description, r.LastPush = clipped(newest.Description()), moment(f.now, newest.LastUpdated)
	if r.State.Title == "" {
		r.State.Title = collectedAt(newest.Timestamp)
	}
	return r
}

// cells are the numbers of trails together.
func (f *facts) cells(trails []*rollup.Trail) cells {
	t := sumsOf(trails)
	c := cells{Pulls: number(t.pulls.total), Stars: number(t.stars.total), Size: size(t.size.total)}
	for i, length := range recently {
		c.Recent[i] = recentCell(f.recent(trails, length))
		c.Recent[i].Label = recentLabels[i]
	}
	c.Spark = f.spark(trails)
	return c
}

// spark is the last 30 days that have ended; empty where nothing is known of them.
func (f *facts) spark(trails []*rollup.Trail) template.HTML {
	end := f.now.Truncate(day)
	from := end.AddDate(0, 0, -sparkDays)
	points := svg.Points(rollup.Sum(trails, from, end))
	if n := len(points); n > 0 && points[n-1].Partial {
		points = points[:n-1]
	}
	if len(points) < 2 {
		return ""
	}
	drawn := svg.Sparkline(points, svg.Spark{From: from, To: end.Add(-day), Width: 96, Height: 24})
	return template.HTML(drawn) //nolint:gosec // svg writes well-formed markup and escapes what strangers say
}

// state says how r is doing: t is what is known of it or nil, outcome
// what the last run made of it, nil when that was without it.
func (f *facts) state(r hub.Repository, t *rollup.Trail, outcome *Outcome, tracked bool) status {
	switch {
	case outcome != nil && outcome.Gone:
		return status{Level: levelBad, Text: stateGone, Help: stateGoneHelp, Title: clipped(outcome.Message)}
	case outcome != nil && outcome.Cause != "":
		level := levelWarn
		help := causeWords(outcome.Cause).help
		if help != "" {
			level = levelBad
		}
		return status{Level: level, Text: stateFailing(outcome.Cause), Help: help, Title: clipped(outcome.Message)}
	case slices.Contains(f.run.Outbox, r) && (t == nil || f.overdue(t)):
		return status{Level: levelWarn, Text: stateOutbox, Help: stateOutboxHelp}
	case outcome != nil && f.overdue(t):
		return status{Level: levelWarn, Text: stateOnItsWay}
	case t == nil:
		return status{Level: levelIdle, Text: stateNever}
	case !tracked:
		return status{Level: levelIdle, Text: stateNotTracked}
	case t.Stale(f.now):
		return status{Level: levelWarn, Text: stateStale(ago(f.now.Sub(t.Newest.Timestamp)))}
	}
	if lastYear := t.Recent(quiet, f.now).Now; lastYear.Whole() && lastYear.Pulls == 0 {
		return status{Level: levelIdle, Text: stateQuiet}
	}
	return status{Level: levelOK, Text: stateOK}
}

// overdue reports whether the last run took a snapshot that ought to be in history
// by now and is not.
func (f *facts) overdue(t *rollup.Trail) bool {
	there := t != nil && !t.Newest.Slot.Before(f.run.Slot)
	return !there && !f.run.Running && f.now.Sub(f.run.Finished) > storing
}
