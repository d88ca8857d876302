package page

import (
	"slices"
	"strings"
	"time"

	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
)

const (
	// late is how long an entry may wait for a sink before the page remarks on it.
	late = 10 * time.Minute
	// maxText, in characters, is how much strangers may say in one place.
	maxText = 300
	// firstRefresh is how often the page reloads, in seconds, while it waits for the
	// first run to end.
	firstRefresh = 5
)

// The levels of a state, which are class names too. Bad is kept for what a person
// has to mend.
const (
	levelIdle = "idle"
	levelBusy = "busy"
	levelOK   = "ok"
	levelWarn = "warn"
	levelBad  = "bad"
)

// facts is all that a page is made of.
type facts struct {
	now     time.Time
	trails  []*rollup.Trail
	tracked []hub.Repository
	run     Run // zero when there was none
	next    time.Time
	sinks   []Sink
	letters int // dead ones; 0 also where they cannot be counted
	ask     query
}

// view is what the template shows.
type view struct {
	frame
	Status  status
	Search  search
	Ranges  []link
	Custom  custom
	Picked  *picked
	Numbers []figure
	Recent  []recent
	Notices []*notice
	Chart   *chart
	Listing listing
	Table   table
	Empty   *link // where the search finds nothing: the way back
}

// status is a state in words, its level shown as a dot.
type status struct{ Level, Text, Help, Title string }

// search is the form, of which all other choices are a part.
type search struct {
	Text  string
	State []field
}

type field struct{ Name, Value string }

// custom is the range between two days.
type custom struct {
	From, To string
	Current  bool
}

// picked says what the numbers and the chart are of, when that is not all.
type picked struct{ Text, URL, Back string }

// listing is what is said above the table.
type listing struct {
	Count       string
	Group       link
	Namespace   *link // leads away from the only namespace that is shown
	PickedCount int
}

// chosen is what the numbers and the chart are of.
type chosen struct {
	trails []*rollup.Trail
	items  int // as many repositories, also those without a snapshot
	all    int // of as many
	outbox int // repositories whose only snapshots are in the outbox
}

// first reports whether there are totals, but no curve yet.
func (c chosen) first() bool {
	return len(c.trails) > 0 && !slices.ContainsFunc(c.trails, func(t *rollup.Trail) bool { return t.Days.Len() > 0 })
}

func newView(around frame, f facts) view {
	items := f.items()
	t := totalOf(items)
	matching := f.matching(items)
	f.forgetUnknown(items)
	c := f.choose(matching, items)
	v := view{
		frame: around, Status: f.status(t), Notices: f.notices(t, c),
		Ranges:  f.rangeLinks(),
		Custom:  custom{From: date(f.ask.From), To: date(f.ask.To), Current: f.ask.custom()},
		Numbers: f.numbers(c), Recent: f.recents(c.trails), Picked: f.picked(c),
	}
	if len(c.trails) > 0 && !c.first() {
		v.Chart = f.chart(c)
	}
	if len(items) > 0 {
		v.Table = f.table(matching, c)
		v.Listing = f.listing(len(matching))
	}
	if len(items) > 0 && len(matching) == 0 {
		v.Empty = &link{Text: showAll, URL: f.ask.but(func(q *query) { q.Search, q.Namespace = "", "" })}
	}
	v.Search = search{Text: f.ask.Search, State: f.formState(v.Table)}
	if t.known == 0 && t.rows > 0 && f.run.Running {
		v.Refresh = firstRefresh
	}
	return v
}

// hidePrivate takes private repositories out of everything, before anything is
// counted.
func (f *facts) hidePrivate() {
	private := make(map[hub.Repository]bool)
	for _, t := range f.trails {
		if t.Private || t.Newest.Private {
			private[t.Repository] = true
		}
	}
	if len(private) == 0 {
		return
	}
	// The slices belong to others: Clone before Delete.
	f.trails = slices.DeleteFunc(slices.Clone(f.trails), func(t *rollup.Trail) bool { return private[t.Repository] })
	f.tracked = slices.DeleteFunc(slices.Clone(f.tracked), func(r hub.Repository) bool { return private[r] })
	f.run.Outcomes = slices.DeleteFunc(slices.Clone(f.run.Outcomes), func(o Outcome) bool { return private[o.Repository] })
}

// forgetUnknown takes repositories that there are none of out of what is chosen.
func (f *facts) forgetUnknown(items []item) {
	known := make([]hub.Repository, 0, len(f.ask.Picked))
	for _, p := range f.ask.Picked {
		if _, there := slices.BinarySearchFunc(items, item{Repository: p}, byName); there {
			known = append(known, p)
		} else {
			f.ask.NotUnderstood = append(f.ask.NotUnderstood, "pick="+clipped(p.String()))
		}
	}
	f.ask.Picked = known
}

