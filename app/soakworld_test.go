package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pulltrail/collector"
	"pulltrail/internal/hub"
	"pulltrail/internal/hubtest"
	"pulltrail/internal/roster"
	"pulltrail/internal/secret"
)

// errKilled is what the stores say to a process that was killed: nothing that it does
// from then on happens.
var errKilled = errors.New("this process was killed")

// disk is what survives a restart: outbox, roster and ledger in one.
type disk struct {
	mu       sync.Mutex
	stored   map[string]bool // by id
	twice    []string        // ids that were handed over again
	wrong    []string        // snapshots with a number that Docker Hub never said
	said     func(hub.Repository, int64) bool
	roster   map[hub.Repository]*roster.Entry
	listings map[string]roster.Listing
	last     time.Time // in the ledger; zero for never
}

// link is a process's way to the disk.
type link struct {
	*disk
	dead *atomic.Bool
}

// locked does something on the disk, unless the process is dead.
func (l link) locked(do func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead.Load() {
		return errKilled
	}
	do()
	return nil
}

func (l link) Append(_ context.Context, snapshots ...hub.Snapshot) error {
	return l.locked(func() {
		for _, s := range snapshots {
			if l.stored[s.ID()] {
				l.twice = append(l.twice, s.ID())
			}
			if !l.said(s.Repository, s.PullCount) {
				l.wrong = append(l.wrong, fmt.Sprintf("%s with %d pulls", s.ID(), s.PullCount))
			}
			l.stored[s.ID()] = true
		}
	})
}

func (l link) Has(_ context.Context, r hub.Repository, slot time.Time) (known bool, err error) {
	err = l.locked(func() { known = l.stored[hub.ID(r, slot)] })
	return known, err
}

func (l link) Report(_ context.Context, slot time.Time, reports ...roster.Report) error {
	return l.locked(func() {
		for _, r := range reports {
			l.enter(slot, r)
		}
	})
}

// enter is the statement of roster.Store in Go.
func (d *disk) enter(slot time.Time, r roster.Report) {
	e := d.roster[r.Repository]
	switch {
	case e == nil:
		e = &roster.Entry{Repository: r.Repository}
		d.roster[r.Repository] = e
	case slot.Before(e.Slot), slot.Equal(e.Slot) && r.Cause != "" && (e.Cause == "" || e.Cause == "not_found" && !r.Absent):
		return
	}
	switch {
	case r.Cause == "":
		e.Absent = 0
	case r.Absent && (slot.After(e.Slot) || e.Cause != "not_found"):
		e.Absent++
	}
	e.Listed, e.Cause, e.Slot = r.Listed, r.Cause, slot
}

func (l link) Listing(_ context.Context, namespace string) (found roster.Listing, ok bool, err error) {
	err = l.locked(func() { found, ok = l.listings[namespace] })
	return found, ok, err
}

func (l link) SetListing(_ context.Context, state roster.Listing) error {
	return l.locked(func() { l.listings[state.Namespace] = state })
}

func (l link) Unseen(_ context.Context, namespace string, slot time.Time, most int, passing ...string) (found []hub.Repository, err error) {
	err = l.locked(func() {
		for r, e := range l.roster {
			if r.Namespace == namespace && e.Listed && e.Absent < most && (e.Slot.Before(slot) || e.Slot.Equal(slot) && slices.Contains(passing, e.Cause)) {
				found = append(found, r)
			}
		}
	})
	slices.SortFunc(found, func(a, b hub.Repository) int { return strings.Compare(a.Name, b.Name) })
	return found, err
}

func (l link) LastSlot(context.Context, string) (slot time.Time, ok bool, err error) {
	err = l.locked(func() { slot, ok = l.last, !l.last.IsZero() })
	return slot, ok, err
}

func (l link) RecordSlot(_ context.Context, _ string, slot time.Time) error {
	return l.locked(func() {
		if slot.After(l.last) {
			l.last = slot
		}
	})
}

