package collector

import (
	"github.com/prometheus/client_golang/prometheus"
)

// outcomeOK is the outcome of a request without a cause.
const outcomeOK = "ok"

// metrics never name a repository: it might be a private one.
type metrics struct {
	requests    *prometheus.CounterVec
	duration    prometheus.Histogram
	snapshots   prometheus.Counter
	failures    *prometheus.CounterVec
	lastSuccess prometheus.Gauge
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pulltrail_collector_requests_total",
			Help: "Requests to Docker Hub by outcome: ok, or the cause of the failure.",
		}, []string{"outcome"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "pulltrail_collector_request_duration_seconds",
			Help:    "Time from a request to Docker Hub to the end of its answer.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
		snapshots: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pulltrail_collector_snapshots_total",
			Help: "Snapshots that were taken and put into the outbox.",
		}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pulltrail_collector_failures_total",
			Help: "Repositories of which a run has no snapshot, by cause.",
		}, []string{"cause"}),
		lastSuccess: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pulltrail_collector_last_success_timestamp_seconds",
			Help: "When the last snapshot was put into the outbox; 0 before the first.",
		}),
	}
	m.requests.WithLabelValues(outcomeOK)
	for _, c := range causes() {
		m.requests.WithLabelValues(string(c))
		m.failures.WithLabelValues(string(c))
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.snapshots, m.failures, m.lastSuccess} {
		if err := registerer.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
