package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"

	"pulltrail/app"
	"pulltrail/internal/broker"
	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/datadir"
	"pulltrail/internal/hubtest"
	"pulltrail/mqttio"
)

// watcher is subscribed to a broker, as Home Assistant is.
type watcher struct {
	mu   sync.Mutex
	kept map[string]string // topic to payload, what is empty left out
}

func watch(t *testing.T, broker string, filters ...string) *watcher {
	t.Helper()
	u, err := url.Parse(broker)
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{kept: map[string]string{}}
	ctx, cancel := context.WithCancel(t.Context())
	c, err := autopaho.NewConnection(ctx, autopaho.ClientConfig{
		ServerUrls: []*url.URL{u}, KeepAlive: 30, CleanStartOnInitialConnection: true,
		OnConnectionUp: func(c *autopaho.ConnectionManager, _ *paho.Connack) {
			var all []paho.SubscribeOptions
			for _, f := range filters {
				all = append(all, paho.SubscribeOptions{Topic: f, QoS: 1})
			}
			if _, err := c.Subscribe(ctx, &paho.Subscribe{Subscriptions: all}); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		},
		ClientConfig: paho.ClientConfig{PacketTimeout: patience, ClientID: unique(), OnPublishReceived: []func(paho.PublishReceived) (bool, error){w.take}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		<-c.Done()
	})
	if err := c.AwaitConnection(ctx); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *watcher) take(m paho.PublishReceived) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(m.Packet.Payload) == 0 {
		delete(w.kept, m.Packet.Topic)
	} else {
		w.kept[m.Packet.Topic] = string(m.Packet.Payload)
	}
	return true, nil
}

func (w *watcher) payload(topic string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.kept[topic]
}

// topics are those with a payload that begin with prefix.
func (w *watcher) topics(prefix string) (topics []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for topic := range w.kept {
		if strings.HasPrefix(topic, prefix) {
			topics = append(topics, topic)
		}
	}
	slices.Sort(topics)
	return topics
}

// appeared is a sensor as Home Assistant reads it.
type appeared struct {
	UniqueID          string `json:"unique_id"`
	StateTopic        string `json:"state_topic"`
	ValueTemplate     string `json:"value_template"`
	AttributesTopic   string `json:"json_attributes_topic"`
	AvailabilityTopic string `json:"availability_topic"`
	Device            struct {
		Name string
	}
}

// sensors are all that would be shown: "device id" to value.
func (w *watcher) sensors(t *testing.T) map[string]string {
	t.Helper()
	values := map[string]string{}
	for _, topic := range w.topics("homeassistant/sensor/") {
		var s appeared
		if err := json.Unmarshal([]byte(w.payload(topic)), &s); err != nil {
			t.Fatalf("%s: %v", topic, err)
		}
		if got := w.payload(s.AvailabilityTopic); got != "online" {
			t.Errorf("%s is available by %s, which says %q", topic, s.AvailabilityTopic, got)
		}
		var state, attributes map[string]json.RawMessage
		if err := json.Unmarshal([]byte(w.payload(s.StateTopic)), &state); err != nil {
			t.Errorf("%s: the state at %s: %v", topic, s.StateTopic, err)
		}
		if s.AttributesTopic != "" && json.Unmarshal([]byte(w.payload(s.AttributesTopic)), &attributes) != nil {
			t.Errorf("%s: no attributes at %s", topic, s.AttributesTopic)
		}
		field := regexp.MustCompile(`^{{ value_json\.(\w+)`).FindStringSubmatch(s.ValueTemplate)
		if field == nil {
			t.Fatalf("%s: the template %q", topic, s.ValueTemplate)
		}
		value, there := state[field[1]]
		if !there {
			t.Errorf("%s: there is no %s in %s", topic, field[1], w.payload(s.StateTopic))
		}
		_, id, _ := strings.Cut(strings.TrimPrefix(topic, "homeassistant/sensor/"), "/")
		values[s.Device.Name+" "+strings.TrimSuffix(id, "/config")] = string(value)
	}
	return values
}

// discovering is settings with discovery by a broker that outlives the daemon.
func discovering(t *testing.T, hub *hubtest.Hub, repositories ...string) config.Config {
	cfg := settings(t, hub, repositories...)
	cfg.MQTT.HomeAssistant.Discovery = true
	cfg.MQTT.ClientID = "daemon"
	return cfg
}

