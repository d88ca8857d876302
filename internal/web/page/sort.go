package page

import (
	"cmp"
	"slices"
	"time"

	"pulltrail/internal/rollup"
)

// column is one of the table. One without a key cannot be sorted by.
type column struct {
	key, label string
	number     bool
	dir        string // in which it is sorted at first
}

// columns are those of the table, in their order.
var columns = []column{
	{"name", labelRepository, false, ascending},
	{"pulls", labelTotal, true, descending},
	{"day", label24h, true, descending},
	{"week", label7d, true, descending},
	{"month", label30d, true, descending},
	{"", labelTrend, false, ""},
	{"stars", labelStars, true, descending},
	{"size", labelSize, true, descending},
	{"push", labelLastPush, true, descending},
	{"state", labelState, false, ascending},
}

func sortKeys() []string {
	var keys []string
	for _, c := range columns {
		if c.key != "" {
			keys = append(keys, c.key)
		}
	}
	return keys
}

func usualDir(key string) string {
	for _, c := range columns {
		if c.key == key {
			return c.dir
		}
	}
	return ascending
}

// sortable is what rows and groups are sorted by. Unknown numbers come last in both
// directions; what is equal is sorted by name.
type sortable struct {
	n     float64
	known bool
}

// sorted sorts things, which are sorted by name, by what of says of them.
func sorted[T any](things []T, dir string, of func(T) sortable) {
	type keyed struct {
		thing T
		sortable
	}
	all := make([]keyed, len(things))
	for i, t := range things {
		all[i] = keyed{t, of(t)}
	}
	slices.SortStableFunc(all, func(a, b keyed) int {
		switch {
		case a.known != b.known && a.known:
			return -1
		case a.known != b.known:
			return 1
		case dir == descending:
			return cmp.Compare(b.n, a.n)
		}
		return cmp.Compare(a.n, b.n)
	})
	for i, k := range all {
		things[i] = k.thing
	}
}

// sortItems sorts items, which are sorted by name, as is asked for.
func (f *facts) sortItems(items []item) {
	if f.ask.Sort == "name" {
		if f.ask.Dir == descending {
			slices.Reverse(items)
		}
		return
	}
	sorted(items, f.ask.Dir, func(i item) sortable {
		if f.ask.Sort == "state" {
			return sortable{severity(i.state.Level), true}
		}
		if i.trail == nil {
			return sortable{}
		}
		return f.sortNumber(i.trail)
	})
}

// severity has what a person has to mend first.
func severity(level string) float64 {
	return float64(slices.Index([]string{levelBad, levelWarn, levelBusy, levelIdle, levelOK}, level))
}

func (f *facts) sortNumber(t *rollup.Trail) sortable {
	switch f.ask.Sort {
	case "stars":
		return optional(t.Newest.StarCount)
	case "size":
		return optional(t.Newest.StorageSize)
	case "push":
		if t.Newest.LastUpdated == nil {
			return sortable{}
		}
		return sortable{float64(t.Newest.LastUpdated.Unix()), true}
	case "day", "week", "month":
		lengths := map[string]time.Duration{"day": recently[0], "week": recently[1], "month": recently[2]}
		now := t.Recent(lengths[f.ask.Sort], f.now).Now
		return sortable{float64(now.Pulls), now.Whole()}
	}
	return sortable{float64(t.Newest.PullCount), true}
}

func optional(n *int64) sortable {
	if n == nil {
		return sortable{}
	}
	return sortable{float64(*n), true}
}
