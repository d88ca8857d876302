package app

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
	"pulltrail/internal/roster"
	"pulltrail/internal/web/access"
)

// gauges are the metrics of each repository, made of the same values as the pages. Visitors
// that are not authenticated get those of repositories of which a snapshot says that they
// are not private.
//
// At its bounds: the most repositories with the most pulls have metrics, the others are
// counted. While the values cannot be read in time, scrapes get the previous ones, complete
// and with their age.
type gauges struct {
	*latest[repositoryValues]
	roster tracked
	most   int

	pulls, stars, size, updated, taken, up, restatements, leftOut *prometheus.Desc
}

// repositoryValues is what the metrics of all repositories are made of, private ones
// included.
type repositoryValues struct {
	trails  []*rollup.Trail
	entries []roster.Entry
}

func newGauges(curves *rollup.Rollup, roster tracked, most int, log *slog.Logger) *gauges {
	return gaugesOf(newLatest("the repositories", log, func(ctx context.Context) (v repositoryValues, err error) {
		if v.trails, err = curves.Trails(ctx); err != nil {
			return repositoryValues{}, err
		}
		v.entries, err = roster.store.Entries(ctx)
		return v, err
	}), roster, most)
}

func gaugesOf(values *latest[repositoryValues], roster tracked, most int) *gauges {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("pulltrail_repository_"+name, help, []string{"namespace", "repository"}, nil)
	}
	return &gauges{
		latest: values, roster: roster, most: most,
		pulls:        desc("pulls", "Docker Hub's running total of pulls; a gauge, because Docker Hub counts anew at times and it falls."),
		stars:        desc("stars", "Stars."),
		size:         desc("size_bytes", "Storage that Docker Hub counts for the repository."),
		updated:      desc("last_updated_timestamp_seconds", "When an image was pushed last, as Docker Hub says."),
		taken:        desc("last_snapshot_timestamp_seconds", "When the newest snapshot was taken."),
		up:           desc("up", "Whether the last poll brought a snapshot: 1 or 0. Only of repositories that are polled."),
		restatements: desc("restatements_total", "Times that the total was lower than the one before it."),
		leftOut: prometheus.NewDesc("pulltrail_repositories_left_out",
			"Repositories that have no metrics of their own, because web.metrics_repositories bounds them.", nil, nil),
	}
}

// gauged is a repository with metrics.
type gauged struct {
	hub.Repository
	trail      *rollup.Trail // nil where there is no snapshot yet
	polled, up bool
}

func (g gauged) total() int64 {
	if g.trail == nil {
		return -1
	}
	return g.trail.Newest.PullCount
}

// metrics are those of a scrape by the visitor of ctx.
func (g *gauges) metrics(ctx context.Context) ([]prometheus.Metric, error) {
	values, err := g.get(ctx)
	if err != nil {
		return nil, err
	}
	all := g.repositories(ctx, values.value)
	slices.SortFunc(all, func(a, b gauged) int {
		return cmp.Or(cmp.Compare(b.total(), a.total()), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	shown := all[:min(len(all), g.most)]
	metrics := []prometheus.Metric{
		ageOf("repositories", values.at),
		prometheus.MustNewConstMetric(g.leftOut, prometheus.GaugeValue, float64(len(all)-len(shown))),
	}
	for _, r := range shown {
		metrics = append(metrics, g.of(r)...)
	}
	return metrics, nil
}

// repositories are those that the visitor may see: all with a snapshot, and those that are
// polled and have none.
func (g *gauges) repositories(ctx context.Context, values repositoryValues) []gauged {
	trails, entries := values.trails, values.entries
	owner := access.Of(ctx).Authenticated
	all := make([]gauged, 0, len(trails))
	place := make(map[hub.Repository]int, len(trails)) // in all; -1 for one that is not shown
	for _, t := range trails {
		place[t.Repository] = -1
		if owner || !t.Private {
			place[t.Repository] = len(all)
			all = append(all, gauged{Repository: t.Repository, trail: t})
		}
	}
	for _, e := range entries {
		if !g.roster.plan.Tracks(e.Repository) || e.Listed && g.roster.gone(e) {
			continue // not polled any more
		}
		at, known := place[e.Repository]
		switch {
		case !known && (owner || !g.roster.login): // a login may have found a private one
			at = len(all)
			all = append(all, gauged{Repository: e.Repository})
		case !known || at < 0:
			continue
		}
		all[at].polled, all[at].up = true, e.Cause == ""
	}
	return all
}

// of are those of one repository; what is not known is left out.
func (g *gauges) of(r gauged) []prometheus.Metric {
	var all []prometheus.Metric
	add := func(d *prometheus.Desc, kind prometheus.ValueType, v float64) {
		all = append(all, prometheus.MustNewConstMetric(d, kind, v, r.Namespace, r.Name))
	}
	if r.polled {
		up := 0.0
		if r.up {
			up = 1
		}
		add(g.up, prometheus.GaugeValue, up)
	}
	if r.trail == nil {
		return all
	}
	newest := r.trail.Newest
	add(g.pulls, prometheus.GaugeValue, float64(newest.PullCount))
	add(g.taken, prometheus.GaugeValue, seconds(newest.Timestamp))
	add(g.restatements, prometheus.CounterValue, float64(len(r.trail.Restatements)))
	if newest.StarCount != nil {
		add(g.stars, prometheus.GaugeValue, float64(*newest.StarCount))
	}
	if newest.StorageSize != nil {
		add(g.size, prometheus.GaugeValue, float64(*newest.StorageSize))
	}
	if newest.LastUpdated != nil {
		add(g.updated, prometheus.GaugeValue, seconds(*newest.LastUpdated))
	}
	return all
}

// seconds is t as Prometheus has times.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
