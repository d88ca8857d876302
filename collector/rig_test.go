package collector_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"pulltrail/collector"
	"pulltrail/internal/hub"
	"pulltrail/internal/roster"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(proxiedURL); url != "" {
		os.Exit(proxied(url))
	}
	goleak.VerifyTestMain(m)
}

var slot = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)

// rig is a collector with everything around it.
type rig struct {
	*collector.Collector
	cfg      collector.Config
	store    *store
	roster   *fakeRoster
	log      *logbook
	registry *prometheus.Registry
}

// newRig makes a collector that is in no hurry to give up and in a hurry otherwise.
func newRig(t *testing.T, url string, change func(*collector.Config), transport http.RoundTripper) *rig {
	t.Helper()
	cfg := collector.DefaultConfig()
	cfg.URL, cfg.Rate, cfg.Timeout, cfg.Tries = url, 100, time.Minute, 1
	if change != nil {
		change(&cfg)
	}
	r := &rig{cfg: cfg, store: &store{known: map[string]bool{}}, roster: newFakeRoster(), log: &logbook{}, registry: prometheus.NewRegistry()}
	var err error
	r.Collector, err = collector.New(cfg, collector.Options{
		Outbox: r.store, Known: r.store, Roster: r.roster, Log: slog.New(slog.NewJSONHandler(r.log, nil)),
		Registerer: r.registry, Version: "1.2.3", Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// store is an outbox that also knows what is known.
type store struct {
	mu        sync.Mutex
	snapshots []hub.Snapshot
	known     map[string]bool
	appendErr error
	hasErr    error
}

func (s *store) Append(ctx context.Context, snapshots ...hub.Snapshot) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.appendErr != nil {
		return s.appendErr
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, snapshot := range snapshots {
		if s.known != nil {
			if s.known[snapshot.ID()] {
				continue
			}
			s.known[snapshot.ID()] = true
		}
		s.snapshots = append(s.snapshots, snapshot)
	}
	return nil
}

func (s *store) Has(_ context.Context, r hub.Repository, slot time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[hub.ID(r, slot)], s.hasErr
}

// ids are the sorted ids of what was stored.
func (s *store) ids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, len(s.snapshots))
	for i, snapshot := range s.snapshots {
		ids[i] = snapshot.ID()
	}
	slices.Sort(ids)
	return ids
}

// logbook keeps lines of JSON.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// lines are the lines of one level, without level and time.
func (l *logbook) lines(t *testing.T, level slog.Level) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []map[string]any
	for text := range bytes.Lines(l.buf.Bytes()) {
		var line map[string]any
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatal(err)
		}
		if line["level"] == level.String() {
			delete(line, "level")
			delete(line, "time")
			lines = append(lines, line)
		}
	}
	return lines
}

// transport is a function as a round tripper.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// repositories reads names, for Collect.
func repositories(t *testing.T, names ...string) []hub.Repository {
	t.Helper()
	list := make([]hub.Repository, len(names))
	for i, name := range names {
		var err error
		if list[i], err = hub.ParseRepository(name); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// fakeRoster is a roster in memory.
type fakeRoster struct {
	mu       sync.Mutex
	entries  map[hub.Repository]*fakeEntry
	listings map[string]roster.Listing
	err      error
}

type fakeEntry struct {
	roster.Report
	slot   time.Time
	absent int
}

func newFakeRoster() *fakeRoster {
	return &fakeRoster{entries: map[hub.Repository]*fakeEntry{}, listings: map[string]roster.Listing{}}
}

func (f *fakeRoster) Report(_ context.Context, slot time.Time, reports ...roster.Report) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range reports {
		e := f.entries[r.Repository]
		if e == nil {
			e = &fakeEntry{}
			f.entries[r.Repository] = e
		}
		switch {
		case r.Cause == "":
			e.absent = 0
		case r.Absent && !slot.Equal(e.slot):
			e.absent++
		}
		e.Report, e.slot = r, slot
	}
	return f.err
}

func (f *fakeRoster) Listing(_ context.Context, namespace string) (roster.Listing, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, ok := f.listings[namespace]
	return l, ok, f.err
}

func (f *fakeRoster) SetListing(_ context.Context, l roster.Listing) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listings[l.Namespace] = l
	return f.err
}

func (f *fakeRoster) Unseen(_ context.Context, namespace string, slot time.Time, most int, passing ...string) ([]hub.Repository, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []hub.Repository
	for r, e := range f.entries {
		if r.Namespace == namespace && e.Listed && (!e.slot.Equal(slot) || slices.Contains(passing, e.Cause)) && e.absent < most {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b hub.Repository) int { return strings.Compare(a.Name, b.Name) })
	return found, f.err
}

// counter is one counter of a family, by the value of its only label.
func counter(t *testing.T, r *rig, family, label string) float64 {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == family && m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue()
			}
		}
	}
	return -1
}
