package trail

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const day = 24 * time.Hour

// at is a time in UTC, written as "2026-01-31 01:00:00" or shorter.
func at(t *testing.T, s string) time.Time {
	t.Helper()
	const rest = "0000-00-00 00:00:00"
	if len(s) < len(rest) {
		s += rest[len(s):]
	}
	parsed, err := time.Parse("2006-01-02 15:04:05", s) // takes fractions too
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// row is one sample: when, and the total.
type row struct {
	at    string
	pulls int64
}

func samples(t *testing.T, rows []row) []Sample {
	t.Helper()
	out := make([]Sample, len(rows))
	for i, r := range rows {
		out[i] = Sample{Time: at(t, r.at), Pulls: r.pulls}
	}
	return out
}

func curve(t *testing.T, rows ...row) Curve {
	t.Helper()
	return New(samples(t, rows))
}

func TestSamplesAreSortedAndOneIsKeptOfAMoment(t *testing.T) {
	early, late := at(t, "2025-12-01"), at(t, "2025-12-02")
	noon := at(t, "2026-01-02 12")
	in := []Sample{
		{Time: noon.Add(day), Pulls: 30},
		{Time: noon, Pulls: 20, LastUpdated: &late},
		{Time: noon.Add(999), Pulls: 19},                                              // less than a microsecond later
		{Time: noon.In(time.FixedZone("IST", 19800)), Pulls: 21, LastUpdated: &early}, // the same moment
		{Time: noon.Add(-day), Pulls: 10},
	}
	before := slices.Clone(in)
	c := New(in)
	want := []Sample{
		{Time: noon.Add(-day), Pulls: 10}, {Time: noon, Pulls: 21, LastUpdated: &late}, {Time: noon.Add(day), Pulls: 30},
	}
	var got []Sample
	for _, p := range c.points {
		got = append(got, p.sample())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, in); diff != "" {
		t.Errorf("the caller's samples have changed: %s", diff)
	}
	first, _ := c.First()
	newest, ok := c.Newest()
	if first.Pulls != 10 || newest.Pulls != 30 || !ok {
		t.Errorf("first %+v, newest %+v", first, newest)
	}
}

func TestWithoutSamplesNothingIsKnown(t *testing.T) {
	for name, c := range map[string]Curve{"none": New(nil), "the zero value": {}} {
		t.Run(name, func(t *testing.T) {
			_, first := c.First()
			_, newest := c.Newest()
			_, next := c.Next()
			if first || newest || next {
				t.Error("something is known")
			}
			if c.Daily(time.Time{}, time.Time{}, 0) != nil || c.Restatements() != nil || c.Pushes() != nil || c.Milestones() != nil {
				t.Error("there is something")
			}
			if s := c.Between(at(t, "2026-01-01"), at(t, "2026-01-02")); s.Covered != 0 || s.Pulls != 0 || s.Whole() {
				t.Errorf("got %+v", s)
			}
			if got := c.Recent(day, at(t, "2026-01-01"), 0); got != (Change{}) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestOneSampleSaysNothingOfPulls(t *testing.T) {
	c := curve(t, row{"2026-01-02 12", 5000})
	if got := c.Daily(time.Time{}, time.Time{}, 0); got != nil {
		t.Errorf("got %v", got)
	}
	if got := c.Between(at(t, "2026-01-01"), at(t, "2026-01-09")); got.Covered != 0 || got.Pulls != 0 {
		t.Errorf("got %+v", got)
	}
	if got, ok := c.Next(); !ok || got != (Goal{Pulls: 10000}) {
		t.Errorf("got %+v, %v", got, ok)
	}
}

func TestTotalsAtTheEndsOfTheirRange(t *testing.T) {
	const most = math.MaxInt64
	days := curve(t,
		row{"2026-01-01", 0}, row{"2026-01-01 08", most}, row{"2026-01-01 09", 0}, row{"2026-01-02", most},
		row{"2026-01-03", most}, row{"2026-01-03 01", math.MinInt64}, row{"2026-01-04", most}, row{"2026-01-05", most},
	).Daily(time.Time{}, time.Time{}, 0)
	var got []int64
	for _, d := range days {
		got = append(got, d.Pulls)
	}
	if want := []int64{most, 0, most, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
