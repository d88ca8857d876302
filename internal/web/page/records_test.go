package page

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/history"
	"pulltrail/internal/rollup"
	"pulltrail/internal/trail"
)

func trailWith(t *testing.T, samples []history.Sample) *rollup.Trail {
	t.Helper()
	m := newMemory()
	m.taken(t, "a/b", "", samples...)
	got, found, err := m.curves(t).Trail(t.Context(), named("a/b"))
	if err != nil || !found {
		t.Fatal(found, err)
	}
	return got
}

// The best day, week and month are those of the arithmetic of the samples.
func TestRecordsAreThoseOfTheSamples(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		var samples []history.Sample
		at, total := time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(100))*time.Hour), int64(0)
		for range 120 {
			samples = append(samples, history.Sample{Timestamp: at, Slot: at, PullCount: total})
			at = at.Add(time.Duration(1+r.IntN(30)) * time.Hour)
			if r.IntN(20) == 0 {
				at = at.Add(time.Duration(r.IntN(9)) * day)
			}
			if total += r.Int64N(1e6); r.IntN(30) == 0 {
				total /= 2
			}
		}
		curve, got := trail.New(rollup.Samples(samples)), records(trailWith(t, samples))
		for i, unit := range []trail.Unit{trail.Day, trail.Week, trail.Month} {
			want, found := trail.Best(curve.Periods(unit, time.Time{}, time.Time{}, curvesGap))
			if found != (got[i].When != "") || found && got[i].Pulls != number(&want.Pulls) {
				t.Fatalf("got %+v, want %+v", got[i], want)
			}
		}
	}
}

func TestRecords(t *testing.T) {
	const most = "480" // of the 500 from 1 o'clock of 22 November to 1 o'clock of the next day
	got := records(trailWith(t, daily(0, append(ever(80, 10), 99, 3, 500)...)))
	for i, want := range []record{
		{labelBestDay, value{Short: most}, "22 Nov 2026"},
		{labelBestWeek, value{Short: "622"}, "week from 16 Nov 2026"},
		{labelBestMonth, value{Short: "310"}, "October 2026"}, // November is not over
	} {
		got[i].When = strings.ReplaceAll(got[i].When, space, " ")
		if got[i] != want {
			t.Errorf("got %+v", got[i])
		}
	}
	for _, r := range records(trailWith(t, daily(7))) {
		if !r.Pulls.None() || r.When != "" {
			t.Errorf("with one snapshot: %+v", r)
		}
	}
}

func TestMilestonesAndTheNextOne(t *testing.T) {
	many := trailWith(t, daily(1, 4, 5, 15, 30, 60, 100, 300, 500, 1500, 3000, 6000, 9000))
	shown, before := milestones(many)
	if len(shown) != maxMilestones || before != len(many.Milestones)-maxMilestones || shown[0].Pulls != "20"+space+"k" {
		t.Errorf("%v and %d before", shown, before)
	}
	steady := daily(0, ever(20, 100)...)
	for name, c := range map[string]struct {
		t    *rollup.Trail
		now  time.Time
		want string
	}{
		"expected":                      {trailWith(t, steady), now, "5,000 around 23 Dec 2026"},
		"nothing recent":                {trailWith(t, steady), now.AddDate(0, 1, 0), "no recent snapshot"},
		"no rate":                       {trailWith(t, daily(7, ever(20, 0)...)), now, "10; when, cannot be said"},
		"too little is known":           {trailWith(t, daily(7, 50)), now, "100; when, cannot be said"},
		"none that a counter can reach": {trailWith(t, daily(math.MaxInt64-1, 1)), now, ""},
		"due":                           {trailWith(t, daily(0, append(ever(20, 100), 2999)...)), now.Add(10 * time.Hour), "5,000, due"},
	} {
		got := strings.ReplaceAll(goal(c.t, c.now), space, " ")
		if !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestARestatementIsExplained(t *testing.T) {
	samples := daily(1000, ever(40, 10)...)
	for i := 10; i <= 40; i += 5 {
		for j := i; j <= 40; j++ {
			samples[j].PullCount -= 20
		}
	}
	got, before := restatements(trailWith(t, samples))
	if len(got) != maxRestatements || before != 2 {
		t.Fatalf("%q and %d", got, before)
	}
	wantText(t, got[0], "On 23 Nov 2026 Docker Hub counted anew: the total fell from", "That is no pulls")
}

func TestRoundTotalsAreSaidInAFewLetters(t *testing.T) {
	for n, want := range map[int64]string{1: "1", 500: "500", 5000: "5,000", 10_000: "10 k", 200_000: "200 k", 1_000_000: "1 M", 50_000_000: "50 M", 20_000_000_000: "20 B", 5e18: "5,000,000 T"} {
		if got := strings.ReplaceAll(round(n), space, " "); got != want {
			t.Errorf("%d: got %q", n, got)
		}
	}
}

func TestPullsBeforeAndAfterAPush(t *testing.T) {
	samples := pushed(daily(0, append(ever(20, 1000), ever(20, 1500)...)...), 36, 20, 4)
	trails := trailWith(t, samples)
	curve := trail.New(rollup.Samples(samples))
	got := compared(shownPushes(trails), curve, trails.Days)
	want := []struct{ before, after, change string }{
		{"10.5 k", unknown, ""},      // the week after is not over
		{"7,000", "10.5 k", "+50 %"}, // that is the release
		{unknown, "7,000", ""},       // the trail begins within the week before
	}
	for i, w := range want {
		g := got[i]
		if s := func(s string) string { return strings.ReplaceAll(s, space, " ") }; s(g.Before.Short) != w.before || s(g.After.Short) != w.after || s(g.Change) != w.change {
			t.Errorf("%d: got %+v", i, g)
		}
	}
	few := pushed(daily(0, append(ever(20, 1), ever(20, 2)...)...), 20)
	trails = trailWith(t, few)
	if got := compared(shownPushes(trails), trail.New(rollup.Samples(few)), trails.Days); got[0].Change != "+7" {
		t.Errorf("few: got %+v", got)
	}
	gap := append(samples[:18:18], samples[24:]...) // no snapshot around the push
	trails = trailWith(t, gap)
	for _, p := range compared(shownPushes(trails), trail.New(rollup.Samples(gap)), trails.Days) {
		if p.Change != "" {
			t.Errorf("in a gap: %+v", p)
		}
	}
}

func TestADifferenceSaysItsSign(t *testing.T) {
	for n, want := range map[int64]string{0: "±0", 5: "+5", -5: "−5", 12345: "+12,345", math.MinInt64: "−9,223,372,036,854,775,807", math.MaxInt64: "+9,223,372,036,854,775,807"} {
		if got := signed(n); got != want {
			t.Errorf("%d: got %q", n, got)
		}
	}
}
