package trail

import (
	"testing"
	"time"
)

func TestBetween(t *testing.T) {
	c := curve(t, row{"2026-01-01", 100}, row{"2026-01-02", 124}, row{"2026-01-03", 60}, row{"2026-01-04", 180})
	for name, test := range map[string]struct {
		from, to string
		pulls    int64
		covered  time.Duration
		whole    bool
	}{
		"all of it":                {"2026-01-01", "2026-01-04", 144, 3 * day, true},
		"between snapshots":        {"2026-01-01 06", "2026-01-01 18", 12, 12 * time.Hour, true},
		"a fall is no pulls":       {"2026-01-02", "2026-01-03", 0, day, true},
		"across the fall":          {"2026-01-01 12", "2026-01-03 12", 12 + 60, 2 * day, true},
		"rounded down at the ends": {"2026-01-01 00:30", "2026-01-01 02:30", 2, 2 * time.Hour, true},
		"begins too early":         {"2025-12-31", "2026-01-02", 24, day, false},
		"ends too late":            {"2026-01-03 12", "2026-01-05", 60, 12 * time.Hour, false},
		"before everything":        {"2025-12-31", "2026-01-01", 0, 0, false},
		"after everything":         {"2026-01-04", "2026-01-05", 0, 0, false},
		"nothing":                  {"2026-01-02", "2026-01-02", 0, 0, false},
		"the wrong way round":      {"2026-01-03", "2026-01-02", 0, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.Between(at(t, test.from), at(t, test.to))
			want := Span{From: at(t, test.from), To: at(t, test.to), Pulls: test.pulls, Covered: test.covered}
			if got != want || got.Whole() != test.whole {
				t.Errorf("got %+v, whole %v", got, got.Whole())
			}
		})
	}
}

func TestCompare(t *testing.T) {
	for name, test := range map[string]struct {
		before, now int64
		percent     float64
		known       bool
	}{
		"growth":                          {100, 112, 12, true},
		"a fall":                          {200, 194, -3, true},
		"nothing now":                     {20, 0, -100, true},
		"below 20 before, say the counts": {19, 1000, 0, false},
		"nothing at all":                  {0, 0, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := curve(t, row{"2026-01-01", 5}, row{"2026-01-02", 5 + test.before}, row{"2026-01-03", 5 + test.before + test.now})
			got := c.Compare(at(t, "2026-01-02"), at(t, "2026-01-03"))
			if got.Now.Pulls != test.now || got.Before.Pulls != test.before || got.Percent != test.percent || got.Known != test.known {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestAChangeIsUnknownWhereATimeIsNotWhole(t *testing.T) {
	c := curve(t, row{"2026-01-01", 0}, row{"2026-01-03", 2000})
	for name, test := range map[string]struct{ from, to string }{
		"the time before begins too early": {"2026-01-01 23", "2026-01-02 23"},
		"the time ends too late":           {"2026-01-02 12", "2026-01-03 01"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.Compare(at(t, test.from), at(t, test.to)); got.Known || got.Now.Pulls == 0 || got.Before.Pulls == 0 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestRecentEndsAtTheNewestSnapshot(t *testing.T) {
	c := curve(t, row{"2026-01-01 01", 0}, row{"2026-01-02 01", 100}, row{"2026-01-03 01", 250})
	newest := at(t, "2026-01-03 01")
	for _, now := range []time.Time{newest.Add(-time.Minute), newest, newest.Add(2 * day)} { // a clock may be behind
		got := c.Recent(day, now, 2*day)
		if got.Now.Pulls != 150 || got.Now.To != newest || got.Before.Pulls != 100 || got.Percent != 50 || !got.Known {
			t.Errorf("at %v: %+v", now, got)
		}
	}
	if got := c.Recent(day, newest.Add(2*day+1), 2*day); got != (Change{}) {
		t.Errorf("when the newest is too old: %+v", got)
	}
	if got := c.Recent(day, newest.Add(900*day), 0); got.Now.Pulls != 150 {
		t.Errorf("without a longest interval: %+v", got)
	}
	if got := c.Recent(30*day, newest, 2*day); got.Known || got.Now.Pulls != 250 || got.Now.Covered != 2*day {
		t.Errorf("longer than the trail: %+v", got)
	}
}

func TestTogetherLeavesOutWhatHasNoBefore(t *testing.T) {
	from, to := at(t, "2026-01-02"), at(t, "2026-01-03")
	old := curve(t, row{"2026-01-01", 0}, row{"2026-01-02", 15}, row{"2026-01-03", 45}).Compare(from, to)   // 15, then 30
	other := curve(t, row{"2026-01-01", 0}, row{"2026-01-02", 25}, row{"2026-01-03", 55}).Compare(from, to) // 25, then 30
	young := curve(t, row{"2026-01-02", 0}, row{"2026-01-03", 9000}).Compare(from, to)
	got := Together([]Change{young, old, {}, other})
	if got.Now.Pulls != 60 || got.Before.Pulls != 40 || got.Percent != 50 || !got.Known || got.Now.From != from || got.Before.To != from {
		t.Errorf("got %+v", got)
	}
	if got := Together([]Change{young}); got != (Change{}) {
		t.Errorf("of those without a before: %+v", got)
	}
}
