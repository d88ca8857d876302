package trail

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var origin = time.Date(2026, 2, 26, 23, 30, 0, 0, time.UTC)

// anySamples are up to 40, days or seconds apart, with falls, standstills, pushes,
// and some at one moment.
func anySamples(t *rapid.T) []Sample {
	updates := []*time.Time{nil}
	for i := range 4 {
		at := origin.Add(time.Duration(i-9) * day)
		updates = append(updates, &at)
	}
	clock := origin
	steps := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(1, 90_000), rapid.Int64Range(1, 9*86_400))
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Sample {
		clock = clock.Add(time.Duration(steps.Draw(t, "seconds")) * time.Second)
		return Sample{
			Time:        clock,
			Pulls:       rapid.OneOf(rapid.Int64Range(0, 5), rapid.Int64Range(0, 13_000_000_000)).Draw(t, "pulls"),
			LastUpdated: rapid.SampledFrom(updates).Draw(t, "updated"),
		}
	}), 0, 40).Draw(t, "samples")
}

func anyGap(t *rapid.T) time.Duration {
	return time.Duration(rapid.Int64Range(0, 100).Draw(t, "max gap")) * time.Hour
}

var units = rapid.SampledFrom([]Unit{Hour, Day, Week, Month})

func TestPropertyPullsAndRestatementsMakeTheDifferenceOfTheTotals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := New(anySamples(t))
		periods := c.Periods(units.Draw(t, "unit"), time.Time{}, time.Time{}, anyGap(t))
		var counted, restated int64
		for _, p := range periods {
			if p.Pulls < 0 {
				t.Fatalf("negative pulls: %+v", p)
			}
			counted += p.Pulls
		}
		for _, r := range c.Restatements() {
			if r.To >= r.From {
				t.Fatalf("no fall: %+v", r)
			}
			restated += r.To - r.From
		}
		first, _ := c.First()
		newest, _ := c.Newest()
		if counted+restated != newest.Pulls-first.Pulls {
			t.Fatalf("%d pulls and %d restated make not %d-%d", counted, restated, newest.Pulls, first.Pulls)
		}
	})
}

func TestPropertyPeriodsHaveNoHolesAndOnlyTheEndsArePartial(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := units.Draw(t, "unit")
		periods := New(anySamples(t)).Periods(unit, time.Time{}, time.Time{}, 0)
		for i, p := range periods {
			if i > 0 && unit.next(periods[i-1].Start) != p.Start {
				t.Fatalf("a hole before %+v", p)
			}
			if p.Partial && i > 0 && i < len(periods)-1 {
				t.Fatalf("partial in the middle: %+v", p)
			}
		}
	})
}

// A period is what Between says of it, whatever the range that it is asked for in.
func TestPropertyPeriodsAreSpans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, unit, gap := New(anySamples(t)), units.Draw(t, "unit"), anyGap(t)
		for _, p := range c.Periods(unit, time.Time{}, time.Time{}, gap) {
			next := unit.next(p.Start)
			if span := c.Between(p.Start, next); span.Pulls != p.Pulls || span.Whole() == p.Partial {
				t.Fatalf("%+v, but %+v", p, span)
			}
			alone := c.Periods(unit, p.Start.Add(1), next, gap)
			if diff := cmp.Diff([]Period{p}, alone); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

func TestPropertyTheOrderOfSamplesAndRepetitionsChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := append(anySamples(t), Sample{Time: origin, Pulls: 1})
		again := append(samples, rapid.SliceOfN(rapid.SampledFrom(samples), 0, 5).Draw(t, "again")...)
		mixed := rapid.Permutation(again).Draw(t, "mixed")
		if diff := cmp.Diff(New(samples).points, New(mixed).points, cmp.AllowUnexported(point{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestPropertyASampleOnTheLineChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// The slope is whole pulls a second, so that the line has whole totals.
		seconds, slope := rapid.Int64Range(2, 20*86_400).Draw(t, "seconds"), rapid.Int64Range(0, 1000).Draw(t, "slope")
		into := rapid.Int64Range(1, seconds-1).Draw(t, "into")
		after := func(n int64) time.Time { return origin.Add(time.Duration(n) * time.Second) }
		whole := []Sample{
			{Time: origin.Add(-day), Pulls: 3}, {Time: origin, Pulls: 10},
			{Time: after(seconds), Pulls: 10 + seconds*slope}, {Time: after(seconds + 86_400), Pulls: 7},
		}
		split := append([]Sample{{Time: after(into), Pulls: 10 + into*slope}}, whole...)
		for _, unit := range []Unit{Hour, Day, Week, Month} {
			a := New(whole).Periods(unit, time.Time{}, time.Time{}, 0)
			b := New(split).Periods(unit, time.Time{}, time.Time{}, 0)
			if diff := cmp.Diff(a, b); diff != "" {
				t.Fatal(diff)
			}
		}
		if diff := cmp.Diff(New(whole).Milestones(), New(split).Milestones()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Spans that follow one another add up.
func TestPropertySpansAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := New(anySamples(t))
		micros := rapid.Int64Range(-1e6, 40*86_400*1e6)
		a := origin.Add(time.Duration(micros.Draw(t, "a")) * time.Microsecond)
		m := a.Add(time.Duration(max(0, micros.Draw(t, "m"))) * time.Microsecond)
		b := m.Add(time.Duration(max(0, micros.Draw(t, "b"))) * time.Microsecond)
		left, right, both := c.Between(a, m), c.Between(m, b), c.Between(a, b)
		if left.Pulls+right.Pulls != both.Pulls || left.Covered+right.Covered != both.Covered || left.Pulls < 0 || right.Pulls < 0 {
			t.Fatalf("%+v and %+v are not %+v", left, right, both)
		}
	})
}

func TestPropertyPushesComeInOrderEachOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pushes := New(anySamples(t)).Pushes()
		for i := 1; i < len(pushes); i++ {
			if !pushes[i].At.After(pushes[i-1].At) || !pushes[i].Seen.After(pushes[i-1].Seen) {
				t.Fatalf("%+v", pushes)
			}
		}
	})
}

// Whoever has a long series may leave out what tells of no change.
func TestPropertyPushesNeedOnlyTheSamplesWhereLastUpdatedChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := anySamples(t)
		var changes []Sample
		for _, s := range samples {
			if n := len(changes); n == 0 || changes[n-1].LastUpdated != s.LastUpdated {
				changes = append(changes, s)
			}
		}
		if diff := cmp.Diff(New(samples).Pushes(), New(changes).Pushes()); diff != "" {
			t.Fatal(diff)
		}
	})
}
