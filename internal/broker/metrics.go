package broker

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts from the start of the broker.
type metrics struct {
	panics  prometheus.Counter
	limited *prometheus.CounterVec // by the limit
}

func newMetrics() *metrics {
	return &metrics{
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pulltrail_broker_limited_total",
			Help: "What the embedded broker did not keep, by the limit: retained, queued, subscriptions or sessions.",
		}, []string{"limit"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pulltrail_broker_panics_total",
			Help: "Connections to the embedded broker that a panic has ended.",
		}),
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.panics, m.limited} {
		errs = append(errs, r.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("embedded broker: register the metrics: %w", err)
	}
	return nil
}