// spoken are the slots that the scheduler's log names, by the message.
type spoken struct {
	mu    sync.Mutex
	slots map[string]map[time.Time]bool
}

func (s *spoken) Enabled(context.Context, slog.Level) bool { return true }
func (s *spoken) WithAttrs([]slog.Attr) slog.Handler       { return s }
func (s *spoken) WithGroup(string) slog.Handler            { return s }

func (s *spoken) Handle(_ context.Context, r slog.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "slot" && a.Value.Kind() == slog.KindTime {
			if s.slots[r.Message] == nil {
				s.slots[r.Message] = map[time.Time]bool{}
			}
			s.slots[r.Message][a.Value.Time().UTC()] = true
		}
		return true
	})
	return nil
}

// named reports whether a line that begins so names the slot.
func (s *spoken) named(message string, slot time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for m, slots := range s.slots {
		if strings.HasPrefix(m, message) && slots[slot] {
			return true
		}
	}
	return false
}

// The population that is soaked: two namespaces that are listed, two pages each, and one
// of which repositories are named.
const (
	soaked     = 104
	namedCount = 25
)

// world is the Docker Hub of a soak and the truth about it.
type world struct {
	*hubtest.Hub
	rand  *rand.Rand // the weather's
	start map[string]int64
	step  map[string]int64

	mu     sync.Mutex
	ticks  int64
	set    map[string]int64 // pulls of those that have appeared
	faults map[string]int   // how often each befell us
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{
		Hub: hubtest.NewInProcess(t), rand: rand.New(rand.NewPCG(seed, 1)),
		start: map[string]int64{}, step: map[string]int64{}, set: map[string]int64{}, faults: map[string]int{},
	}
	w.URL = "https://hub.invalid"
	w.Populate(3, soaked)
	for name := range w.Populated() {
		w.start[name] = w.Pulls(name)
	}
	w.Tick()
	w.ticks = 1
	for name := range w.Populated() {
		w.step[name] = w.Pulls(name) - w.start[name]
	}
	w.AddUser("somebody", "secret", "corp")
	for i := range 3 {
		name := fmt.Sprintf("corp/p%d", i)
		w.SetPrivate(name, int64(1000+i))
		w.set[name] = int64(1000 + i)
	}
	return w
}

// said reports whether Docker Hub says so many pulls, or did before the last tick, which
// may have come while the answer was on its way.
func (w *world) said(r hub.Repository, pulls int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := r.String()
	if n, ok := w.set[name]; ok {
		return pulls == n
	}
	start, ok := w.start[name]
	return ok && (pulls == start+w.ticks*w.step[name] || pulls == start+(w.ticks-1)*w.step[name])
}

