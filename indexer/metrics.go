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
}

func newMetrics(registerer prometheus.Registerer, sink, log string, position, lag func() float64) *metrics {
	labels := prometheus.Labels{"sink": sink, "log": log}
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Name: "pulltrail_indexer_" + name, Help: help, ConstLabels: labels}
	}
	gauge := func(name, help string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Name: "pulltrail_indexer_" + name, Help: help, ConstLabels: labels}
	}
	auto := promauto.With(registerer)
	auto.NewGaugeFunc(gauge("cursor_position", "Position in the log up to which everything is settled."), position)
	auto.NewGaugeFunc(gauge("lag_entries", "Entries of the log that are not settled yet."), lag)
	return &metrics{
		stored:      auto.NewCounter(counter("documents_total", "Documents that the sink has stored or had already.")),
		skipped:     auto.NewCounter(counter("skipped_total", "Replayed messages that are not stored again.")),
		batches:     auto.NewCounter(counter("batches_total", "Batches that were settled.")),
		redelivered: auto.NewCounter(counter("redelivered_total", "Dead letters that were stored after all.")),
		failures:    auto.NewCounterVec(counter("failures_total", "Tries that failed and are repeated, by cause."), []string{"cause"}),
		deadLetters: auto.NewCounterVec(counter("dead_letters_total", "Documents that became dead letters, by cause."), []string{"cause"}),
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
