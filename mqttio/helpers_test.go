package mqttio

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"

	"github.com/eclipse/paho.golang/paho"
)

// subscriberOptions are those of a subscriber of everything.
func subscriberOptions(broker string, s Store) SubscriberOptions {
	return SubscriberOptions{
		Name: "snapshots", Filters: []string{"t/#"}, Accept: func(string) bool { return true },
		Store: s, DeadLetters: &letters{}, Log: slog.New(slog.DiscardHandler), Broker: broker, ClientID: "test",
	}
}

func newTestSubscriber(t *testing.T, cfg Config, opts SubscriberOptions) *Subscriber {
	t.Helper()
	s, err := NewSubscriber(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	s.link.pace = quick()
	return s
}

func newTestPublisher(t *testing.T, cfg Config, broker string, o Outbox) *Publisher {
	t.Helper()
	p, err := NewPublisher(cfg, PublisherOptions{Outbox: o, Log: slog.New(slog.DiscardHandler), Broker: broker, ClientID: "test"})
	if err != nil {
		t.Fatal(err)
	}
	p.link.pace = quick()
	return p
}

// ready waits until a subscriber is connected and subscribed.
func ready(t *testing.T, s *Subscriber) {
	t.Helper()
	eventually(t, "the subscription", func() bool { return s.State().Connected && s.State().Detail == "" })
}

// client is another program at the broker: what it receives is collected.
type client struct {
	*paho.Client
	mu       sync.Mutex
	received []*paho.Publish
}

func connect(t *testing.T, b addressed, id string, filters ...string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := &client{}
	c.Client = paho.NewClient(paho.ClientConfig{
		ClientID: id, Conn: conn, PacketTimeout: patience,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.received = append(c.received, p.Packet)
			return true, nil
		}},
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := c.Connect(ctx, &paho.Connect{ClientID: id, KeepAlive: 30, CleanStart: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Disconnect(&paho.Disconnect{}) // the broker may be gone
		<-c.Done()
	})
	for _, f := range filters {
		if _, err := c.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: f, QoS: 1}}}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

type addressed interface{ Addr() net.Addr }

func (c *client) publish(t *testing.T, topic, payload string) {
	t.Helper()
	if _, err := c.Publish(t.Context(), &paho.Publish{Topic: topic, Payload: []byte(payload), QoS: 1}); err != nil {
		t.Fatal(err)
	}
}

func (c *client) all() []*paho.Publish {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*paho.Publish(nil), c.received...)
}

// times is how often a payload was received.
func (c *client) times(payload string) (n int) {
	for _, m := range c.all() {
		if string(m.Payload) == payload {
			n++
		}
	}
	return n
}
