package app_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"pulltrail/internal/broker"
	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/datadir"
	"pulltrail/internal/hubtest"
)

// meeting is a broker outside of the daemons that meet there.
func meeting(t *testing.T) (url string) {
	t.Helper()
	b, err := broker.New(broker.Options{Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the broker: %v", err)
		}
	})
	return "mqtt://" + b.Addr().String()
}

// half is a daemon of that mode.
func half(t *testing.T, mode, broker string, hub *hubtest.Hub) config.Config {
	t.Helper()
	cfg := settings(t, hub, "library/nginx")
	cfg.Mode, cfg.MQTT.URL = mode, broker
	return cfg
}

// parts are the names in the daemon's health, and waiting what its outbox holds.
func (d *daemon) parts() string {
	var ready struct{ Parts []struct{ Name string } }
	d.get("/-/ready", &ready)
	var names []string
	for _, p := range ready.Parts {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

func (d *daemon) waiting(n string) bool {
	var metrics string
	d.get("/metrics", &metrics)
	return strings.Contains(metrics, "pulltrail_outbox_snapshots "+n+"\n")
}

func TestTwoHalvesAreAWhole(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 41)
	meet := meeting(t)
	receiving := half(t, config.ModeIndexer, meet, hub)
	indexer := start(t, receiving)
	if got := indexer.parts(); got != "history, subscriber of snapshots" {
		t.Errorf("an indexer consists of: %s", got)
	}
	var page string
	if indexer.get("/", &page); !strings.Contains(page, "Nothing collected yet") || strings.Contains(page, "library/nginx") {
		t.Errorf("the page of an indexer that has nothing: %s", page)
	}
	_, err := control.NewClient(datadir.ControlSocket(receiving.DataDir)).Collect(t.Context(), nil, patience, func(control.Result) {})
	if err == nil || !strings.Contains(err.Error(), "mode is indexer") {
		t.Errorf("asked to collect, an indexer says: %v", err)
	}
	var status string
	if indexer.get("/status", &status); !strings.Contains(status, "none, because mode is indexer") || strings.Contains(status, "Collect now") {
		t.Errorf("the status page of an indexer: %s", status)
	}

	collector := start(t, half(t, config.ModeCollector, meet, hub))
	if got := collector.parts(); got != "history, Docker Hub, outbox, publisher" {
		t.Errorf("a collector consists of: %s", got)
	}
	eventually(t, "the snapshot at the indexer", func() bool { return indexer.totals()["library/nginx"] == "41" })
	eventually(t, "the snapshot in the collector's own history", func() bool { return collector.totals()["library/nginx"] == "41" })
	eventually(t, "an empty outbox", func() bool { return collector.waiting("0") })
}

func TestACollectorPollsNothingTwiceForASlot(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 41)
	cfg := half(t, config.ModeCollector, meeting(t), hub)
	d := start(t, cfg)
	eventually(t, "an empty outbox", func() bool { return d.totals()["library/nginx"] == "41" && d.waiting("0") })
	d.awaitRun()
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	asked := hub.Requests()
	d = start(t, cfg)
	summary, err := control.NewClient(datadir.ControlSocket(cfg.DataDir)).Collect(t.Context(), nil, patience, func(control.Result) {})
	if err != nil || summary.Succeeded != 1 || summary.Undelivered != "" {
		t.Fatalf("collect by hand: %+v, %v", summary, err)
	}
	if got := hub.Requests() - asked; got != 1 {
		t.Errorf("%d requests after the restart, want the one by hand", got)
	}
}
