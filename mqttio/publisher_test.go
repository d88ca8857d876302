package mqttio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestASnapshotIsPublishedUntilItIsConfirmed(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	other := connect(t, b, "other", "t/#")
	o := newOutbox(pending("a", 1))
	p := newTestPublisher(t, testConfig(), url, o)
	start(t, p.Run)
	eventually(t, "the snapshot for the third time", func() bool { return other.times("ns/a@1") >= 3 })
	if err := o.Confirm(t.Context(), []string{"ns/a@1"}); err != nil {
		t.Fatal(err)
	}
	o.add(pending("a", 2))
	eventually(t, "the next snapshot", func() bool { return other.times("ns/a@2") >= 2 })
	before := other.times("ns/a@1")
	o.add(pending("a", 3))
	eventually(t, "the one after that", func() bool { return other.times("ns/a@3") >= 2 })
	if other.times("ns/a@1") != before {
		t.Error("a snapshot that is confirmed is published again")
	}
	if n := testutil.ToFloat64(p.counts.again); n < 3 {
		t.Errorf("%v snapshots were published again, at least 3 were", n)
	}
	m := other.all()[0]
	if m.Topic != "t/ns/a" || m.QoS != 1 || (spoken != Version311 && m.Properties.ContentType != "application/json") {
		t.Errorf("it was published as %v", m)
	}
}