// time lets the pulls grow, about three times in two hours.
func (w *world) time(ctx context.Context) {
	for sleep(ctx, 40*time.Minute) {
		w.mu.Lock()
		w.Tick()
		w.ticks++
		w.mu.Unlock()
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// breakage is a fault with its name.
type breakage struct {
	name  string
	fault hubtest.Fault
}

// breakages are what can befall a request.
func (w *world) breakages() []breakage {
	limited := func(header string) hubtest.Fault {
		return func(rw http.ResponseWriter, _ *http.Request, _ []byte) {
			rw.Header().Set("Retry-After", header)
			rw.WriteHeader(http.StatusTooManyRequests)
		}
	}
	return []breakage{
		{"429", hubtest.RateLimited}, {"429 until", hubtest.RateLimitedUntil}, {"429 of the edge", hubtest.EdgeLimited},
		{"429 without a wait", limited("")}, {"429 for a year", limited("31536000")}, {"429 with nonsense", limited("soon")},
		{"503", hubtest.Status(503)}, {"500", hubtest.Status(500)}, {"reset", hubtest.Reset}, {"HTML", hubtest.HTML},
		{"cut off", hubtest.CutOff}, {"truncated", hubtest.Truncated}, {"empty", hubtest.Empty}, {"hang", hubtest.Hang},
		{"hang within", hubtest.HangWithin}, {"404", hubtest.NotFound}, {"403", hubtest.Forbidden}, {"flap", hubtest.Flap(3)},
		{"a clock ahead", hubtest.Skewed(time.Hour)}, {"no count", hubtest.NullPullCount}, {"another", hubtest.WrongRepository},
		{"slow", hubtest.Slow(5 * time.Second)}, {"418", hubtest.Status(418)},
	}
}

// any is a breakage that stays, or one for a few requests.
func (w *world) any() breakage {
	all := w.breakages()
	b := all[w.rand.IntN(len(all))]
	if w.rand.IntN(2) == 0 {
		b.fault = hubtest.Times(1+w.rand.IntN(12), b.fault)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[b.name]++
	return b
}

// somewhere is a repository of the population.
func (w *world) somewhere() string {
	return fmt.Sprintf("ns-%03d/repo-%05d", w.rand.IntN(3), w.rand.IntN(soaked))
}

// weather lets one thing after another go wrong, for minutes or, now and then, hours.
func (w *world) weather(ctx context.Context) {
	for n := 0; sleep(ctx, time.Duration(5+w.rand.IntN(90))*time.Minute); n++ {
		undo := w.worsen(n)
		long := time.Duration(1+w.rand.IntN(60)) * time.Minute
		if w.rand.IntN(12) == 0 {
			long *= 6
		}
		ok := sleep(ctx, long)
		undo()
		if !ok {
			return
		}
	}
}

// worsen lets something go wrong until undo.
func (w *world) worsen(n int) (undo func()) {
	b, name := w.any(), w.somewhere()
	namespace, _, _ := strings.Cut(name, "/")
	switch w.rand.IntN(12) {
	case 0, 1:
		w.FailAll(b.fault)
		return func() { w.FailAll(nil) }
	case 2, 3:
		w.FailListing(namespace, b.fault)
		return func() { w.FailListing(namespace, nil) }
	case 4, 5:
		w.Fail(name, b.fault)
		return func() { w.Fail(name, nil) }
	case 6:
		w.FailRow(name, hubtest.NullPullCount)
		return func() { w.FailRow(name, nil) }
	case 7:
		w.RetryAfter(hubtest.RetryForm(w.rand.IntN(5)))
		w.Limit(5 + w.rand.IntN(40))
		w.EdgeLimit(1 + w.rand.IntN(2))
		return func() { w.Limit(0); w.EdgeLimit(0) }
	case 8:
		w.RevokeTokens()
		w.FailLogin(hubtest.Times(1+w.rand.IntN(10), hubtest.Status(503)))
		return func() { w.FailLogin(nil) }
	case 9:
		w.CapAnonymousPages(1)
		return func() { w.CapAnonymousPages(0) }
	case 10:
		w.Remove(fmt.Sprintf("ns-%03d/repo-%05d", w.rand.IntN(2), w.rand.IntN(soaked)))
		return func() {}
	default:
		w.appear(fmt.Sprintf("ns-%03d/%c%d", w.rand.IntN(2), 'a'+rune(w.rand.IntN(26)), n), int64(n))
		w.ShiftListing()
		return func() {}
	}
}

func (w *world) appear(name string, pulls int64) {
	w.mu.Lock()
	w.set[name] = pulls
	w.mu.Unlock()
	w.Set(name, pulls)
}

// soakConfig is what is tracked.
func (w *world) soakConfig(login bool, budget int) collector.Config {
	cfg := collector.DefaultConfig()
	cfg.URL, cfg.Schedule, cfg.Budget = w.URL, "@hourly", budget
	cfg.Repositories = []string{"ns-000/*", "ns-001/*", "corp/p0", "corp/p1", "corp/p2"}
	for i := range namedCount {
		cfg.Repositories = append(cfg.Repositories, fmt.Sprintf("ns-002/repo-%05d", i))
	}
	if login {
		cfg.Username, cfg.Password = "somebody", secret.New("secret")
	}
	return cfg
}
