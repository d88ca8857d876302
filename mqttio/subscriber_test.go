package mqttio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"pulltrail/internal/document"
)

func TestAPublishedSnapshotIsStoredAndConfirmed(t *testing.T) {
	_, url, _ := startBroker(t, "127.0.0.1:0")
	o := newOutbox(pending("a", 1), pending("a", 2), pending("b", 2))
	kept := &store{}
	opts := subscriberOptions(url, kept)
	opts.Confirm = o.Confirm
	s := newTestSubscriber(t, testConfig(), opts)
	start(t, s.Run)
	ready(t, s)
	p := newTestPublisher(t, testConfig(), url, o)
	start(t, p.Run)
	eventually(t, "an empty outbox", func() bool { return o.len() == 0 })
	o.add(pending("b", 3))
	eventually(t, "an empty outbox again", func() bool { return o.len() == 0 })
	for _, m := range kept.all() {
		id := string(m.Payload)
		name, _, _ := strings.Cut(id, "@")
		if want := "t/" + name; m.Topic != want || m.Received.Location() != time.UTC {
			t.Errorf("%s came to %s at %v, want %s", id, m.Topic, m.Received, want)
		}
	}
	for _, id := range []string{"ns/a@1", "ns/a@2", "ns/b@2", "ns/b@3"} {
		if kept.times(id) == 0 {
			t.Errorf("%s is not stored", id)
		}
	}
	for _, state := range []State{p.State(), s.State()} {
		if !state.Connected || state.Err != "" || state.Since.IsZero() {
			t.Errorf("the state is %+v", state)
		}
	}
}

func TestAMessageIsAcknowledgedOnlyWhenItIsStored(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	kept := &store{}
	kept.fail(errors.New("the disk is full"))
	book := &logbook{}
	opts := subscriberOptions(url, kept)
	opts.Log = book.logger()
	registry := prometheus.NewRegistry()
	opts.Registerer = registry
	s := newTestSubscriber(t, testConfig(), opts)
	s.link.pace.drain = time.Millisecond
	stop := start(t, s.Run)
	ready(t, s)
	connect(t, b, "other").publish(t, "t/x", "one")
	eventually(t, "some attempts", func() bool { return kept.failed() > 5 })
	if state := s.State(); !state.Connected || !strings.Contains(state.Err, "the disk is full") {
		t.Errorf("the state is %+v", state)
	}
	if n := book.count("cannot store messages"); n != 1 {
		t.Errorf("one state is logged %d times", n)
	}
	if n := testutil.ToFloat64(s.counts.acknowledged); n != 0 {
		t.Errorf("%v messages are acknowledged that are not stored", n)
	}
	stop()
	if kept.times("one") != 0 {
		t.Error("the message was stored by a store that fails")
	}
	kept.fail(nil)
	s = newTestSubscriber(t, testConfig(), subscriberOptions(url, kept))
	start(t, s.Run)
	eventually(t, "the message that was not acknowledged", func() bool { return kept.times("one") == 1 })
	eventually(t, "the acknowledgement", func() bool { return testutil.ToFloat64(s.counts.acknowledged) == 1 })
	if state := s.State(); state.Err != "" {
		t.Errorf("the state is %+v", state)
	}
}

func TestAStoreThatFailsForAWhileGetsEveryMessageOnce(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	kept := &store{}
	kept.fail(errors.New("the disk is full"))
	s := newTestSubscriber(t, testConfig(), subscriberOptions(url, kept))
	start(t, s.Run)
	ready(t, s)
	other := connect(t, b, "other")
	const n = 200
	for i := range n {
		other.publish(t, "t/x", fmt.Sprint(i))
	}
	eventually(t, "some attempts", func() bool { return kept.failed() > 5 })
	kept.fail(nil)
	eventually(t, "all messages", func() bool { return len(kept.all()) >= n })
	for i, m := range kept.all() {
		if string(m.Payload) != fmt.Sprint(i) {
			t.Fatalf("message %d is %s: repeated, or out of order", i, m.Payload)
		}
	}
	eventually(t, "a state without an error", func() bool { return s.State().Err == "" })
}

