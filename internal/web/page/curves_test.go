package page

import (
	"context"
	"log/slog"
	"math"
	"net/url"
	"testing"
	"time"

	"pulltrail/internal/document"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
)

var _ Curves = (*rollup.Rollup)(nil)

// past is a history in memory, of which nothing changes but err.
type past struct {
	newest []history.Repository
	// samples are the curves; who has none has a newest snapshot alone.
	samples map[hub.Repository][]history.Sample
	err     error
}

func (p *past) Head(context.Context) (document.Position, error) { return 1, p.err }

func (p *past) Changed(context.Context, document.Position) ([]hub.Repository, document.Position, error) {
	var all []hub.Repository
	for _, r := range p.newest {
		all = append(all, r.Repository)
	}
	return all, 1, p.err
}

func (p *past) Repository(_ context.Context, of hub.Repository) (history.Repository, bool, error) {
	for _, r := range p.newest {
		if r.Repository == of {
			return r, true, p.err
		}
	}
	return history.Repository{}, false, p.err
}

func (p *past) Series(_ context.Context, of hub.Repository, _, _ time.Time, _ int) ([]history.Sample, error) {
	if samples, there := p.samples[of]; there {
		return samples, p.err
	}
	r, _, err := p.Repository(context.Background(), of)
	return []history.Sample{{Timestamp: r.Newest.Timestamp, Slot: r.Newest.Slot, PullCount: r.Newest.PullCount}}, err
}

func (p *past) Notify() <-chan struct{} { return nil }

func curves(p *past) *rollup.Rollup {
	return rollup.New(rollup.Options{History: p, MaxGap: func() time.Duration { return 50 * time.Hour }, Log: slog.New(slog.DiscardHandler)})
}

func trailsIn(t testing.TB, s scene) []*rollup.Trail {
	t.Helper()
	trails, err := curves(&past{newest: s.stored, samples: s.samples}).Trails(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return trails
}

// asked is a query that must make sense.
func asked(t testing.TB, raw string) query {
	t.Helper()
	values, err := url.ParseQuery(raw)
	if err != nil {
		t.Fatal(err)
	}
	return parseQuery(values)
}

// grow gives r days of history up to its newest snapshot, some rate pulls a day with a
// weekly rhythm, and a push each month.
func (s *scene) grow(r *history.Repository, days int, rate float64) {
	if s.samples == nil {
		s.samples = make(map[hub.Repository][]history.Sample)
	}
	samples := make([]history.Sample, days+1)
	total := float64(r.Newest.PullCount)
	pushed := r.Newest.Timestamp.AddDate(0, 0, -3)
	for i := days; i >= 0; i-- {
		at := r.Newest.Timestamp.AddDate(0, 0, i-days)
		if pushed.After(at) {
			pushed = pushed.AddDate(0, 0, -30)
		}
		push := pushed
		samples[i] = history.Sample{Timestamp: at, Slot: at, PullCount: max(int64(total), 0), LastUpdated: &push}
		total -= rate * (1 + 0.3*math.Sin(float64(i)*2*math.Pi/7))
	}
	s.samples[r.Repository] = samples
}

// without takes the snapshots of some days out, counted from the first.
func without(samples []history.Sample, from, to int) []history.Sample {
	return append(samples[:from:from], samples[to:]...)
}
