package indexer

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics are those of one follower; each has the labels sink and log.
type metrics struct {
	stored, skipped, batches, redelivered prometheus.Counter
	failures, deadLetters                 *prometheus.CounterVec
	latency, documents                    prometheus.Histogram
}

// progress is what is asked for at each scrape.
type progress struct{ position, lagEntries, lagSeconds func() float64 }

// latencyBuckets go from the live path, where a few milliseconds matter, to a sink that
// was away over night.
var latencyBuckets = []float64{
	0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 12 * 3600,
}

// documentsBuckets end at the most that BatchSize may be.
var documentsBuckets = []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, maxBatchSize}

func newMetrics(registerer prometheus.Registerer, sink, log string, now progress) *metrics {
	labels := prometheus.Labels{"sink": sink, "log": log}
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Name: "pulltrail_indexer_" + name, Help: help, ConstLabels: labels}
	}
	gauge := func(name, help string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Name: "pulltrail_indexer_" + name, Help: help, ConstLabels: labels}
	}
	histogram := func(name, help string, buckets []float64) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Name: "pulltrail_indexer_" + name, Help: help, ConstLabels: labels, Buckets: buckets}
	}
	auto := promauto.With(registerer)
	auto.NewGaugeFunc(gauge("cursor_position", "Position in the log up to which everything is settled."), now.position)
	auto.NewGaugeFunc(gauge("lag_entries", "Entries of the log that are not settled yet."), now.lagEntries)
	auto.NewGaugeFunc(gauge("lag_seconds", "Time since the receipt of the oldest entry that is not settled; 0 when there is none."), now.lagSeconds)
	return &metrics{
		stored:      auto.NewCounter(counter("documents_total", "Documents that the sink has stored or had already.")),
		skipped:     auto.NewCounter(counter("skipped_total", "Replayed messages that are not stored again.")),
		batches:     auto.NewCounter(counter("batches_total", "Batches that were settled.")),
		redelivered: auto.NewCounter(counter("redelivered_total", "Dead letters that were stored after all.")),
		failures:    auto.NewCounterVec(counter("failures_total", "Tries that failed and are repeated, by cause."), []string{"cause"}),
		deadLetters: auto.NewCounterVec(counter("dead_letters_total", "Documents that became dead letters, by cause."), []string{"cause"}),
		latency: auto.NewHistogram(histogram("latency_seconds", "Time from the receipt of a message until the sink has its document. "+
			"Without what stood in the log when the process started, and without dead letters that were stored after all.", latencyBuckets)),
		documents: auto.NewHistogram(histogram("batch_documents", "Documents of a request that the sink has answered.", documentsBuckets)),
	}
}

// The causes that do not come from a sink.
const (
	causeOther       = "other"
	causeLog         = "log"
	causeCursor      = "cursor"
	causeDeadLetters = "dead_letters"
	causeRefused     = "refused"    // of a dead letter: by the sink, for its content
	causeForbidden   = "forbidden"  // of a dead letter: by the sink, for a permission
	causeUnreadable  = "unreadable" // of a dead letter: by ourselves, before the sink
)

// caused is an error with a name for its cause.
type caused struct {
	error
	cause string
}

func (c caused) Cause() string { return c.cause }
func (c caused) Unwrap() error { return c.error }

// causeOf is the name that err gives its cause.
func causeOf(err error) string {
	var named interface{ Cause() string }
	if errors.As(err, &named) {
		return named.Cause()
	}
	return causeOther
}