func TestWhatIsPublishedWhileTheSubscriberIsAwayIsStoredLater(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	kept := &store{}
	s := newTestSubscriber(t, testConfig(), subscriberOptions(url, kept))
	stop := start(t, s.Run)
	ready(t, s)
	stop()
	other := connect(t, b, "other")
	for i := range 100 {
		other.publish(t, "t/x", fmt.Sprint(i))
	}
	// The embedded broker acknowledges a message before it puts it into sessions, and
	// loses one that a session misses by coming back in between.
	other.publish(t, "elsewhere", "when this is acknowledged, those before are there")
	s = newTestSubscriber(t, testConfig(), subscriberOptions(url, kept))
	start(t, s.Run)
	eventually(t, "all messages", func() bool { return kept.distinct() == 100 })
}

func TestMessagesThatArriveTogetherAreStoredTogether(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	kept := &store{entered: make(chan struct{}), release: make(chan struct{})}
	s := newTestSubscriber(t, testConfig(), subscriberOptions(url, kept))
	start(t, s.Run)
	ready(t, s)
	other := connect(t, b, "other")
	other.publish(t, "t/x", "first")
	<-kept.entered // the store is busy with the first
	for i := range 500 {
		other.publish(t, "t/x", fmt.Sprint(i))
	}
	eventually(t, "everything in the queue", func() bool { n, _ := s.queue.size(); return n == 501 })
	close(kept.release)
	go func() { <-kept.entered }()
	eventually(t, "all messages", func() bool { return len(kept.all()) == 501 })
	kept.mu.Lock()
	defer kept.mu.Unlock()
	if len(kept.calls) != 2 {
		t.Errorf("501 messages are stored in batches of %v", kept.calls)
	}
}

func TestAPoisonedMessageBecomesADeadLetterAndTheOthersGoOn(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	kept, dead := &store{}, &letters{}
	dead.fail(errors.New("too many"))
	opts := subscriberOptions(url, kept)
	opts.DeadLetters = dead
	s := newTestSubscriber(t, testConfig(), opts)
	start(t, s.Run)
	ready(t, s)
	other := connect(t, b, "other")
	for _, payload := range []string{"good 1", "bad", "bad", "good 2"} {
		other.publish(t, "t/x", payload)
	}
	eventually(t, "an error", func() bool { return strings.Contains(s.State().Err, "too many") })
	dead.fail(nil)
	eventually(t, "the good ones", func() bool { return kept.times("good 1") == 1 && kept.times("good 2") == 1 })
	eventually(t, "four acknowledgements", func() bool { return testutil.ToFloat64(s.counts.acknowledged) == 4 })
	all := dead.all()
	if len(all) != 1 {
		t.Fatalf("one message that came twice is %d letters", len(all))
	}
	l := all[0]
	if l.Sink != "history" || l.Log != "mqtt" || l.Topic != "t/x" || string(l.Payload) != "bad" ||
		l.Reason != "is not a JSON object" || l.At.IsZero() || l.Position == 0 || l.Position > 1<<63-1 {
		t.Errorf("the letter is %+v", l)
	}
}

func TestAMessageAboveTheBoundBecomesADeadLetter(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	kept, dead := &store{}, &letters{}
	cfg := testConfig()
	cfg.MaxPayload = 100_000
	opts := subscriberOptions(url, kept)
	opts.Name, opts.DeadLetters = "documents", dead
	s := newTestSubscriber(t, cfg, opts)
	start(t, s.Run)
	ready(t, s)
	other := connect(t, b, "other")
	fits, large := strings.Repeat("x", 100_000), strings.Repeat("y", 100_001)
	other.publish(t, "t/x", large)
	other.publish(t, "t/x", fits)
	eventually(t, "the one that fits", func() bool { return kept.times(fits) == 1 })
	all := dead.all()
	if len(all) != 1 {
		t.Fatalf("there are %d letters", len(all))
	}
	l := all[0]
	if l.Sink != "journal" || !bytes.Equal(l.Payload, []byte(large[:64<<10])) ||
		!strings.Contains(l.Reason, "100001 bytes") || !strings.Contains(l.Reason, "mqtt.max_payload (100000)") || !strings.Contains(l.Reason, "first 65536") {
		t.Errorf("the letter has %d bytes: %s, %s", len(l.Payload), l.Sink, l.Reason)
	}
	if kept.times(large) != 0 {
		t.Error("it is stored too")
	}
}

