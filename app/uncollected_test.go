package app_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/control"
	"pulltrail/internal/hub"
	"pulltrail/internal/hubtest"
)

// collected waits until the API has exactly these repositories, and checks that each has one snapshot, for the latest past
// slot, which twins share.
func (d *daemon) collected(want ...string) {
	d.t.Helper()
	eventually(d.t, strings.Join(want, " "), func() bool { return slices.Equal(slices.Sorted(maps.Keys(d.totals())), want) })
	for _, r := range want {
		var s series
		d.get("/api/v1/repositories/"+r+"/series", &s)
		if slot := time.Date(time.Now().UTC().Year(), 1, 1, 0, 0, 0, 0, time.UTC); len(s.Samples) != 1 || !s.Samples[0].Slot.Equal(slot) {
			d.t.Errorf("%s: %+v, want one snapshot for %s", r, s.Samples, slot)
		}
	}
}

func TestWhatIsAddedToTheConfigurationIsCollectedWithoutWaitingForASlot(t *testing.T) {
	for _, onStart := range []bool{true, false} {
		for _, how := range []string{"restart", "reload"} {
			t.Run(map[bool]string{true: how, false: how + ", run_on_start: false"}[onStart], func(t *testing.T) {
				docker := hubtest.New(t)
				for i, name := range []string{"library/nginx", "library/redis", "a/x-1", "a/x-2", "a/y", "a/z"} {
					docker.Set(name, int64(i))
				}
				cfg := settings(t, docker, "nginx")
				cfg.Collector.RunOnStart = onStart
				d := startReloadable(t, cfg)
				d.collected("library/nginx")
				change := func(repositories ...string) {
					d.awaitIdle()
					cfg.Collector.Repositories = repositories
					if how == "restart" {
						if err := d.stop(); err != nil {
							t.Fatal(err)
						}
						d = startReloadable(t, cfg)
						return
					}
					d.set(cfg, nil)
					if got := d.reload(); got.Error != "" {
						t.Fatal(got)
					}
				}
				change("nginx", "redis")
				d.collected("library/nginx", "library/redis")
				change("nginx", "redis", "a/x-*")
				d.collected("a/x-1", "a/x-2", "library/nginx", "library/redis")
				change("nginx", "redis", "a/x-*", "a/y")
				d.collected("a/x-1", "a/x-2", "a/y", "library/nginx", "library/redis")
				change("nginx", "redis", "a/*")
				d.collected("a/x-1", "a/x-2", "a/y", "a/z", "library/nginx", "library/redis")
				change("nginx", "redis", "a/*")
				d.awaitIdle()
				for r, want := range map[string]int{"library/nginx": 1, "library/redis": 1, "a/y": 1, "a/z": 0} {
					if n := docker.RequestsFor(r); n != want {
						t.Errorf("%d requests for %s, want %d", n, r, want)
					}
				}
				if n := docker.Requests() - docker.RequestsFor("idle/none"); n != 3+3 { // a/* was listed for x-*, when y was named, and whole
					t.Errorf("%d requests in all", n)
				}
			})
		}
	}
}

// awaitIdle waits until the start has decided about a run and no run is under way: a run by hand would not begin before.
func (d *reloadable) awaitIdle() {
	d.t.Helper()
	eventually(d.t, "the end of runs", func() bool {
		_, err := d.Collect(d.t.Context(), []hub.Repository{{Namespace: "idle", Name: "none"}}, 0, func(control.Result) {})
		return err == nil
	})
}

func TestWhatCouldNotBeCollectedIsCollectedAfterARestart(t *testing.T) {
	docker := hubtest.New(t)
	docker.Set("library/nginx", 1)
	docker.Set("library/redis", 2)
	docker.Set("a/b", 3)
	cfg := settings(t, docker, "nginx")
	cfg.Collector.RunOnStart, cfg.Collector.Tries = false, 1
	d := startReloadable(t, cfg)
	d.collected("library/nginx")
	d.awaitIdle()
	cfg.Collector.Repositories = []string{"nginx", "redis", "a/*"}
	docker.FailAll(hubtest.Status(http.StatusServiceUnavailable))
	for range 2 {
		if err := d.stop(); err != nil {
			t.Fatal(err)
		}
		asked := docker.RequestsFor("library/redis")
		d = startReloadable(t, cfg)
		eventually(t, "a try", func() bool { return docker.RequestsFor("library/redis") > asked })
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	docker.FailAll(nil)
	d = startReloadable(t, cfg)
	d.collected("a/b", "library/nginx", "library/redis")
	if n := docker.RequestsFor("library/nginx"); n != 1 {
		t.Errorf("%d requests for what has a snapshot", n)
	}
}

// The snapshot is safe in the outbox while the broker is away, so the repository has one.
func TestARepositoryWhoseSnapshotWaitsInTheOutboxIsNotCollectedAgain(t *testing.T) {
	docker := hubtest.New(t)
	docker.Set("library/nginx", 1)
	cfg := settings(t, docker, "nginx")
	cfg.Collector.RunOnStart = false
	cfg.MQTT.URL = "mqtt://127.0.0.1:1"
	for range 2 {
		d := startReloadable(t, cfg)
		eventually(t, "the first request", func() bool { return docker.RequestsFor("library/nginx") > 0 })
		d.awaitIdle()
		if err := d.stop(); err != nil {
			t.Fatal(err)
		}
	}
	if n := docker.RequestsFor("library/nginx"); n != 1 {
		t.Errorf("%d requests", n)
	}
}
