package mqttio

import (
	"testing"
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
