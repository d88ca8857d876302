package roster

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"pulltrail/internal/database"
	"pulltrail/internal/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	start = time.Date(2026, 1, 31, 1, 0, 0, 0, time.UTC)
	nginx = hub.Repository{Namespace: "library", Name: "nginx"}
	redis = hub.Repository{Namespace: "library", Name: "redis"}
	zebra = hub.Repository{Namespace: "a", Name: "zebra"}
)

// at is the slot of an hour.
func at(hour int) time.Time { return start.Add(time.Duration(hour) * time.Hour) }

// said is a report of nginx for the slot of an hour.
type said struct {
	hour int
	Report
}

func answers(hour int) said { return said{hour, Report{Repository: nginx}} }

func isAbsent(hour int) said {
	return said{hour, Report{Repository: nginx, Absent: true, Cause: "not_found", Message: "it is gone"}}
}

func fails(hour int) said {
	return said{hour, Report{Repository: nginx, Cause: "timeout", Message: "no answer"}}
}

func TestWhatBecomesOfAnEntry(t *testing.T) {
	seen := Entry{Repository: nginx, Seen: at(0), Slot: at(0)}
	gone := func(e Entry, slot, absent, since int) Entry {
		e.Slot, e.Absent, e.Since, e.Cause, e.Message = at(slot), absent, at(since), "not_found", "it is gone"
		return e
	}
	failed := func(e Entry, slot int) Entry {
		e.Slot, e.Cause, e.Message = at(slot), "timeout", "no answer"
		return e
	}
	never := Entry{Repository: nginx}
	tests := []struct {
		name string
		said []said
		want Entry
	}{
		{"it answers", []said{answers(0)}, seen},
		{"what answers is seen at its newest slot", []said{answers(0), answers(2)}, Entry{Repository: nginx, Seen: at(2), Slot: at(2)}},
		{"it was never found", []said{isAbsent(0)}, gone(never, 0, 1, 0)},
		{"it fails before it was seen", []said{fails(0)}, failed(never, 0)},
		{"it is gone after it was seen", []said{answers(0), isAbsent(1)}, gone(seen, 1, 1, 1)},
		{"slots of absence count, however far apart", []said{answers(0), isAbsent(1), isAbsent(2), isAbsent(9)}, gone(seen, 9, 3, 1)},
		{"the same slot does not count twice", []said{answers(0), isAbsent(1), isAbsent(1), isAbsent(1)}, gone(seen, 1, 1, 1)},
		{"a failure is no absence", []said{answers(0), fails(1)}, failed(seen, 1)},
		{"a failure does not end an absence", []said{answers(0), isAbsent(1), fails(2)}, failed(gone(seen, 1, 1, 1), 2)},
		{"an absence goes on after a failure", []said{answers(0), isAbsent(1), fails(2), isAbsent(3)}, gone(seen, 3, 2, 1)},
		{"an absence counts after a failure in its slot", []said{answers(0), fails(1), isAbsent(1)}, gone(seen, 1, 1, 1)},
		{"a failure after an absence in its slot is what is known last", []said{answers(0), isAbsent(1), fails(1)}, failed(gone(seen, 1, 1, 1), 1)},
		{"and the absence does not count again", []said{answers(0), isAbsent(1), fails(1), isAbsent(1)}, gone(seen, 1, 1, 1)},
		{"a success ends an absence", []said{isAbsent(-2), isAbsent(-1), answers(0)}, seen},
		{"a success ends an absence in its slot", []said{isAbsent(-1), isAbsent(0), answers(0)}, seen},
		{"a success stands against an absence in its slot", []said{answers(0), isAbsent(0)}, seen},
		{"a success stands against a failure in its slot", []said{answers(0), fails(0)}, seen},
		{"an older slot does not end an absence", []said{isAbsent(3), answers(2)}, gone(never, 3, 1, 3)},
		{"an older slot does not count", []said{answers(0), isAbsent(-1), fails(-2)}, seen},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := open(t)
			for _, one := range test.said {
				report(t, s, at(one.hour), one.Report)
			}
			if diff := cmp.Diff([]Entry{test.want}, entries(t, s)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSlotsAreComparedAtMicroseconds(t *testing.T) {
	s := open(t)
	there := time.FixedZone("there", 5*3600)
	for _, slot := range []time.Time{start, start.Add(999 * time.Nanosecond), start.In(there)} {
		report(t, s, slot, isAbsent(0).Report)
	}
	if got := entries(t, s)[0]; got.Absent != 1 || got.Slot != start {
		t.Errorf("within a microsecond: %+v", got)
	}
	report(t, s, start.Add(time.Microsecond).In(there), isAbsent(0).Report)
	if got := entries(t, s)[0]; got.Absent != 2 || got.Slot != start.Add(time.Microsecond) || got.Since != start {
		t.Errorf("a microsecond later: %+v", got)
	}
}

func TestASlotAtTheBeginningOfTimeIsOne(t *testing.T) {
	s := open(t)
	epoch := time.Unix(0, 0).UTC()
	report(t, s, epoch, Report{Repository: nginx})
	report(t, s, epoch, Report{Repository: redis, Absent: true, Cause: "not_found"})
	want := []Entry{
		{Repository: nginx, Seen: epoch, Slot: epoch},
		{Repository: redis, Absent: 1, Since: epoch, Cause: "not_found", Slot: epoch},
	}
	if diff := cmp.Diff(want, entries(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestAnEntryIsListedAsItsLastReportSays(t *testing.T) {
	s := open(t)
	for hour, listed := range []bool{false, true, false} {
		report(t, s, at(hour), Report{Repository: nginx, Listed: listed})
		if got := entries(t, s)[0].Listed; got != listed {
			t.Errorf("hour %d: listed is %v", hour, got)
		}
	}
}

func TestAMessageIsCut(t *testing.T) {
	for name, c := range map[string]struct{ message, want string }{
		"at 500 bytes":                   {strings.Repeat("x", 501), strings.Repeat("x", 500)},
		"before what is cut in half":     {"x" + strings.Repeat("é", 250), "x" + strings.Repeat("é", 249)},
		"not at 500":                     {strings.Repeat("x", 500), strings.Repeat("x", 500)},
		"and rid of what is not UTF-8":   {"a\xffb", "ab"},
		"but not of a zero or a newline": {"a\x00b\nc", "a\x00b\nc"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			report(t, s, start, Report{Repository: nginx, Cause: "invalid", Message: c.message})
			set(t, s, Listing{Namespace: "a", Slot: start, Message: c.message})
			if got := entries(t, s)[0].Message; got != c.want || !utf8.ValidString(got) {
				t.Errorf("the entry's message is %q", got)
			}
			if got, _, err := s.Listing(t.Context(), "a"); got.Message != c.want || err != nil {
				t.Errorf("the listing's message is %q, %v", got.Message, err)
			}
		})
	}
}

func TestEntriesAreInOrderAndForgotten(t *testing.T) {
	s := open(t)
	report(t, s, start, Report{Repository: redis}, Report{Repository: zebra}, Report{Repository: nginx})
	names := func() (all []string) {
		for _, e := range entries(t, s) {
			all = append(all, e.String())
		}
		return all
	}
	if diff := cmp.Diff([]string{"a/zebra", "library/nginx", "library/redis"}, names()); diff != "" {
		t.Error(diff)
	}
	if err := s.Forget(t.Context(), redis, zebra, hub.Repository{Namespace: "not", Name: "there"}); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"library/nginx"}, names()); diff != "" {
		t.Error(diff)
	}
	report(t, s, at(-1), Report{Repository: redis})
	if got := entries(t, s)[1]; !got.Slot.Equal(at(-1)) {
		t.Errorf("what was forgotten is still known: %+v", got)
	}
}

func TestNothingAtAllIsFine(t *testing.T) {
	s := open(t)
	if err := s.Report(t.Context(), start); err != nil {
		t.Error(err)
	}
	if err := s.Forget(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.ForgetListing(t.Context()); err != nil {
		t.Error(err)
	}
	if got := entries(t, s); got != nil {
		t.Errorf("entries: %v", got)
	}
}

func TestEachVisitsMoreThanAPageAndStopsWhenTold(t *testing.T) {
	s := open(t)
	const n = 2*page + 1
	fill(t, s, start, n)
	var visited []Entry
	err := s.Each(t.Context(), func(e Entry) bool {
		visited = append(visited, e)
		if len(visited)%100 == 0 {
			report(t, s, at(1), Report{Repository: e.Repository})
		}
		return true
	})
	if err != nil || len(visited) != n {
		t.Fatalf("%d visited, %v", len(visited), err)
	}
	for i, e := range visited {
		if e.Name != name(i) {
			t.Fatalf("visit %d was of %s", i, e)
		}
	}
	for _, most := range []int{1, page, page + 1} {
		visits := 0
		err := s.Each(t.Context(), func(Entry) bool { visits++; return visits < most })
		if err != nil || visits != most {
			t.Errorf("%d visits, want %d (%v)", visits, most, err)
		}
	}
}

func TestUnseenAreTheListedThatWereNotReported(t *testing.T) {
	s := open(t)
	repository := func(name string) hub.Repository { return hub.Repository{Namespace: "library", Name: name} }
	listed := func(name string) Report { return Report{Repository: repository(name), Listed: true} }
	gone := func(name string) Report {
		return Report{Repository: repository(name), Listed: true, Absent: true, Cause: "not_found"}
	}
	report(t, s, at(0), listed("z"), listed("b"), listed("shown"), listed("newer"), gone("absent1"), gone("absent2"), Report{Repository: repository("named")})
	report(t, s, at(0), Report{Repository: zebra, Listed: true}) // of another namespace
	report(t, s, at(1), gone("absent2"))
	report(t, s, at(2), listed("shown"), Report{Repository: repository("failed"), Listed: true, Cause: "timeout"})
	report(t, s, at(3), listed("newer"))
	for most, want := range map[int][]string{0: nil, 1: {"b", "z"}, 2: {"absent1", "b", "z"}, 3: {"absent1", "absent2", "b", "z"}} {
		unseen, err := s.Unseen(t.Context(), "library", at(2), most)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range unseen {
			if r.Namespace != "library" {
				t.Errorf("%s is of another namespace", r)
			}
			names = append(names, r.Name)
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("below %d: %s", most, diff)
		}
	}
}

func TestTheListingOfEachNamespaceIsKept(t *testing.T) {
	s := open(t)
	if _, ok, err := s.Listing(t.Context(), "a"); ok || err != nil {
		t.Errorf("a listing that was never set: %v, %v", ok, err)
	}
	half := Listing{Namespace: "b", Slot: start, Next: 7, Rows: 600, Total: 12000}
	done := Listing{Namespace: "a", Slot: at(1), Rows: 9900, Total: 12000, Truncated: true, Message: "no more without a login"}
	set(t, s, half)
	set(t, s, Listing{Namespace: "a", Slot: at(2), Next: 2, Rows: 100, Total: 3, Message: "old"})
	set(t, s, done) // also for an older slot
	got, ok, err := s.Listing(t.Context(), "b")
	if diff := cmp.Diff(half, got); diff != "" || !ok || err != nil {
		t.Errorf("%v, %v: %s", ok, err, diff)
	}
	if diff := cmp.Diff([]Listing{done, half}, listings(t, s)); diff != "" {
		t.Error(diff)
	}
	if err := s.ForgetListing(t.Context(), "a", "nobody"); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]Listing{half}, listings(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatWasReportedIsThereAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	db := openDB(t, path)
	s := New(db)
	report(t, s, at(0), answers(0).Report, Report{Repository: redis, Listed: true})
	report(t, s, at(1), isAbsent(1).Report)
	set(t, s, Listing{Namespace: "library", Slot: at(1), Next: 2, Rows: 100, Total: 200})
	before, pages := entries(t, s), listings(t, s)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s = New(openDB(t, path))
	if diff := cmp.Diff(before, entries(t, s)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(pages, listings(t, s)); diff != "" {
		t.Error(diff)
	}
	report(t, s, at(1), isAbsent(1).Report) // the run that was killed, once more
	if got := entries(t, s)[0]; got.Absent != 1 {
		t.Errorf("the slot counted twice: %+v", got)
	}
}

func TestAReportThatFailsChangesNothing(t *testing.T) {
	s := open(t)
	report(t, s, at(0), answers(0).Report)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Report(ctx, at(1), answers(1).Report); err == nil || !strings.Contains(err.Error(), "roster") {
		t.Errorf("Report = %v", err)
	}
	if got := entries(t, s); len(got) != 1 || !got[0].Slot.Equal(at(0)) {
		t.Errorf("entries: %+v", got)
	}
	if err := s.Each(ctx, func(Entry) bool { return true }); err == nil {
		t.Error("Each found nothing wrong")
	}
}

// name is that of repository i in fill, in the order of i.
func name(i int) string { return fmt.Sprintf("r%06d", i) }

// fill reports n listed repositories of one namespace, 100 at a time.
func fill(t testing.TB, s *Store, slot time.Time, n int) {
	t.Helper()
	for first := 0; first < n; first += 100 {
		var reports []Report
		for i := first; i < min(first+100, n); i++ {
			reports = append(reports, Report{Repository: hub.Repository{Namespace: "big", Name: name(i)}, Listed: true})
		}
		report(t, s, slot, reports...)
	}
}

func report(t testing.TB, s *Store, slot time.Time, reports ...Report) {
	t.Helper()
	if err := s.Report(context.Background(), slot, reports...); err != nil {
		t.Fatal(err)
	}
}

func set(t testing.TB, s *Store, l Listing) {
	t.Helper()
	if err := s.SetListing(t.Context(), l); err != nil {
		t.Fatal(err)
	}
}

func entries(t testing.TB, s *Store) []Entry {
	t.Helper()
	all, err := s.Entries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func listings(t testing.TB, s *Store) []Listing {
	t.Helper()
	all, err := s.Listings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}
func TestWhatHasFailedInPassingIsUnseenStill(t *testing.T) {
	s := open(t)
	slot := time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC)
	name := func(n string) hub.Repository { return hub.Repository{Namespace: "a", Name: n} }
	err := s.Report(t.Context(), slot, Report{Repository: name("late"), Listed: true, Cause: "timeout"},
		Report{Repository: name("gone"), Listed: true, Absent: true, Cause: "not_found"}, Report{Repository: name("well"), Listed: true})
	if err != nil {
		t.Fatal(err)
	}
	for want, passing := range map[int][]string{0: nil, 1: {"timeout", "connection"}} {
		if got, err := s.Unseen(t.Context(), "a", slot, 3, passing...); err != nil || len(got) != want || want == 1 && got[0].Name != "late" {
			t.Errorf("%v: %v, %v", passing, got, err)
		}
	}
}

func open(t testing.TB) *Store {
	t.Helper()
	return New(openDB(t, filepath.Join(t.TempDir(), "test.db")))
}

func openDB(t testing.TB, path string) *database.DB {
	t.Helper()
	db, err := database.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() }) // again, where the test did
	return db
}
