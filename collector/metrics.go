package collector

import (
	"github.com/prometheus/client_golang/prometheus"
)

// outcomeOK is the outcome of a request without a cause.
const outcomeOK = "ok"

// metrics never name a repository: it might be a private one, and these are shown to
// everybody who may read.
type metrics struct {
	requests    *prometheus.CounterVec
	duration    prometheus.Histogram
	snapshots   prometheus.Counter
	failures    *prometheus.CounterVec
	lastSuccess prometheus.Gauge
	retries     *prometheus.CounterVec
	truncated   prometheus.Gauge
}

func newMetrics(registerer prometheus.Registerer, g *gate) (*metrics, error) {
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
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pulltrail_collector_retries_total",
			Help: "Requests to Docker Hub that were tried again, by the cause of the failure.",
		}, []string{"cause"}),
		truncated: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pulltrail_collector_truncated_namespaces",
			Help: "Namespaces of which Docker Hub lists only a part without a login.",
		}),
	}
	limit := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pulltrail_collector_rate_limit_requests",
		Help: "Requests that Docker Hub allows in a window, as its last answer said; 0 before that.",
	}, func() float64 { l, _ := g.state(); return float64(l.Limit) })
	remaining := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pulltrail_collector_rate_limit_remaining_requests",
		Help: "Requests that were left of the window, as Docker Hub's last answer said; 0 before that.",
	}, func() float64 { l, _ := g.state(); return float64(l.Remaining) })
	reset := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pulltrail_collector_rate_limit_reset_timestamp_seconds",
		Help: "When the window of Docker Hub's limit ends, as its last answer said; 0 before that.",
	}, func() float64 {
		l, said := g.state()
		if !said {
			return 0
		}
		return float64(l.Reset.Unix())
	})
	m.requests.WithLabelValues(outcomeOK)
	for _, c := range causes() {
		m.requests.WithLabelValues(string(c))
		m.failures.WithLabelValues(string(c))
		if passing(c) {
			m.retries.WithLabelValues(string(c))
		}
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.snapshots, m.failures, m.lastSuccess, m.retries, m.truncated, limit, remaining, reset} {
		if err := registerer.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
