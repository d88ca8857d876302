package broker_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
	"go.uber.org/goleak"

	"pulltrail/internal/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = time.Minute // how long a test waits for what must come

// anybody is a broker on any free port that lets everybody in.
func anybody() broker.Options {
	return broker.Options{Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)}
}

func create(t *testing.T, o broker.Options) *broker.Broker {
	t.Helper()
	b, err := broker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func start(t *testing.T) *broker.Broker {
	t.Helper()
	return startWith(t, anybody())
}

func startWith(t *testing.T, o broker.Options) *broker.Broker {
	t.Helper()
	b := create(t, o)
	if err := b.Listen(); err != nil {
		t.Fatal(err)
	}
	serve(t, b)
	return b
}

func serve(t *testing.T, b *broker.Broker) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}

// connect gives a client with a persistent session whose messages go to the channel.
func connect(t *testing.T, b *broker.Broker, id string) (*paho.Client, <-chan *paho.Publish, *paho.Connack) {
	t.Helper()
	c, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	messages := make(chan *paho.Publish, 100)
	client := paho.NewClient(paho.ClientConfig{
		ClientID: id, Conn: c, PacketTimeout: patience,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			messages <- p.Packet
			return true, nil
		}},
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	week, most := uint32(7*24*3600), uint16(65535)
	ack, err := client.Connect(ctx, &paho.Connect{ClientID: id, KeepAlive: 30, Properties: &paho.ConnectProperties{SessionExpiryInterval: &week, ReceiveMaximum: &most}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disconnect(client) })
	return client, messages, ack
}

func disconnect(c *paho.Client) {
	_ = c.Disconnect(&paho.Disconnect{}) // the broker may be gone
	<-c.Done()
}

func subscribe(t *testing.T, c *paho.Client, filter string) {
	t.Helper()
	_, err := c.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: 1}}})
	if err != nil {
		t.Fatal(err)
	}
}

func publish(t *testing.T, c *paho.Client, topic, payload string, retain bool) {
	t.Helper()
	_, err := c.Publish(t.Context(), &paho.Publish{Topic: topic, Payload: []byte(payload), QoS: 1, Retain: retain})
	if err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, messages <-chan *paho.Publish) *paho.Publish {
	t.Helper()
	select {
	case m := <-messages:
		return m
	case <-time.After(patience):
		t.Fatal("no message has come")
		return nil
	}
}

func TestMessagesReachASubscriber(t *testing.T) {
	b := start(t)
	subscriber, messages, ack := connect(t, b, "subscriber")
	if p := ack.Properties; p.ReceiveMaximum != nil && *p.ReceiveMaximum != 65535 || p.MaximumPacketSize != nil {
		t.Errorf("the broker limits what it takes: %v", p)
	}
	subscribe(t, subscriber, "a/#")
	publisher, _, _ := connect(t, b, "publisher")
	publish(t, publisher, "a/b", "hello", false)
	if m := receive(t, messages); m.Topic != "a/b" || string(m.Payload) != "hello" || m.QoS != 1 || m.Retain {
		t.Errorf("got %v", m)
	}
	large := strings.Repeat("x", 4<<20)
	publish(t, publisher, "a/large", large, false)
	if m := receive(t, messages); string(m.Payload) != large {
		t.Errorf("got %d bytes, want %d", len(m.Payload), len(large))
	}
}

func TestARetainedMessageReachesThoseWhoComeLater(t *testing.T) {
	b := create(t, anybody())
	if err := b.Listen(); err != nil {
		t.Fatal(err)
	}
	if err := b.Retain("a/b", []byte("before it serves")); err != nil {
		t.Fatal(err)
	}
	serve(t, b)
	c, messages, _ := connect(t, b, "late")
	subscribe(t, c, "a/+")
	if m := receive(t, messages); !m.Retain || m.QoS != 1 || string(m.Payload) != "before it serves" {
		t.Errorf("got %v", m)
	}
	if err := b.Retain("a/b", []byte("newer")); err != nil {
		t.Fatal(err)
	}
	if m := receive(t, messages); m.Retain || string(m.Payload) != "newer" {
		t.Errorf("got %v", m)
	}
}

func TestASessionKeepsMessagesForAClientThatIsAway(t *testing.T) {
	b := start(t)
	subscriber, _, _ := connect(t, b, "subscriber")
	subscribe(t, subscriber, "a")
	disconnect(subscriber)
	publisher, _, _ := connect(t, b, "publisher")
	const n = 50
	for i := range n {
		publish(t, publisher, "a", fmt.Sprint(i), false)
	}
	_, messages, ack := connect(t, b, "subscriber")
	if !ack.SessionPresent {
		t.Error("the session is gone")
	}
	seen := map[string]bool{}
	for range n {
		seen[string(receive(t, messages).Payload)] = true
	}
	if len(seen) != n {
		t.Errorf("%d of %d messages have come", len(seen), n)
	}
}

func TestABusySessionDoesNotHang(t *testing.T) {
	b := start(t)
	subscriber, messages, _ := connect(t, b, "subscriber")
	subscribe(t, subscriber, "a")
	const publishers, each = 4, 500
	var running sync.WaitGroup
	for i := range publishers {
		publisher, _, _ := connect(t, b, fmt.Sprint("publisher", i))
		running.Go(func() {
			for range each {
				if _, err := publisher.Publish(t.Context(), &paho.Publish{Topic: "a", Payload: []byte("x"), QoS: 1}); err != nil {
					t.Errorf("publish: %v", err)
					return
				}
			}
		})
	}
	for range publishers * each {
		receive(t, messages)
	}
	running.Wait()
}

func TestAPortInUseIsAnErrorWithBothRemedies(t *testing.T) {
	b := start(t)
	address := b.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	o := anybody()
	o.Listen = address
	second := create(t, o)
	err := second.Listen()
	if err == nil {
		t.Fatal("two brokers listen on one port")
	}
	for _, want := range []string{"port " + port, "mqtt.embedded.listen", "mqtt.url to mqtt://" + address} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

func TestClosingGivesTheAddressBackThoughAClientReadsNothing(t *testing.T) {
	b := create(t, anybody())
	if err := b.Listen(); err != nil {
		t.Fatal(err)
	}
	address := b.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Serve(ctx) }()
	silent, err := net.Dial("tcp", address) // says nothing, reads nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	connect(t, b, "client")
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}

func TestABrokerThatNeverServedCanBeClosed(t *testing.T) {
	b := create(t, anybody())
	if err := b.Listen(); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAPortInUseIsReplacedWhereNobodyHasChosenIt(t *testing.T) {
	first := start(t)
	if said := first.Displaced(); said != "" {
		t.Errorf("a free port: %q", said)
	}
	o := anybody()
	o.Listen, o.OrFree = first.Addr().String(), true
	second := startWith(t, o)
	_, port, _ := net.SplitHostPort(o.Listen)
	for _, want := range []string{second.Addr().String(), "port " + port, "mqtt.embedded.listen", "mqtt://" + o.Listen} {
		if !strings.Contains(second.Displaced(), want) {
			t.Errorf("%q does not say %q", second.Displaced(), want)
		}
	}
	if second.Addr().String() == o.Listen {
		t.Error("both have the same address")
	}
	client, messages, _ := connect(t, second, "client")
	subscribe(t, client, "a")
	publish(t, client, "a", "x", false)
	receive(t, messages)
}
