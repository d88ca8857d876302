package broker_test

import (
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"pulltrail/internal/broker"
)

// A topic with as many levels as a packet has room for would hold everybody up for a minute.
func TestATopicOrAFilterHasTwoHundredLevels(t *testing.T) {
	b := start(t)
	most := strings.Repeat("/", 199)
	client, messages, _ := connect(t, b, "client")
	subscribe(t, client, most)
	publish(t, client, most, "x", true)
	receive(t, messages)
	for _, topic := range []string{most + "/", strings.Repeat("/", 65_000)} {
		ack, err := client.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: topic}, {Topic: "x"}}})
		if err == nil || ack == nil || ack.Reasons[0] != packets.SubackTopicFilterinvalid || ack.Reasons[1] != 0 {
			t.Errorf("%d levels in a filter: %v", len(topic)+1, err)
		}
		for version, want := range map[byte]byte{4: 3, 5: packets.ConnackTopicNameInvalid} {
			if code := withWill(t, b, version, topic); code != want {
				t.Errorf("%d levels in a will of version %d: code 0x%02X", len(topic)+1, version, code)
			}
		}
		for qos := range byte(2) {
			publisher, _, _ := connect(t, b, "publisher")
			_, _ = publisher.Publish(t.Context(), &paho.Publish{Topic: topic, QoS: qos, Retain: true}) // is not acknowledged
			<-publisher.Done()
		}
	}
}

// withWill connects and gives the broker's code.
func withWill(t *testing.T, b *broker.Broker, version byte, topic string) byte {
	t.Helper()
	properties := "\x00"
	if version < 5 {
		properties = ""
	}
	rest := "\x00\x04MQTT" + string(version) + "\x06\x00\x1e" + properties + "\x00\x01w" + properties
	rest += string(binary.BigEndian.AppendUint16(nil, uint16(len(topic)))) + topic + "\x00\x01x" //nolint:gosec // it fits
	c := dialTo(t, b.Addr())
	defer c.Close()
	if _, err := c.Write(append(binary.AppendUvarint([]byte{0x10}, uint64(len(rest))), rest...)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4)
	if _, err := io.ReadFull(c, answer); err != nil {
		t.Fatal(err)
	}
	return answer[3]
}

// A client that cannot publish to a topic cannot have its will do so.
func TestAWillObeysTheRulesOfMessages(t *testing.T) {
	b := start(t)
	for topic, allowed := range map[string]bool{"a/b": true, "$x": true, "$SYS/broker/version": false, "$sys": false, "a/+": false, "#": false, "a#b": false} {
		for version, code := range map[byte]byte{4: 3, 5: packets.ConnackTopicNameInvalid} {
			if allowed {
				code = 0
			}
			if got := withWill(t, b, version, topic); got != code {
				t.Errorf("a will to %q in version %d: code 0x%02X, want 0x%02X", topic, version, got, code)
			}
		}
	}
}

func TestAMessageToATopicOfTheBrokerEndsTheConnection(t *testing.T) {
	b := start(t)
	for qos := range byte(3) {
		client, _, _ := connect(t, b, "client")
		_, _ = client.Publish(t.Context(), &paho.Publish{Topic: "$SYS/broker/version", QoS: qos}) // is not acknowledged
		<-client.Done()
	}
}

func TestFiltersThatAreNotValidAreRejected(t *testing.T) {
	b := start(t)
	client, _, _ := connect(t, b, "client")
	for filter, valid := range map[string]bool{
		"a": true, "+": true, "#": true, "/": true, "+/+/#": true, "a/+/b": true, "a//b": true, "/#": true, "$SYS/#": true, "$share/g/a": true, "$share/g/#": true, "$share/g//": true,
		"+a": false, "a+": false, "a/+b": false, "a/b+/c": false, "a#": false, "#a": false, "a/#/b": false, "##": false, "#/": false, "++": false,
		"$share": false, "$share/": false, "$share/g": false, "$share/g/": false, "$share//x": false, "$share/+/x": false, "$share/g#/x": false, "$share/g/a#": false,
	} {
		ack, err := client.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: 1}, {Topic: "ok", QoS: 1}}})
		if ack == nil {
			t.Fatalf("%q: %v", filter, err)
		}
		want := byte(1)
		if !valid {
			want = packets.SubackTopicFilterinvalid
		}
		if ack.Reasons[0] != want || ack.Reasons[1] != 1 {
			t.Errorf("%q: got %x, want %x and 1", filter, ack.Reasons, want)
		}
	}
	old := dialTo(t, b.Addr())
	defer old.Close()
	if _, err := io.WriteString(old, "\x10\x0d\x00\x04MQTT\x04\x02\x00\x1e\x00\x01o\x82\x07\x00\x01\x00\x02a#\x00"); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4+5)
	if _, err := io.ReadFull(old, answer); err != nil || answer[8] != 0x80 {
		t.Errorf("MQTT 3.1.1: got %x, %v", answer, err)
	}
}

