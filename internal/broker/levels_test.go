package broker_test

import (
	"encoding/binary"
	"io"
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
