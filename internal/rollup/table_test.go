package rollup

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/hub"
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
