package collector_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"pulltrail/collector"
	"pulltrail/internal/hub"
	"pulltrail/internal/hubtest"
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
	log      *logbook
	registry *prometheus.Registry
}

// newRig makes a collector that is in no hurry to give up and in a hurry otherwise.
func newRig(t *testing.T, url string, change func(*collector.Config), transport http.RoundTripper) *rig {
	t.Helper()
	cfg := collector.DefaultConfig()
	cfg.URL, cfg.Rate, cfg.Timeout = url, 100, time.Minute
	if change != nil {
		change(&cfg)
	}
	r := &rig{cfg: cfg, store: &store{known: map[string]bool{}}, log: &logbook{}, registry: prometheus.NewRegistry()}
	var err error
	r.Collector, err = collector.New(cfg, collector.Options{
		Outbox: r.store, Known: r.store, Log: slog.New(slog.NewJSONHandler(r.log, nil)),
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
	s.snapshots = append(s.snapshots, snapshots...)
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

// inMemory answers as h does, without a network: time in such a test can be faked.
func inMemory(h *hubtest.Hub) transport {
	return func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		h.Handler().ServeHTTP(w, r)
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		return w.Result(), nil
	}
}

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
