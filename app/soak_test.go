package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/collector"
	"pulltrail/internal/hub"
	"pulltrail/internal/roster"
	"pulltrail/scheduler"
)

// How long a soak lasts, by its own clock, and the further ones of the same test.
const (
	month = 30 * 24 * time.Hour
	week  = 7 * 24 * time.Hour
)

// TestAMonthOfFaultsLosesNothingInSilence lets the real scheduler and collector poll a fake
// Docker Hub every hour for a month while faults come at random, and accounts for every slot of every
// repository. Further seeds take a week, or, with PULLTRAIL_TEST_SOAK=long, a month each.
// PULLTRAIL_TEST_SEED plays one seed again: the faults and when they come, though
// not every pause, since the collector spreads its own.
func TestAMonthOfFaultsLosesNothingInSilence(t *testing.T) {
	seeds, others := []uint64{3, 1, 2}, week
	if os.Getenv("PULLTRAIL_TEST_SOAK") == "long" {
		seeds, others = []uint64{3, 1, 2, 4, 5, 6, 7, 8, 9}, month
	}
	if text := os.Getenv("PULLTRAIL_TEST_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = []uint64{seed}
	}
	for i, seed := range seeds {
		lasts := others
		if i == 0 {
			lasts = month
		}
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { newSoak(t, seed).run(t, lasts) })
		})
	}
}

// account is what is known of one slot.
type account struct {
	// expected are the repositories that were tracked when it began.
	expected map[hub.Repository]bool
	// causes are the last failure of each, empty after an answer.
	causes map[hub.Repository]collector.Cause
	// unlisted are the causes of the namespaces that were not listed whole.
	unlisted map[string]collector.Cause
	// parts counts the runs for it; finished says that one was the last by its own word,
	// cut that the last one was ended from outside.
	parts         int
	finished, cut bool
}

// span is a time in which no process was there.
type span struct{ from, to time.Time }

// soak is a month of runs and the books about it.
type soak struct {
	*world
	cfg   collector.Config
	disk  *disk
	log   *spoken
	rand  *rand.Rand // of the restarts
	begun time.Time

	mu       sync.Mutex
	accounts map[time.Time]*account
	down     []span
}

// newSoak is one with the login for two seeds of three, and a budget for every third.
func newSoak(t *testing.T, seed uint64) *soak {
	t.Logf("seed %d", seed)
	w := newWorld(t, seed)
	budget := 0
	if seed%3 == 0 {
		budget = 25
	}
	return &soak{
		world: w, cfg: w.soakConfig(seed%3 != 1, budget), log: &spoken{slots: map[string]map[time.Time]bool{}},
		rand: rand.New(rand.NewPCG(seed, 2)), begun: time.Now().UTC(), accounts: map[time.Time]*account{},
		disk: &disk{stored: map[string]bool{}, roster: map[hub.Repository]*roster.Entry{}, listings: map[string]roster.Listing{}, said: w.said},
	}
}

func (s *soak) run(t *testing.T, lasts time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), lasts+30*time.Minute)
	defer cancel()
	var around sync.WaitGroup
	around.Go(func() { s.time(ctx) })
	around.Go(func() { s.weather(ctx) })
	for ctx.Err() == nil {
		s.live(ctx, t)
		from := time.Now().UTC()
		sleep(ctx, s.downtime())
		s.down = append(s.down, span{from, time.Now().UTC()})
	}
	around.Wait()
	s.settle(t, int(lasts/time.Hour))
}

// downtime is some seconds mostly, and hours now and then.
func (s *soak) downtime() time.Duration {
	if s.rand.IntN(4) == 0 {
		return time.Duration(s.rand.IntN(5*60)) * time.Minute
	}
	return time.Duration(s.rand.IntN(60)) * time.Second
}