func TestWhatNobodyHeardIsPublishedAgainWhenOurSubscriptionStands(t *testing.T) {
	_, url, _ := startBroker(t, "127.0.0.1:0")
	o := newOutbox()
	o.add(pending("a", 1))
	kept := &store{}
	options := subscriberOptions(url, kept)
	options.Confirm = o.Confirm
	s := newTestSubscriber(t, testConfig(), options)
	p, err := NewPublisher(testConfig(), PublisherOptions{
		Outbox: o, Again: s.Subscribed(), Log: slog.New(slog.DiscardHandler), Broker: url, ClientID: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	p.link.pace = quick()
	p.link.pace.publish, p.link.pace.publishMost = time.Hour, time.Hour
	start(t, p.Run)
	eventually(t, "the first attempt", func() bool { return published(p) > 0 })
	start(t, s.Run)
	eventually(t, "an empty outbox", func() bool { return o.len() == 0 })
}

// published is how many attempts a broker took.
func published(p *Publisher) float64 {
	return testutil.ToFloat64(p.counts.published.WithLabelValues(resultAccepted)) +
		testutil.ToFloat64(p.counts.published.WithLabelValues(resultNoSubscribers))
}

func TestOnlyTheNewestSnapshotOfATopicIsRetained(t *testing.T) {
	old, newer, newest := pending("a", 1), pending("b", 2), pending("a", 3)
	newer.NewestOfRepository = true
	newest.NewestOfRepository, newest.NewestOfAll = true, true
	for name, test := range map[string]struct {
		change func(*Config)
		want   map[string]string // what a later subscriber gets, by topic
	}{
		"with a topic for each repository": {func(*Config) {}, map[string]string{"t/ns/a": "ns/a@3", "t/ns/b": "ns/b@2"}},
		"with one topic":                   {func(c *Config) { c.TopicPerRepository = false }, map[string]string{"t": "ns/a@3"}},
		"not at all when that is off":      {func(c *Config) { c.Retain = false }, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			b, url, _ := startBroker(t, "127.0.0.1:0")
			o := newOutbox(old, newer, newest)
			cfg := testConfig()
			test.change(&cfg)
			first := connect(t, b, "first", "t/#")
			p := newTestPublisher(t, cfg, url, o)
			p.link.pace.publish, p.link.pace.publishMost = time.Hour, time.Hour
			start(t, p.Run)
			eventually(t, "all three", func() bool { return len(first.all()) >= 3 })
			late := connect(t, b, "late", "#") // the embedded broker does not replay "t" for "t/#"
			o.add(pending("z", 9))             // marks the end of what is retained
			eventually(t, "the mark", func() bool { return late.times("ns/z@9") == 1 })
			// The embedded broker sends what is retained behind its answer, beside the mark.
			eventually(t, fmt.Sprint("retained are ", test.want), func() bool {
				got := map[string]string{}
				for _, m := range late.all() {
					if m.Retain && strings.HasPrefix(m.Topic, "t") {
						got[m.Topic] = string(m.Payload)
					}
				}
				return maps.Equal(got, test.want)
			})
		})
	}
}

func TestAnAcknowledgementSaysWhetherTheBrokerKeepsTheSnapshot(t *testing.T) {
	for name, test := range map[string]struct {
		retain bool
		code   byte
		want   bool
	}{
		"retained":                   {true, codeNoSubscribers, true},
		"heard":                      {false, 0, true},
		"neither heard nor retained": {false, codeNoSubscribers, false},
	} {
		t.Run(name, func(t *testing.T) {
			url := fakeBroker(t, func(p *packets.ControlPacket) *packets.ControlPacket {
				switch p.Content.(type) {
				case *packets.Connect:
					return connack(0, nil)
				case *packets.Publish:
					return puback(p, test.code)
				}
				return nil
			})
			snapshot := pending("a", 1)
			snapshot.NewestOfRepository = true
			o := newOutbox(snapshot)
			cfg := testConfig()
			cfg.Retain = test.retain
			acknowledged := make(chan Acknowledgement, 1)
			p, err := NewPublisher(cfg, PublisherOptions{
				Outbox: o, Log: slog.New(slog.DiscardHandler), Broker: url, ClientID: "test",
				Acknowledged: func(ctx context.Context, a Acknowledgement) error {
					acknowledged <- a
					return o.Confirm(ctx, []string{a.ID})
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			start(t, p.Run)
			if a := <-acknowledged; a.ID != snapshot.ID || a.Topic != "t/ns/a" || a.Kept != test.want {
				t.Errorf("acknowledged: %+v", a)
			}
			eventually(t, "an empty outbox", func() bool { return o.len() == 0 })
		})
	}
}

func TestAnAcknowledgementThatCannotBeKeptIsAState(t *testing.T) {
	_, url, _ := startBroker(t, "127.0.0.1:0")
	p, err := NewPublisher(testConfig(), PublisherOptions{
		Outbox: newOutbox(pending("a", 1)), Log: slog.New(slog.DiscardHandler), Broker: url, ClientID: "test",
		Acknowledged: func(context.Context, Acknowledgement) error { return errors.New("the disk is full") },
	})
	if err != nil {
		t.Fatal(err)
	}
	start(t, p.Run)
	eventually(t, "the reason in the state", func() bool { return strings.Contains(p.State().Err, "the disk is full") })
}

func TestSnapshotsOfOneTopicKeepTheirOrder(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	other := connect(t, b, "other", "t/#")
	o := newOutbox()
	for slot := range 40 {
		o.add(pending("a", slot+1), pending("b", slot+1))
	}
	p := newTestPublisher(t, testConfig(), url, o)
	p.link.pace.publish, p.link.pace.publishMost = time.Hour, time.Hour
	start(t, p.Run)
	eventually(t, "all", func() bool { return len(other.all()) >= 80 })
	last := map[string]string{}
	want := map[string]int{}
	for _, m := range other.all() {
		want[m.Topic]++
		if got := string(m.Payload); got != pending(m.Topic[len("t/ns/"):], want[m.Topic]).ID {
			t.Fatalf("%s follows %s on %s", got, last[m.Topic], m.Topic)
		}
		last[m.Topic] = string(m.Payload)
	}
}

func TestAnOutboxThatFailsIsAState(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	other := connect(t, b, "other", "t/#")
	o := newOutbox(pending("a", 1))
	o.fail(errors.New("the database is locked"))
	p := newTestPublisher(t, testConfig(), url, o)
	start(t, p.Run)
	eventually(t, "the error", func() bool { return strings.Contains(p.State().Err, "the database is locked") })
	o.fail(nil)
	eventually(t, "the snapshot", func() bool { return other.times("ns/a@1") > 0 })
	eventually(t, "a state without an error", func() bool { return p.State().Err == "" })
}

func TestTheScheduleDoublesUpToItsBound(t *testing.T) {
	s := newSchedule(30*time.Second, time.Hour)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	snapshot := pending("a", 1)
	var pauses []time.Duration
	for range 10 {
		s.begin()
		if due, _ := s.due(snapshot, "t", now); !due {
			t.Fatalf("after %v it is not due", pauses)
		}
		s.end()
		s.tried(snapshot.ID, now, "", false)
		next, _ := s.next()
		if due, _ := s.due(snapshot, "t", next.Add(-1)); due {
			t.Error("it is due too early")
		}
		pauses = append(pauses, next.Sub(now))
		now = next
	}
	want := []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour, time.Hour}
	for i := range want {
		if pauses[i] != want[i] {
			t.Fatalf("the pauses are %v", pauses)
		}
	}
	s.hurry()
	if due, again := s.due(snapshot, "t", now.Add(-time.Hour)); !due || !again {
		t.Error("on a new connection it is not due at once")
	}
	s.begin()
	s.end()
	if _, ok := s.next(); ok {
		t.Error("what is not pending any more is not forgotten")
	}
}

func TestTheScheduleKnowsWhatTheBrokerSaid(t *testing.T) {
	s := newSchedule(time.Second, time.Second)
	now := time.Now()
	for _, name := range []string{"c", "b", "a"} {
		s.due(pending(name, 1), "t/"+name, now)
	}
	s.tried("ns/a@1", now, "", true)
	s.tried("ns/c@1", now, "forbidden", false)
	s.tried("ns/b@1", now, "forbidden too", false)
	s.tried("ns/unknown@1", now, "x", false)
	if id, why := s.refused(); id != "ns/b@1" || why != "forbidden too" {
		t.Errorf("refused is %s: %s", id, why)
	}
	if topic := s.unheard(); topic != "t/a" {
		t.Errorf("nobody hears %s", topic)
	}
	s.tried("ns/b@1", now, "", false)
	s.tried("ns/c@1", now, "", false)
	s.tried("ns/a@1", now, "", false)
	if _, why := s.refused(); why != "" || s.unheard() != "" {
		t.Error("what was mended is still said")
	}
}
