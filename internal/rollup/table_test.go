package rollup

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/hub"
	"pulltrail/internal/trail"
)

func tableOf(t *testing.T, metric Metric, from, to time.Time, top int) Table {
	t.Helper()
	s := open(t)
	midnight := start.Truncate(day)
	keep(t, s, hub.Repository{Namespace: "a", Name: "big"}, midnight, 1000, 1100, 1050, 1350)
	keep(t, s, hub.Repository{Namespace: "a", Name: "late"}, midnight.Add(2*day), 5, 15)
	keep(t, s, hub.Repository{Namespace: "b", Name: "ended"}, midnight, 50, 70)
	keep(t, s, hub.Repository{Namespace: "b", Name: "one"}, midnight, 9)
	all, err := rollupOf(s).Trails(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return NewTable(all, metric, from, to, top)
}

func (r Row) name() string {
	var names []string
	for _, t := range r.Trails {
		names = append(names, t.Name)
	}
	return strings.Join(names, "+")
}

func shown(table Table) map[string][]int64 {
	out := map[string][]int64{}
	for _, r := range append(table.Rows, Row{Trails: nil, Values: table.Sum.Values}) {
		values := make([]int64, len(r.Values))
		for i, v := range r.Values {
			if values[i] = v.N; !v.Known {
				values[i] = -1
			}
		}
		out[r.name()] = values
	}
	return out
}

func TestATableHasTheTopAndTheOthersTogether(t *testing.T) {
	got := tableOf(t, Pulls, time.Time{}, time.Time{}, 1)
	want := map[string][]int64{"big": {100, 0, 300}, "ended+late+one": {20, -1, 10}, "": {120, 0, 310}}
	if diff := cmp.Diff(want, shown(got)); diff != "" {
		t.Error(diff)
	}
	if len(got.Days) != 3 || !got.Days[0].Equal(start.Truncate(day)) {
		t.Errorf("the days are %v", got.Days)
	}
}

func TestTotalsGoDownWithARestatementAndAreCarriedOnInSums(t *testing.T) {
	want := map[string][]int64{"big": {1100, 1050, 1350}, "ended+late+one": {79, 79, 94}, "": {1179, 1129, 1444}}
	if diff := cmp.Diff(want, shown(tableOf(t, Totals, time.Time{}, time.Time{}, 1))); diff != "" {
		t.Error(diff)
	}
}

func TestATotalIsCarriedOnFromBeforeTheRange(t *testing.T) {
	from := start.Truncate(day).Add(2 * day)
	want := map[string][]int64{"big": {1350}, "late+ended+one": {94}, "": {1444}} // 70 of one that has ended
	if diff := cmp.Diff(want, shown(tableOf(t, Totals, from, time.Time{}, 1))); diff != "" {
		t.Error(diff)
	}
}

func TestADayThatIsKnownInPartIsNotCovered(t *testing.T) {
	s := open(t)
	keep(t, s, nginx, start, 0, 24, 48, 72) // at one o'clock
	got, _, err := rollupOf(s).Trail(t.Context(), nginx)
	if err != nil {
		t.Fatal(err)
	}
	first := start.Truncate(day)
	for name, c := range map[string]struct {
		from, to time.Time
		want     trail.Span
	}{
		"all":                {time.Time{}, time.Time{}, trail.Span{Pulls: 72, Covered: 2 * day}},
		"two whole days":     {first.Add(day), first.Add(3 * day), trail.Span{Pulls: 48, Covered: 2 * day}},
		"with the first one": {first, first.Add(2 * day), trail.Span{Pulls: 47, Covered: day}},
		"the first alone":    {first, first.Add(day), trail.Span{Pulls: 23, Covered: 1}},
		"before":             {first.Add(-day), first, trail.Span{}},
	} {
		c.want.From, c.want.To = c.from, c.to
		if diff := cmp.Diff(c.want, got.Days.Span(c.from, c.to)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestOthersAreNeverOneAlone(t *testing.T) {
	if got := tableOf(t, Pulls, time.Time{}, time.Time{}, 3); len(got.Rows) != 4 || got.Rows[3].name() != "one" {
		t.Errorf("got %v", shown(got))
	}
}

func TestARangeCutsATable(t *testing.T) {
	from := start.Truncate(day).Add(day)
	got := tableOf(t, Pulls, from, from.Add(day), 9)
	want := map[string][]int64{"big": {0}, "late": {-1}, "ended": {-1}, "one": {-1}, "": {0}}
	if diff := cmp.Diff(want, shown(got)); diff != "" {
		t.Error(diff)
	}
	if empty := tableOf(t, Pulls, start.AddDate(9, 0, 0), time.Time{}, 9); len(empty.Days) != 0 || len(empty.Rows) != 4 {
		t.Errorf("got %v", shown(empty))
	}
}
