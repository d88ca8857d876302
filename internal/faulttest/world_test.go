//go:build integration

package faulttest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/control"
	"pulltrail/internal/datadir"
	"pulltrail/internal/porttest"
)

// patience bounds how long what must come may take: the longest pauses between two
// tries are 30 s and 45 s.
const patience = 2 * time.Minute

func long() bool { return os.Getenv("PULLTRAIL_TEST_FAULTS") == "long" }

// pick is a in the short form and b in the long one.
func pick[T any](a, b T) T {
	if long() {
		return b
	}
	return a
}

// outage is how long a neighbour is in trouble.
func outage() time.Duration { return pick(3*time.Second, 10*time.Second) }

// A scenario is one fault, in the middle of a stream of documents and snapshots.
type scenario struct {
	name string
	// fault is called when a third of the documents is with the broker, and ends when
	// all is well again.
	fault func(*world)
	// before, where set, changes the settings.
	before func(*settings)
	// brokerLoses says that the broker may lose what it has confirmed: then only what the
	// program has acknowledged must be there.
	brokerLoses bool
	// answersLost says that an answer of Docker Hub may not become a snapshot, because
	// nothing can be written.
	answersLost bool
	// letters is how many dead letters there must be.
	letters int
}

// settings are what a scenario may change of its world.
type settings struct {
	t            *testing.T
	documents    int
	stockBroker  bool
	version      string // of MQTT
	dataDir      string
	binary       string
	env          []string
	search       string // URL of the cluster
	timeout      time.Duration
	journalBytes string
	filter       string // of the documents' route; the topic of the test is put for %s
}

// world is everything that takes part.
type world struct {
	scenario
	settings
	topic, index string
	broker       *broker
	tap          *tap
	front        *front
	cluster      cluster
	hub          *hub
	daemon       *daemon
	witness      *witness
	documents    *numbered
	killed       bool
	owed         map[int]bool // numbers of snapshots
}

func (s scenario) run(t *testing.T) {
	w := newWorld(t, s)
	w.daemon.start()
	w.daemon.ready()
	w.documents = publishNumbered(t, w.broker.addr, w.topic+"/docs/a", 0, w.settings.documents)
	w.documents.await(t, w.settings.documents/3)
	s.fault(w)
	w.documents.await(t, w.settings.documents)
	<-w.documents.done
	w.check()
}

func newWorld(t *testing.T, s scenario) *world {
	t.Helper()
	built, err := program()
	if err != nil {
		t.Fatal(err)
	}
	set := settings{
		t: t, documents: pick(1500, 12_000), dataDir: filepath.Join(t.TempDir(), "data"), binary: built,
		search: neighbour(t, "OPENSEARCH_FAULTS"), timeout: 3 * time.Second, version: "5", journalBytes: "1GiB", filter: "%s/docs/#",
	}
	if s.before != nil {
		s.before(&set)
	}
	word := unique()
	w := &world{scenario: s, settings: set, topic: word, index: "dockerhub-" + word, owed: map[int]bool{}, hub: newHub(t)}
	w.broker = newBroker(t, set.stockBroker)
	w.tap = newTap(t, w.broker.addr)
	w.front = newFront(t, set.search)
	w.cluster = cluster{base: set.search}
	t.Cleanup(func() { _ = w.cluster.do(http.MethodDelete, "/"+w.index+"-*", "", nil) }) // the cluster may be gone
	w.daemon = w.newDaemon("")
	w.witness = subscribeWitness(t, w.broker.addr, w.topic+"/docs/#")
	return w
}

// documentIndex is what the index of documents is made with: one that contradicts its
// mapping is refused.
const documentIndex = `{"settings":{"number_of_shards":1,"number_of_replicas":0},
"mappings":{"properties":{"n":{"type":"long"},"time":{"type":"date"},"filler":{"type":"keyword","index":false,"doc_values":false}}}}`

// newDaemon writes the configuration of a program. suffix tells two of them apart.
func (w *world) newDaemon(suffix string) *daemon {
	w.t.Helper()
	dir := w.t.TempDir()
	d := &daemon{t: w.t, binary: w.binary, env: w.env, dataDir: w.dataDir + suffix, web: porttest.Address(w.t), config: filepath.Join(dir, "config.yaml")}
	body := filepath.Join(dir, "index.json")
	text := fmt.Sprintf(`
data_dir: %q
collector: {url: %q, schedule: "@every 1s", rate: 100, jitter: 0s, repositories: [%s]}
mqtt: {url: %q, version: %s, topic: %q, max_payload: 1MiB}
web: {listen: %q}
indexer:
  opensearch: {urls: [%q], timeout: %s}
  journal_max_bytes: %s
  routes:
    - {topic: %q, kind: snapshot, index: %q}
    - {topic: %q, kind: document, index: %q, id: fields(n), time_field: time, body_file: %q}
    - {topic: %q, kind: document, index: %q, id: position}
`, d.dataDir, w.hub.url, strings.Join(repositories, ", "), "mqtt://"+w.tap.addr, w.version, w.topic+suffix+"/hub", d.web, w.front.url, w.timeout, w.journalBytes,
		w.topic+suffix+"/hub/#", w.index+suffix+"-snapshots-{Y}-{m}",
		fmt.Sprintf(w.filter, w.topic), w.index+"-docs-{Y}-{m}-{d}", body, w.topic+"/retained/#", w.index+"-retained")
	for path, content := range map[string]string{d.config: text, body: documentIndex} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	return d
}

