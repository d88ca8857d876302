//go:build integration

package app_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // reads what a killed daemon has left

	"pulltrail/internal/config"
	"pulltrail/internal/hubtest"
	"pulltrail/internal/porttest"
)

// kills is how often the daemon is killed before it may finish.
const kills = 14

// TestKilledAtAnyMoment kills the daemon with SIGKILL while it polls, publishes and
// stores, again and again, with the broker away in every other round. What was in the
// outbox once must be stored in the end, with the value that it had then, once.
func TestKilledAtAnyMoment(t *testing.T) {
	hub := hubtest.New(t)
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprintf("team/app-%02d", i))
	}
	cfg, index := chain(t, hub, names...)
	broker := newGate(t, cfg.MQTT.URL)
	cfg.MQTT.URL = "mqtt://" + broker.addr
	cfg.Web.Listen = porttest.Address(t)
	cfg.Collector.Schedule = "@every 2s"
	cfg.Collector.Rate = 40
	p := process{binary: build(t), config: writeConfig(t, cfg), dataDir: cfg.DataDir}

	taken := map[string]string{} // id to payload, as first seen in an outbox
	for round := range kills {
		for i, name := range names { // a snapshot that is polled again has another value
			hub.Set(name, int64(round*1000+i))
		}
		if round%2 == 0 {
			broker.open(t)
		} else {
			broker.close()
		}
		p.start(t)
		// anywhere between opening the database and the second slot
		time.Sleep(time.Duration(rand.IntN(2500)) * time.Millisecond) //nolint:gosec // a moment, not a secret
		p.kill(t)
		for id, payload := range p.outbox(t) {
			if before, ok := taken[id]; ok && before != payload {
				t.Errorf("round %d: %s was taken again: %s, before %s", round, id, payload, before)
			}
			taken[id] = payload
		}
	}
	broker.close()
	if len(taken) == 0 {
		t.Fatal("the daemon was never killed with anything in its outbox: this test shows nothing")
	}
	t.Logf("the outbox held %d different snapshots when the daemon was killed", len(taken))
	// The last one has no slot to take, only to finish what the others have begun.
	cfg.Collector.Schedule = "@yearly"
	p.config = writeConfig(t, cfg)
	broker.open(t)
	p.start(t)
	d := &daemon{t: t}
	d.Web = cfg.Web.Listen
	search := elastic{t: t, base: cfg.Indexer.OpenSearch.URLs[0]}
	var stored map[string]json.RawMessage // documents fails for an id that is there twice
	settled := func() bool {
		var metrics string
		return d.reachable() && d.get("/metrics", &metrics) == http.StatusOK &&
			strings.Contains(metrics, "pulltrail_outbox_snapshots 0\n") &&
			strings.Contains(metrics, `pulltrail_indexer_lag_entries{log="history",sink="opensearch"} 0`+"\n")
	}
	eventually(t, "an empty outbox and no lag", settled)
	stored = search.documents(index + "-*")
	for id, payload := range taken {
		if string(stored[id]) != payload {
			t.Errorf("%s was taken as %s and is stored as %s", id, payload, stored[id])
		}
	}
	kept := 0
	for _, name := range names {
		var s series
		if status := d.get("/api/v1/repositories/"+name+"/series", &s); status != http.StatusOK {
			t.Errorf("%s: %d", name, status)
		}
		slots := map[time.Time]bool{}
		for _, sample := range s.Samples {
			if slots[sample.Slot] {
				t.Errorf("%s: slot %v is in history twice", name, sample.Slot)
			}
			slots[sample.Slot] = true
		}
		kept += len(slots)
	}
	if kept != len(stored) || kept < len(taken) {
		t.Errorf("%d snapshots in history, %d in OpenSearch, %d were seen in the outbox", kept, len(stored), len(taken))
	}
	t.Logf("%d snapshots are stored", kept)
	p.terminate(t)
}

