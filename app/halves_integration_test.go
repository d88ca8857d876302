//go:build integration

package app_test

import (
	"net/http"
	"strings"
	"testing"

	"pulltrail/internal/config"
	"pulltrail/internal/hubtest"
)

func TestACollectorKeepsWhatNobodyHears(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 41)
	meet, topic := neighbour(t, "MOSQUITTO"), unique()
	cfg := half(t, config.ModeCollector, meet, hub)
	cfg.MQTT.Retain, cfg.MQTT.Topic = false, topic
	d := start(t, cfg)
	eventually(t, "the reason", func() bool {
		var ready string
		d.get("/-/ready", &ready)
		return strings.Contains(ready, "nobody is subscribed")
	})
	if !d.waiting("1") || d.totals()["library/nginx"] != "" {
		t.Error("what nobody has heard is taken for delivered")
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	receiving := half(t, config.ModeIndexer, meet, hub)
	receiving.MQTT.Topic = topic
	indexer := start(t, receiving)
	eventually(t, "the subscription", func() bool { return indexer.get("/-/ready", nil) == http.StatusOK })
	d = start(t, cfg) // a new connection publishes at once
	eventually(t, "the snapshot at the indexer", func() bool { return indexer.totals()["library/nginx"] == "41" })
	eventually(t, "an empty outbox", func() bool { return d.waiting("0") })
}
