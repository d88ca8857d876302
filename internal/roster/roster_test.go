package roster

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pulltrail/internal/database"
	"pulltrail/internal/hub"
)

var (
	first = time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC)
	b     = hub.Repository{Namespace: "a", Name: "b"}
)

func open(t *testing.T, path string) *Store {
	t.Helper()
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return New(db)
}

func slot(n int) time.Time { return first.Add(time.Duration(n) * time.Hour) }

func only(t *testing.T, s *Store) Entry {
	t.Helper()
	all, err := s.Entries(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	return all[0]
}

func TestWhatIsReportedIsRemembered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	s := open(t, path)
	ok, gone, failed := Report{Repository: b}, Report{Repository: b, Absent: true, Cause: "not_found", Message: "absent"}, Report{Repository: b, Cause: "timeout", Message: "late"}
	for n, step := range []struct {
		name  string
		slot  int
		what  Report
		want  Entry
		again bool // reopen before the look
	}{
		{"it answers", 1, ok, Entry{Seen: slot(1), Slot: slot(1)}, false},
		{"an older failure changes nothing", 0, failed, Entry{Seen: slot(1), Slot: slot(1)}, false},
		{"it is absent", 2, gone, Entry{Seen: slot(1), Absent: 1, Since: slot(2), Cause: "not_found", Message: "absent", Slot: slot(2)}, false},
		{"the same slot counts once", 2, gone, Entry{Seen: slot(1), Absent: 1, Since: slot(2), Cause: "not_found", Message: "absent", Slot: slot(2)}, false},
		{"another failure counts as no absence", 3, failed, Entry{Seen: slot(1), Absent: 1, Since: slot(2), Cause: "timeout", Message: "late", Slot: slot(3)}, false},
		{"and is one after all", 3, gone, Entry{Seen: slot(1), Absent: 1, Since: slot(2), Cause: "not_found", Message: "absent", Slot: slot(3)}, false},
		{"it stays away", 4, gone, Entry{Seen: slot(1), Absent: 2, Since: slot(2), Cause: "not_found", Message: "absent", Slot: slot(4)}, true},
		{"it is back in the same slot", 4, ok, Entry{Seen: slot(4), Slot: slot(4)}, false},
		{"which a late absence does not undo", 4, gone, Entry{Seen: slot(4), Slot: slot(4)}, true},
	} {
		if err := s.Report(t.Context(), slot(step.slot), step.what); err != nil {
			t.Fatal(err)
		}
		look := s
		if step.again {
			look = open(t, path)
		}
		step.want.Repository = b
		if diff := cmp.Diff(step.want, only(t, look)); diff != "" {
			t.Errorf("step %d, %s (-want +got):\n%s", n, step.name, diff)
		}
	}
}

func TestUnseenAreTheListedOnesThatWereNotMet(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "db"))
	report := func(n int, reports ...Report) {
		if err := s.Report(t.Context(), slot(n), reports...); err != nil {
			t.Fatal(err)
		}
	}
	name := func(n string) hub.Repository { return hub.Repository{Namespace: "a", Name: n} }
	report(1, Report{Repository: name("met"), Listed: true}, Report{Repository: name("moved"), Listed: true}, Report{Repository: name("named")},
		Report{Repository: hub.Repository{Namespace: "z", Name: "x"}, Listed: true})
	for n := 1; n <= 2; n++ {
		report(n, Report{Repository: name("gone"), Listed: true, Absent: true, Cause: "not_found"})
	}
	report(3, Report{Repository: name("met"), Listed: true})
	for most, want := range map[int]string{2: "a/moved", 3: "a/gone a/moved"} {
		got, err := s.Unseen(t.Context(), "a", slot(3), most)
		var names []string
		for _, r := range got {
			names = append(names, r.String())
		}
		if err != nil || strings.Join(names, " ") != want {
			t.Errorf("most %d: %v, %v", most, names, err)
		}
	}
}

func TestListingsAreKept(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "db"))
	if _, ok, err := s.Listing(t.Context(), "a"); ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
	want := []Listing{
		{Namespace: "a", Slot: slot(1), Next: 0, Rows: 7, Total: 9, Truncated: true, Message: strings.Repeat("x", 500) + "…"},
		{Namespace: "b", Slot: slot(1), Next: 3, Rows: 200, Total: 500},
	}
	for _, l := range []Listing{{Namespace: "a", Slot: slot(0), Next: 2}, want[1], want[0]} {
		l.Message = strings.Repeat("x", 600*len(l.Message)/503)
		if err := s.SetListing(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Listings(t.Context())
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
	if l, ok, err := s.Listing(t.Context(), "b"); !ok || err != nil || l != want[1] {
		t.Errorf("%+v, %t, %v", l, ok, err)
	}
}

// TestAbsencesAreCountedAsAModelDoes plays reports for slots that never go back.
func TestAbsencesAreCountedAsAModelDoes(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "db"))
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		r := hub.Repository{Namespace: "n", Name: string(rune('a'+round%26)) + strings.Repeat("x", round/26)}
		absent, answered, counted, n := 0, false, false, 0
		for _, step := range rapid.SliceOfN(rapid.IntRange(0, 5), 1, 30).Draw(t, "steps") {
			if step%2 == 1 || n == 0 { // a new slot
				n++
				answered, counted = false, false
			}
			what := Report{Repository: r}
			switch {
			case step < 2:
				absent, answered = 0, true
			case step < 4:
				what.Absent, what.Cause = true, "not_found"
				if !answered && !counted {
					absent, counted = absent+1, true
				}
			default:
				what.Cause = "timeout"
			}
			if err := s.Report(t.Context(), slot(n), what); err != nil {
				t.Fatal(err)
			}
		}
		entries, err := s.Entries(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Repository == r && e.Absent != absent {
				t.Fatalf("%d absences, want %d", e.Absent, absent)
			}
		}
	})
}

func BenchmarkReport(bench *testing.B) {
	db, err := database.Open(bench.Context(), filepath.Join(bench.TempDir(), "db"))
	if err != nil {
		bench.Fatal(err)
	}
	defer db.Close()
	s := New(db)
	reports := make([]Report, 100)
	for n := 0; bench.Loop(); n++ {
		for i := range reports {
			reports[i] = Report{Repository: hub.Repository{Namespace: "n", Name: "r" + strings.Repeat("x", i)}, Listed: true}
		}
		if err := s.Report(bench.Context(), slot(n), reports...); err != nil {
			bench.Fatal(err)
		}
	}
}
