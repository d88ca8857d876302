package broker_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"pulltrail/internal/broker"
)

// What was acknowledged while a subscriber came and went reaches it: mochi alone loses
// some of it.
func TestNothingIsLostWhileASubscriberComesBack(t *testing.T) {
	for name, leave := range map[string]func(*paho.Client, net.Conn){
		"after it has left":              func(c *paho.Client, _ net.Conn) { disconnect(c) },
		"after its connection has ended": func(c *paho.Client, conn net.Conn) { _ = conn.Close(); <-c.Done() },
		"while the old one stands":       func(*paho.Client, net.Conn) {},
	} {
		t.Run(name, func(t *testing.T) {
			b := create(t, anybody())
			b.Await("store")
			if err := b.Listen(); err != nil {
				t.Fatal(err)
			}
			serve(t, b)
			got := newTally()
			ctx, cancel := context.WithCancel(t.Context())
			var publishing sync.WaitGroup
			sent := make([]int, 4)
			for p := range sent {
				publishing.Go(func() {
					publisher, _, _ := connect(t, b, fmt.Sprintf("publisher-%d", p))
					for ; ctx.Err() == nil; sent[p]++ {
						publish(t, publisher, fmt.Sprintf("a/%d", p), fmt.Sprint(sent[p]), false)
					}
				})
			}
			for range 40 {
				client, conn := got.subscribe(t, b)
				got.awaitMore(t, 20)
				leave(client, conn)
			}
			client, _ := got.subscribe(t, b)
			cancel()
			publishing.Wait()
			defer disconnect(client)
			total := 0
			for _, n := range sent {
				total += n
			}
			got.await(t, total)
		})
	}
}

// tally are the different messages that the subscriber "store" has got.
type tally struct {
	mu   sync.Mutex
	seen map[string]bool
	more chan struct{}
}

func newTally() *tally { return &tally{seen: map[string]bool{}, more: make(chan struct{}, 1)} }

func (l *tally) subscribe(t *testing.T, b *broker.Broker) (*paho.Client, net.Conn) {
	t.Helper()
	conn, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client := paho.NewClient(paho.ClientConfig{PacketTimeout: patience, Conn: conn, OnPublishReceived: []func(paho.PublishReceived) (bool, error){
		func(p paho.PublishReceived) (bool, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.seen[p.Packet.Topic+string(p.Packet.Payload)] = true
			select {
			case l.more <- struct{}{}:
			default:
			}
			return true, nil
		},
	}})
	week := uint32(7 * 24 * 3600)
	if _, err := client.Connect(t.Context(), &paho.Connect{ClientID: "store", KeepAlive: 30, Properties: &paho.ConnectProperties{SessionExpiryInterval: &week}}); err != nil {
		t.Fatal(err)
	}
	for { // its packet id may be in use by what is sent again
		ack, err := client.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "a/#", QoS: 1}}})
		if err == nil {
			return client, conn
		}
		if ack == nil {
			t.Fatal(err)
		}
	}
}

func (l *tally) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.seen)
}

func (l *tally) awaitMore(t *testing.T, n int) { t.Helper(); l.await(t, l.len()+n) }

func (l *tally) await(t *testing.T, n int) {
	t.Helper()
	late := time.After(patience)
	for l.len() < n {
		select {
		case <-l.more:
		case <-late:
			t.Fatalf("%d messages of %d have come", l.len(), n)
		}
	}
}

