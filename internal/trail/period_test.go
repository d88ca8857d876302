package trail

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// want is a period as a table has it: its date, its pulls, and g for a gap, p for a
// partial one.
type want struct {
	start string
	pulls int64
	marks string
}

func checkPeriods(t *testing.T, got []Period, wanted []want) {
	t.Helper()
	var periods []Period
	for _, w := range wanted {
		p := Period{Start: at(t, w.start), Pulls: w.pulls}
		for _, mark := range w.marks {
			p.Gap = p.Gap || mark == 'g'
			p.Partial = p.Partial || mark == 'p'
		}
		periods = append(periods, p)
	}
	if diff := cmp.Diff(periods, got); diff != "" {
		t.Error(diff)
	}
}

func TestDaily(t *testing.T) {
	for name, c := range map[string]struct {
		rows     []row
		from, to string
		maxGap   time.Duration
		want     []want
	}{
		"at midnight there is nothing to interpolate": {
			rows: []row{{"2026-01-01", 100}, {"2026-01-02", 110}, {"2026-01-03", 113}},
			want: []want{{"2026-01-01", 10, ""}, {"2026-01-02", 3, ""}},
		},
		"a day ends between two snapshots": {
			// 24 pulls from 06:00 to 06:00 are one an hour: 18 before midnight, 6 after.
			rows: []row{{"2026-01-01 06", 0}, {"2026-01-02 06", 24}, {"2026-01-03 06", 72}},
			want: []want{{"2026-01-01", 18, "p"}, {"2026-01-02", 6 + 36, ""}, {"2026-01-03", 12, "p"}},
		},
		"pulls are whole and add up": {
			// The curve is 10/3 at the first midnight and 20/3 at the second: 3, 6, 10.
			rows: []row{{"2026-01-01", 0}, {"2026-01-04", 10}},
			want: []want{{"2026-01-01", 3, ""}, {"2026-01-02", 3, ""}, {"2026-01-03", 4, ""}},
		},
		"a frozen counter is zero pulls": {
			rows:   []row{{"2026-01-01", 7}, {"2026-01-02", 7}, {"2026-01-03", 7}},
			maxGap: 2 * day,
			want:   []want{{"2026-01-01", 0, ""}, {"2026-01-02", 0, ""}},
		},
		"a fall is no pulls and counting goes on from there": {
			rows: []row{{"2026-01-01", 100}, {"2026-01-02", 120}, {"2026-01-03", 50}, {"2026-01-04", 60}},
			want: []want{{"2026-01-01", 20, ""}, {"2026-01-02", 0, ""}, {"2026-01-03", 10, ""}},
		},
		"a fall in the middle of a day": {
			// 12 until noon, the fall until 18:00, 6 until midnight.
			rows: []row{{"2026-01-01", 100}, {"2026-01-01 12", 112}, {"2026-01-01 18", 30}, {"2026-01-02", 36}},
			want: []want{{"2026-01-01", 18, ""}},
		},
		"many snapshots on one date, out of order": {
			rows: []row{{"2026-01-02", 9}, {"2026-01-01 12", 4}, {"2026-01-01", 0}, {"2026-01-01 06", 1}},
			want: []want{{"2026-01-01", 9, ""}},
		},
		"exactly the longest interval is no gap": {
			rows:   []row{{"2026-01-01", 0}, {"2026-01-03", 20}},
			maxGap: 2 * day,
			want:   []want{{"2026-01-01", 10, ""}, {"2026-01-02", 10, ""}},
		},
		"a longer one is a gap, over which the pulls are spread": {
			// 30 in three days; then 5 a day.
			rows:   []row{{"2026-01-01", 0}, {"2026-01-02", 7}, {"2026-01-05", 37}, {"2026-01-06", 42}},
			maxGap: 2 * day,
			want: []want{
				{"2026-01-01", 7, ""}, {"2026-01-02", 10, "g"}, {"2026-01-03", 10, "g"}, {"2026-01-04", 10, "g"}, {"2026-01-05", 5, ""},
			},
		},
		"a day is of a gap when most of it is": {
			// 72 from 01:00 to 01:00 three days later are one an hour, as is all else: the
			// first day has 23 hours of the gap, the last has one.
			rows: []row{{"2026-01-01", 0}, {"2026-01-01 01", 1}, {"2026-01-04 01", 73}, {"2026-01-05", 96}},
			want: []want{
				{"2026-01-01", 24, "g"}, {"2026-01-02", 24, "g"}, {"2026-01-03", 24, "g"}, {"2026-01-04", 24, ""},
			},
			maxGap: 2 * day,
		},
		"half of a day is not most of it": {
			rows:   []row{{"2026-01-01", 0}, {"2026-01-01 12", 12}, {"2026-01-02 12", 36}, {"2026-01-03", 48}},
			maxGap: 20 * time.Hour,
			want:   []want{{"2026-01-01", 24, ""}, {"2026-01-02", 24, ""}},
		},
		"a silence within a day does not matter to the day": {
			rows:   []row{{"2026-01-01", 0}, {"2026-01-01 02", 2}, {"2026-01-01 22", 90}, {"2026-01-02", 96}},
			maxGap: 4 * time.Hour,
			want:   []want{{"2026-01-01", 96, ""}},
		},
		"a range has the days that it touches, whole": {
			rows: []row{{"2026-01-01", 0}, {"2026-01-09", 8 * 24}},
			from: "2026-01-03 12", to: "2026-01-05 00:00:01",
			want: []want{{"2026-01-03", 24, ""}, {"2026-01-04", 24, ""}, {"2026-01-05", 24, ""}},
		},
		"the end of a range does not belong to it": {
			rows: []row{{"2026-01-01", 0}, {"2026-01-09", 8 * 24}},
			from: "2026-01-03", to: "2026-01-05",
			want: []want{{"2026-01-03", 24, ""}, {"2026-01-04", 24, ""}},
		},
		"a range before the first snapshot is unknown": {
			rows: []row{{"2026-01-03", 0}, {"2026-01-04", 8}},
			from: "2026-01-01", to: "2026-01-03",
		},
		"a range after the newest is unknown": {
			rows: []row{{"2026-01-03", 0}, {"2026-01-04", 8}},
			from: "2026-01-04",
		},
		"a range the wrong way round is empty": {
			rows: []row{{"2026-01-01", 0}, {"2026-01-09", 8}},
			from: "2026-01-04", to: "2026-01-03",
		},
		"12.9 billion, to the pull": {
			// A third of 1,000,000,007 a day: 333333335.67, 666666671.33, 1000000007.
			rows: []row{{"2026-01-01", 12_916_987_208}, {"2026-01-04", 13_916_987_215}},
			want: []want{{"2026-01-01", 333_333_335, ""}, {"2026-01-02", 333_333_336, ""}, {"2026-01-03", 333_333_336, ""}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var from, to time.Time
			if c.from != "" {
				from = at(t, c.from)
			}
			if c.to != "" {
				to = at(t, c.to)
			}
			checkPeriods(t, curve(t, c.rows...).Daily(from, to, c.maxGap), c.want)
		})
	}
}