func startBroker(t *testing.T) (url string) {
	t.Helper()
	b, err := broker.New(broker.Options{Listen: "127.0.0.1:0", Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "mqtt://" + b.Addr().String()
}

func TestRepositoriesAppearInHomeAssistant(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 1000)
	cfg := discovering(t, hub, "nginx", "a/never.seen")
	// Two days of history, of which the last 24 hours are half the pulls.
	now := time.Now().UTC()
	err := app.WithArchive(t.Context(), cfg, func(ctx context.Context, a control.History) error {
		_, err := a.Import(ctx, control.Batch{Snapshots: [][]byte{
			fmt.Appendf(nil, `{"namespace":"library","name":"nginx","pull_count":800,"timestamp":%q}`, now.Add(-48*time.Hour).Format(time.RFC3339)),
		}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	d := start(t, cfg)
	d.awaitRun()
	w := watch(t, "mqtt://"+d.Broker, "homeassistant/#", "pulltrail/#", cfg.MQTT.Topic+"/#")
	eventually(t, "three sensors", func() bool { return len(w.topics("homeassistant/")) == 3 })
	eventually(t, "what they read", func() bool {
		return len(w.topics(cfg.MQTT.Topic)) == 1 && len(w.topics("pulltrail/")) == 2
	})
	eventually(t, "the pulls of a day", func() bool { return w.sensors(t)["library/nginx pulls_24h"] == "100" })
	if got := w.sensors(t); got["library/nginx pulls"] != "1000" || got["library/nginx stars"] == "" || got["library/nginx stars"] == "null" || len(got) != 3 {
		t.Errorf("the sensors: %v", got)
	}
	if text := w.payload("pulltrail/daemon/repositories/library/nginx"); !strings.Contains(text, `"pulls_7d":null`) {
		t.Errorf("pulls of a week of which not all is known: %s", text)
	}
	hub.Set("library/nginx", 1200)
	summary, err := control.NewClient(datadir.ControlSocket(cfg.DataDir)).Collect(t.Context(), nil, patience, func(control.Result) {})
	if err != nil || summary.Succeeded != 1 {
		t.Fatalf("collect by hand: %+v, %v", summary, err)
	}
	eventually(t, "new values", func() bool {
		got := w.sensors(t)
		day := got["library/nginx pulls_24h"] // 200 where both were observed in one second, so that the second took the place of the first
		return got["library/nginx pulls"] == "1200" && (day == "300" || day == "200")
	})
	var ready string
	eventually(t, "the part in the readiness", func() bool {
		d.get("/-/ready", &ready)
		return strings.Contains(ready, "repositories announced: 1")
	})
	var metrics string
	d.get("/metrics", &metrics)
	if !strings.Contains(metrics, "pulltrail_outbox_snapshots 0") || strings.Contains(metrics, `pulltrail_deadletters{`) {
		t.Errorf("something is left behind: %s", metrics)
	}
}

func TestWhatIsNotTrackedAnyMoreDisappearsFromHomeAssistant(t *testing.T) {
	for _, version := range []string{mqttio.Version5, mqttio.Version311} {
		t.Run(version, func(t *testing.T) {
			hub := hubtest.New(t)
			hub.Set("library/nginx", 1)
			hub.Set("a/b", 2)
			cfg := discovering(t, hub, "nginx", "a/b")
			cfg.MQTT.URL, cfg.MQTT.Version = startBroker(t), version
			checkDisappearance(t, cfg)
		})
	}
}

// checkDisappearance starts a daemon that tracks a/b and library/nginx, and then others at
// the same broker that track less.
func checkDisappearance(t *testing.T, cfg config.Config) {
	t.Helper()
	status, derived := "pulltrail/"+cfg.MQTT.ClientID+"/status", "pulltrail/"+cfg.MQTT.ClientID+"/repositories/"
	prefix := cfg.MQTT.HomeAssistant.Prefix + "/"
	for _, step := range []struct {
		what   string
		change func()
		want   []string
	}{
		{"all that is tracked", func() {}, []string{"a/b", "library/nginx"}},
		{"one less", func() { cfg.Collector.Repositories = []string{"nginx"} }, []string{"library/nginx"}},
		{"one again", func() { cfg.Collector.Repositories = []string{"nginx", "a/b"} }, []string{"a/b", "library/nginx"}},
		{"none", func() { cfg.MQTT.HomeAssistant.Discovery = false }, nil},
	} {
		step.change()
		w := watch(t, cfg.MQTT.URL, prefix+"#", status, derived+"#")
		d := start(t, cfg)
		eventually(t, step.what, func() bool {
			var want []string
			for _, r := range step.want {
				want = append(want, derived+r)
			}
			return w.payload(status) == "online" && slices.Equal(w.topics(derived), want) && len(w.topics(prefix)) == 3*len(want)
		})
		if err := d.stop(); err != nil {
			t.Fatal(err)
		}
		late := watch(t, cfg.MQTT.URL, prefix+"#", status)
		eventually(t, step.what+", kept, of a process that is away", func() bool {
			return late.payload(status) == "offline" && len(late.topics(prefix)) == 3*len(step.want)
		})
	}
}

func TestWithoutDiscoveryNothingIsSaidToHomeAssistant(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 1)
	cfg := settings(t, hub, "nginx")
	cfg.MQTT.ClientID = "daemon"
	d := start(t, cfg)
	w := watch(t, "mqtt://"+d.Broker, "#")
	eventually(t, "a snapshot", func() bool { return len(w.topics(cfg.MQTT.Topic)) == 1 && d.totals()["library/nginx"] == "1" })
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	if got := append(w.topics("homeassistant/"), w.topics("pulltrail/daemon/repositories/")...); len(got) > 0 {
		t.Errorf("said are %v", got)
	}
}
