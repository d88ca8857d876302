package config

import (
	"testing"

	"pulltrail/mqttio"
)

func TestAddressesCollideWhereOneSocketWouldBeWantedTwice(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"127.0.0.1:1883", "127.0.0.1:1883", true},
		{":1883", "127.0.0.1:1883", true},
		{"127.0.0.1:1883", "0.0.0.0:1883", true},
		{"[::]:1883", "localhost:1883", true},
		{"127.0.0.1:1883", "127.0.0.2:1883", false},
		{"127.0.0.1:1883", "127.0.0.1:8080", false},
		{"127.0.0.1:0", "127.0.0.1:0", false}, // the system chooses two
		{"nonsense", "nonsense", false},       // said elsewhere
	} {
		if got := collide(c.a, c.b); got != c.want {
			t.Errorf("collide(%s, %s) = %t", c.a, c.b, got)
		}
	}
}

func TestListenersCollideOnlyWithTheEmbeddedBroker(t *testing.T) {
	c := Default()
	c.Web.Listen = mqttio.DefaultListen
	if list := c.Validate(); len(list) != 1 || list[0].Key != "web.listen" {
		t.Errorf("with the embedded broker: %v", list)
	}
	c.MQTT.URL = "mqtt://broker.example"
	if list := c.Validate(); len(list) != 0 {
		t.Errorf("with another broker: %v", list)
	}
}
