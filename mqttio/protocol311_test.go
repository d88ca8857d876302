package mqttio

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"pulltrail/internal/secret"
)

// TestMQTT311 repeats in MQTT 3.1.1 what the other tests hold for MQTT 5.
func TestMQTT311(t *testing.T) {
	spoken = Version311
	defer func() { spoken = VersionAuto }()
	for name, test := range map[string]func(*testing.T){
		"a broker that comes later is caught up with":                       TestABrokerThatComesLaterIsCaughtUpWith,
		"a broker that goes and comes back is caught up with":               TestABrokerThatGoesAndComesBackIsCaughtUpWith,
		"TLS verifies the broker":                                           TestTLSVerifiesTheBroker,
		"a snapshot is published until it is confirmed":                     TestASnapshotIsPublishedUntilItIsConfirmed,
		"what nobody heard is published again when our subscription stands": TestWhatNobodyHeardIsPublishedAgainWhenOurSubscriptionStands,
		"only the newest snapshot of a topic is retained":                   TestOnlyTheNewestSnapshotOfATopicIsRetained,
		"snapshots of one topic keep their order":                           TestSnapshotsOfOneTopicKeepTheirOrder,
		"an outbox that fails is a state":                                   TestAnOutboxThatFailsIsAState,
		"a published snapshot is stored and confirmed":                      TestAPublishedSnapshotIsStoredAndConfirmed,
		"a message is acknowledged only when it is stored":                  TestAMessageIsAcknowledgedOnlyWhenItIsStored,
		"a store that fails for a while gets every message once":            TestAStoreThatFailsForAWhileGetsEveryMessageOnce,
		"what is published while the subscriber is away is stored later":    TestWhatIsPublishedWhileTheSubscriberIsAwayIsStoredLater,
		"messages that arrive together are stored together":                 TestMessagesThatArriveTogetherAreStoredTogether,
		"a poisoned message becomes a dead letter and the others go on":     TestAPoisonedMessageBecomesADeadLetterAndTheOthersGoOn,
		"a message above the bound becomes a dead letter":                   TestAMessageAboveTheBoundBecomesADeadLetter,
		"a message of another subscriber is acknowledged and passed over":   TestAMessageOfAnotherSubscriberIsAcknowledgedAndPassedOver,
		"a retained message is known as one":                                TestARetainedMessageIsKnownAsOne,
		"the status says whether the process is there":                      TestTheStatusSaysWhetherTheProcessIsThere,
		"a status is not stored":                                            TestAStatusIsNotStored,
		"WebSockets carry it too":                                           TestWebSocketsCarryItToo,
		"a full queue holds back and loses nothing":                         TestAFullQueueHoldsBackAndLosesNothing,
		"a subscriber with a full queue stops":                              TestASubscriberWithAFullQueueStops,
		"a subscriber stores what it has before it stops":                   TestASubscriberStoresWhatItHasBeforeItStops,
		"a confirmation that fails is a state and not fatal":                TestAConfirmationThatFailsIsAStateAndNotFatal,
	} {
		t.Run(name, test)
	}
}

// fake311 answers packets of MQTT 3.1.1 as a test says, one connection at a time.
func fake311(t *testing.T, answer func(mqtt.ControlPacket) mqtt.ControlPacket) (url string) {
	t.Helper()
	return serveEach(t, func(c net.Conn) {
		for {
			packet, err := mqtt.ReadPacket(c)
			if err != nil {
				return
			}
			if reply := answer(packet); reply != nil && reply.Write(c) != nil {
				return
			}
		}
	})
}

func connack311(code byte) mqtt.ControlPacket {
	p := mqtt.NewControlPacket(mqtt.Connack).(*mqtt.ConnackPacket)
	p.ReturnCode = code
	return p
}

func config311() Config {
	cfg := testConfig()
	cfg.Version = Version311
	return cfg
}

func TestARefusedConnectionOfMQTT311NamesTheRemedy(t *testing.T) {
	for code, want := range map[byte]string{1: "mqtt.version", 2: "mqtt.client_id", 3: "not available", 4: "mqtt.password", 5: "mqtt.status_topic"} {
		t.Run(fmt.Sprint("code ", code), func(t *testing.T) {
			url := fake311(t, func(mqtt.ControlPacket) mqtt.ControlPacket { return connack311(code) })
			p := newTestPublisher(t, config311(), url, newOutbox())
			start(t, p.Run)
			eventually(t, "the remedy", func() bool {
				return strings.Contains(p.State().Err, "refuses the connection") && strings.Contains(p.State().Err, want)
			})
		})
	}
}

func TestARefusedSubscriptionOfMQTT311NamesItsFilter(t *testing.T) {
	url := fake311(t, func(p mqtt.ControlPacket) mqtt.ControlPacket {
		switch p := p.(type) {
		case *mqtt.ConnectPacket:
			return connack311(0)
		case *mqtt.SubscribePacket:
			reply := mqtt.NewControlPacket(mqtt.Suback).(*mqtt.SubackPacket)
			reply.MessageID = p.MessageID
			for _, f := range p.Topics {
				if f == "secret/#" {
					reply.ReturnCodes = append(reply.ReturnCodes, 0x80)
				} else {
					reply.ReturnCodes = append(reply.ReturnCodes, 1)
				}
			}
			return reply
		}
		return nil
	})
	opts := subscriberOptions(url, &store{})
	opts.Filters = []string{"granted", "secret/#"}
	s := newTestSubscriber(t, config311(), opts)
	start(t, s.Run)
	eventually(t, "the error", func() bool { return strings.Contains(s.State().Err, "refuses the subscription of secret/#") })
}