// TestTheRestOfASlotIsPolledAfterAKill kills the daemon in the middle of one run.
func TestTheRestOfASlotIsPolledAfterAKill(t *testing.T) {
	hub := hubtest.New(t)
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("team/app-%02d", i))
		hub.Set(names[i], 1)
	}
	cfg, index := chain(t, hub, names...)
	cfg.Web.Listen = porttest.Address(t)
	cfg.Collector.Rate = 20
	p := process{binary: build(t), config: writeConfig(t, cfg), dataDir: cfg.DataDir}
	p.start(t)
	d := &daemon{t: t}
	d.Web = cfg.Web.Listen
	eventually(t, "a part of the run", func() bool { return d.reachable() && len(d.totals()) >= 5 })
	p.kill(t)
	for _, name := range names {
		hub.Set(name, 2)
	}
	p.start(t)
	eventually(t, "the rest", func() bool { return d.reachable() && len(d.totals()) == len(names) })
	before := 0
	for name, total := range d.totals() {
		if total == "1" {
			before++
		}
		if total == "1" && hub.RequestsFor(name) != 1 {
			t.Errorf("%s was taken before the kill and asked for %d times", name, hub.RequestsFor(name))
		}
	}
	if before < 5 || before == len(names) {
		t.Errorf("%d of %d were taken before the kill", before, len(names))
	}
	search := elastic{t: t, base: cfg.Indexer.OpenSearch.URLs[0]}
	eventually(t, "all documents, once", func() bool { return len(search.documents(index+"-*")) == len(names) })
	p.terminate(t)
}

// process is the real program.
type process struct {
	binary, config, dataDir string
	command                 *exec.Cmd
}

func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "pulltrail")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "pulltrail").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

func (p *process) start(t *testing.T) {
	t.Helper()
	// not bound to the test's context: it is killed by hand
	p.command = exec.CommandContext(context.WithoutCancel(t.Context()), p.binary, "run", "--config", p.config)
	p.command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	p.command.Stdout, p.command.Stderr = t.Output(), t.Output()
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	command := p.command
	t.Cleanup(func() {
		if command.ProcessState == nil {
			_ = command.Process.Kill() // a test that failed half-way
			_ = command.Wait()
		}
	})
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := p.command.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the daemon ended before it was killed: %v", err)
	}
}

// terminate ends the daemon as an operator would.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	if err := p.command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.command.Wait(); err != nil {
		t.Errorf("after SIGINT: %v", err)
	}
}

// outbox reads what a killed daemon had in its outbox.
func (p *process) outbox(t *testing.T) map[string]string {
	t.Helper()
	path := filepath.Join(p.dataDir, "pulltrail.db")
	if _, err := os.Stat(path); err != nil {
		return nil // killed before there was one
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var tables int
	if err := db.QueryRow("SELECT count(*) FROM sqlite_master WHERE name = 'outbox'").Scan(&tables); err != nil || tables == 0 {
		return nil
	}
	rows, err := db.Query("SELECT namespace, name, slot, payload FROM outbox")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[string]string{}
	for rows.Next() {
		var namespace, name, payload string
		var slot int64
		if err := rows.Scan(&namespace, &name, &slot, &payload); err != nil {
			t.Fatal(err)
		}
		found[fmt.Sprintf("%s/%s@%s", namespace, name, time.UnixMicro(slot).UTC().Format(time.RFC3339Nano))] = payload
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// writeConfig writes the keys that the chain's tests set.
func writeConfig(t *testing.T, cfg config.Config) string {
	t.Helper()
	route := cfg.Indexer.Routes[0]
	text := fmt.Sprintf(`
data_dir: %q
collector: {url: %q, schedule: %q, rate: %g, jitter: 0s, repositories: [%s]}
mqtt: {url: %q, topic: %q}
web: {listen: %q}
indexer:
  opensearch: {urls: [%q]}
  routes: [{topic: %q, kind: %q, index: %q}]
`, cfg.DataDir, cfg.Collector.URL, cfg.Collector.Schedule, cfg.Collector.Rate, strings.Join(cfg.Collector.Repositories, ", "),
		cfg.MQTT.URL, cfg.MQTT.Topic, cfg.Web.Listen, cfg.Indexer.OpenSearch.URLs[0], route.Topic, route.Kind, route.Index)
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
