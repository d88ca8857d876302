package page

import (
	"slices"
	"time"

	"pulltrail/internal/rollup"
)

// group is the rows of a namespace, or simply of all.
type group struct {
	// Namespace is empty where rows are not grouped; the rest of the head is then empty too.
	Namespace string
	URL       string // that folds it, or unfolds it
	Open      bool
	Count     string
	cells
	LastPush value
	State    status

	Rows []row
	More *link // to those that are not shown
}

// table is the rows of one page.
type table struct {
	Columns []heading
	Groups  []group
	Sum     *row
	SumName string
	Pager   *pager
}

// heading is the head of a column, with what sorts by it.
type heading struct {
	ID, Label, URL string
	Number         bool
	Sorted         string // as in aria-sort; empty where it is not sorted by this
}

// pager leads to the other pages.
type pager struct {
	Text           string
	Previous, Next string // addresses; empty at the ends
}

func (f *facts) table(items []item, c chosen) table {
	t := table{Columns: f.headings()}
	if f.ask.Grouped {
		t.Groups, t.Pager = f.groups(items)
	} else {
		f.sortItems(items)
		var shown []item
		shown, t.Pager = onPage(f, items)
		t.Groups = []group{{Rows: f.rows(shown)}}
	}
	if len(items) > 1 && len(c.trails) > 0 {
		t.Sum, t.SumName = &row{cells: f.cells(c.trails)}, sumName(len(f.ask.Picked), c.items < c.all)
	}
	return t
}

func (f *facts) headings() []heading {
	out := make([]heading, len(columns))
	for i, c := range columns {
		out[i] = heading{ID: "sort-" + c.key, Label: c.label, Number: c.number}
		if c.key == "" {
			continue
		}
		dir := c.dir
		if c.key == f.ask.Sort {
			out[i].Sorted, dir = "ascending", descending
			if f.ask.Dir == descending {
				out[i].Sorted, dir = "descending", ascending
			}
		}
		out[i].URL = f.ask.but(func(q *query) { q.Sort, q.Dir = c.key, dir })
	}
	return out
}

func (f *facts) rows(items []item) []row {
	rows := make([]row, len(items))
	for i, it := range items {
		rows[i] = f.row(it)
	}
	return rows
}

// onPage are the things of the page that is asked for, of the last one where there are
// not so many.
func onPage[T any](f *facts, things []T) ([]T, *pager) {
	pages := max(1, (len(things)+rowsAPage-1)/rowsAPage)
	at := min(f.ask.Page, pages)
	first, end := (at-1)*rowsAPage, min(at*rowsAPage, len(things))
	if pages == 1 {
		return things, nil
	}
	p := &pager{Text: pageOf(first+1, end, len(things))}
	if at > 1 {
		p.Previous = f.ask.but(func(q *query) { q.Page = at - 1 })
	}
	if at < pages {
		p.Next = f.ask.but(func(q *query) { q.Page = at + 1 })
	}
	return things[first:end], p
}

// members are the items of one namespace.
type members struct {
	namespace string
	items     []item
}

func (m members) trails() []*rollup.Trail { return trailsOf(m.items) }

func trailsOf(items []item) []*rollup.Trail {
	trails := make([]*rollup.Trail, 0, len(items))
	for _, i := range items {
		if i.trail != nil {
			trails = append(trails, i.trail)
		}
	}
	return trails
}

// groups are the namespaces of one page. Only those that are open show their rows, and
// of those no more than fit on a page.
func (f *facts) groups(items []item) ([]group, *pager) {
	var all []members
	for _, i := range items { // by name, so those of a namespace come together
		if n := len(all); n > 0 && all[n-1].namespace == i.Namespace {
			all[n-1].items = append(all[n-1].items, i)
			continue
		}
		all = append(all, members{i.Namespace, []item{i}})
	}
	f.sortGroups(all)
	shown, pager := onPage(f, all)
	groups := make([]group, len(shown))
	for i, m := range shown {
		groups[i] = f.group(m, len(all) == 1)
	}
	return groups, pager
}

func (f *facts) group(m members, only bool) group {
	g := group{
		Namespace: m.namespace, Count: countRepositories(len(m.items)),
		Open:  only || slices.Contains(f.ask.Open, m.namespace),
		cells: f.cells(m.trails()), LastPush: moment(f.now, newestPush(m.trails())), State: worst(m.items),
	}
	g.URL = f.ask.with(func(q *query) { q.Open = toggled(q.Open, m.namespace) })
	if !g.Open {
		return g
	}
	f.sortItems(m.items)
	shown := m.items[:min(len(m.items), rowsAPage)]
	g.Rows = f.rows(shown)
	if hidden := len(m.items) - len(shown); hidden > 0 {
		g.More = &link{Text: moreOf(hidden, m.namespace), URL: f.ask.but(func(q *query) {
			q.Namespace, q.Grouped, q.Open = m.namespace, false, nil
		})}
	}
	return g
}

func newestPush(trails []*rollup.Trail) *time.Time {
	var newest *time.Time
	for _, t := range trails {
		if at := t.Newest.LastUpdated; at != nil && (newest == nil || at.After(*newest)) {
			newest = at
		}
	}
	return newest
}

// worst is the state of a namespace: that of the member that needs a person most.
func worst(items []item) status {
	least := items[0].state
	n := 0
	for _, i := range items {
		switch s := severity(i.state.Level); {
		case s < severity(least.Level):
			least, n = i.state, 1
		case i.state.Level == least.Level:
			n++
		}
	}
	if n == len(items) || least.Level == levelOK {
		return status{Level: least.Level, Text: least.Text}
	}
	return status{Level: least.Level, Text: countOf(n, len(items)) + " " + least.Text}
}

func (f *facts) sortGroups(all []members) {
	if f.ask.Sort == "name" {
		if f.ask.Dir == descending {
			slices.Reverse(all)
		}
		return
	}
	sorted(all, f.ask.Dir, func(m members) sortable {
		if f.ask.Sort == "state" {
			return sortable{severity(worst(m.items).Level), true}
		}
		var total sortable
		for _, t := range m.trails() {
			if n := f.sortNumber(t); n.known && f.ask.Sort == "push" {
				total = sortable{max(total.n, n.n), true}
			} else if n.known {
				total = sortable{total.n + n.n, true}
			}
		}
		return total
	})
}

// toggled is list with s, or without it if it was there.
func toggled[T comparable](list []T, s T) []T {
	if i := slices.Index(list, s); i >= 0 {
		return slices.Delete(slices.Clone(list), i, i+1)
	}
	return append(slices.Clone(list), s)
}
