package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
)

// large is a history of many repositories, each with a snapshot a day for three years.
type large struct{ memory }

func (l *large) Series(_ context.Context, r hub.Repository, _, _ time.Time, _ int) ([]history.Sample, error) {
	const days = 3 * 365
	samples := make([]history.Sample, days)
	total := int64(len(r.Name))
	for i := range samples {
		at := slot.Add(time.Duration(i-days+1) * day)
		updated := at.Truncate(10 * day)
		total += int64(i*7919) % 10_007
		samples[i] = history.Sample{Timestamp: at, Slot: at, PullCount: total, LastUpdated: &updated}
	}
	return samples, nil
}

// BenchmarkAThousandRepositories is answers from three years of daily snapshots.
func BenchmarkAThousandRepositories(b *testing.B) {
	l := &large{}
	for i := range 1000 {
		l.repositories = append(l.repositories, stored(b, fmt.Sprintf(`"namespace":"namespace%d","name":"repository-%d","pull_count":%d,"description":"What it is good for"`, i%7, i, 5_000_000+i)))
	}
	log := slog.New(slog.DiscardHandler)
	curves := rollup.New(rollup.Options{History: l, MaxGap: func() time.Duration { return 48 * time.Hour }, Log: log})
	h := New(Options{History: l, Curves: curves, Roster: fates{}, Operations: &operations{}, Log: log, Now: func() time.Time { return slot.Add(time.Hour) }})
	for name, target := range map[string]string{
		"list": "/repositories", "page": "/repositories?sort=pulls_7d&limit=50", "one": "/repositories/namespace0/repository-0", "unknown": "/repositories/namespace0/repository-00000",
		"summary": "/summary", "curves": "/curves", "totals": "/curves?metric=total", "month": "/curves?from=2026-10-24&top=8",
		"daily": "/repositories/namespace0/repository-0/daily", "series": "/repositories/namespace0/repository-0/series",
	} {
		b.Run(name, func(b *testing.B) {
			ask(h, http.MethodGet, "/api/v1"+target) // reads history
			b.ReportAllocs()
			for b.Loop() {
				if got := ask(h, http.MethodGet, "/api/v1"+target); got.Code != http.StatusOK && name != "unknown" {
					b.Fatal(got.Code, got.Body)
				}
			}
		})
	}
}