// One pull an hour, from Thursday, 1 January 2026, to Sunday, 1 March.
func TestPeriodsOfEachUnit(t *testing.T) {
	c := curve(t, row{"2026-01-01", 0}, row{"2026-03-01", 59 * 24})
	for name, test := range map[string]struct {
		unit     Unit
		from, to string
		want     []want
	}{
		"hours": {Hour, "2026-01-31 22:30", "2026-02-01 00:00:01",
			[]want{{"2026-01-31 22", 1, ""}, {"2026-01-31 23", 1, ""}, {"2026-02-01", 1, ""}}},
		"weeks begin on Monday": {Week, "2026-01-01", "2026-01-12",
			[]want{{"2025-12-29", 4 * 24, "p"}, {"2026-01-05", 7 * 24, ""}}},
		"a Sunday is of the week before": {Week, "2026-01-11 23", "2026-01-12",
			[]want{{"2026-01-05", 7 * 24, ""}}},
		"months have their own length": {Month, "2026-01-31", "2026-03-02",
			[]want{{"2026-01-01", 31 * 24, ""}, {"2026-02-01", 28 * 24, ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			checkPeriods(t, c.Periods(test.unit, at(t, test.from), at(t, test.to), 0), test.want)
		})
	}
}

func TestFloorAndCeil(t *testing.T) {
	zone := time.FixedZone("", -5*3600)
	for name, c := range map[string]struct {
		unit        Unit
		in          time.Time
		floor, ceil string
	}{
		"an hour":               {Hour, at(t, "2026-01-01 23:00:00.000001"), "2026-01-01 23", "2026-01-02"},
		"a day":                 {Day, at(t, "2026-02-28 01"), "2026-02-28", "2026-03-01"},
		"a day of another zone": {Day, time.Date(2026, 1, 1, 20, 0, 0, 0, zone), "2026-01-02", "2026-01-03"},
		"a day's beginning":     {Day, time.Date(2026, 1, 1, 19, 0, 0, 0, zone), "2026-01-02", "2026-01-02"},
		"a week":                {Week, at(t, "2026-01-04 23:59"), "2025-12-29", "2026-01-05"},
		"a month":               {Month, at(t, "2026-12-31 23:59"), "2026-12-01", "2027-01-01"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.unit.Floor(c.in); got != at(t, c.floor) {
				t.Errorf("Floor: %v", got)
			}
			if got := c.unit.Ceil(c.in); got != at(t, c.ceil) {
				t.Errorf("Ceil: %v", got)
			}
		})
	}
}

func TestSum(t *testing.T) {
	steady := curve(t, row{"2026-01-01", 0}, row{"2026-01-02", 10}, row{"2026-01-03", 20}, row{"2026-01-04", 30})
	away := curve(t, row{"2026-01-01", 0}, row{"2026-01-04", 300})   // a gap of three days
	young := curve(t, row{"2026-01-02 12", 0}, row{"2026-01-04", 6}) // 4 a day
	gone := curve(t, row{"2025-12-31", 5}, row{"2026-01-01", 6})     // ends before the others begin
	daily := func(c Curve) []Period { return c.Daily(time.Time{}, time.Time{}, 2*day) }
	checkPeriods(t, Sum([][]Period{daily(steady), daily(away), daily(young), nil, daily(gone)}), []want{
		{"2025-12-31", 1, ""},
		{"2026-01-01", 10 + 100, ""},
		{"2026-01-02", 10 + 100 + 2, "p"},
		{"2026-01-03", 10 + 100 + 4, ""},
	})
	checkPeriods(t, Sum([][]Period{daily(away), daily(away)}), []want{
		{"2026-01-01", 200, "g"}, {"2026-01-02", 200, "g"}, {"2026-01-03", 200, "g"},
	})
	if got := Sum(nil); got != nil {
		t.Errorf("the sum of nothing is %v", got)
	}
}
