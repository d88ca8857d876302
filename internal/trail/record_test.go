package trail

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBest(t *testing.T) {
	first, second := at(t, "2026-01-01"), at(t, "2026-01-02")
	for name, c := range map[string]struct {
		periods []Period
		want    Period
		ok      bool
	}{
		"none":                    {},
		"no pulls are no record":  {periods: []Period{{Start: first}}},
		"neither partial nor gap": {periods: []Period{{Start: first, Pulls: 9, Partial: true}, {Start: first, Pulls: 9, Gap: true}}},
		"the most":                {[]Period{{Start: first, Pulls: 4}, {Start: second, Pulls: 5}}, Period{Start: second, Pulls: 5}, true},
		"the earliest of equals":  {[]Period{{Start: first, Pulls: 5}, {Start: second, Pulls: 5}}, Period{Start: first, Pulls: 5}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := Best(c.periods); got != c.want || ok != c.ok {
				t.Errorf("got %+v, %v", got, ok)
			}
		})
	}
}

func TestMilestones(t *testing.T) {
	for name, c := range map[string]struct {
		rows []row
		want []Milestone
	}{
		"one snapshot passes none": {rows: []row{{"2026-01-01", 1000}}},
		"on the line between two snapshots": {
			// 100 in ten hours: 200 after one hour, and 500 is not reached.
			rows: []row{{"2026-01-01", 190}, {"2026-01-01 10", 290}},
			want: []Milestone{{200, at(t, "2026-01-01 01")}},
		},
		"several at once": {
			// 60 an hour.
			rows: []row{{"2026-01-01", 440}, {"2026-01-02 02", 2000}},
			want: []Milestone{{500, at(t, "2026-01-01 01")}, {1000, at(t, "2026-01-01 09:20")}, {2000, at(t, "2026-01-02 02")}},
		},
		"where the first is there already": {
			rows: []row{{"2026-01-01", 1000}, {"2026-01-02", 1001}},
		},
		"not again after a restatement": {
			rows: []row{{"2026-01-01", 90}, {"2026-01-02", 100}, {"2026-01-03", 50}, {"2026-01-04", 250}},
			want: []Milestone{{100, at(t, "2026-01-02")}, {200, at(t, "2026-01-03 18")}},
		},
		"the last that an int64 has": {
			rows: []row{{"2026-01-01", 4_999_999_999_999_999_999}, {"2026-01-02", 5_000_000_000_000_000_000}, {"2026-01-03", math.MaxInt64}},
			want: []Milestone{{5_000_000_000_000_000_000, at(t, "2026-01-02")}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, curve(t, c.rows...).Milestones()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNext(t *testing.T) {
	for name, c := range map[string]struct {
		rows []row
		want Goal
	}{
		// 300 in 30 days are 10 a day; the 9000 of the day before do not count.
		"by the rate of the last 30 days": {
			[]row{{"2026-01-01", 0}, {"2026-01-02", 9000}, {"2026-02-01", 9300}},
			Goal{10000, at(t, "2026-04-12"), true},
		},
		"by what is known of them, from 7 days on": {
			[]row{{"2026-01-01", 1000}, {"2026-01-08", 1070}},
			Goal{2000, at(t, "2026-01-08").Add(93 * day), true},
		},
		"less than 7 days are too few": {
			[]row{{"2026-01-01", 1000}, {"2026-01-07 23:59", 1070}}, Goal{Pulls: 2000},
		},
		"no pulls lead nowhere": {
			[]row{{"2026-01-01", 10}, {"2026-01-02", 70}, {"2026-03-08", 70}}, Goal{Pulls: 100},
		},
		"more than ten years are beyond knowing": {
			[]row{{"2026-01-01", 1000}, {"2026-01-31", 1001}}, Goal{Pulls: 2000},
		},
		"beyond what a duration holds": {
			[]row{{"2026-01-01", 2_000_000_000_000_000_000}, {"2026-01-31", 2_000_000_000_000_000_001}}, Goal{Pulls: 5_000_000_000_000_000_000},
		},
		// 30 a day, from 1300 again.
		"what was passed before a restatement is not the next": {
			[]row{{"2026-01-01", 2100}, {"2026-01-02", 400}, {"2026-02-01", 1300}},
			Goal{5000, at(t, "2026-02-01").Add(3700 / 30 * day).Add(8 * time.Hour), true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := curve(t, c.rows...).Next()
			if diff := got.At.Sub(c.want.At).Abs(); diff > time.Second { // floating point
				t.Errorf("at %v, want %v", got.At, c.want.At)
			}
			if got.Pulls != c.want.Pulls || got.Known != c.want.Known || !ok {
				t.Errorf("got %+v, %v", got, ok)
			}
		})
	}
	if got, ok := curve(t, row{"2026-01-01", 5_000_000_000_000_000_000}).Next(); ok {
		t.Errorf("after the last: %+v", got)
	}
}

func TestSinceRegistered(t *testing.T) {
	registered := at(t, "2025-12-01")
	for name, c := range map[string]struct {
		at   string
		want float64
		ok   bool
	}{
		"ten days":         {"2025-12-11", 100, true},
		"a day and a half": {"2025-12-02 12", 1000 / 1.5, true},
		"less than a day":  {"2025-12-01 23:59", 0, false},
		"not yet":          {"2025-11-01", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := SinceRegistered(1000, registered, at(t, c.at)); got != c.want || ok != c.ok {
				t.Errorf("got %v, %v", got, ok)
			}
		})
	}
}
