//go:build integration

package app_test

import (
	"context"
	"fmt"
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
