package app_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"pulltrail/internal/hubtest"
	"pulltrail/internal/passhash"
	"pulltrail/internal/secret"
	"pulltrail/mqttio"
)

// visit connects to an embedded broker, and gives its code, and what comes of the filter.
func visit(t *testing.T, address, username, password, filter string) (code byte, messages <-chan *paho.Publish) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	received := make(chan *paho.Publish, 100)
	client := paho.NewClient(paho.ClientConfig{
		PacketTimeout: patience, Conn: c,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			received <- p.Packet
			return true, nil
		}},
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ack, err := client.Connect(ctx, &paho.Connect{
		ClientID: unique(), KeepAlive: 30, CleanStart: true,
		Username: username, UsernameFlag: username != "", Password: []byte(password), PasswordFlag: password != "",
	})
	if ack == nil {
		t.Fatal(err)
	}
	if err != nil {
		return ack.ReasonCode, nil
	}
	t.Cleanup(func() {
		_ = client.Disconnect(&paho.Disconnect{}) // the broker may be gone
	})
	if _, err := client.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: 1}}}); err != nil {
		t.Fatal(err)
	}
	return ack.ReasonCode, received
}

func TestABrokerWithUsersAsksOthersWhoTheyAreAndServesTheDaemon(t *testing.T) {
	for _, version := range []string{mqttio.VersionAuto, mqttio.Version311} {
		t.Run(version, func(t *testing.T) {
			hub := hubtest.New(t)
			hub.Set("team/open", 42)
			cfg := settings(t, hub, "team/open")
			cfg.MQTT.Version, cfg.MQTT.ClientID = version, "daemon"
			cfg.MQTT.Embedded.Listen = "0.0.0.0:0"
			cfg.MQTT.Embedded.Users = []mqttio.User{{Username: "home", PasswordHash: secret.New(passhash.Make("correct horse"))}}
			d := start(t, cfg)
			_, port, err := net.SplitHostPort(d.Broker)
			if err != nil {
				t.Fatal(err)
			}
			address := net.JoinHostPort("127.0.0.1", port)
			for name, password := range map[string]string{"": "", "home": "wrong"} {
				if code, _ := visit(t, address, name, password, "#"); code != packets.ConnackBadUsernameOrPassword {
					t.Errorf("%q with %q: code 0x%02X", name, password, code)
				}
			}
			code, messages := visit(t, address, "home", "correct horse", "#")
			if code != 0 {
				t.Fatalf("the user: code 0x%02X", code)
			}
			d.awaitRun()
			want := map[string]string{"pulltrail/daemon/status": "online", cfg.MQTT.Topic + "/team/open": `"pull_count":42`}
			for len(want) > 0 {
				m := <-messages
				if text, ok := want[m.Topic]; ok && strings.Contains(string(m.Payload), text) {
					delete(want, m.Topic)
				}
			}
			eventually(t, "the snapshot in history", func() bool { return d.get("/api/v1/repositories/team/open", nil) == 200 })
		})
	}
}
