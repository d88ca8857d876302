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

// scrapeTimeout bounds the queries of one scrape.
const scrapeTimeout = 5 * time.Second

// buildInfo is the usual constant gauge that carries the version as a label.
func buildInfo() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pulltrail_build_info", Help: "Constant 1, with the version as a label.",
		ConstLabels: prometheus.Labels{"version": version.Short(), "goversion": runtime.Version()},
	}, func() float64 { return 1 })
}

// stored counts at each scrape what waits and what was refused.
type stored struct {
	outbox  *outbox.Outbox
	letters *deadletter.Store
	log     *slog.Logger

	waiting, dead *prometheus.Desc
}

func registerStored(registry prometheus.Registerer, waiting *outbox.Outbox, letters *deadletter.Store, log *slog.Logger) {
	registry.MustRegister(&stored{
		outbox: waiting, letters: letters, log: log,
		waiting: prometheus.NewDesc("pulltrail_outbox_snapshots", "Snapshots that were taken and have not come back through the broker yet.", nil, nil),
		dead:    prometheus.NewDesc("pulltrail_deadletters", "Messages that were refused for good and are kept, by who refused them.", []string{"sink"}, nil),
	})
}

// Describe implements prometheus.Collector.
func (s *stored) Describe(to chan<- *prometheus.Desc) {
	to <- s.waiting
	to <- s.dead
}

// Collect implements prometheus.Collector. What cannot be counted is left out of
// the scrape and logged.
func (s *stored) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	if n, err := s.outbox.Len(ctx); err != nil {
		s.log.Warn("the outbox cannot be counted", "err", err)
	} else {
		to <- prometheus.MustNewConstMetric(s.waiting, prometheus.GaugeValue, float64(n))
	}
	counts, err := s.letters.Count(ctx)
	if err != nil {
		s.log.Warn("the dead letters cannot be counted", "err", err)
		return
	}
	for sink, n := range counts {
		to <- prometheus.MustNewConstMetric(s.dead, prometheus.GaugeValue, float64(n), sink)
	}
}
