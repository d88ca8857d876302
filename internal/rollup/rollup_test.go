package rollup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"pulltrail/internal/database"
	"pulltrail/internal/document"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/trail"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	start = time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)
	nginx = hub.Repository{Namespace: "library", Name: "nginx"}
	agent = hub.Repository{Namespace: "beszel", Name: "agent"}
)

const maxGap = 50 * time.Hour

func open(t testing.TB) *history.Store {
	t.Helper()
	db, err := database.Open(context.Background(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return history.New(db)
}

func rollupOf(h History) *Rollup {
	return New(Options{History: h, MaxGap: func() time.Duration { return maxGap }, Log: slog.New(slog.DiscardHandler)})
}

// keep stores snapshots of r, a day apart, with these totals.
func keep(t testing.TB, s *history.Store, r hub.Repository, from time.Time, totals ...int64) {
	t.Helper()
	var batch []document.Message
	for i, n := range totals {
		at := hub.FormatTime(from.Add(time.Duration(i) * day))
		batch = append(batch, document.Message{Topic: "t", Received: from, Payload: fmt.Appendf(nil,
			`{"namespace":%q,"name":%q,"pull_count":%d,"last_updated":%s,"timestamp":%s,"slot":%s}`, r.Namespace, r.Name, n, at, at, at)})
	}
	outcomes, err := s.Append(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outcomes {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
	}
}

func pulls(periods []trail.Period) (all []int64) {
	for _, p := range periods {
		all = append(all, p.Pulls)
	}
	return all
}

func TestAnAnswerHasWhatWasInHistoryWhenItWasAskedFor(t *testing.T) {
	s := open(t)
	r := rollupOf(s)
	if all, err := r.Trails(t.Context()); err != nil || len(all) != 0 {
		t.Fatalf("an empty history: %v, %v", all, err)
	}
	if _, found, err := r.Trail(t.Context(), nginx); found || err != nil {
		t.Fatalf("an empty history: %v, %v", found, err)
	}
	keep(t, s, nginx, start, 0, 24, 48)
	keep(t, s, agent, start, 7)
	all, err := r.Trails(t.Context())
	if err != nil || len(all) != 2 || all[0].Repository != agent || all[1].Repository != nginx {
		t.Fatalf("got %v, %v", all, err)
	}
	if got := pulls(all[1].Days.Between(time.Time{}, time.Time{})); !cmp.Equal(got, []int64{23, 24, 1}) {
		t.Errorf("got %v", got)
	}
	keep(t, s, nginx, start.Add(3*day), 148)
	later, found, err := r.Trail(t.Context(), nginx)
	if err != nil || !found || later.Newest.PullCount != 148 || later.Snapshots != 4 {
		t.Fatalf("got %+v, %v, %v", later, found, err)
	}
	if all[1].Snapshots != 3 {
		t.Error("a trail that was given out has changed")
	}
}

func TestATrailSaysWhatTheArithmeticSays(t *testing.T) {
	s := open(t)
	keep(t, s, nginx, start, 900, 1100, 1100, 600, 2400)
	keep(t, s, nginx, start.Add(10*day), 3000)
	got, _, err := rollupOf(s).Trail(t.Context(), nginx)
	if err != nil {
		t.Fatal(err)
	}
	samples, err := s.Series(t.Context(), nginx, time.Time{}, time.Time{}, -1)
	if err != nil {
		t.Fatal(err)
	}
	c := trail.New(Samples(samples))
	if diff := cmp.Diff(c.Daily(time.Time{}, time.Time{}, maxGap), got.Days.Between(time.Time{}, time.Time{})); diff != "" {
		t.Error(diff)
	}
	for unit, best := range map[trail.Unit]trail.Period{trail.Day: got.BestDay, trail.Week: got.BestWeek, trail.Month: got.BestMonth} {
		if want, _ := trail.Best(c.Periods(unit, time.Time{}, time.Time{}, maxGap)); best != want {
			t.Errorf("the best of unit %d is %+v, want %+v", unit, best, want)
		}
	}
	next, _ := c.Next()
	if !cmp.Equal(got.Pushes, c.Pushes()) || !cmp.Equal(got.Restatements, c.Restatements()) || !cmp.Equal(got.Milestones, c.Milestones()) || got.Next != next {
		t.Errorf("got %+v", got)
	}
	now := start.Add(10*day + time.Hour)
	for _, length := range Lengths {
		if diff := cmp.Diff(c.Recent(length, now, maxGap), got.Recent(length, now)); diff != "" {
			t.Error(length, diff)
		}
		if old := got.Recent(length, now.Add(maxGap)); old != (trail.Change{}) {
			t.Errorf("%v: the newest is too old, and yet %+v", length, old)
		}
	}
	totals := got.Totals(time.Time{}, time.Time{})
	if n := totals[len(totals)-1]; n.Pulls != 3000 || !n.At.Equal(start.Add(10*day)) {
		t.Errorf("the last total is %+v", n)
	}
	if n := totals[0]; n.Pulls != 900+200*23/24 || !n.At.Equal(start.Truncate(day).Add(day)) {
		t.Errorf("the first total is %+v", n)
	}
	part := got.Totals(start.Truncate(day).Add(day), start.Truncate(day).Add(3*day))
	if diff := cmp.Diff(totals[1:3], part); diff != "" {
		t.Error(diff)
	}
}

func TestAnUnknownLengthPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it does not")
		}
	}()
	new(Trail).Recent(time.Hour, start)
}

