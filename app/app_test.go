package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"pulltrail/app"
	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/datadir"
	"pulltrail/internal/hubtest"
)

// patience bounds how long a test waits for something that must come.
const patience = time.Minute

// settings is a daemon of its own, all ports free ones, that polls hub.
func settings(t *testing.T, hub *hubtest.Hub, repositories ...string) config.Config {
	t.Helper()
	cfg := config.Default()
	cfg.DataDir = t.TempDir()
	cfg.Collector.URL = hub.URL
	cfg.Collector.Repositories = repositories
	cfg.Collector.Rate = 100
	cfg.Collector.Schedule = "@yearly"
	cfg.MQTT.Embedded.Listen = "127.0.0.1:0"
	cfg.Web.Listen = "127.0.0.1:0"
	return cfg
}

// daemon is a running process of app.Run.
type daemon struct {
	app.Addresses
	t    *testing.T
	stop func() error
}

func start(t *testing.T, cfg config.Config) *daemon {
	t.Helper()
	return startWith(t, cfg, app.Options{Log: testLog(t)})
}

func startWith(t *testing.T, cfg config.Config, opts app.Options) *daemon {
	t.Helper()
	if list := cfg.Validate(); len(list) > 0 {
		t.Fatalf("the test's configuration: %v", list)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan app.Addresses, 1)
	ended := make(chan error, 1)
	opts.Ready = func(a app.Addresses) { ready <- a }
	go func() { ended <- app.Run(ctx, cfg, opts) }()
	d := &daemon{t: t}
	stopped := false
	d.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	select {
	case d.Addresses = <-ready:
	case err := <-ended:
		stopped = true
		t.Fatalf("the daemon ended: %v", err)
	case <-time.After(patience):
		t.Fatal("the daemon did not become ready")
	}
	return d
}

// testLog writes to the test's log, and stops when the test does.
func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// reachable says whether the page's port is open.
func (d *daemon) reachable() bool {
	response, err := http.Get("http://" + d.Web + "/-/healthy")
	if err != nil {
		return false
	}
	return response.Body.Close() == nil
}

// get reads JSON from a path of the daemon and returns the status.
func (d *daemon) get(path string, into any) int {
	d.t.Helper()
	response, err := http.Get("http://" + d.Web + path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if text, ok := into.(*string); ok {
		*text = string(body)
	} else if into != nil {
		if err := json.Unmarshal(body, into); err != nil {
			d.t.Fatalf("%s answered %s: %v", path, body, err)
		}
	}
	return response.StatusCode
}

// post sends nothing to a path, as a page of a site makes a browser do.
func (d *daemon) post(path, site string) int {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, "http://"+d.Web+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", site)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// awaitRun waits for the end of the run that begins with the daemon.
func (d *daemon) awaitRun() {
	d.t.Helper()
	eventually(d.t, "the end of the run", func() bool {
		var metrics string
		d.get("/metrics", &metrics)
		return strings.Contains(metrics, `pulltrail_scheduler_runs_total{name="collect",outcome="ok"} 1`) ||
			strings.Contains(metrics, `pulltrail_scheduler_runs_total{name="collect",outcome="unfinished"} 1`)
	})
}

type repositories struct {
	Repositories []struct {
		Namespace, Name string
		PullCount       *json.Number `json:"pull_count"`
	}
}

// totals is what the API says, "namespace/name" to pull_count.
func (d *daemon) totals() map[string]string {
	d.t.Helper()
	var answer repositories
	if status := d.get("/api/v1/repositories", &answer); status != http.StatusOK {
		d.t.Fatalf("the API answered %d", status)
	}
	totals := map[string]string{}
	for _, r := range answer.Repositories {
		if r.PullCount != nil {
			totals[r.Namespace+"/"+r.Name] = r.PullCount.String()
		}
	}
	return totals
}

type series struct {
	Samples []struct {
		Slot, Timestamp time.Time
		PullCount       json.Number `json:"pull_count"`
	}
}

// eventually waits until what holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		if holds() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
		time.Sleep(20 * time.Millisecond) // between two looks at another goroutine's work
	}
}