// kill kills the program, and remembers which snapshots it owes.
func (w *world) kill() {
	w.t.Helper()
	w.daemon.kill()
	w.owe()
}

func (w *world) owe() {
	w.t.Helper()
	w.killed = true
	for _, n := range w.daemon.outbox() {
		w.owed[n] = true
	}
}

// check waits until everything is where it belongs, without another start of the
// program, and counts.
func (w *world) check() {
	t := w.t
	t.Helper()
	if !w.killed && !w.answersLost {
		for n := 1; n <= w.hub.answers(); n++ {
			w.owed[n] = true
		}
	}
	var stored map[int]int
	eventually(t, patience, "all documents in OpenSearch and nothing on its way", func() (err error) {
		if !w.daemon.alive() {
			t.Fatal("the program has ended by itself")
		}
		if err := w.daemon.settled(); err != nil {
			return err
		}
		if stored, err = w.cluster.numbers(w.index+"-docs-*", "n", w.settings.documents); err != nil {
			return err
		}
		if missing := missing(w.expected(), stored); len(missing) > 0 {
			return fmt.Errorf("%d documents are missing, such as %v", len(missing), missing[:min(len(missing), 5)])
		}
		return w.checkSnapshots()
	})
	acked := w.tap.acknowledged()
	doubled := 0
	for n, times := range stored {
		if times > 1 {
			doubled++
			t.Errorf("document %d is stored %d times", n, times)
		}
	}
	letters := w.deadLetters()
	t.Logf("%d documents: %d acknowledged, %d stored, %d doubled, %d dead letters; %d snapshots owed; the broker lost %d to us and %d to the witness",
		w.settings.documents, len(acked), len(stored), doubled, len(letters), len(w.owed), w.settings.documents-len(stored), w.settings.documents-w.witness.count())
	if len(letters) != w.letters {
		t.Errorf("%d dead letters, want %d", len(letters), w.letters)
	}
	for _, l := range letters {
		if l.Reason == "" || l.Topic == "" || l.Refused.IsZero() {
			t.Errorf("a dead letter says too little: %+v", l)
		}
	}
	if w.daemon.alive() {
		w.daemon.terminate()
	}
}

// expected are the documents that must be there.
func (w *world) expected() []int {
	if w.brokerLoses {
		return w.tap.acknowledged()
	}
	all := make([]int, w.settings.documents)
	for n := range all {
		all[n] = n
	}
	return all
}

func missing(expected []int, stored map[int]int) (missing []int) {
	for _, n := range expected {
		if stored[n] == 0 {
			missing = append(missing, n)
		}
	}
	slices.Sort(missing)
	return missing
}

// checkSnapshots objects unless history and OpenSearch have the same snapshots, each
// once, and all that are owed.
func (w *world) checkSnapshots() error {
	indexed, err := w.cluster.numbers(w.index+"-snapshots-*", "pull_count", w.hub.answers()+1)
	if err != nil {
		return err
	}
	if lost := missing(slices.Collect(maps.Keys(w.owed)), indexed); len(lost) > 0 {
		return fmt.Errorf("%d snapshots are missing in OpenSearch, such as %v", len(lost), lost[:min(len(lost), 5)])
	}
	kept := map[int]int{}
	for _, name := range repositories {
		var series struct {
			Samples []struct {
				Slot      time.Time
				PullCount int `json:"pull_count"`
			}
		}
		_, body, err := w.daemon.get("/api/v1/repositories/" + name + "/series")
		if err == nil {
			err = json.Unmarshal([]byte(body), &series)
		}
		if err != nil {
			return err
		}
		slots := map[time.Time]bool{}
		for _, s := range series.Samples {
			if slots[s.Slot] {
				w.t.Errorf("%s: slot %v is in history twice", name, s.Slot)
			}
			slots[s.Slot] = true
			kept[s.PullCount]++
		}
	}
	for n, times := range indexed {
		if times > 1 {
			w.t.Errorf("snapshot %d is in OpenSearch %d times", n, times)
		}
		if kept[n] != 1 {
			return fmt.Errorf("snapshot %d is in OpenSearch and %d times in history", n, kept[n])
		}
	}
	if lost := missing(slices.Collect(maps.Keys(w.owed)), kept); len(lost) > 0 {
		return fmt.Errorf("%d snapshots are missing in history, such as %v", len(lost), lost[:min(len(lost), 5)])
	}
	return nil
}

func (w *world) deadLetters() []control.Letter {
	w.t.Helper()
	client := control.NewClient(datadir.ControlSocket(w.daemon.dataDir))
	page, err := client.DeadLetters(w.t.Context(), control.LetterQuery{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Letters
}
