package mqttio

import (
	"strings"
	"testing"
	"time"

	"pulltrail/internal/hub"
	"pulltrail/internal/secret"
	"pulltrail/internal/tlsconf"
)

func TestTheDefaultsAreValid(t *testing.T) {
	if err := DefaultConfig().Validate().Err(); err != nil {
		t.Error(err)
	}
}

func TestWhatIsRightIsAccepted(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"a URL without a port":              func(c *Config) { c.URL = "mqtt://broker" },
		"a URL with a slash behind":         func(c *Config) { c.URL = "tcp://broker:1883/" },
		"an address of six":                 func(c *Config) { c.URL = "mqtts://[::1]:8883" },
		"a WebSocket":                       func(c *Config) { c.URL = "ws://broker" },
		"a WebSocket with a path":           func(c *Config) { c.URL = "wss://broker:8884/a/b"; c.TLS.ServerName = "other" },
		"MQTT 5":                            func(c *Config) { c.Version = "5" },
		"MQTT 3.1.1 with a user":            func(c *Config) { c.URL = "mqtt://b"; c.Version, c.Username, c.Password = "3.1.1", "x", secret.New("x") },
		"no status topic":                   func(c *Config) { c.StatusTopic = "" },
		"a status topic without a mark":     func(c *Config) { c.StatusTopic = "home/pulltrail" },
		"a status topic that is the mark":   func(c *Config) { c.StatusTopic = "{client_id}" },
		"TLS settings with TLS":             func(c *Config) { c.URL = "tls://broker"; c.TLS.ServerName = "other" },
		"a password without a user":         func(c *Config) { c.URL = "ssl://broker"; c.Password = secret.New("x") },
		"a user without a password":         func(c *Config) { c.URL = "mqtt://broker"; c.Username = "x" },
		"another topic":                     func(c *Config) { c.Topic = "a" },
		"a topic for all with a slash":      func(c *Config) { c.Topic, c.TopicPerRepository = "a/", false },
		"a client id of more than 23 bytes": func(c *Config) { c.ClientID = strings.Repeat("x", 100) },
		"the embedded broker on localhost":  func(c *Config) { c.Embedded.Listen = "localhost:0" },
		"the embedded broker on ::1":        func(c *Config) { c.Embedded.Listen = "[::1]:1883" },
		"the embedded broker on 127.1.2.3":  func(c *Config) { c.Embedded.Listen = "127.1.2.3:1883" },
		"an embedded section that is not used": func(c *Config) {
			c.URL = "mqtt://broker"
			c.Embedded.Listen = "0.0.0.0:1883"
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			change(&cfg)
			if err := cfg.Validate().Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEachMistakeIsSaidWithItsRemedy(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config)
		want   string // the whole message
	}{
		"a scheme of something else": {func(c *Config) { c.URL = "amqp://broker" },
			`url: "amqp://broker": does not begin with mqtt://, mqtts://, ws:// or wss://: write mqtt://host:1883 or mqtts://host:8883, or for a WebSocket ws://host/mqtt or wss://host/mqtt`},
		"no scheme": {func(c *Config) { c.URL = "broker" },
			`url: "broker": does not begin with mqtt://, mqtts://, ws:// or wss://: write mqtt://host:1883 or mqtts://host:8883, or for a WebSocket ws://host/mqtt or wss://host/mqtt`},
		"a question in a WebSocket's URL": {func(c *Config) { c.URL = "wss://broker/mqtt?key=1" },
			`url: "wss://broker/mqtt?key=1": has more than scheme, host and port: write mqtt://host:1883 or mqtts://host:8883, or for a WebSocket ws://host/mqtt or wss://host/mqtt`},
		"another version": {func(c *Config) { c.Version = "3.1" },
			`version: "3.1": must be auto, 5 or 3.1.1`},
		"a password without a user in MQTT 3.1.1": {func(c *Config) { c.URL = "mqtt://b"; c.Version, c.Password = "3.1.1", secret.New("hunter2") },
			`username: "": MQTT 3.1.1 has no password without a user: write mqtt.username`},
		"a status topic among the snapshots": {func(c *Config) { c.StatusTopic = c.Topic + "/{client_id}" },
			`status_topic: "com/docker/hub/repositories/metrics/{client_id}": is among the topics of snapshots, com/docker/hub/repositories/metrics/#: write one elsewhere, such as pulltrail/{client_id}/status, or nothing`},
		"a status topic with a wildcard": {func(c *Config) { c.StatusTopic = "a/#" },
			`status_topic: "a/#": a topic to publish to has no wildcard (+ or #); write one such as pulltrail/{client_id}/status, or nothing`},
		"a status topic with half a mark": {func(c *Config) { c.StatusTopic = "a/x{client_id}" },
			`status_topic: "a/x{client_id}": has braces that are not {client_id} between slashes; write one such as pulltrail/{client_id}/status, or nothing`},
		"no host": {func(c *Config) { c.URL = "mqtt://:1883" },
			`url: "mqtt://:1883": has no host: write mqtt://host:1883 or mqtts://host:8883, or for a WebSocket ws://host/mqtt or wss://host/mqtt`},
		"a path": {func(c *Config) { c.URL = "mqtt://broker/topic" },
			`url: "mqtt://broker/topic": has more than scheme, host and port: write mqtt://host:1883 or mqtts://host:8883, or for a WebSocket ws://host/mqtt or wss://host/mqtt`},
		"a port out of range": {func(c *Config) { c.URL = "mqtt://broker:70000" },
			`url: "mqtt://broker:70000": has the port 70000, ports are 1 to 65535: write mqtt://host:1883 or mqtts://host:8883, or for a WebSocket ws://host/mqtt or wss://host/mqtt`},
		"what is no URL": {func(c *Config) { c.URL = "mqtt://bro ker" },
			`url: "mqtt://bro ker": is not a URL: write mqtt://host:1883 or mqtts://host:8883, or for a WebSocket ws://host/mqtt or wss://host/mqtt`},
		"a password in the URL, which is not repeated": {func(c *Config) { c.URL = "mqtt://me:hunter2@broker" },
			`url: holds a user or password: write them in mqtt.username and mqtt.password, and here only scheme, host and port`},
		"TLS settings without TLS": {func(c *Config) { c.URL = "mqtt://broker"; c.TLS = tlsconf.Config{ServerName: "x"} },
			`tls: has no effect on mqtt://broker, which is not encrypted: write mqtts:// or wss:// in mqtt.url, or remove the section tls`},
		"TLS settings for the embedded broker": {func(c *Config) { c.TLS = tlsconf.Config{InsecureSkipVerify: true} },
			`tls: is for another broker, and none is named: write mqtt.url with mqtts:// or wss://, or remove the section tls`},
		"a user for the embedded broker": {func(c *Config) { c.Username = "x" },
			`username: is for another broker, and none is named: write mqtt.url, or remove username and password; the embedded broker's own users stand in mqtt.embedded.users`},
		"a CA file that is not there": {func(c *Config) { c.URL = "mqtts://broker"; c.TLS.CAFile = "/no/such" },
			`tls.ca_file: "/no/such": stat /no/such: no such file or directory; name a PEM file or a directory of PEM files`},
		"a prefix of Home Assistant with a wildcard": {func(c *Config) { c.HomeAssistant.Prefix = "#" },
			`home_assistant.prefix: "#": a topic to publish to has no wildcard (+ or #); write Home Assistant's own discovery prefix, which is homeassistant unless it was changed there`},
		"a slash behind the prefix of Home Assistant": {func(c *Config) { c.HomeAssistant.Prefix = "ha/" },
			`home_assistant.prefix: "ha/": ends with a slash: remove it, it is added`},
		"sensors of Home Assistant with one topic for all": {func(c *Config) { c.HomeAssistant.Discovery, c.TopicPerRepository = true, false },
			`home_assistant.discovery: true: needs a topic for each repository, or sensors could not tell them apart: set mqtt.topic_per_repository to true, or this to false`},
		"sensors of Home Assistant among the snapshots": {func(c *Config) { c.HomeAssistant.Discovery, c.Topic = true, "homeassistant" },
			`home_assistant.discovery: true: has topics, homeassistant/sensor/#, that are among those of snapshots, homeassistant/#: write another mqtt.topic`},
		"what sensors of Home Assistant read among the snapshots": {func(c *Config) { c.HomeAssistant.Discovery, c.Topic = true, "pulltrail/me/repositories/x" },
			`home_assistant.discovery: true: has topics, pulltrail/+/repositories/#, that are among those of snapshots, pulltrail/me/repositories/x/#: write another mqtt.topic`},
		"a wildcard in the topic": {func(c *Config) { c.Topic = "a/+" },
			`topic: "a/+": a topic to publish to has no wildcard (+ or #); write one such as com/docker/hub/repositories/metrics`},
		"a slash behind the topic": {func(c *Config) { c.Topic = "a/" },
			`topic: "a/": ends with a slash: remove it, it is added before the repository`},
		"a client id with a space": {func(c *Config) { c.ClientID = "my client" },
			`client_id: holds the character ' ': write letters, digits, '-', '_' and '.'`},
		"a client id that is too long": {func(c *Config) { c.ClientID = strings.Repeat("x", 65530) },
			`client_id: has 65530 bytes: write at most 65525; every broker takes 23 letters and digits`},
		"a payload bound of nothing": {func(c *Config) { c.MaxPayload = 0 },
			`max_payload: 0: must be from 1024 (1 KiB) to 268435456 (256 MiB) bytes`},
		"a session that expires at once": {func(c *Config) { c.SessionExpiry = time.Second },
			`session_expiry: 1s: must be at least 1m0s, such as 168h, and at most 1193046h28m14s`},
		"an embedded broker for everybody": {func(c *Config) { c.Embedded.Listen = "0.0.0.0:1884" },
			`embedded.listen: "0.0.0.0:1884": can be reached from other machines, where everybody could write: name users in mqtt.embedded.users or mqtt.embedded.users_file, or write 127.0.0.1:1884`},
		"an embedded broker on every address": {func(c *Config) { c.Embedded.Listen = ":1883" },
			`embedded.listen: ":1883": can be reached from other machines, where everybody could write: name users in mqtt.embedded.users or mqtt.embedded.users_file, or write 127.0.0.1:1883`},
		"an embedded broker without a port": {func(c *Config) { c.Embedded.Listen = "localhost" },
			`embedded.listen: "localhost": is not host:port: write one such as 127.0.0.1:1883`},
		"an embedded broker on an impossible port": {func(c *Config) { c.Embedded.Listen = "localhost:99999" },
			`embedded.listen: "localhost:99999": has no valid port: write one such as 127.0.0.1:1883`},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			test.change(&cfg)
			if got := cfg.Validate().Error(); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestTheTopicOfASnapshot(t *testing.T) {
	cfg := DefaultConfig()
	r := hub.Repository{Namespace: "library", Name: "nginx"}
	if got := cfg.SnapshotTopic(r); got != "com/docker/hub/repositories/metrics/library/nginx" {
		t.Errorf("got %s", got)
	}
	if got := cfg.OwnFilter(); got != "com/docker/hub/repositories/metrics/#" {
		t.Errorf("got %s", got)
	}
	cfg.TopicPerRepository = false
	if got := cfg.SnapshotTopic(r); got != "com/docker/hub/repositories/metrics" {
		t.Errorf("got %s", got)
	}
}

func TestABrokersURLGetsItsPort(t *testing.T) {
	for in, want := range map[string]string{
		"mqtt://b": "mqtt://b:1883", "TCP://b": "tcp://b:1883", "mqtts://b": "mqtts://b:8883",
		"ssl://b": "ssl://b:8883", "tls://b:1": "tls://b:1", "mqtt://[::1]": "mqtt://[::1]:1883",
		"ws://b": "ws://b:80/mqtt", "wss://b": "wss://b:443/mqtt", "WSS://b:1/": "wss://b:1/", "ws://b/a%2Fb/c": "ws://b:80/a%2Fb/c",
	} {
		u, err := parseBroker(in)
		if err != nil || u.String() != want {
			t.Errorf("%s is %v (%v), want %s", in, u, err, want)
		}
	}
}
