package mqttio

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics makes the metrics of one session. The sessions of a process share their
// names and differ in the label "session".
type metrics struct {
	labels prometheus.Labels
	all    []prometheus.Collector
}

func newMetrics(session string) *metrics {
	return &metrics{labels: prometheus.Labels{"session": session}}
}

func (m *metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "pulltrail_mqtt_" + name, Help: help, ConstLabels: m.labels})
	m.all = append(m.all, c)
	return c
}

func (m *metrics) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "pulltrail_mqtt_" + name, Help: help, ConstLabels: m.labels})
	m.all = append(m.all, g)
	return g
}

func (m *metrics) read(name, help string, value func() float64) {
	m.all = append(m.all, prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: "pulltrail_mqtt_" + name, Help: help, ConstLabels: m.labels}, value))
}

// register hands everything to r; a nil r takes nothing.
func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	var errs []error
	for _, c := range m.all {
		errs = append(errs, r.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("mqtt: register the metrics: %w", err)
	}
	return nil
}

// linkMetrics are those of every session.
type linkMetrics struct {
	connected   prometheus.Gauge
	connections prometheus.Counter
}

func (m *metrics) link() linkMetrics {
	return linkMetrics{
		connected:   m.gauge("connected", "Whether the broker has accepted the session: 1 or 0."),
		connections: m.counter("connections_total", "Connections that were made; all but the first are reconnections."),
	}
}

func (m linkMetrics) up() {
	m.connected.Set(1)
	m.connections.Inc()
}

func (m linkMetrics) down() { m.connected.Set(0) }

// subscriberMetrics are those of a Subscriber.
type subscriberMetrics struct {
	received, acknowledged, passed, empty, refused prometheus.Counter
}

func (m *metrics) subscriber(q *queue) subscriberMetrics {
	m.read("queue_messages", "Messages that were received and are not stored yet.", func() float64 { n, _ := q.size(); return float64(n) })
	m.read("queue_bytes", "Bytes of the messages that were received and are not stored yet.", func() float64 { _, n := q.size(); return float64(n) })
	return subscriberMetrics{
		received:     m.counter("received_messages_total", "Messages that were received, those sent again included."),
		acknowledged: m.counter("acknowledged_messages_total", "Messages that were acknowledged to the broker."),
		passed:       m.counter("passed_over_messages_total", "Messages that no route of this session takes."),
		empty:        m.counter("empty_messages_total", "Messages without a payload, which clear a retained message. They are acknowledged and not stored."),
		refused:      m.counter("refused_messages_total", "Messages that became dead letters on receipt."),
	}
}

// The results of publishing a snapshot.
const (
	resultAccepted      = "accepted"
	resultNoSubscribers = "no_subscribers"
	resultRefused       = "refused"
	resultFailed        = "failed"
)

// publisherMetrics are those of the Publisher.
type publisherMetrics struct {
	published *prometheus.CounterVec
	again     prometheus.Counter
}

func (m *metrics) publisher() publisherMetrics {
	published := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pulltrail_mqtt_published_messages_total",
		Help: "Snapshots that were published, by the broker's answer: accepted, no_subscribers, refused, or failed for none.",
	}, []string{"result"})
	for _, result := range []string{resultAccepted, resultNoSubscribers, resultRefused, resultFailed} {
		published.WithLabelValues(result)
	}
	m.all = append(m.all, published)
	return publisherMetrics{
		published: published,
		again:     m.counter("republished_messages_total", "Snapshots that were published again, because they had not arrived yet."),
	}
}