func TestASnapshotGoesAllTheWayToTheAPI(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 12916987208)
	hub.Set("oitc/mqtt2elasticsearch", 7)
	hub.Fail("a/gone", hubtest.NotFound)
	d := start(t, settings(t, hub, "nginx", "oitc/mqtt2elasticsearch", "a/gone"))

	eventually(t, "two totals in the API", func() bool { return len(d.totals()) == 2 })
	if got := d.totals(); got["library/nginx"] != "12916987208" || got["oitc/mqtt2elasticsearch"] != "7" {
		t.Errorf("totals: %v", got)
	}
	var ready struct {
		Ready bool
		Parts []struct {
			Name string
			OK   bool
		}
	}
	eventually(t, "readiness", func() bool { return d.get("/-/ready", &ready) == http.StatusOK })
	if !ready.Ready || len(ready.Parts) == 0 {
		t.Errorf("ready: %+v", ready)
	}
	if status := d.get("/-/healthy", nil); status != http.StatusOK {
		t.Errorf("healthy: %d", status)
	}
	var page, metrics string
	eventually(t, "the failure on the page", func() bool {
		d.get("/", &page)
		return strings.Contains(page, "not_found") || strings.Contains(page, "absent")
	})
	if !strings.Contains(page, "12,916,987,208") || !strings.Contains(page, "a/gone") {
		t.Errorf("the page: %s", page)
	}
	var status struct {
		Running     bool
		Tracked     int
		Causes      map[string]int
		DeadLetters map[string]int `json:"dead_letters"`
		Next        time.Time
		Last        struct {
			Slot                        time.Time
			Succeeded, Failed, Requests int
		}
	}
	eventually(t, "the run in the status", func() bool {
		return d.get("/api/v1/status", &status) == http.StatusOK && !status.Running && status.Last.Failed == 1
	})
	if status.Last.Succeeded != 2 || status.Tracked != 3 || status.Causes["not_found"] != 1 || status.DeadLetters == nil || status.Next.IsZero() {
		t.Errorf("the status: %+v", status)
	}
	for path, want := range map[string]string{
		"/badge/library/nginx.svg": "12.9", "/badge/library/nginx.json": `"schemaVersion":1`, "/chart/library/nginx.svg": "library/nginx", "/api/v1/curves": `"series":[`, "/api/v1/summary": `"pull_count":12916987215`,
	} {
		var got string
		if d.get(path, &got) != http.StatusOK || !strings.Contains(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
	for site, want := range map[string]int{"cross-site": http.StatusForbidden, "same-origin": http.StatusAccepted} {
		if got := d.post("/api/v1/collect", site); got != want {
			t.Errorf("a run that a page of %s asks for: %d", site, got)
		}
	}
	first := status.Next
	eventually(t, "the run that was asked for", func() bool {
		d.get("/api/v1/status", &status)
		return !status.Running && status.Last.Slot.After(first.AddDate(-1, 0, 0))
	})
	eventually(t, "an empty outbox", func() bool {
		d.get("/metrics", &metrics)
		return strings.Contains(metrics, "pulltrail_outbox_snapshots 0")
	})
	for _, want := range []string{"pulltrail_build_info", "go_goroutines", "pulltrail_collector_", "pulltrail_scheduler_", "pulltrail_mqtt_"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

func TestARestartPollsNothingThatIsThereAlready(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 1)
	cfg := settings(t, hub, "nginx")
	d := start(t, cfg)
	eventually(t, "the first snapshot", func() bool { return d.totals()["library/nginx"] == "1" })
	d.awaitRun()
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	asked := hub.Requests()
	hub.Set("library/nginx", 2)
	d = start(t, cfg)
	if got := d.totals()["library/nginx"]; got != "1" {
		t.Errorf("total after the restart: %s", got)
	}
	summary, err := control.NewClient(datadir.ControlSocket(cfg.DataDir)).Collect(t.Context(), nil, patience, func(control.Result) {})
	if err != nil || summary.Succeeded != 1 || summary.Undelivered != "" {
		t.Fatalf("collect by hand: %+v, %v", summary, err)
	}
	// The run by hand is the only one that asked Docker Hub.
	if got := hub.Requests() - asked; got != 1 {
		t.Errorf("%d requests after the restart, want 1", got)
	}
	var s series
	d.get("/api/v1/repositories/library/nginx/series", &s)
	if len(s.Samples) != 2 || s.Samples[0].PullCount != "1" || s.Samples[1].PullCount != "2" {
		t.Errorf("series: %+v", s)
	}
}

func TestATaskNeedsNoDaemon(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 5)
	cfg := settings(t, hub, "nginx", "a/missing")
	var results []control.Result
	var summary control.Summary
	err := app.Run(t.Context(), cfg, app.Options{Log: testLog(t), Task: func(ctx context.Context, c control.Daemon) (err error) {
		summary, err = c.Collect(ctx, nil, patience, func(r control.Result) { results = append(results, r) })
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	if summary.Succeeded != 1 || summary.Failed != 1 || summary.Undelivered != "" || len(results) != 2 {
		t.Errorf("%+v, %+v", summary, results)
	}
	d := start(t, cfg)
	if got := d.totals()["library/nginx"]; got != "5" {
		t.Errorf("what the task stored is %q for the daemon", got)
	}
}

func TestAPortInUseNamesItAndTheRemedies(t *testing.T) {
	hub := hubtest.New(t)
	d := start(t, settings(t, hub, "nginx"))
	for name, c := range map[string]struct {
		change func(*config.Config)
		want   []string
	}{
		"broker": {func(c *config.Config) { c.MQTT.Embedded.Listen = d.Broker }, []string{d.Broker[strings.LastIndex(d.Broker, ":")+1:], "mqtt.embedded.listen", "mqtt.url"}},
		"page":   {func(c *config.Config) { c.Web.Listen = d.Web }, []string{d.Web[strings.LastIndex(d.Web, ":")+1:], "web.listen"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := settings(t, hub, "nginx")
			c.change(&cfg)
			err := app.Run(t.Context(), cfg, app.Options{Log: testLog(t)})
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("Run = %v, want %q in it", err, want)
				}
			}
		})
	}
}

func TestABrokerAndAnOpenSearchThatAreAwayAreStates(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 3)
	cfg := settings(t, hub, "nginx")
	cfg.MQTT.URL = "mqtt://127.0.0.1:1"
	cfg.Indexer.OpenSearch.URLs = []string{"http://127.0.0.1:1"}
	d := start(t, cfg)
	var ready string
	eventually(t, "the broker as a reason", func() bool {
		return d.get("/-/ready", &ready) == http.StatusServiceUnavailable && strings.Contains(ready, "127.0.0.1:1") && strings.Contains(ready, "opensearch")
	})
	var metrics string
	eventually(t, "a snapshot in the outbox", func() bool {
		d.get("/metrics", &metrics)
		return strings.Contains(metrics, "pulltrail_outbox_snapshots 1")
	})
	d.awaitRun()
	summary, err := control.NewClient(datadir.ControlSocket(cfg.DataDir)).Collect(t.Context(), nil, time.Millisecond, func(control.Result) {})
	if err != nil || !strings.Contains(summary.Undelivered, "outbox") {
		t.Errorf("collect: %+v, %v", summary, err)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	cfg.MQTT.URL = ""
	d = start(t, cfg)
	eventually(t, "the snapshot in history", func() bool { return d.totals()["library/nginx"] == "3" })
}

func TestASecondDaemonIsRefused(t *testing.T) {
	hub := hubtest.New(t)
	cfg := settings(t, hub, "nginx")
	start(t, cfg)
	err := app.Run(t.Context(), cfg, app.Options{Log: testLog(t)})
	if err == nil || !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), fmt.Sprint(cfg.DataDir)) {
		t.Errorf("Run = %v", err)
	}
}