// choose is what is picked, or else what the search leaves.
func (f *facts) choose(matching, all []item) chosen {
	of := matching
	if len(f.ask.Picked) > 0 {
		of = slices.DeleteFunc(slices.Clone(all), func(i item) bool { return !slices.Contains(f.ask.Picked, i.Repository) })
	}
	c := chosen{trails: trailsOf(of), items: len(of), all: len(all)}
	for _, i := range of {
		if i.trail == nil && i.state.Text == stateOutbox {
			c.outbox++
		}
	}
	return c
}

// picked is nil where all is shown.
func (f *facts) picked(c chosen) *picked {
	switch {
	case len(f.ask.Picked) > 0:
		return &picked{Text: pickedWords(c.items, c.all), Back: labelClear, URL: f.ask.but(func(q *query) { q.Picked = nil })}
	case f.ask.Search != "" || f.ask.Namespace != "":
		return &picked{Text: foundWords(c.items, c.all, f.ask), Back: showAll, URL: f.ask.but(func(q *query) { q.Search, q.Namespace = "", "" })}
	}
	return nil
}

// formState are the choices that a search, a range and a pick leave as they are: what is
// picked and stands in the table of this page has its own box.
func (f *facts) formState(shown table) []field {
	here := make(map[string]bool)
	for _, g := range shown.Groups {
		for _, r := range g.Rows {
			here[r.String()] = true
		}
	}
	var fields []field
	for key, values := range f.ask.values() {
		if key == "q" || key == "from" || key == "to" || key == "page" {
			continue
		}
		for _, v := range values {
			if key != "pick" || !here[v] {
				fields = append(fields, field{key, v})
			}
		}
	}
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.Name+"="+a.Value, b.Name+"="+b.Value) })
	return fields
}

func (f *facts) listing(rows int) listing {
	l := listing{Count: countRepositories(rows), PickedCount: len(f.ask.Picked), Group: link{ID: "group", Text: labelGroup, URL: f.ask.but(func(q *query) {
		q.Grouped, q.Open = !q.Grouped, nil
	}), Current: f.ask.Grouped}}
	if f.ask.Namespace != "" {
		l.Namespace = &link{Text: f.ask.Namespace, URL: f.ask.but(func(q *query) { q.Namespace = "" })}
	}
	return l
}

// total is how all repositories fare.
type total struct {
	rows, known, notStored, bad int
	newest                      time.Time // the last observation of any repository
}

func totalOf(items []item) total {
	t := total{rows: len(items), newest: sumsOf(trailsOf(items)).newest}
	for _, i := range items {
		if i.trail != nil {
			t.known++
		}
		switch {
		case i.state.Text == stateOnItsWay, i.state.Text == stateOutbox:
			t.notStored++
		case i.state.Level == levelBad:
			t.bad++
		}
	}
	return t
}

// notices are what a person should know before the numbers.
func (f *facts) notices(t total, c chosen) []*notice {
	var all []*notice
	if len(f.ask.NotUnderstood) > 0 {
		all = append(all, noticeNotUnderstood(f.ask.NotUnderstood))
	}
	switch {
	case t.rows == 0:
		all = append(all, noticeNoRepositories())
	case t.known == 0 && f.run.Finished.IsZero() && t.notStored == 0:
		all = append(all, noticeFirstMinute(f.run.Running, f.nextRun()))
	case c.first():
		all = append(all, noticeTrailBegins(f.nextRun()))
	}
	if why := f.unreachable(); why != "" {
		retry := ""
		if f.retries() {
			retry = until(f.run.Retry.Sub(f.now))
		}
		all = append(all, noticeUnreachable(why, retry))
	}
	if t.notStored > 0 {
		all = append(all, noticeOutbox(t.notStored))
	}
	if len(f.run.Notes) > 0 {
		all = append(all, noticeRun(f.run.Notes))
	}
	if f.letters > 0 {
		all = append(all, noticeDeadLetters(f.letters))
	}
	for _, s := range f.sinks {
		if s.Behind > 0 && s.Lag >= late {
			all = append(all, noticeLate(s))
		}
	}
	return all
}

// unreachable is why Docker Hub cannot be reached, in a sentence: the last poll of every
// repository failed without an answer. It is empty otherwise.
func (f *facts) unreachable() string {
	for _, o := range f.run.Outcomes {
		if o.Cause != "connection" && o.Cause != "timeout" {
			return ""
		}
	}
	if len(f.run.Outcomes) == 0 {
		return ""
	}
	return whyUnreachable(f.run.Outcomes[0].Cause, f.run.Outcomes[0].Message)
}

// clipped is s, cut where it is too long for its place.
func clipped(s string) string {
	n := 0
	for i := range s {
		if n == maxText {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
