package mqttio

import (
	"net"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/packets"

	"pulltrail/internal/document"
)

const dottedSnapshot = `{"namespace":"ns","name":"my.repo","user":"ns","pull_count":1,"timestamp":"2026-11-23T01:00:00Z"}`

func TestTheTopicOfASnapshotIsRestoredWhereTheBrokerReplacesDots(t *testing.T) {
	for _, c := range []struct {
		name, topic, came, payload, want string
		shared                           bool // one topic for all repositories
	}{
		{name: "a repository with a dot", topic: "t", came: "t/ns/my/repo", payload: dottedSnapshot, want: "t/ns/my.repo"},
		{name: "a configured topic with dots", topic: "com.docker/hub", came: "com/docker/hub/ns/my/repo", payload: dottedSnapshot, want: "com.docker/hub/ns/my.repo"},
		{name: "the same for all repositories", topic: "com.docker", came: "com/docker", payload: dottedSnapshot, want: "com.docker", shared: true},
		{name: "one that has kept its dot", topic: "t", came: "t/ns/my.repo", payload: dottedSnapshot},
		{name: "the topic of another repository", topic: "t", came: "t/ns/my/repo2", payload: dottedSnapshot},
		{name: "a topic of somebody else", topic: "t", came: "u/ns/my/repo", payload: dottedSnapshot},
		{name: "no snapshot", topic: "t", came: "t/ns/my/repo", payload: "{}"},
		{name: "no topic of our own", topic: "", came: "t/ns/my/repo", payload: dottedSnapshot},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.Topic, cfg.TopicPerRepository = c.topic, !c.shared
			got, ok := cfg.publishedTopic(document.Message{Topic: c.came, Payload: []byte(c.payload)})
			if ok != (c.want != "") || ok && got != c.want {
				t.Errorf("%q, %v; want %q", got, ok, c.want)
			}
		})
	}
}

func TestASnapshotIsStoredUnderItsTopicWhereTheBrokerReplacesDots(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	kept, book := &store{}, &logbook{}
	opts := subscriberOptions(url, kept)
	opts.Log, opts.Filters = book.logger(), []string{"t/x/#"} // RabbitMQ delivers t.x/# for it
	opts.Accept = func(topic string) bool { return strings.HasPrefix(topic, "t.x/") }
	cfg := testConfig()
	cfg.Topic, cfg.HomeAssistant.Discovery = "t.x", true
	s := newTestSubscriber(t, cfg, opts)
	start(t, s.Run)
	ready(t, s)
	other := connect(t, b, "other")
	other.publish(t, "t/x/ns/my/repo", dottedSnapshot)
	other.publish(t, "t/x/ns/my/repo", dottedSnapshot)
	eventually(t, "both messages", func() bool { return len(kept.all()) == 2 })
	for _, m := range kept.all() {
		if m.Topic != "t.x/ns/my.repo" {
			t.Errorf("stored under %s", m.Topic)
		}
	}
	if n := book.count("broker replaces dots"); n != 1 {
		t.Errorf("it is logged %d times", n)
	}
	if book.count("Home Assistant shows no values") != 1 {
		t.Error("it is not logged what does not work")
	}
}

// echoing is a broker that delivers each message to its publisher, under the topic that
// changed makes of its own.
func echoing(t *testing.T, changed func(string) string) (url string) {
	return serveEach(t, func(c net.Conn) {
		for {
			packet, err := packets.ReadPacket(c)
			if err != nil {
				return
			}
			var replies []*packets.ControlPacket
			switch p := packet.Content.(type) {
			case *packets.Connect:
				replies = append(replies, connack(0, nil))
			case *packets.Subscribe:
				replies = append(replies, suback(packet, 1))
			case *packets.Publish:
				back := packets.NewControlPacket(packets.PUBLISH)
				content := back.Content.(*packets.Publish)
				content.Topic, content.Payload = changed(p.Topic), p.Payload
				replies = append(replies, puback(packet, 0), back)
			}
			for _, r := range replies {
				if _, err := r.WriteTo(c); err != nil {
					return
				}
			}
		}
	})
}

func TestAProbeSaysThatTheBrokerReplacesDots(t *testing.T) {
	cfg := testConfig()
	cfg.Version, cfg.HomeAssistant.Discovery = Version5, true
	found, err := Probe(t.Context(), cfg, echoing(t, slashed))
	if err != nil || !strings.HasPrefix(found, "MQTT 5; ") || !strings.Contains(found, "replaces dots") || !strings.Contains(found, "Home Assistant shows no values") {
		t.Errorf("Probe = %q, %v", found, err)
	}
	found, err = Probe(t.Context(), cfg, echoing(t, strings.Clone))
	if err != nil || found != "MQTT 5" {
		t.Errorf("Probe = %q, %v", found, err)
	}
	if topic := dottedTopic(checkID()); !cfg.IsDerived(topic) || !cfg.IsDerived(slashed(topic)) {
		t.Errorf("another Pulltrail would store a message of %s", topic)
	}
}