func TestASnapshotFarFromAllOthersDoesNotMakeDaysWithoutEnd(t *testing.T) {
	s := open(t)
	s.Trust(func(context.Context, hub.Repository, time.Time) (bool, error) { return true, nil }) // by a clock that was wrong
	keep(t, s, nginx, start, 1)
	keep(t, s, nginx, time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC), 5)
	got, _, err := rollupOf(s).Trail(t.Context(), nginx)
	if err != nil {
		t.Fatal(err)
	}
	if n := got.Days.Len(); n < maxDays || n > maxDays+2 {
		t.Errorf("there are %d days", n)
	}
}

func TestAnotherGapMakesAllDaysAnew(t *testing.T) {
	s := open(t)
	keep(t, s, nginx, start, 0)
	keep(t, s, nginx, start.Add(5*day), 50)
	longest := maxGap
	r := New(Options{History: s, MaxGap: func() time.Duration { return longest }, Log: slog.New(slog.DiscardHandler)})
	for _, want := range []bool{true, false} {
		got, _, err := r.Trail(t.Context(), nginx)
		if err != nil {
			t.Fatal(err)
		}
		if d := got.Days.At(2); d.Gap != want {
			t.Errorf("with %v: %+v", longest, d)
		}
		longest = 6 * day
	}
}

func TestPropertySumIsThatOfTheArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		edge := rapid.Custom(func(t *rapid.T) time.Time {
			if rapid.Bool().Draw(t, "open") {
				return time.Time{}
			}
			return start.Add(time.Duration(rapid.IntRange(-100, 900).Draw(t, "hours")) * time.Hour)
		})
		from, to := edge.Draw(t, "from"), edge.Draw(t, "to")
		var trails []*Trail
		var curves [][]trail.Period
		for range rapid.IntRange(0, 4).Draw(t, "trails") {
			periods := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) trail.Period {
				return trail.Period{
					Pulls: rapid.OneOf(rapid.Int64Range(0, 9), rapid.Int64Range(0, 1<<63-1)).Draw(t, "pulls"),
					Gap:   rapid.Bool().Draw(t, "gap"), Partial: rapid.Bool().Draw(t, "partial"),
				}
			}), 0, 20).Draw(t, "periods")
			first := trail.Day.Floor(start).AddDate(0, 0, rapid.IntRange(0, 15).Draw(t, "first"))
			var within []trail.Period
			for i := range periods {
				p := &periods[i]
				p.Start = first.AddDate(0, 0, i)
				if (to.IsZero() || p.Start.Before(to)) && (from.IsZero() || p.Start.Add(day).After(from)) {
					within = append(within, *p)
				}
			}
			trails = append(trails, &Trail{Days: packed(periods)})
			curves = append(curves, within)
		}
		if !from.IsZero() && !to.IsZero() && !from.Before(to) {
			return // nobody asks for that: the API refuses it
		}
		if diff := cmp.Diff(trail.Sum(curves), Sum(trails, from, to), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// broken fails as often as it is told to.
type broken struct {
	*history.Store
	failures int
}

func (b *broken) Head(ctx context.Context) (document.Position, error) {
	if b.failures > 0 {
		b.failures--
		return 0, errors.New("no such luck")
	}
	return b.Store.Head(ctx)
}

func TestWhatIsDeletedIsInNoAnswer(t *testing.T) {
	s := open(t)
	keep(t, s, nginx, start, 0, 24, 48, 9999)
	keep(t, s, agent, start, 7)
	r := rollupOf(s)
	r.Deletions = s.Deletions
	if _, err := r.Trails(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, d := range []struct {
		hub.Repository
		from time.Time
	}{{nginx, start.Add(3 * day)}, {agent, time.Time{}}} {
		if _, err := s.Delete(t.Context(), d.Repository, d.from, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := r.Trails(t.Context())
	if err != nil || len(all) != 1 || all[0].Newest.PullCount != 48 || all[0].Snapshots != 3 {
		t.Fatalf("got %v, %v", all, err)
	}
	keep(t, s, agent, start.Add(day), 8)
	if again, found, err := r.Trail(t.Context(), agent); err != nil || !found || again.Newest.PullCount != 8 {
		t.Errorf("got %+v, %v, %v", again, found, err)
	}
}

func TestAFailureIsAnErrorAndTheNextQuestionIsAnswered(t *testing.T) {
	s := open(t)
	keep(t, s, nginx, start, 1)
	r := rollupOf(&broken{Store: s, failures: 2})
	if _, err := r.Trails(t.Context()); err == nil {
		t.Error("no error")
	}
	if _, _, err := r.Trail(t.Context(), nginx); err == nil {
		t.Error("no error")
	}
	if all, err := r.Trails(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("got %v, %v", all, err)
	}
}

func TestRunReadsAheadAndEnds(t *testing.T) {
	s := open(t)
	keep(t, s, nginx, start, 1)
	r := rollupOf(s)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	deadline := time.Now().Add(time.Minute)
	for len(r.current.Load().trails) == 0 && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	cancel()
	if err := <-ended; err != nil || len(r.current.Load().trails) != 1 {
		t.Errorf("%v, %d trails", err, len(r.current.Load().trails))
	}
}

func TestManyMayAskAtTheSameTime(t *testing.T) {
	s := open(t)
	r := rollupOf(s)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if i%4 == 0 {
				keep(t, s, hub.Repository{Namespace: "a", Name: fmt.Sprint("r", i)}, start, 1, 2, 3)
			}
			if _, err := r.Trails(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got, err := r.Trails(t.Context()); err != nil || len(got) != 5 {
		t.Errorf("got %d, %v", len(got), err)
	}
}

func TestWhoWaitsMayLeave(t *testing.T) {
	s := open(t)
	keep(t, s, nginx, start, 1)
	r := rollupOf(s)
	r.turn <- struct{}{} // somebody reads for ever
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Trails(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