func TestATopicAliasMustBeKnown(t *testing.T) {
	b := start(t)
	watcher, messages, _ := connect(t, b, "watcher")
	subscribe(t, watcher, "#")
	client, _, ack := connect(t, b, "client")
	if most := ack.Properties.TopicAliasMaximum; most == nil || *most == 0 {
		t.Fatal("no topic alias may be used")
	}
	alias := uint16(1)
	for _, topic := range []string{"a/b", ""} {
		if _, err := client.Publish(t.Context(), &paho.Publish{Topic: topic, QoS: 1, Payload: []byte("x"), Properties: &paho.PublishProperties{TopicAlias: &alias}}); err != nil {
			t.Fatal(err)
		}
		if m := receive(t, messages); m.Topic != "a/b" {
			t.Errorf("got the topic %q", m.Topic)
		}
	}
	c := dialTo(t, b.Addr())
	defer c.Close()
	// A CONNECT, and a retained message with the alias 2, which has no topic yet.
	if _, err := io.WriteString(c, "\x10\x10\x00\x04MQTT\x05\x02\x00\x1e\x00\x00\x03raw\x31\x07\x00\x00\x03\x23\x00\x02x"); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(c)
	const protocolError = 0x82
	if i := strings.IndexByte(string(answer), 0xe0); i < 0 || answer[i+2] != protocolError {
		t.Errorf("instead of a DISCONNECT: %x", answer)
	}
}

// Client and broker number their packets independently of each other.
func TestASubscriptionMayHaveThePacketIDOfAMessage(t *testing.T) {
	b := start(t)
	c := dialTo(t, b.Addr())
	defer c.Close()
	read := func(n int) string {
		t.Helper()
		some := make([]byte, n)
		if _, err := io.ReadFull(c, some); err != nil {
			t.Fatal(err)
		}
		return string(some)
	}
	_, _ = io.WriteString(c, "\x10\x0d\x00\x04MQTT\x04\x02\x00\x1e\x00\x01o\x82\x06\x00\x01\x00\x01a\x01") // what fails is seen below
	read(4 + 5)
	publisher, _, _ := connect(t, b, "publisher")
	publish(t, publisher, "a", "x", false)
	if got := read(8); got != "\x32\x06\x00\x01a\x00\x01x" {
		t.Fatalf("the message does not have the packet id 1: %x", got)
	}
	_, _ = io.WriteString(c, "\x82\x06\x00\x01\x00\x01b\x01")
	if got := read(5); got != "\x90\x03\x00\x01\x01" {
		t.Errorf("the subscription is rejected: %x", got)
	}
	_, _ = io.WriteString(c, "\xa2\x05\x00\x01\x00\x01b")
	if got := read(4); got != "\xb0\x02\x00\x01" {
		t.Errorf("it cannot be ended: %x", got)
	}
}

// MQTT 5.0, section 4.7.1.2: sport/# matches sport.
func TestAFilterForAllBelowGetsTheRetainedMessageOfTheLevelAbove(t *testing.T) {
	b := start(t)
	publisher, _, _ := connect(t, b, "publisher")
	for _, topic := range []string{"x", "x/y", "$own", "z"} {
		publish(t, publisher, topic, "of "+topic, true)
	}
	for _, c := range []struct {
		filter string
		want   string
		o      paho.SubscribeOptions
	}{
		{filter: "x/#", want: "x,x/y"},
		{filter: "x/y/#", want: "x/y"},
		{filter: "+/#", want: "x,x/y,z"},
		{filter: "+/+/#", want: "x/y"},
		{filter: "x/#", want: "", o: paho.SubscribeOptions{RetainHandling: 2}},
		{filter: "$share/g/x/#", want: ""},
	} {
		for qos := range byte(3) {
			client, messages, _ := connect(t, b, "late")
			c.o.Topic, c.o.QoS = c.filter, qos
			if _, err := client.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{c.o}}); err != nil {
				t.Fatal(err)
			}
			subscribe(t, client, "end")
			publish(t, publisher, "end", "", false)
			var got []string
			for m := receive(t, messages); m.Topic != "end"; m = receive(t, messages) {
				got = append(got, m.Topic)
				if !m.Retain || m.QoS != min(qos, 1) || string(m.Payload) != "of "+m.Topic {
					t.Errorf("%s: got %v", c.filter, m)
				}
			}
			slices.Sort(got)
			if strings.Join(got, ",") != c.want {
				t.Errorf("%s at QoS %d: got %q, want %s", c.filter, qos, got, c.want)
			}
			if _, err := client.Unsubscribe(t.Context(), &paho.Unsubscribe{Topics: []string{c.filter, "end"}}); err != nil {
				t.Fatal(err)
			}
			disconnect(client)
		}
	}
}
