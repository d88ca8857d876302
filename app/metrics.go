package app

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/internal/deadletter"
	"pulltrail/internal/outbox"
	"pulltrail/internal/version"
)

// buildInfo is the usual constant gauge that carries the version as a label.
func buildInfo() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pulltrail_build_info", Help: "Constant 1, with the version as a label.",
		ConstLabels: prometheus.Labels{"version": version.Short(), "goversion": runtime.Version()},
	}, func() float64 { return 1 })
}

// age describes the metric that says how old other metrics are: those read from the
// database. One that grows means that reading does not finish, or fails.
var age = prometheus.NewDesc("pulltrail_metrics_age_seconds",
	"Age of the metrics that are read from the database: repositories, outbox (with the dead letters). Grows while they cannot be read in time.",
	[]string{"metrics"}, nil)

// ageOf is the age of metrics whose read started at that time.
func ageOf(metrics string, at time.Time) prometheus.Metric {
	return prometheus.MustNewConstMetric(age, prometheus.GaugeValue, max(0, time.Since(at).Seconds()), metrics)
}

// stored counts what waits in the outbox and what was refused. While that takes too long
// or fails, scrapes get the previous counts.
type stored struct {
	*latest[counts]
	waiting, dead, deadBytes, replaced *prometheus.Desc
}

// counts is what stored has read.
type counts struct {
	outbox  int
	letters map[string]deadletter.Size // by sink
	// replaced are the letters that newer ones replaced, by sink.
	replaced map[string]uint64
}

func newStored(waiting *outbox.Outbox, letters *deadletter.Store, log *slog.Logger) *stored {
	return &stored{
		latest: newLatest("the outbox and the dead letters", log, func(ctx context.Context) (c counts, err error) {
			if c.outbox, err = waiting.Len(ctx); err != nil {
				return counts{}, err
			}
			c.letters, err = letters.Sizes(ctx)
			c.replaced = letters.Replaced()
			return c, err
		}),
		waiting:   prometheus.NewDesc("pulltrail_outbox_snapshots", "Snapshots that were taken and have not come back through the broker yet.", nil, nil),
		dead:      prometheus.NewDesc("pulltrail_deadletters", "Messages that were refused for good and are kept, by who refused them.", []string{"sink"}, nil),
		deadBytes: prometheus.NewDesc("pulltrail_deadletters_bytes", "Bytes of the dead letters that are kept: payloads, topics and reasons.", []string{"sink"}, nil),
		replaced: prometheus.NewDesc("pulltrail_deadletters_replaced_total",
			"Messages rejected on receipt that are lost because newer ones replaced them at the bound of the dead letters.", []string{"sink"}, nil),
	}
}

// metrics are those of one scrape.
func (s *stored) metrics(ctx context.Context) ([]prometheus.Metric, error) {
	c, err := s.get(ctx)
	if err != nil {
		return nil, err
	}
	all := []prometheus.Metric{
		ageOf("outbox", c.at),
		prometheus.MustNewConstMetric(s.waiting, prometheus.GaugeValue, float64(c.value.outbox)),
	}
	for _, store := range []string{historyLog, journalLog} {
		all = append(all, prometheus.MustNewConstMetric(s.replaced, prometheus.CounterValue, float64(c.value.replaced[store]), store))
	}
	for sink, size := range c.value.letters {
		all = append(all,
			prometheus.MustNewConstMetric(s.dead, prometheus.GaugeValue, float64(size.Letters), sink),
			prometheus.MustNewConstMetric(s.deadBytes, prometheus.GaugeValue, float64(size.Bytes), sink))
	}
	return all, nil
}

// scraped is what /metrics has beside the registry. All of it is complete, or the scrape
// fails: a scrape without some of its series looks as if they had ended.
type scraped struct {
	stored *stored
	gauges *gauges
}

// metrics are those of one scrape by the visitor of ctx.
func (s scraped) metrics(ctx context.Context) ([]prometheus.Metric, error) {
	s.gauges.request() // both are read at the same time
	all, err := s.stored.metrics(ctx)
	if err != nil {
		return nil, err
	}
	more, err := s.gauges.metrics(ctx)
	return append(all, more...), err
}
