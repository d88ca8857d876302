package app

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/outbox"
	"pulltrail/internal/rollup"
	"pulltrail/internal/trail"
)

// newCurves makes the curves of what is stored.
func newCurves(cfg config.Config, stored *history.Store, log *slog.Logger) (*rollup.Rollup, error) {
	gap, err := maxGap(cfg.Collector, time.Now())
	if err != nil {
		return nil, err
	}
	return rollup.New(rollup.Options{History: stored, Deletions: stored.Deletions, MaxGap: func() time.Duration { return gap }, Log: log}), nil
}

// growth tells commands of the curves.
type growth struct {
	curves *rollup.Rollup
	outbox *outbox.Outbox
}

// Top is how every repository fares, by namespace and name. One whose only snapshots are in
// the outbox has the totals of the newest.
func (g growth) Top(ctx context.Context) ([]control.Top, error) {
	trails, err := g.curves.Trails(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	all := make([]control.Top, len(trails))
	place := make(map[hub.Repository]int, len(trails))
	for i, t := range trails {
		all[i], place[t.Repository] = topOf(t, now), i
	}
	payloads, err := g.outbox.Newest(ctx)
	if err != nil {
		return nil, err
	}
	for _, payload := range payloads {
		s, err := hub.Parse(payload)
		if err != nil {
			return nil, fmt.Errorf("read the outbox: %w", err)
		}
		if i, stored := place[s.Repository]; stored {
			all[i].Outbox = true
			continue
		}
		all = append(all, control.Top{
			Repository: s.Repository, Private: s.Private, Timestamp: s.Timestamp, Outbox: true,
			PullCount: s.PullCount, StarCount: s.StarCount, LastUpdated: s.LastUpdated, Days: make([]*int64, control.TopDays),
		})
	}
	slices.SortFunc(all, func(a, b control.Top) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

func topOf(t *rollup.Trail, now time.Time) control.Top {
	const day = 24 * time.Hour
	return control.Top{
		Repository: t.Repository, Private: t.Private, Timestamp: t.Newest.Timestamp,
		PullCount: t.Newest.PullCount, StarCount: t.Newest.StarCount, LastUpdated: t.Newest.LastUpdated,
		Day: grown(t.Recent(day, now)), Week: grown(t.Recent(7*day, now)), Month: grown(t.Recent(30*day, now)),
		Days: newestDays(t, now),
	}
}

// grown is nil where nothing is known.
func grown(c trail.Change) *control.Growth {
	if c.Now.Covered == 0 {
		return nil
	}
	g := &control.Growth{Pulls: c.Now.Pulls, Whole: c.Now.Whole()}
	if c.Known {
		g.Percent = &c.Percent
	}
	return g
}

// newestDays are those up to today; a gap is a day of which nothing is known.
func newestDays(t *rollup.Trail, now time.Time) []*int64 {
	first := trail.Day.Floor(now).AddDate(0, 0, 1-control.TopDays)
	days := make([]*int64, control.TopDays)
	for _, d := range t.Days.Between(first, now) {
		if !d.Gap {
			days[int(d.Start.Sub(first)/(24*time.Hour))] = &d.Pulls
		}
	}
	return days
}
