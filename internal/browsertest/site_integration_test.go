//go:build integration

package browsertest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"pulltrail/app"
	"pulltrail/internal/config"
	"pulltrail/internal/demo"
)

// daemon runs the whole process with cfg on free ports, and returns where its page is.
func daemon(t *testing.T, cfg config.Config, opts app.Options) string {
	t.Helper()
	cfg.MQTT.Embedded.Listen, cfg.Web.Listen = "127.0.0.1:0", "127.0.0.1:0"
	if err := cfg.Validate().Err(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan app.Addresses, 1), make(chan error, 1)
	opts.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	opts.Ready = func(a app.Addresses) { ready <- a }
	go func() { ended <- app.Run(ctx, cfg, opts) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the daemon: %v", err)
		}
	})
	select {
	case a := <-ready:
		return "http://" + a.Web
	case err := <-ended:
		ended <- nil
		t.Fatalf("the daemon ended: %v", err)
	case <-time.After(patience):
		t.Fatal("the daemon did not become ready")
	}
	return ""
}

// twoYears is a site with the simulated history of a dozen repositories.
func twoYears(t *testing.T) string {
	t.Helper()
	chromium(t)
	cfg := config.Default()
	cfg.DataDir = t.TempDir()
	world, err := demo.Fill(t.Context(), cfg.DataDir, time.Now(), cfg.MQTT.SnapshotTopic, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	hub := httptest.NewServer(world.Handler(time.Now))
	t.Cleanup(hub.Close)
	cfg.Collector.URL, cfg.Collector.Jitter = hub.URL, 0
	cfg.Collector.Repositories = nil
	for _, r := range world.Repositories() {
		cfg.Collector.Repositories = append(cfg.Collector.Repositories, r.String())
	}
	return daemon(t, cfg, app.Options{Demo: true})
}

// get is the body of an answer.
func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// eventually waits until done is true.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come", what)
		}
	}
}
