//go:build integration

package faulttest

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"
)

// filler makes a document about 1.1 KB long.
var filler = strings.Repeat("x", 1000)

// number is the payload of document n. Its time is its own, so that it belongs to one
// index however often it comes.
func number(n int, at time.Time) []byte {
	return fmt.Appendf(nil, `{"n":%d,"time":%q,"filler":%q}`, n, at.UTC().Format(time.RFC3339Nano), filler)
}

// client is a session at the broker, beside the program's.
type client struct {
	t    *testing.T
	conn *autopaho.ConnectionManager
}

// dialBroker connects, again and again. A client with a name has a session that the
// broker keeps.
func dialBroker(t *testing.T, addr, name string, subscribe string, receive func(*paho.Publish)) *client {
	t.Helper()
	config := autopaho.ClientConfig{
		ServerUrls: []*url.URL{{Scheme: "mqtt", Host: addr}}, KeepAlive: 30, ConnectTimeout: slowly,
		ReconnectBackoff: func(int) time.Duration { return 200 * time.Millisecond },
		ClientConfig:     paho.ClientConfig{ClientID: name, PacketTimeout: slowly},
	}
	subscribed := make(chan struct{})
	once := sync.OnceFunc(func() { close(subscribed) })
	if receive == nil {
		once()
		config.CleanStartOnInitialConnection = true
	} else {
		config.SessionExpiryInterval = 3600
		config.OnPublishReceived = []func(paho.PublishReceived) (bool, error){
			func(p paho.PublishReceived) (bool, error) { receive(p.Packet); return true, nil },
		}
		config.OnConnectionUp = func(m *autopaho.ConnectionManager, _ *paho.Connack) {
			if _, err := m.Subscribe(context.Background(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: subscribe, QoS: 1}}}); err == nil {
				once()
			}
		}
	}
	conn, err := autopaho.NewConnection(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = conn.Disconnect(ctx) // the broker may be gone
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := conn.AwaitConnection(ctx); err != nil {
		t.Fatal(err)
	}
	select {
	case <-subscribed:
	case <-ctx.Done():
		t.Fatal("the broker grants no subscription")
	}
	return &client{t: t, conn: conn}
}

// slowly is how long the answer to a message may take on a machine that is busy. A broker that
// ends is noticed at once. One that is only slow would have the message twice.
const slowly = 30 * time.Second

// publish sends one message until the broker has confirmed it.
func (c *client) publish(topic string, payload []byte, retain bool) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), slowly)
		_, err := c.conn.Publish(ctx, &paho.Publish{Topic: topic, QoS: 1, Payload: payload, Retain: retain})
		cancel()
		if err == nil {
			return
		}
		if c.t.Context().Err() != nil {
			return // the test is over
		}
		time.Sleep(50 * time.Millisecond) // the broker is away
	}
}

// numbered publishes numbered documents at a steady rate, in the background.
type numbered struct {
	sent atomic.Int64 // confirmed by the broker
	done chan struct{}
}

const rate = 1000 // documents a second

func publishNumbered(t *testing.T, addr, topic string, from, to int) *numbered {
	t.Helper()
	c := dialBroker(t, addr, unique(), "", nil)
	p := &numbered{done: make(chan struct{})}
	go func() {
		defer close(p.done)
		due := time.Now()
		for n := from; n < to && t.Context().Err() == nil; n++ {
			if due = due.Add(time.Second / rate); time.Since(due) > 100*time.Millisecond {
				due = time.Now() // after an outage it goes on at the same rate
			}
			time.Sleep(time.Until(due))
			c.publish(topic, number(n, time.Now()), false)
			p.sent.Add(1)
		}
	}()
	return p
}

// await waits until the broker has confirmed so many.
func (p *numbered) await(t *testing.T, n int) {
	t.Helper()
	eventually(t, patience, fmt.Sprintf("%d documents at the broker", n), func() error {
		if sent := p.sent.Load(); sent < int64(n) {
			return fmt.Errorf("only %d", sent)
		}
		return nil
	})
}

// witness is a subscriber beside the program, which tells what the broker delivers.
type witness struct {
	mu   sync.Mutex
	seen map[int]bool
}

func subscribeWitness(t *testing.T, addr, topic string) *witness {
	t.Helper()
	c := &witness{seen: map[int]bool{}}
	dialBroker(t, addr, unique(), topic, func(p *paho.Publish) {
		if n, ok := numberOf(p.Payload); ok {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.seen[n] = true
		}
	})
	return c
}

func (c *witness) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen)
}
