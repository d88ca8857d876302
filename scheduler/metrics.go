package scheduler

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The outcomes of a run.
const (
	outcomeOK         = "ok"
	outcomeFailed     = "failed"
	outcomePanic      = "panic"
	outcomeUnfinished = "unfinished"
)

// labelName tells the jobs apart. Prometheus has a label "job" of its own.
const labelName = "name"

// metrics are those of all jobs.
type metrics struct {
	runs     *prometheus.CounterVec
	skipped  *prometheus.CounterVec
	lastRun  *prometheus.GaugeVec
	next     *prometheus.GaugeVec
	duration *prometheus.HistogramVec
}

func newMetrics() *metrics {
	job := []string{labelName}
	return &metrics{
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pulltrail_scheduler_runs_total",
			Help: "Runs that have ended, manual ones included, by outcome: ok, failed, panic or unfinished.",
		}, []string{labelName, "outcome"}),
		skipped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pulltrail_scheduler_skipped_total",
			Help: "Slots that were passed over because the job was still running.",
		}, job),
		lastRun: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pulltrail_scheduler_last_run_timestamp_seconds",
			Help: "When the last run ended, whatever its outcome; 0 before the first since the start.",
		}, job),
		next: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pulltrail_scheduler_next_slot_timestamp_seconds",
			Help: "The slot that is waited for.",
		}, job),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "pulltrail_scheduler_run_duration_seconds",
			Help:    "How long runs took, whatever their outcome.",
			Buckets: []float64{.1, .5, 1, 5, 15, 60, 300, 900, 1800, 3600},
		}, job),
	}
}

func (m *metrics) register(registerer prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{m.runs, m.skipped, m.lastRun, m.next, m.duration} {
		if err := registerer.Register(c); err != nil {
			return fmt.Errorf("register the scheduler's metrics: %w", err)
		}
	}
	return nil
}

// jobMetrics are those of one job.
type jobMetrics struct {
	runs          map[string]prometheus.Counter // by outcome
	skipped       prometheus.Counter
	lastRun, next prometheus.Gauge
	duration      prometheus.Observer
}

// of makes the series of a job, so that they are there before anything happens.
func (m *metrics) of(job string) jobMetrics {
	runs := make(map[string]prometheus.Counter)
	for _, outcome := range []string{outcomeOK, outcomeFailed, outcomePanic, outcomeUnfinished} {
		runs[outcome] = m.runs.WithLabelValues(job, outcome)
	}
	return jobMetrics{
		runs:     runs,
		skipped:  m.skipped.WithLabelValues(job),
		lastRun:  m.lastRun.WithLabelValues(job),
		next:     m.next.WithLabelValues(job),
		duration: m.duration.WithLabelValues(job),
	}
}

func (m jobMetrics) observe(outcome string, started, finished time.Time) {
	m.runs[outcome].Inc()
	m.lastRun.Set(float64(finished.Unix()))
	m.duration.Observe(finished.Sub(started).Seconds())
}
