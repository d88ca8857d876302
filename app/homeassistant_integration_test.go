//go:build integration

package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"pulltrail/app"
	"pulltrail/internal/control"
	"pulltrail/internal/hubtest"
	"pulltrail/internal/secret"
	"pulltrail/mqttio"
)

func TestSensorsAppearAndDisappearByMosquitto(t *testing.T) {
	for _, version := range []string{mqttio.Version5, mqttio.Version311} {
		t.Run(version, func(t *testing.T) {
			hub := hubtest.New(t)
			hub.Set("library/nginx", 1)
			hub.Set("a/b", 2)
			word := unique()
			cfg := discovering(t, hub, "nginx", "a/b")
			cfg.MQTT.URL, cfg.MQTT.Version = neighbour(t, "MOSQUITTO"), version
			cfg.MQTT.ClientID, cfg.MQTT.Topic, cfg.MQTT.HomeAssistant.Prefix = word, word+"/metrics", word+"/ha"
			checkDisappearance(t, cfg)
		})
	}
}

func TestManySensorsAppearAndDisappearByMosquitto(t *testing.T) {
	hub := hubtest.New(t)
	var names []string
	var snapshots [][]byte
	for i := range 400 {
		names = append(names, fmt.Sprint("many/r", i))
		snapshots = append(snapshots, fmt.Appendf(nil, `{"namespace":"many","name":"r%d","pull_count":1,"timestamp":"2026-01-01T00:00:00Z"}`, i))
	}
	word := unique()
	cfg := discovering(t, hub, names...)
	cfg.MQTT.URL = neighbour(t, "MOSQUITTO_TLS")
	cfg.MQTT.TLS.CAFile = neighbour(t, "MOSQUITTO_TLS_CA")
	cfg.MQTT.Username, cfg.MQTT.Password = neighbour(t, "MOSQUITTO_TLS_USER"), secret.New(neighbour(t, "MOSQUITTO_TLS_PASSWORD"))
	cfg.MQTT.ClientID, cfg.MQTT.Topic, cfg.MQTT.HomeAssistant.Prefix = word, word+"/metrics", word+"/ha"
	w := watch(t, neighbour(t, "MOSQUITTO"), word+"/ha/#", "pulltrail/"+word+"/#")
	err := app.WithArchive(t.Context(), cfg, func(ctx context.Context, a control.History) error {
		_, err := a.Import(ctx, control.Batch{Snapshots: snapshots})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	d := start(t, cfg)
	eventually(t, "all sensors, and the pulls of a day of all", func() bool {
		return len(w.topics(word+"/ha/")) == 3*len(names) && len(w.topics("pulltrail/"+word+"/repositories/")) == len(names)
	})
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	cfg.MQTT.HomeAssistant.Discovery = false
	start(t, cfg)
	eventually(t, "none", func() bool {
		return len(w.topics(word+"/ha/"))+len(w.topics("pulltrail/"+word+"/repositories/")) == 0
	})
}

// assistant is a Home Assistant of the testbed.
type assistant struct {
	t          *testing.T
	url, token string
}

// openAssistant signs in. The test is skipped where Home Assistant is not running.
func openAssistant(t *testing.T) assistant {
	t.Helper()
	a := assistant{t: t, url: os.Getenv("PULLTRAIL_TEST_HOMEASSISTANT")}
	if a.url == "" {
		t.Skip("Home Assistant is not running: testbed/testbed.sh up mosquitto homeassistant starts it (PULLTRAIL_TEST_HOMEASSISTANT is not set)")
	}
	response, err := http.PostForm(a.url+"/auth/token", url.Values{
		"grant_type": {"refresh_token"}, "client_id": {a.url + "/"}, "refresh_token": {neighbour(t, "HOMEASSISTANT_REFRESH_TOKEN")},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("signing in to Home Assistant: %s, %v", response.Status, err)
	}
	a.token = answer.AccessToken
	return a
}

// entities are the states of all entities whose name starts with prefix: name to state.
func (a assistant) entities(prefix string) map[string]string {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, a.url+"/api/states", nil)
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	var states []struct {
		State      string
		Attributes struct {
			Name string `json:"friendly_name"`
			Unit string `json:"unit_of_measurement"`
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&states); err != nil {
		a.t.Fatal(err)
	}
	found := map[string]string{}
	for _, s := range states {
		if strings.HasPrefix(s.Attributes.Name, prefix) {
			found[s.Attributes.Name] = strings.TrimSpace(s.State + " " + s.Attributes.Unit)
		}
	}
	return found
}

// await waits until there are these entities and no others.
func (a assistant) await(what, prefix string, want map[string]string) {
	a.t.Helper()
	var got map[string]string
	a.t.Cleanup(func() {
		if a.t.Failed() {
			a.t.Logf("%s: Home Assistant has %v, want %v", what, got, want)
		}
	})
	eventually(a.t, what, func() bool {
		got = a.entities(prefix)
		return maps.Equal(got, want)
	})
}

func TestHomeAssistantShowsTheSensors(t *testing.T) {
	a := openAssistant(t)
	hub := hubtest.New(t)
	word := unique()
	hub.Set(word+"/one", 12916987208)
	hub.Set(word+"/with.dot", 2)
	cfg := discovering(t, hub, word+"/one", word+"/with.dot")
	cfg.MQTT.URL, cfg.MQTT.ClientID, cfg.MQTT.Topic = neighbour(t, "MOSQUITTO"), word, word+"/metrics"
	d := start(t, cfg)
	one, dotted := word+"/one ", word+"/with.dot "
	a.await("the sensors with their values", word, map[string]string{
		one + "Pulls": "12916987208 pulls", one + "Pulls a day": "unknown pulls/d", one + "Stars": "37 stars",
		dotted + "Pulls": "2 pulls", dotted + "Pulls a day": "unknown pulls/d", dotted + "Stars": "37 stars",
	})
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	gone := map[string]string{}
	for name, unit := range map[string]string{"Pulls": "pulls", "Pulls a day": "pulls/d", "Stars": "stars"} {
		gone[one+name], gone[dotted+name] = "unavailable "+unit, "unavailable "+unit
	}
	a.await("all of them unavailable", word, gone)
	cfg.MQTT.HomeAssistant.Discovery = false
	start(t, cfg)
	a.await("none, as discovery is off", word, nil)
}