func TestAnEmptyMessageIsAcknowledgedAndIsNoDeadLetter(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	if err := b.Retain("t/x", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"snapshots", "documents"} {
		t.Run(name, func(t *testing.T) {
			kept, dead := &store{}, &letters{}
			opts := subscriberOptions(url, kept)
			opts.Name, opts.DeadLetters, opts.ClientID = name, dead, "test-"+name
			s := newTestSubscriber(t, testConfig(), opts)
			start(t, s.Run)
			ready(t, s)
			other := connect(t, b, "other-"+name)
			if _, err := other.Publish(t.Context(), &paho.Publish{Topic: "t/x", QoS: 1, Retain: true}); err != nil {
				t.Fatal(err)
			}
			other.publish(t, "t/x", "after")
			eventually(t, "the message after it", func() bool { return kept.times("after") == 1 })
			eventually(t, "its acknowledgement", func() bool {
				return testutil.ToFloat64(s.counts.acknowledged) == testutil.ToFloat64(s.counts.received)
			})
			if n := testutil.ToFloat64(s.counts.empty); n != 1 || kept.times("") != 0 || len(dead.all()) != 0 {
				t.Errorf("%v empty messages; %d are stored, %d are dead letters", n, kept.times(""), len(dead.all()))
			}
		})
	}
}

func TestAMessageOfAnotherSubscriberIsAcknowledgedAndPassedOver(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	kept := &store{}
	opts := subscriberOptions(url, kept)
	opts.Filters = []string{"t/x", "#", "t/#"}
	opts.Accept = func(topic string) bool { return topic == "t/x" }
	registry := prometheus.NewRegistry()
	opts.Registerer = registry
	s := newTestSubscriber(t, testConfig(), opts)
	start(t, s.Run)
	ready(t, s)
	other := connect(t, b, "other")
	other.publish(t, "elsewhere", "not ours")
	other.publish(t, "t/x", "ours")
	eventually(t, "two acknowledgements", func() bool { return testutil.ToFloat64(s.counts.acknowledged) == 2 })
	if kept.times("ours") != 1 || kept.times("not ours") != 0 {
		t.Errorf("stored are %v", kept.all())
	}
	const want = `
		# HELP pulltrail_mqtt_acknowledged_messages_total Messages that were acknowledged to the broker.
		# TYPE pulltrail_mqtt_acknowledged_messages_total counter
		pulltrail_mqtt_acknowledged_messages_total{session="snapshots"} 2
		# HELP pulltrail_mqtt_connected Whether the broker has accepted the session: 1 or 0.
		# TYPE pulltrail_mqtt_connected gauge
		pulltrail_mqtt_connected{session="snapshots"} 1
		# HELP pulltrail_mqtt_passed_over_messages_total Messages that no route of this session takes.
		# TYPE pulltrail_mqtt_passed_over_messages_total counter
		pulltrail_mqtt_passed_over_messages_total{session="snapshots"} 1
		# HELP pulltrail_mqtt_received_messages_total Messages that were received, those sent again included.
		# TYPE pulltrail_mqtt_received_messages_total counter
		pulltrail_mqtt_received_messages_total{session="snapshots"} 2
	`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "pulltrail_mqtt_acknowledged_messages_total",
		"pulltrail_mqtt_connected", "pulltrail_mqtt_passed_over_messages_total", "pulltrail_mqtt_received_messages_total"); err != nil {
		t.Error(err)
	}
}

func TestARetainedMessageIsKnownAsOne(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	if err := b.Retain("t/x", []byte("old")); err != nil {
		t.Fatal(err)
	}
	kept := &store{}
	s := newTestSubscriber(t, testConfig(), subscriberOptions(url, kept))
	start(t, s.Run)
	eventually(t, "the retained message", func() bool { return kept.times("old") == 1 })
	connect(t, b, "other").publish(t, "t/x", "new")
	eventually(t, "the new message", func() bool { return kept.times("new") == 1 })
	for _, m := range kept.all() {
		if m.Retained != (string(m.Payload) == "old") {
			t.Errorf("%s: retained is %v", m.Payload, m.Retained)
		}
	}
}