func TestAConnectionOfMQTT311SaysWhoItIs(t *testing.T) {
	said := make(chan *mqtt.ConnectPacket, 100)
	url := fake311(t, func(p mqtt.ControlPacket) mqtt.ControlPacket {
		if c, ok := p.(*mqtt.ConnectPacket); ok {
			said <- c
			return connack311(0)
		}
		return nil
	})
	cfg := config311()
	cfg.Username, cfg.Password = "me", secret.New("hunter2")
	start(t, newTestSubscriber(t, cfg, subscriberOptions(url, &store{})).Run)
	c := <-said
	if c.ProtocolVersion != 4 || c.ClientIdentifier != "test" || c.CleanSession || c.Username != "me" || string(c.Password) != "hunter2" || c.WillFlag {
		t.Errorf("a subscriber says %v", c)
	}
	start(t, newTestPublisher(t, cfg, fake311(t, func(p mqtt.ControlPacket) mqtt.ControlPacket {
		if c, ok := p.(*mqtt.ConnectPacket); ok {
			said <- c
			return connack311(0)
		}
		return nil
	}), newOutbox()).Run)
	c = <-said
	if c.ClientIdentifier != "test-publisher" || !c.CleanSession || !c.WillFlag || c.WillQos != 1 || !c.WillRetain || c.WillTopic != "pulltrail/test/status" ||
		!bytes.Equal(c.WillMessage, []byte("offline")) {
		t.Errorf("a publisher says %v", c)
	}
}

func TestAPasswordWithoutAUserIsNothingForMQTT311(t *testing.T) {
	url := fake311(t, func(mqtt.ControlPacket) mqtt.ControlPacket { return connack311(0) })
	cfg := config311()
	cfg.Password = secret.New("hunter2")
	p := newTestPublisher(t, cfg, url, newOutbox())
	start(t, p.Run)
	eventually(t, "the remedy", func() bool { return strings.Contains(p.State().Err, "write mqtt.username") })
}

func TestTwoProcessesWithOneClientIDAreToldOfInMQTT311(t *testing.T) {
	_, url, _ := startBroker(t, "127.0.0.1:0")
	one := newTestSubscriber(t, config311(), subscriberOptions(url, &store{}))
	start(t, one.Run)
	ready(t, one)
	stopOther := start(t, newTestSubscriber(t, config311(), subscriberOptions(url, &store{})).Run)
	eventually(t, "the first suspects it", func() bool {
		return strings.Contains(one.State().Err, "maybe another client uses the id test") && strings.Contains(one.State().Err, "mqtt.client_id")
	})
	stopOther()
}

func TestAnAnswerThatIsMissingEndsTheConnectionOfMQTT311(t *testing.T) {
	var connections atomic.Int64
	url := fake311(t, func(p mqtt.ControlPacket) mqtt.ControlPacket {
		switch p := p.(type) {
		case *mqtt.ConnectPacket:
			connections.Add(1)
			return connack311(0)
		case *mqtt.PublishPacket:
			if connections.Load() > 1 {
				reply := mqtt.NewControlPacket(mqtt.Puback).(*mqtt.PubackPacket)
				reply.MessageID = p.MessageID
				return reply
			}
		}
		return nil
	})
	cfg := config311()
	cfg.StatusTopic = ""
	p := newTestPublisher(t, cfg, url, newOutbox(pending("a", 1)))
	p.link.pace.answer = 100 * time.Millisecond
	start(t, p.Run)
	eventually(t, "the answer on another connection", func() bool {
		return testutil.ToFloat64(p.counts.published.WithLabelValues(resultAccepted)) > 0
	})
}

// A publisher may be stuck in paho when the connection ends.
func TestAPublisherOfMQTT311GoesOnWhenItsConnectionEndsInTheMiddle(t *testing.T) {
	b, _, _ := startBroker(t, "127.0.0.1:0")
	front := newFront(t, b.Addr().String())
	o, kept := newOutbox(), &store{}
	for n := range 500 {
		o.add(pending(fmt.Sprint("r", n), 1))
	}
	opts := subscriberOptions("mqtt://"+b.Addr().String(), kept)
	opts.Confirm = o.Confirm
	s := newTestSubscriber(t, config311(), opts)
	start(t, s.Run)
	ready(t, s)
	p := newTestPublisher(t, config311(), "mqtt://"+front.addr, o)
	start(t, p.Run)
	for n := range 5 {
		eventually(t, "some more", func() bool { return kept.distinct() > n*50 })
		front.cut()
	}
	eventually(t, "an empty outbox", func() bool { return o.len() == 0 })
	if n := testutil.ToFloat64(p.link.counts.connections); n < 2 {
		t.Errorf("%v connections are counted", n)
	}
}

func TestAConnectionOfMQTT311ThatIsGivenUpInTheMiddleEndsAtOnce(t *testing.T) {
	url := fake311(t, func(mqtt.ControlPacket) mqtt.ControlPacket { return nil }) // never answers
	p := newTestPublisher(t, config311(), url, newOutbox())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	eventually(t, "the attempt", func() bool {
		p.link.mu.Lock()
		defer p.link.mu.Unlock()
		return p.link.conn != nil
	})
	cancel()
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("it goes on")
	}
}
