package app_test

import (
	"context"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"
)

// unique is a word that no earlier run has used.
func unique() string { return "it" + strconv.FormatInt(time.Now().UnixNano(), 36) }

// publish sends payloads to a topic at QoS 1, as another program would.
func publish(t *testing.T, broker, topic string, payloads ...[]byte) {
	t.Helper()
	u, err := url.Parse(broker)
	if err != nil {
		t.Fatal(err)
	}
	c, err := autopaho.NewConnection(t.Context(), autopaho.ClientConfig{
		ServerUrls: []*url.URL{u}, KeepAlive: 30, CleanStartOnInitialConnection: true,
		ClientConfig: paho.ClientConfig{PacketTimeout: patience, ClientID: unique()},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.AwaitConnection(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, payload := range payloads {
		if _, err := c.Publish(t.Context(), &paho.Publish{Topic: topic, QoS: 1, Payload: payload}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Disconnect(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}