func TestAFullQueueHoldsBackAndLosesNothing(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	kept := &store{}
	kept.fail(errors.New("the disk is full"))
	s := newTestSubscriber(t, testConfig(), subscriberOptions(url, kept))
	s.queue.maxBytes = 10 * (1000 + itemOverhead)
	start(t, s.Run)
	ready(t, s)
	other := connect(t, b, "other")
	const n = 100
	for i := range n {
		other.publish(t, "t/x", fmt.Sprintf("%0900d", i))
	}
	eventually(t, "a full queue", func() bool { n, _ := s.queue.size(); return n >= 10 })
	eventually(t, "some attempts", func() bool { return kept.failed() > 5 })
	if n, bytes := s.queue.size(); bytes > s.queue.maxBytes {
		t.Errorf("the queue has %d messages with %d bytes", n, bytes)
	}
	if !s.State().Connected {
		t.Errorf("the state is %+v", s.State())
	}
	kept.fail(nil)
	eventually(t, "everything", func() bool { return kept.distinct() == n })
	eventually(t, "an empty queue", func() bool { n, bytes := s.queue.size(); return n == 0 && bytes == 0 })
	if len(kept.all()) != n {
		t.Errorf("%d messages were stored %d times", n, len(kept.all()))
	}
}

func TestASubscriberWithAFullQueueStops(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	kept := &store{}
	kept.fail(errors.New("the disk is full"))
	s := newTestSubscriber(t, testConfig(), subscriberOptions(url, kept))
	s.queue.maxMessages = 2
	s.link.pace.drain = time.Millisecond
	stop := start(t, s.Run)
	ready(t, s)
	other := connect(t, b, "other")
	for i := range 10 {
		other.publish(t, "t/x", fmt.Sprint(i))
	}
	eventually(t, "one that waits", func() bool { return testutil.ToFloat64(s.counts.received) == 3 })
	stop()
	kept.fail(nil)
	start(t, newTestSubscriber(t, testConfig(), subscriberOptions(url, kept)).Run)
	eventually(t, "everything", func() bool { return kept.distinct() == 10 })
}

func TestASubscriberStoresWhatItHasBeforeItStops(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	kept := &store{entered: make(chan struct{}, 10), release: make(chan struct{})}
	s := newTestSubscriber(t, testConfig(), subscriberOptions(url, kept))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	ready(t, s)
	other := connect(t, b, "other")
	other.publish(t, "t/x", "one")
	<-kept.entered
	other.publish(t, "t/x", "two")
	eventually(t, "both in the queue", func() bool { n, _ := s.queue.size(); return n == 2 })
	cancel()
	close(kept.release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if kept.times("one") != 1 || kept.times("two") != 1 || testutil.ToFloat64(s.counts.acknowledged) != 2 {
		t.Errorf("stored are %v, acknowledged %v", kept.all(), testutil.ToFloat64(s.counts.acknowledged))
	}
	if s.State().Connected {
		t.Error("it is still connected")
	}
}

func TestAConfirmationThatFailsIsAStateAndNotFatal(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	kept := &store{}
	opts := subscriberOptions(url, kept)
	fails := true
	opts.Confirm = func(context.Context, []string) error {
		if fails { // only the store loop calls it
			fails = false
			return errors.New("the outbox is away")
		}
		return nil
	}
	s := newTestSubscriber(t, testConfig(), opts)
	start(t, s.Run)
	ready(t, s)
	other := connect(t, b, "other")
	other.publish(t, "t/x", "one")
	eventually(t, "the error", func() bool { return strings.Contains(s.State().Err, "the outbox is away") })
	eventually(t, "the acknowledgement", func() bool { return testutil.ToFloat64(s.counts.acknowledged) == 1 })
	other.publish(t, "t/x", "two")
	eventually(t, "a state without an error", func() bool { return s.State().Err == "" })
}

func TestTheSameMessageHasTheSameFingerprint(t *testing.T) {
	m := document.Message{Topic: "a", Payload: []byte("bc")}
	again := document.Message{Topic: "a", Payload: []byte("bc"), Retained: true, Received: time.Now()}
	if fingerprint(m) != fingerprint(again) {
		t.Error("a message that is received again has another fingerprint")
	}
	if fingerprint(m) == fingerprint(document.Message{Topic: "ab", Payload: []byte("c")}) {
		t.Error("two messages have one fingerprint")
	}
}

func TestASubscriberWithoutAFilterOrANameIsRefused(t *testing.T) {
	opts := subscriberOptions("mqtt://localhost:1", &store{})
	opts.Filters = nil
	if _, err := NewSubscriber(testConfig(), opts); err == nil {
		t.Error("a subscriber without a filter is made")
	}
	opts = subscriberOptions("mqtt://localhost:1", &store{})
	opts.Name = "other"
	if _, err := NewSubscriber(testConfig(), opts); err == nil {
		t.Error("a subscriber of something else is made")
	}
}
