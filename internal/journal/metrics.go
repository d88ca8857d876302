package journal

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	bytes, maxBytes, segments prometheus.Gauge
	appended, refused         prometheus.Counter
	fsync                     prometheus.Histogram
	registerer                prometheus.Registerer // nil where they are not registered
}

func newMetrics(maxBytes int64) *metrics {
	m := &metrics{
		bytes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pulltrail_journal_bytes", Help: "Size of the journal's segments.",
		}),
		maxBytes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pulltrail_journal_max_bytes", Help: "Size at which the journal refuses documents.",
		}),
		segments: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pulltrail_journal_segments", Help: "Number of the journal's segment files.",
		}),
		appended: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pulltrail_journal_appended_entries_total", Help: "Entries that were made durable.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pulltrail_journal_refused_batches_total", Help: "Batches that were refused because the journal was full.",
		}),
		fsync: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pulltrail_journal_fsync_duration_seconds", Help: "Duration of the fsync of a batch.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 8), // 0.1 ms to 1.6 s
		}),
	}
	m.maxBytes.Set(float64(maxBytes))
	return m
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.bytes, m.maxBytes, m.segments, m.appended, m.refused, m.fsync}
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for i, c := range m.all() {
		if err := r.Register(c); err != nil {
			for _, c := range m.all()[:i] {
				r.Unregister(c)
			}
			return err
		}
	}
	m.registerer = r
	return nil
}

// unregister lets a journal that is opened again use the same registry.
func (m *metrics) unregister() {
	if m.registerer == nil {
		return
	}
	for _, c := range m.all() {
		m.registerer.Unregister(c)
	}
}