func TestDrainingTakesNothingMoreAndWaitsForWhatWasTaken(t *testing.T) {
	b := start(t)
	b.Await("store")
	got := newTally()
	store, _ := got.subscribe(t, b)
	defer disconnect(store)
	publisher, _, _ := connect(t, b, "publisher")
	for n := range 100 {
		publish(t, publisher, "a/b", fmt.Sprint(n), false)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if left := b.Drain(ctx); left != 0 || got.len() != 100 {
		t.Errorf("%d left, %d stored", left, got.len())
	}
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := publisher.Publish(short, &paho.Publish{Topic: "a/b", QoS: 1, Payload: []byte("late")}); err == nil {
		t.Error("a message was taken after all")
	}
	b.Await("store")
	got.await(t, 101)
}

func TestDrainingSaysWhatWasNotTaken(t *testing.T) {
	b := start(t)
	b.Await("store")
	conn, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	store := paho.NewClient(paho.ClientConfig{PacketTimeout: patience, Conn: conn, EnableManualAcknowledgment: true}) // and it acknowledges nothing
	if _, err := store.Connect(t.Context(), &paho.Connect{ClientID: "store", KeepAlive: 30}); err != nil {
		t.Fatal(err)
	}
	defer disconnect(store)
	subscribe(t, store, "a/#")
	publisher, _, _ := connect(t, b, "publisher")
	publish(t, publisher, "a/b", "1", false)
	publish(t, publisher, "a/b", "2", false)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // in which the second comes to the session
	defer cancel()
	if left := b.Drain(ctx); left != 2 {
		t.Errorf("%d left", left)
	}
}

// What a client has given up is not taken later: it will send it again.
func TestAMessageOfAClientThatDidNotWaitIsNotTaken(t *testing.T) {
	b := start(t)
	b.Await("store")
	impatient, _, _ := connect(t, b, "impatient")
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := impatient.Publish(short, &paho.Publish{Topic: "a/b", QoS: 1, Payload: []byte("given up")}); err == nil {
		t.Fatal("a message was taken that nobody stores")
	}
	disconnect(impatient)
	_, _, _ = connect(t, b, "impatient") // the old connection has ended by now
	got := newTally()
	store, _ := got.subscribe(t, b)
	defer disconnect(store)
	publisher, _, _ := connect(t, b, "publisher")
	publish(t, publisher, "a/b", "another", false)
	got.await(t, 1)
	if !got.seen["a/banother"] {
		t.Errorf("got %v", got.seen)
	}
}

func TestTheSessionOfADismissedSubscriberEnds(t *testing.T) {
	b := start(t)
	b.Await("store")
	got := newTally()
	store, _ := got.subscribe(t, b)
	publisher, _, _ := connect(t, b, "publisher")
	disconnect(store)
	b.Await()
	publish(t, publisher, "a/b", "nobody", false) // is not held up
	publish(t, publisher, "c", "", false)         // when this is acknowledged, the one before is where it goes
	if dropped := b.Dismiss(); dropped != 1 {
		t.Errorf("%d messages were dropped", dropped)
	}
	store, _ = got.subscribe(t, b)
	defer disconnect(store)
	publish(t, publisher, "a/b", "somebody", false)
	got.await(t, 1)
	if got.seen["a/bnobody"] {
		t.Error("the session has gone on")
	}
}

// A client that comes anew while its message waits is the one that gets what is for it.
func TestAClientThatComesAnewIsNotTakenForTheOldOne(t *testing.T) {
	b := start(t)
	b.Await("store")
	others, _, _ := connect(t, b, "others")
	for n := range 300 {
		conn, err := net.Dial("tcp", b.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		old := paho.NewClient(paho.ClientConfig{PacketTimeout: patience, Conn: conn})
		if _, err := old.Connect(t.Context(), &paho.Connect{ClientID: fmt.Sprint("again-", n), KeepAlive: 30, CleanStart: true}); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, _ = old.Publish(short, &paho.Publish{Topic: "a/b", QoS: 1}) // is held up
		cancel()
		again, err := net.Dial("tcp", b.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan struct{}, 1)
		anew := paho.NewClient(paho.ClientConfig{PacketTimeout: patience, Conn: again, OnPublishReceived: []func(paho.PublishReceived) (bool, error){
			func(paho.PublishReceived) (bool, error) { got <- struct{}{}; return true, nil },
		}})
		if _, err := anew.Connect(t.Context(), &paho.Connect{ClientID: fmt.Sprint("again-", n), KeepAlive: 30, CleanStart: true}); err != nil {
			t.Fatal(err)
		}
		<-old.Done()
		subscribe(t, anew, "x")
		if _, err := others.Publish(t.Context(), &paho.Publish{Topic: "x"}); err != nil {
			t.Fatal(err)
		}
		select {
		case <-got:
		case <-time.After(patience):
			t.Fatalf("round %d: nothing has come", n)
		}
		disconnect(anew)
	}
}

// The will of a client that did not wait is sent, as of any that is lost.
func TestAClientThatDidNotWaitHasItsWill(t *testing.T) {
	b := start(t)
	watcher, messages, _ := connect(t, b, "watcher")
	subscribe(t, watcher, "will")
	b.Await("store")
	conn, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client := paho.NewClient(paho.ClientConfig{PacketTimeout: patience, Conn: conn})
	if _, err := client.Connect(t.Context(), &paho.Connect{ClientID: "mortal", KeepAlive: 30, CleanStart: true, WillMessage: &paho.WillMessage{Topic: "will", Payload: []byte("x"), QoS: 1}}); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := client.Publish(short, &paho.Publish{Topic: "a/b", QoS: 1}); err == nil {
		t.Fatal("a message was taken that nobody stores")
	}
	_ = conn.Close()
	<-client.Done()
	b.Await() // nobody is waited for any more
	if m := receive(t, messages); m.Topic != "will" {
		t.Errorf("got %v", m)
	}
}

// Those who wait do not take the room of the one that they wait for, and whoever comes
// again does not wait twice.
func TestThoseWhoWaitLeaveRoomForTheSubscriber(t *testing.T) {
	b := start(t)
	b.Await("store")
	for range 1100 {
		conn, err := net.Dial("tcp", b.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		client := paho.NewClient(paho.ClientConfig{PacketTimeout: patience, Conn: conn})
		if _, err := client.Connect(t.Context(), &paho.Connect{ClientID: "again", KeepAlive: 30, CleanStart: true}); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, _ = client.Publish(short, &paho.Publish{Topic: "a/b", QoS: 1}) // is not acknowledged
		cancel()
		_ = conn.Close()
		<-client.Done()
	}
	store, _ := newTally().subscribe(t, b)
	disconnect(store)
}

// Many that come at once under one client id end all the same, and leave no session behind
// that would be taken for that of the last.
func TestManyMayComeAtOnceUnderOneClientID(t *testing.T) {
	b := start(t)
	b.Await("store") // who publishes waits, and ends when the next one has come
	come := func() (*paho.Client, <-chan *paho.Publish, error) {
		conn, err := net.Dial("tcp", b.Addr().String())
		if err != nil {
			return nil, nil, err
		}
		messages := make(chan *paho.Publish, 1)
		client := paho.NewClient(paho.ClientConfig{PacketTimeout: patience, Conn: conn, OnPublishReceived: []func(paho.PublishReceived) (bool, error){
			func(p paho.PublishReceived) (bool, error) { messages <- p.Packet; return true, nil },
		}})
		_, err = client.Connect(t.Context(), &paho.Connect{ClientID: "again", KeepAlive: 30, CleanStart: true})
		return client, messages, err
	}
	for range 50 {
		var coming sync.WaitGroup
		for range 8 {
			coming.Go(func() {
				client, _, err := come()
				if err != nil {
					return // the next one was quicker
				}
				short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				defer cancel()
				_, _ = client.Publish(short, &paho.Publish{Topic: "a/b", QoS: 1}) // is not acknowledged
				disconnect(client)
			})
		}
		coming.Wait()
	}
	client, messages, err := come()
	if err != nil {
		t.Fatal(err)
	}
	defer disconnect(client)
	b.Await()
	subscribe(t, client, "x")
	publish(t, client, "x", "for the last", false)
	receive(t, messages)
}