// live is the life of one process, which is stopped or killed at its end.
func (s *soak) live(ctx context.Context, t *testing.T) {
	l := link{s.disk, &atomic.Bool{}}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	job := s.scheduler(t, l)
	var running sync.WaitGroup
	running.Go(func() {
		if err := job.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	sleep(ctx, s.lifetime())
	l.dead.Store(s.rand.IntN(2) == 0)
	stop()
	running.Wait()
}

// lifetime is hours or days; it ends soon after a full hour half of the time, because
// then runs are under way.
func (s *soak) lifetime() time.Duration {
	d := time.Duration(s.rand.IntN(36*60)) * time.Minute
	if s.rand.IntN(2) == 0 {
		next := time.Now().Add(d).Truncate(time.Hour).Add(time.Duration(s.rand.IntN(90)) * time.Second)
		return max(time.Until(next), time.Second)
	}
	return d
}

// scheduler is that of a new process, with its collector.
func (s *soak) scheduler(t *testing.T, l link) *scheduler.Scheduler {
	registry, log := prometheus.NewRegistry(), slog.New(s.log)
	c, err := collector.New(s.cfg, collector.Options{Outbox: l, Known: l, Roster: l, Log: log, Registerer: registry, Transport: s.RoundTripper()})
	if err != nil {
		t.Fatal(err)
	}
	work := &collection{collector: c}
	sched, err := scheduler.New(scheduler.Options{Ledger: l, Log: log, Registerer: registry}, scheduler.Spec{
		Name: "collect", Schedule: s.cfg.Schedule, Jitter: s.cfg.Jitter, Deadline: s.cfg.Deadline, RunOnStart: true,
		Job: func(ctx context.Context, run scheduler.Run) error { return s.watched(ctx, work, run) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return sched
}

// watched is the job of the program with an eye on it.
func (s *soak) watched(ctx context.Context, work *collection, run scheduler.Run) error {
	a := s.open(run.Slot)
	r := &request{progress: func(result collector.Result) {
		s.mu.Lock()
		defer s.mu.Unlock()
		a.causes[result.Repository] = result.Cause
	}}
	err := work.job(context.WithValue(ctx, requestKey{}, r), run)
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(a.unlisted)
	for _, l := range r.summary.Listings {
		if l.Cause != "" {
			a.unlisted[l.Namespace] = l.Cause
		}
	}
	a.finished, a.cut = err == nil, errors.Is(ctx.Err(), context.Canceled) // its deadline is no stop
	return err
}

// open is the account of a slot, with those that are tracked when it is opened.
func (s *soak) open(slot time.Time) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[slot]
	if a == nil {
		a = &account{expected: s.tracked(), causes: map[hub.Repository]collector.Cause{}, unlisted: map[string]collector.Cause{}}
		s.accounts[slot] = a
	}
	a.parts++
	return a
}

// tracked are those that are named, and those that the roster has and that are not gone.
func (s *soak) tracked() map[hub.Repository]bool {
	all := map[hub.Repository]bool{}
	for _, r := range s.cfg.Plan().Names {
		all[r] = true
	}
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	for r, e := range s.disk.roster {
		if e.Absent < s.cfg.GoneAfter {
			all[r] = true
		}
	}
	return all
}

// totals are how the slots of all repositories came out.
type totals struct{ stored, failed, unlisted, cut, skipped, down int }

// settle accounts for everything in about so many slots.
func (s *soak) settle(t *testing.T, slots int) {
	for _, id := range s.disk.twice {
		t.Errorf("%s was stored twice", id)
	}
	for _, what := range s.disk.wrong {
		t.Errorf("%s, which Docker Hub never said", what)
	}
	var sum totals
	end := time.Now().UTC()
	for slot := s.begun; slot.Before(end); slot = slot.Add(time.Hour) {
		if a := s.accounts[slot]; a != nil {
			s.settleSlot(t, slot, a, &sum)
			continue
		}
		switch {
		case s.wasDown(slot, slot.Add(s.cfg.Jitter)):
			sum.down++
		case s.log.named("slot skipped", slot):
			sum.skipped++
		default:
			t.Errorf("slot %s never began, and nothing says why", slot)
		}
	}
	t.Logf("%d stored, %d failed with a cause, %d unlisted with a cause, %d cut off by a stop; %d slots skipped, %d in downtimes; %d restarts, %d requests, faults %v",
		sum.stored, sum.failed, sum.unlisted, sum.cut, sum.skipped, sum.down, len(s.down), s.Requests(), s.faults)
	if sum.stored < len(s.accounts)*120 || len(s.accounts) < slots/2 {
		t.Errorf("%d slots, of which only %d snapshots were stored: the weather hides the test", len(s.accounts), sum.stored)
	}
}

func (s *soak) settleSlot(t *testing.T, slot time.Time, a *account, sum *totals) {
	// An unfinished slot is one that a newer one has replaced, or during which the process
	// was stopped; either is told.
	if !a.finished && !a.cut && !s.log.named("unfinished slot superseded by the next", slot) && !s.wasDown(slot, slot.Add(2*time.Hour)) {
		t.Errorf("slot %s was left unfinished, and nothing says so", slot)
	}
	for r := range a.expected {
		cause, heard := a.causes[r]
		unlisted := a.unlisted[r.Namespace]
		switch {
		case s.disk.stored[hub.ID(r, slot)]:
			sum.stored++
		case a.finished && heard && cause != "" && !passes(cause):
			sum.failed++
		case a.finished && unlisted != "" && !passes(unlisted):
			sum.unlisted++
		case a.finished:
			t.Errorf("slot %s is finished in %d parts, without %s (%q, listing %q)", slot, a.parts, r, cause, unlisted)
		case heard && cause != "":
			sum.failed++
		case unlisted != "":
			sum.unlisted++
		case a.cut:
			sum.cut++
		default:
			t.Errorf("slot %s has no word of %s", slot, r)
		}
	}
}

// passes reports whether a later part of a run is to get what failed by this cause, so that
// it is no last word.
func passes(c collector.Cause) bool {
	return slices.Contains([]collector.Cause{
		collector.RateLimited, collector.ServerError, collector.Timeout, collector.Connection, collector.Empty, collector.NotJSON,
		collector.Budget, collector.Cancelled, collector.Clock,
	}, c)
}

// wasDown reports whether no process was there at some time between two.
func (s *soak) wasDown(from, to time.Time) bool {
	return slices.ContainsFunc(s.down, func(d span) bool { return !d.from.After(to) && !d.to.Before(from) })
}
