package roster

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pulltrail/internal/database"
	"pulltrail/internal/hub"
)

// model remembers every report that was not late, and works out an entry from them
// alone.
type model struct {
	reports  map[hub.Repository][]told
	listings map[string]Listing
}

type told struct {
	slot time.Time
	Report
}

func (m *model) report(slot time.Time, r Report) {
	all := m.reports[r.Repository]
	if len(all) > 0 && slot.Before(all[len(all)-1].slot) {
		return
	}
	m.reports[r.Repository] = append(all, told{slot, r})
}

func (m *model) entries() []Entry {
	var all []Entry
	for r, reports := range m.reports {
		all = append(all, entryOf(r, reports))
	}
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// entryOf looks at what counts: the successes, and of the slots without one the rest.
func entryOf(r hub.Repository, all []told) Entry {
	succeeded := map[time.Time]bool{}
	e := Entry{Repository: r}
	for _, t := range all {
		if t.Cause == "" && !t.Absent {
			succeeded[t.slot] = true
			e.Seen = t.slot
		}
	}
	absent := map[time.Time]bool{}
	for _, t := range all {
		if t.Absent && t.slot.After(e.Seen) {
			absent[t.slot] = true
			if e.Since.IsZero() {
				e.Since = t.slot
			}
		}
		if succeeded[t.slot] && (t.Absent || t.Cause != "") {
			continue // whether before the success or after it
		}
		e.Listed, e.Slot, e.Cause, e.Message = t.Listed, t.slot, t.Cause, t.Message
		if succeeded[t.slot] {
			e.Message = ""
		}
	}
	e.Absent = len(absent)
	return e
}

func (m *model) unseen(namespace string, slot time.Time, most int) []hub.Repository {
	var all []hub.Repository
	for _, e := range m.entries() {
		if e.Namespace == namespace && e.Listed && e.Slot.Before(slot) && e.Absent < most {
			all = append(all, e.Repository)
		}
	}
	return all
}

func TestTheRosterIsLikeItsModel(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		path := filepath.Join(dir, "test.db")
		for _, suffix := range []string{"", "-wal", "-shm"} {
			_ = os.Remove(path + suffix)
		}
		ctx := context.Background()
		var db *database.DB
		var s *Store
		reopen := func(*rapid.T) {
			if db != nil {
				must(t, db.Close())
			}
			var err error
			db, err = database.Open(ctx, path)
			must(t, err)
			s = New(db)
		}
		reopen(t)
		defer func() { must(t, db.Close()) }()
		m := model{reports: map[hub.Repository][]told{}, listings: map[string]Listing{}}
		t.Repeat(map[string]func(*rapid.T){
			"report": func(t *rapid.T) {
				slot := drawSlot(t)
				reports := rapid.SliceOfN(rapid.Custom(drawReport), 1, 4).Draw(t, "reports")
				must(t, s.Report(ctx, slot, reports...))
				for _, r := range reports {
					m.report(slot, r)
				}
			},
			"forget": func(t *rapid.T) {
				r := drawRepository(t)
				must(t, s.Forget(ctx, r))
				delete(m.reports, r)
			},
			"list": func(t *rapid.T) {
				l := Listing{
					Namespace: drawRepository(t).Namespace, Slot: drawSlot(t), Next: rapid.IntRange(0, 9).Draw(t, "next"),
					Truncated: rapid.Bool().Draw(t, "truncated"), Selection: rapid.SampledFrom([]string{"", "a/*", "a/* -a/b"}).Draw(t, "selection"),
				}
				must(t, s.SetListing(ctx, l))
				m.listings[l.Namespace] = l
			},
			"forget listing": func(t *rapid.T) {
				namespace := drawRepository(t).Namespace
				must(t, s.ForgetListing(ctx, namespace))
				delete(m.listings, namespace)
			},
			"unseen": func(t *rapid.T) {
				namespace, slot, most := drawRepository(t).Namespace, drawSlot(t), rapid.IntRange(0, 3).Draw(t, "most")
				got, err := s.Unseen(ctx, namespace, slot, most)
				must(t, err)
				same(t, m.unseen(namespace, slot, most), got)
			},
			"restart": reopen,
			"": func(t *rapid.T) {
				got, err := s.Entries(ctx)
				must(t, err)
				same(t, m.entries(), got)
				listings, err := s.Listings(ctx)
				must(t, err)
				same(t, m.sorted(), listings)
			},
		})
	})
}

func (m *model) sorted() []Listing {
	var all []Listing
	for _, l := range m.listings {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b Listing) int { return cmp.Compare(a.Namespace, b.Namespace) })
	return all
}

// drawSlot draws from few slots, so that many are the same.
func drawSlot(t *rapid.T) time.Time { return at(rapid.IntRange(0, 5).Draw(t, "hour")) }

func drawRepository(t *rapid.T) hub.Repository {
	return rapid.SampledFrom([]hub.Repository{nginx, redis, zebra}).Draw(t, "repository")
}

func drawReport(t *rapid.T) Report {
	kinds := []Report{
		{}, {Message: "fine"}, {Absent: true, Cause: "not_found", Message: "gone"}, {Absent: true},
		{Cause: "timeout", Message: "no answer"}, {Cause: "invalid"},
	}
	r := rapid.SampledFrom(kinds).Draw(t, "kind")
	r.Repository, r.Listed = drawRepository(t), rapid.Bool().Draw(t, "listed")
	return r
}

func must(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *rapid.T, want, got any) {
	t.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}
