package app_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"pulltrail/app"
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

// Mosquitto often has the port on the same machine.
func TestTheDefaultPortOfTheBrokerMayBeInUse(t *testing.T) {
	if other, err := net.Listen("tcp", mqttio.DefaultListen); err == nil { // or another program has it
		defer other.Close()
	}
	var log lines
	cfg := settings(t, hubtest.New(t))
	cfg.MQTT.Embedded.Listen = ""
	d := startWith(t, cfg, app.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if d.Broker == mqttio.DefaultListen {
		t.Fatal("the broker has a port that is in use")
	}
	said := "listens on " + d.Broker + ", because another program uses port 1883"
	if !strings.Contains(log.String(), said) {
		t.Errorf("the log does not say %q:\n%s", said, log.String())
	}
	if status, body := d.ask("GET", "/status", false); status != 200 || !strings.Contains(body, said) {
		t.Errorf("the status page, %d, does not say %q:\n%s", status, said, body)
	}
	if code, _ := visit(t, d.Broker, "", "", "#"); code != 0 {
		t.Errorf("another program is refused: 0x%02X", code)
	}
	cfg.DataDir, cfg.MQTT.Embedded.Listen = t.TempDir(), mqttio.DefaultListen
	if err := app.Run(t.Context(), cfg, app.Options{Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "port 1883 is in use") {
		t.Errorf("a port that was chosen: %v", err)
	}
}

// lines collects a log.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
