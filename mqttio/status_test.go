package mqttio

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
)

// last is the newest payload of a topic that a client has received.
func (c *client) last(topic string) (payload string) {
	for _, m := range c.all() {
		if m.Topic == topic {
			payload = string(m.Payload)
		}
	}
	return payload
}

func TestTheStatusSaysWhetherTheProcessIsThere(t *testing.T) {
	b, _, _ := startBroker(t, "127.0.0.1:0")
	front := newFront(t, b.Addr().String())
	const topic = "pulltrail/test/status"
	other := connect(t, b, "other", topic)
	p := newTestPublisher(t, testConfig(), "mqtt://"+front.addr, newOutbox())
	stop := start(t, p.Run)
	eventually(t, "online", func() bool { return other.last(topic) == "online" })
	front.cut()
	eventually(t, "the will, and online again", func() bool { return other.times("offline") == 1 && other.last(topic) == "online" })
	late := connect(t, b, "late", topic)
	eventually(t, "what is retained", func() bool { return late.last(topic) == "online" })
	stop()
	eventually(t, "offline", func() bool { return other.last(topic) == "offline" && late.last(topic) == "offline" })
	if n := other.times("offline"); n != 2 {
		t.Errorf("offline is said %d times, for one loss and one end in order", n)
	}
	later := connect(t, b, "later", topic)
	eventually(t, "what is retained", func() bool { return later.last(topic) == "offline" })
}

func TestWithoutAStatusTopicNothingIsSaid(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	other := connect(t, b, "other", "#")
	cfg := testConfig()
	cfg.StatusTopic = ""
	p := newTestPublisher(t, cfg, url, newOutbox(pending("a", 1)))
	if p.link.hello.will != nil {
		t.Error("there is a will")
	}
	stop := start(t, p.Run)
	eventually(t, "the snapshot", func() bool { return other.times("ns/a@1") > 0 })
	stop()
	other.publish(t, "mark", "mark")
	eventually(t, "the mark", func() bool { return other.times("mark") == 1 })
	if n := other.times("online") + other.times("offline"); n > 0 {
		t.Errorf("%d are said", n)
	}
}

func TestAStatusThatIsNotAcceptedIsADetailAndHoldsNothingUp(t *testing.T) {
	url := fakeBroker(t, func(p *packets.ControlPacket) *packets.ControlPacket {
		switch c := p.Content.(type) {
		case *packets.Connect:
			return connack(0, nil)
		case *packets.Publish:
			if c.Topic == "pulltrail/test/status" {
				return puback(p, 0x87)
			}
			return puback(p, 0)
		}
		return nil
	})
	p := newTestPublisher(t, testConfig(), url, newOutbox(pending("a", 1)))
	start(t, p.Run)
	eventually(t, "the detail", func() bool {
		return p.State().Connected && p.State().Err == "" && strings.Contains(p.State().Detail, "pulltrail/test/status is not accepted")
	})
	eventually(t, "the snapshot", func() bool { return published(p) > 0 })
}

func TestABrokerWithoutRetainedMessagesGetsAWillThatIsNotOne(t *testing.T) {
	wills := make(chan *packets.Connect, 100)
	url := fakeBroker(t, func(p *packets.ControlPacket) *packets.ControlPacket {
		switch c := p.Content.(type) {
		case *packets.Connect:
			wills <- c
			if c.WillRetain {
				return connack(0x9A, nil)
			}
			return connack(0, func(p *packets.Properties) { no := byte(0); p.RetainAvailable = &no })
		case *packets.Publish:
			if c.Retain {
				return puback(p, 0x9A)
			}
			return puback(p, 0)
		}
		return nil
	})
	p := newTestPublisher(t, testConfig(), url, newOutbox())
	start(t, p.Run)
	eventually(t, "a good state", func() bool {
		return p.State().Connected && p.State().Err == "" && p.State().Detail == "the broker keeps no retained messages"
	})
	if c := <-wills; !c.WillFlag || c.WillQOS != 1 || string(c.WillMessage) != "offline" {
		t.Errorf("the will is %v", c)
	}
}

// A broker that takes nothing in any more must not hold up the end.
func TestAnEndIsNotHeldUpByABrokerThatReadsNothing(t *testing.T) {
	stuck := make(chan struct{})
	release := make(chan struct{})
	url := serveEach(t, func(c net.Conn) {
		if _, err := packets.ReadPacket(c); err != nil {
			return
		}
		if _, err := connack(0, nil).WriteTo(c); err != nil {
			return
		}
		for kind := []byte{0}; kind[0]>>4 != packets.PUBLISH; { // pings come before
			if _, err := io.ReadFull(c, kind); err != nil {
				return
			}
		}
		close(stuck)
		<-release
	})
	defer close(release)
	large := pending("large", 1)
	large.Payload = make([]byte, 64<<20) // more than the network takes
	cfg := testConfig()
	cfg.StatusTopic = ""
	p := newTestPublisher(t, cfg, url, newOutbox(large))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	<-stuck
	cancel()
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("it waits")
	}
}

func TestAStatusIsNotStored(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	kept := &store{}
	opts := subscriberOptions(url, kept)
	opts.Filters = []string{"#"}
	s := newTestSubscriber(t, testConfig(), opts)
	start(t, s.Run)
	ready(t, s)
	start(t, newTestPublisher(t, testConfig(), url, newOutbox()).Run)
	other := connect(t, b, "other", "pulltrail/#")
	eventually(t, "our status", func() bool { return other.last("pulltrail/test/status") == "online" })
	other.publish(t, "pulltrail/twin/status", "online")
	other.publish(t, "pulltrail/twin/other", "a message")
	eventually(t, "the message", func() bool { return kept.times("a message") == 1 })
	if n := kept.times("online"); n != 0 {
		t.Errorf("%d messages of status are stored", n)
	}
}
