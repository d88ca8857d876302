package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/collector"
	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/document"
	"pulltrail/internal/hub"
	"pulltrail/internal/roster"
	"pulltrail/internal/version"
	"pulltrail/mqttio"
)

// PublishOnly polls once, publishes, and returns when the broker has acknowledged
// everything, or after settle. It keeps nothing on disk: what is not acknowledged by then
// is lost, and Summary.Undelivered says so. No repositories stand for those of the
// configuration, which must be valid and name a broker.
func PublishOnly(ctx context.Context, cfg config.Config, log *slog.Logger, repositories []hub.Repository, settle time.Duration, progress func(control.Result)) (summary control.Summary, err error) {
	if cfg.MQTT.URL == "" {
		return summary, errors.New("to publish only, name a broker in mqtt.url: the embedded one would end with this process")
	}
	identity := cfg.MQTT.ClientID
	if identity == "" {
		identity = "pulltrail-" + uuid.NewString()[:8]
	}
	cfg.MQTT.StatusTopic = "" // it would be gone before anybody looked
	memory := newMemory()
	publisher, err := mqttio.NewPublisher(cfg.MQTT, mqttio.PublisherOptions{
		Outbox: memory, Acknowledged: memory.acknowledged, Log: log, Broker: cfg.MQTT.URL, ClientID: identity,
	})
	if err != nil {
		return summary, err
	}
	poller, err := collector.New(cfg.Collector, collector.Options{
		Outbox: memory, Known: memory, Roster: noRoster{}, Log: log, Registerer: prometheus.NewRegistry(), Version: version.Short(),
	})
	if err != nil {
		return summary, err
	}
	var ps parts
	ps.run("publisher", publisher.Run)
	err = supervise(ctx, log, ps, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, cfg.Collector.Deadline)
		defer cancel()
		run := &collection{collector: poller}
		request := &request{repositories: repositories, progress: func(r collector.Result) { progress(shown(r)) }}
		if err := run.now(context.WithValue(ctx, requestKey{}, request)); err != nil {
			return err
		}
		summary = summaryOf(request.summary)
		summary.Undelivered, err = memory.settle(ctx, publisher, settle)
		if topic := memory.nobodyHears(); topic != "" {
			summary.Notes = append(summary.Notes, fmt.Sprintf("nobody is subscribed to %s, and the broker does not retain what is published there", topic))
		}
		return err
	})
	return summary, err
}

// memory is an outbox that ends with the process.
type memory struct {
	mu      sync.Mutex
	pending []document.Pending
	unheard string        // a topic to which nobody is subscribed
	changed chan struct{} // closed and made anew at each acknowledgement
	added   chan struct{}
}

func newMemory() *memory {
	return &memory{changed: make(chan struct{}), added: make(chan struct{}, 1)}
}

// Append takes snapshots; those of one run are all the newest.
func (m *memory) Append(_ context.Context, snapshots ...hub.Snapshot) error {
	m.mu.Lock()
	for _, s := range snapshots {
		m.pending = append(m.pending, document.Pending{
			ID: s.ID(), Namespace: s.Namespace, Name: s.Name, Slot: s.Slot, Payload: s.Encode(),
			NewestOfRepository: true, NewestOfAll: true,
		})
	}
	m.mu.Unlock()
	select {
	case m.added <- struct{}{}:
	default: // the publisher has yet to look
	}
	return nil
}

// Has knows of nothing that was taken before.
func (*memory) Has(context.Context, hub.Repository, time.Time) (bool, error) { return false, nil }

// Notify carries a signal after each Append.
func (m *memory) Notify() <-chan struct{} { return m.added }

// Pending is all of it behind after, in the order in which it came.
func (m *memory) Pending(_ context.Context, after document.Pending) ([]document.Pending, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.IndexFunc(m.pending, func(p document.Pending) bool { return p.ID == after.ID })
	return slices.Clone(m.pending[at+1:]), nil
}

// Len counts them.
func (m *memory) Len(context.Context) (int, error) {
	n, _ := m.left()
	return n, nil
}

// acknowledged forgets a snapshot.
func (m *memory) acknowledged(_ context.Context, a mqttio.Acknowledgement) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !a.Kept {
		m.unheard = a.Topic
	}
	m.pending = slices.DeleteFunc(m.pending, func(p document.Pending) bool { return p.ID == a.ID })
	close(m.changed)
	m.changed = make(chan struct{})
	return nil
}

func (m *memory) left() (n int, changed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.pending), m.changed
}

func (m *memory) nobodyHears() (topic string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.unheard
}

// settle waits until everything is acknowledged, for patience at most. It returns in
// words what is not.
func (m *memory) settle(ctx context.Context, publisher *mqttio.Publisher, patience time.Duration) (string, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		n, changed := m.left()
		if n == 0 {
			return "", nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-timer.C:
			return fmt.Sprintf("the broker has not acknowledged %s%s; nothing is kept, so run the command again", counted(n, "snapshot", "snapshots"), because(publisher.State().Err)), nil
		case <-changed:
		}
	}
}

// noRoster forgets everything, as a process that keeps nothing has to.
type noRoster struct{}

func (noRoster) Report(context.Context, time.Time, ...roster.Report) error { return nil }

func (noRoster) Listing(context.Context, string) (roster.Listing, bool, error) {
	return roster.Listing{}, false, nil
}

func (noRoster) SetListing(context.Context, roster.Listing) error { return nil }

func (noRoster) Unseen(context.Context, string, time.Time, int, ...string) ([]hub.Repository, error) {
	return nil, nil
}
