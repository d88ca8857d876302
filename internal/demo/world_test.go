package demo

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"pulltrail/internal/hub"
)

// began is a Wednesday.
var began = time.Date(2026, 11, 25, 15, 4, 5, 0, time.UTC)

func named(namespace, name string) hub.Repository {
	return hub.Repository{Namespace: "demo-" + namespace, Name: name}
}

// moments are every few hours of the two years, and of a month after them.
func (w *World) moments() []time.Time {
	var all []time.Time
	for at := w.origin; at.Before(w.began.Add(30 * day)); at = at.Add(7 * time.Hour) {
		all = append(all, at)
	}
	return all
}

// role is the repository with a name, whether it exists or not.
func (w *World) role(t *testing.T, name hub.Repository) *repository {
	t.Helper()
	for _, r := range w.repositories {
		if r.Repository == name {
			return r
		}
	}
	t.Fatalf("there is no %s", name)
	return nil
}

func TestTotalsOnlyGrowButForTheOneThatIsRestated(t *testing.T) {
	w := New(began)
	for _, r := range w.repositories {
		falls := 0
		var last int64
		for _, at := range w.moments() {
			total := r.pullCount(at)
			if total < last {
				falls++
			}
			last = total
		}
		if want := map[bool]int{true: 1}[r.Repository == named("harbour", "logbook")]; falls != want {
			t.Errorf("%s fell %d times, want %d", r, falls, want)
		}
		if last == 0 {
			t.Errorf("%s has no pulls", r)
		}
	}
}

func TestStarsAndSizesNeverFallAndSizesChangeWithPushesOnly(t *testing.T) {
	w := New(began)
	for _, r := range w.repositories {
		var stars, size int64
		var pushed time.Time
		for _, at := range w.moments() {
			if !r.exists(at) {
				continue
			}
			_, push := r.lastPush(at)
			if s := r.starCount(at); s < stars {
				t.Errorf("%s at %s: %d stars after %d", r, at, s, stars)
			}
			if b := r.storageSize(at); b < size || (b != size) == push.Equal(pushed) {
				t.Errorf("%s at %s: %d bytes after %d, pushed %s", r, at, b, size, push)
			}
			if push.After(at) || push.Before(pushed) || push.Before(r.registeredAt()) {
				t.Errorf("%s at %s: pushed %s after %s, registered %s", r, at, push, pushed, r.registeredAt())
			}
			stars, size, pushed = r.starCount(at), r.storageSize(at), push
		}
	}
}

func TestTheSameQuestionHasTheSameAnswerInAnyOrder(t *testing.T) {
	one, other := New(began), New(began)
	var order []time.Time
	for i, at := range one.moments() {
		if i%50 == 0 {
			order = append(order, at)
		}
	}
	type question struct {
		hub.Repository
		at time.Time
	}
	first := map[question][]byte{}
	for _, at := range order {
		for _, r := range one.Repositories() {
			first[question{r, at}], _ = one.Answer(r, at)
		}
	}
	for _, i := range rand.Perm(len(order)) {
		for _, r := range other.Repositories() {
			if got, _ := other.Answer(r, order[i]); !bytes.Equal(got, first[question{r, order[i]}]) {
				t.Errorf("%s at %s: %s, then %s", r, order[i], first[question{r, order[i]}], got)
			}
		}
	}
}

// The same world, whatever the hour at which the demo begins: a day is not another one
// for it.
func TestTheHourOfTheBeginningChangesNothing(t *testing.T) {
	morning, evening := New(began.Truncate(day)), New(began.Truncate(day).Add(23*time.Hour))
	for _, r := range morning.Repositories() {
		a, _ := morning.Answer(r, began)
		if b, _ := evening.Answer(r, began); !bytes.Equal(a, b) {
			t.Errorf("%s: %s and %s", r, a, b)
		}
	}
}

func TestWeekendsAreLower(t *testing.T) {
	w := New(began)
	for _, r := range w.repositories {
		var sums, days [2]float64
		for d := max(past-r.registered+1, 0); d < past-max(r.silent, r.gone); d++ {
			kind := 0
			if weekday := w.origin.Add(time.Duration(d) * day).Weekday(); weekday == time.Saturday || weekday == time.Sunday {
				kind = 1
			}
			sums[kind] += float64(r.pulls(d))
			days[kind]++
		}
		got := (sums[1] / days[1]) / (sums[0] / days[0])
		if got < 0.8*r.weekend || got > 1.2*r.weekend || got >= 1 {
			t.Errorf("%s: a day of a weekend has %.2f of a working day's pulls, want about %.2f", r, got, r.weekend)
		}
	}
}

func TestAPushIsFollowedByARush(t *testing.T) {
	r := New(began).role(t, named("orchard", "press"))
	var after, before, pushes int64
	for n := 1; n < past/r.pushEvery; n++ {
		d, _ := r.dayOf(r.push(n))
		// The same days of the week: only the push is between them.
		for i := 1; i <= 3; i++ {
			after += r.pulls(d + i)
			before += r.pulls(d + i - 7)
		}
		pushes++
	}
	if pushes < 30 || after < before*3/2 {
		t.Errorf("after %d pushes there were %d pulls, before them %d", pushes, after, before)
	}
}

func TestWhatBecomesOfThem(t *testing.T) {
	w := New(began)
	ago := func(days int) time.Time { return w.began.Add(time.Duration(-days) * day) }
	pulls := func(r *repository, from, to int) int64 { return r.pullCount(ago(to)) - r.pullCount(ago(from)) }

	huge := w.role(t, named("harbour", "beacon"))
	if huge.pullCount(w.began) < 1<<32 {
		t.Errorf("the huge one has %d pulls", huge.pullCount(w.began))
	}
	silent := w.role(t, named("lantern", "ember"))
	if pulls(silent, 364, 0) != 0 || pulls(silent, 700, 366) == 0 {
		t.Errorf("the silent one had %d pulls in the last year, %d before", pulls(silent, 364, 0), pulls(silent, 700, 366))
	}
	stagnant := w.role(t, named("orchard", "cellar"))
	if now, then := pulls(stagnant, 90, 0), pulls(stagnant, 700, 610); now == 0 || now > then/50 {
		t.Errorf("the stagnant one had %d pulls in three months, %d once", now, then)
	}
	growing := w.role(t, named("harbour", "pilot"))
	if now, then := pulls(growing, 60, 0), pulls(growing, 425, 365); now < then*14/10 {
		t.Errorf("the growing one had %d pulls in two months, %d a year before", now, then)
	}
	for _, c := range []struct {
		what       string
		name       hub.Repository
		there, not time.Time
	}{
		{"the new one", named("orchard", "graft"), ago(180), ago(184)},
		{"the one that is gone", named("quarry", "marble"), ago(12), ago(9)},
		{"one that nobody knows", named("quarry", "nothing"), time.Time{}, ago(0)},
	} {
		if _, ok := w.Answer(c.name, c.there); ok == c.there.IsZero() {
			t.Errorf("%s is there at %s: %v", c.what, c.there, ok)
		}
		if _, ok := w.Answer(c.name, c.not); ok {
			t.Errorf("%s is there at %s", c.what, c.not)
		}
	}
}

func TestADayIsMadeOfItsHours(t *testing.T) {
	if passed(0) != 0 || passed(1) < 0.999999 || passed(1) > 1.000001 {
		t.Errorf("a day goes from %v to %v", passed(0), passed(1))
	}
	for i := range 96 {
		if a, b := passed(float64(i)/96), passed(float64(i+1)/96); a >= b {
			t.Errorf("quarter %d: %v, then %v", i, a, b)
		}
	}
}
