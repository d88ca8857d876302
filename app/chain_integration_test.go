//go:build integration

package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulltrail/indexer"
	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/datadir"
	"pulltrail/internal/hubtest"
	"pulltrail/internal/secret"
)

// neighbour is an address of the testbed. Without one the test fails: it was asked
// for by its build tag.
func neighbour(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv("PULLTRAIL_TEST_" + name)
	if value == "" {
		t.Fatalf("PULLTRAIL_TEST_%s is not set: start the servers with testbed/testbed.sh up, then eval \"$(testbed/testbed.sh env)\"", name)
	}
	return value
}

// chain is settings with the real broker and the real OpenSearch, and a topic
// and an index of the test's own.
func chain(t *testing.T, hub *hubtest.Hub, repositories ...string) (cfg config.Config, index string) {
	t.Helper()
	cfg = settings(t, hub, repositories...)
	word := unique()
	index = "dockerhub-" + word
	cfg.MQTT.URL = neighbour(t, "MOSQUITTO")
	cfg.MQTT.Topic = word + "/metrics"
	cfg.Indexer.OpenSearch.URLs = []string{neighbour(t, "OPENSEARCH")}
	cfg.Indexer.Routes = []indexer.Route{{Topic: cfg.MQTT.Topic + "/#", Kind: indexer.KindSnapshot, Index: index + "-{Y}-{m}"}}
	search := elastic{t: t, base: cfg.Indexer.OpenSearch.URLs[0]}
	t.Cleanup(func() { search.do(http.MethodDelete, "/"+index+"-*", "") })
	return cfg, index
}

// elastic reads a real OpenSearch or Elasticsearch, as an administrator would.
type elastic struct {
	t              *testing.T
	base           string
	user, password string
	client         *http.Client
}

func (e elastic) do(method, path, body string) (int, []byte) {
	e.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, e.base+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if e.user != "" {
		request.SetBasicAuth(e.user, e.password)
	}
	client := e.client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		e.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return response.StatusCode, answer
}

// documents is all that stands in the indices of a pattern: id to source.
func (e elastic) documents(pattern string) map[string]json.RawMessage {
	e.t.Helper()
	e.do(http.MethodPost, "/"+pattern+"/_refresh", "")
	status, answer := e.do(http.MethodGet, "/"+pattern+"/_search?size=10000", "")
	if status == http.StatusNotFound || status == http.StatusServiceUnavailable {
		return nil // no index yet, or one whose shards are just being made
	}
	var found struct {
		Hits struct {
			Hits []struct {
				Index  string          `json:"_index"`
				ID     string          `json:"_id"`
				Source json.RawMessage `json:"_source"`
			}
		}
	}
	if err := json.Unmarshal(answer, &found); err != nil || status != http.StatusOK {
		e.t.Fatalf("search answered %d %s: %v", status, answer, err)
	}
	documents := map[string]json.RawMessage{}
	for _, hit := range found.Hits.Hits {
		if _, twice := documents[hit.ID]; twice {
			e.t.Errorf("%s is stored twice", hit.ID)
		}
		documents[hit.ID] = hit.Source
	}
	return documents
}

// exact decodes JSON with every digit of its numbers.
func exact(t *testing.T, data []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return object
}

// recorded are real answers of Docker Hub, "namespace/name" to body, the newest
// recording of each repository; and a body with numbers that a float64 cannot hold.
func recorded(t *testing.T) map[string][]byte {
	bodies := map[string][]byte{
		"synthetic/digits": []byte(`{"user":"synthetic","name":"digits","namespace":"synthetic","pull_count":9007199254740993,
			"star_count":0,"storage_size":488723114800,"last_updated":null,"unknown":{"n":9007199254740993,"f":1.10,"e":1e3},"description":"é <b> \u2028"}`),
	}
	dir := os.Getenv("PULLTRAIL_RECORDED")
	if dir == "" {
		t.Log("PULLTRAIL_RECORDED does not name a folder of recorded answers: only the synthetic body is followed")
		return bodies
	}
	files, err := filepath.Glob(filepath.Join(dir, "*-detail-*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded details in %s: %v", dir, err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		object := exact(t, body)
		// several recordings of one repository are told apart by a name of their own
		name := fmt.Sprintf("%v/%v", object["namespace"], object["name"])
		for i := 2; bodies[name] != nil; i++ {
			name = fmt.Sprintf("%v/%v-%d", object["namespace"], object["name"], i)
		}
		if base := fmt.Sprintf("%v/%v", object["namespace"], object["name"]); name != base {
			short := strings.TrimPrefix(name, fmt.Sprintf("%v/", object["namespace"]))
			body = bytes.Replace(body, []byte(fmt.Sprintf(`"name": %q`, object["name"])), []byte(fmt.Sprintf(`"name": %q`, short)), 1)
		}
		bodies[name] = body
	}
	return bodies
}

func TestRecordedAnswersReachOpenSearchAndTheAPIUnaltered(t *testing.T) {
	bodies := recorded(t)
	hub := hubtest.New(t)
	var names []string
	for name, body := range bodies {
		hub.SetBody(name, body)
		names = append(names, name)
	}
	cfg, index := chain(t, hub, names...)
	d := start(t, cfg)
	search := elastic{t: t, base: cfg.Indexer.OpenSearch.URLs[0]}
	var stored map[string]json.RawMessage
	eventually(t, fmt.Sprintf("%d documents in OpenSearch", len(bodies)), func() bool {
		stored = search.documents(index + "-*")
		return len(stored) == len(bodies)
	})
	for id, source := range stored {
		name, slot, _ := strings.Cut(id, "@")
		want := exact(t, bodies[name])
		delete(want, "full_description")
		got := exact(t, source)
		if got["slot"] != slot {
			t.Errorf("%s has the slot %v", id, got["slot"])
		}
		if _, err := time.Parse(time.RFC3339, fmt.Sprint(got["timestamp"])); err != nil {
			t.Errorf("%s: timestamp: %v", id, err)
		}
		delete(got, "slot")
		delete(got, "timestamp")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s was altered on its way (-want +got):\n%s", id, diff)
		}
		if total := d.totals()[name]; total != fmt.Sprint(want["pull_count"]) {
			t.Errorf("%s: the API says %s, Docker Hub said %v", name, total, want["pull_count"])
		}
	}
	if _, ok := bodies["library/nginx"]; ok && d.totals()["library/nginx"] != "12916987208" {
		t.Errorf("nginx has %s pulls", d.totals()["library/nginx"])
	}
	checkMapping(t, search, index)
}

// checkMapping looks at the types that a cluster really uses.
func checkMapping(t *testing.T, search elastic, index string) {
	t.Helper()
	status, answer := search.do(http.MethodGet, "/"+index+"-*/_mapping", "")
	var indices map[string]struct {
		Mappings struct {
			Properties map[string]struct{ Type string }
		}
	}
	if err := json.Unmarshal(answer, &indices); err != nil || status != http.StatusOK || len(indices) == 0 {
		t.Fatalf("mapping: %d %s %v", status, answer, err)
	}
	for name, i := range indices {
		for field, want := range map[string]string{
			"pull_count": "long", "star_count": "long", "storage_size": "long", "collaborator_count": "long",
			"timestamp": "date", "slot": "date", "last_updated": "date", "namespace": "keyword", "name": "keyword", "description": "text",
		} {
			if got := i.Mappings.Properties[field].Type; got != want {
				t.Errorf("%s: %s is %q, want %q", name, field, got, want)
			}
		}
	}
}

func TestDocumentsOfOtherTopicsAndWhatIsWrongWithSome(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 1)
	cfg, index := chain(t, hub, "nginx")
	sensors := strings.TrimSuffix(cfg.MQTT.Topic, "/metrics") + "/sensors"
	cfg.Indexer.Routes = append(cfg.Indexer.Routes, indexer.Route{
		Topic: sensors + "/+", Kind: indexer.KindDocument, Index: index + "-sensors", ID: "fields(n)",
	})
	d := start(t, cfg)
	var ready string
	eventually(t, "readiness", func() bool { return d.get("/-/ready", &ready) == http.StatusOK })

	const good = 200
	poison := [][]byte{[]byte("not json"), []byte("[1]"), []byte("\"text\""), []byte("{\"n\":\"\xff\"}"), []byte(`{"n":{"object":1}}`), []byte(`{"other":1}`)}
	var payloads [][]byte
	for n := range good {
		payloads = append(payloads, fmt.Appendf(nil, `{"n":%d,"big":9007199254740993}`, n))
		if n < len(poison) {
			payloads = append(payloads, poison[n])
		}
	}
	publish(t, cfg.MQTT.URL, sensors+"/kitchen", []byte{}) // clears a retained message, and is no dead letter
	publish(t, cfg.MQTT.URL, sensors+"/kitchen", payloads...)
	publish(t, cfg.MQTT.URL, cfg.MQTT.Topic+"/a/b", []byte(`{"detail":"Rate limit exceeded","error":false}`))
	search := elastic{t: t, base: cfg.Indexer.OpenSearch.URLs[0]}
	var stored map[string]json.RawMessage
	eventually(t, "all good documents", func() bool {
		stored = search.documents(index + "-sensors")
		return len(stored) >= good
	})
	if len(stored) != good {
		t.Errorf("%d documents, want %d", len(stored), good)
	}
	for id, source := range stored {
		if !bytes.Contains(source, []byte("9007199254740993")) {
			t.Errorf("%s: %s", id, source)
		}
	}
	var metrics string
	eventually(t, "the dead letters", func() bool {
		d.get("/metrics", &metrics)
		return strings.Contains(metrics, fmt.Sprintf(`pulltrail_deadletters{sink="journal"} %d`, len(poison)-1)) && // on receipt; the cluster rejects {"n":{"object":1}}
			strings.Contains(metrics, `pulltrail_deadletters{sink="opensearch"} 1`) &&
			strings.Contains(metrics, `pulltrail_deadletters{sink="history"} 1`)
	})
	if len(d.totals()) != 1 {
		t.Errorf("history took a poisoned snapshot: %v", d.totals())
	}
}

func TestNeighboursThatComeLateAreCaughtUpWith(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 12916987208)
	cfg, index := chain(t, hub, "nginx")
	broker, search := newGate(t, cfg.MQTT.URL), newGate(t, cfg.Indexer.OpenSearch.URLs[0])
	direct := elastic{t: t, base: cfg.Indexer.OpenSearch.URLs[0]}
	cfg.MQTT.URL, cfg.Indexer.OpenSearch.URLs = "mqtt://"+broker.addr, []string{"http://" + search.addr}
	d := start(t, cfg)
	var ready string
	eventually(t, "the reasons in readiness", func() bool {
		return d.get("/-/ready", &ready) == http.StatusServiceUnavailable && strings.Contains(ready, broker.addr) && strings.Contains(ready, "opensearch")
	})
	broker.open(t)
	eventually(t, "the snapshot in history", func() bool { return d.totals()["library/nginx"] == "12916987208" })
	if got := direct.documents(index + "-*"); len(got) != 0 {
		t.Errorf("%d documents came through a closed gate", len(got))
	}
	search.open(t)
	eventually(t, "the snapshot in OpenSearch", func() bool { return len(direct.documents(index+"-*")) == 1 })
	eventually(t, "readiness", func() bool { return d.get("/-/ready", nil) == http.StatusOK })
}

func TestTLSUsersAndTheLeastPrivilege(t *testing.T) {
	for _, c := range []struct {
		sink, variable string
		section        func(*config.Config) *indexer.ClusterConfig
	}{
		{"opensearch", "OPENSEARCH_SECURE", func(cfg *config.Config) *indexer.ClusterConfig { return &cfg.Indexer.OpenSearch }},
		{"elasticsearch", "ELASTICSEARCH", func(cfg *config.Config) *indexer.ClusterConfig { return &cfg.Indexer.Elasticsearch.ClusterConfig }},
	} {
		t.Run(c.sink, func(t *testing.T) {
			hub := hubtest.New(t)
			hub.Set("library/nginx", 3)
			cfg, index := chain(t, hub, "nginx")
			secureBroker(t, &cfg)
			cfg.Indexer.OpenSearch.URLs = nil
			admin := secureCluster(t, c.variable, c.section(&cfg))
			t.Cleanup(func() { admin.do(http.MethodDelete, "/"+index+"-*", "") })
			leastPrivilege(t, cfg, c.sink, index, admin)
		})
	}
}

func secureBroker(t *testing.T, cfg *config.Config) {
	cfg.MQTT.URL = neighbour(t, "MOSQUITTO_TLS")
	cfg.MQTT.TLS.CAFile = neighbour(t, "MOSQUITTO_TLS_CA")
	cfg.MQTT.Username = neighbour(t, "MOSQUITTO_TLS_USER")
	cfg.MQTT.Password = secret.New(neighbour(t, "MOSQUITTO_TLS_PASSWORD"))
}

// secureCluster lets the program be the writer of a cluster, and returns its administrator.
func secureCluster(t *testing.T, variable string, section *indexer.ClusterConfig) elastic {
	section.URLs = []string{neighbour(t, variable)}
	section.TLS.CAFile = neighbour(t, variable+"_CA")
	section.Username = neighbour(t, variable+"_WRITER_USER")
	section.Password = secret.New(neighbour(t, variable+"_WRITER_PASSWORD"))
	tls, err := section.TLS.Build()
	if err != nil {
		t.Fatal(err)
	}
	return elastic{
		t: t, base: section.URLs[0], client: &http.Client{Transport: &http.Transport{TLSClientConfig: tls}},
		user: neighbour(t, variable+"_ADMIN_USER"), password: neighbour(t, variable+"_ADMIN_PASSWORD"),
	}
}

func leastPrivilege(t *testing.T, cfg config.Config, sink, index string, admin elastic) {
	d := start(t, cfg)
	eventually(t, "the snapshot in the cluster", func() bool { return len(admin.documents(index+"-*")) == 1 })
	if got := d.totals()["library/nginx"]; got != "3" {
		t.Errorf("history says %s", got)
	}
	checkMapping(t, admin, index)

	// An index outside the user's pattern: HTTP 200 with a 403 in the item.
	cfg.Indexer.Routes[0].Index = unique() + "-{Y}"
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = start(t, cfg)
	eventually(t, "readiness", func() bool { return d.get("/-/ready", nil) == http.StatusOK })
	client := control.NewClient(datadir.ControlSocket(cfg.DataDir))
	summary, err := client.Collect(t.Context(), nil, patience, func(control.Result) {})
	if err != nil || summary.Succeeded != 1 {
		t.Fatalf("%+v, %v", summary, err)
	}
	var metrics string
	eventually(t, "a dead letter for the forbidden index", func() bool {
		d.get("/metrics", &metrics)
		return strings.Contains(metrics, `pulltrail_deadletters{sink="`+sink+`"} 1`)
	})
	page, err := client.DeadLetters(t.Context(), control.LetterQuery{Sink: sink, Limit: 1})
	if err != nil || len(page.Letters) != 1 || !strings.HasPrefix(page.Letters[0].Reason, "a permission is missing: create_index on index ") {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestBothClustersGetEverything(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 3)
	hub.Set("a/b", 4)
	cfg, index := chain(t, hub, "nginx", "a/b")
	search := elastic{t: t, base: cfg.Indexer.OpenSearch.URLs[0]}
	admin := secureCluster(t, "ELASTICSEARCH", &cfg.Indexer.Elasticsearch.ClusterConfig)
	cfg.Indexer.Elasticsearch.TLS.CAFile, cfg.Indexer.Elasticsearch.Fingerprint = "", neighbour(t, "ELASTICSEARCH_FINGERPRINT")
	t.Cleanup(func() { admin.do(http.MethodDelete, "/"+index+"-*", "") })
	sensors := strings.TrimSuffix(cfg.MQTT.Topic, "/metrics") + "/sensors"
	cfg.Indexer.Routes = append(cfg.Indexer.Routes, indexer.Route{
		Topic: sensors + "/+", Kind: indexer.KindDocument, Index: index + "-sensors", ID: "fields(n)",
	})
	d := start(t, cfg)
	eventually(t, "readiness", func() bool { return d.get("/-/ready", nil) == http.StatusOK })
	publish(t, cfg.MQTT.URL, sensors+"/kitchen", []byte(`{"n":1}`), []byte(`{"n":9007199254740993}`))
	eventually(t, "four documents in both", func() bool {
		return len(search.documents(index+"-*")) == 4 && len(admin.documents(index+"-*")) == 4
	})
	if diff := cmp.Diff(search.documents(index+"-*"), admin.documents(index+"-*")); diff != "" {
		t.Errorf("(-OpenSearch +Elasticsearch):\n%s", diff)
	}
}

func TestTwoDaemonsOnOneScheduleStoreEachSnapshotOnce(t *testing.T) {
	fake := hubtest.New(t)
	fake.Set("library/nginx", 1)
	fake.Set("a/b", 2)
	cfg, index := chain(t, fake, "nginx", "a/b")
	twin := cfg
	twin.DataDir = t.TempDir()
	first, second := start(t, cfg), start(t, twin)
	for _, d := range []*daemon{first, second} {
		eventually(t, "two totals", func() bool { return len(d.totals()) == 2 })
	}
	search := elastic{t: t, base: cfg.Indexer.OpenSearch.URLs[0]}
	eventually(t, "the documents", func() bool { return len(search.documents(index+"-*")) == 2 })
	for _, d := range []*daemon{first, second} {
		var s series
		d.get("/api/v1/repositories/library/nginx/series", &s)
		if len(s.Samples) != 1 {
			t.Errorf("%d samples, want one for the one slot: %+v", len(s.Samples), s)
		}
	}
	slot := ""
	for id := range search.documents(index + "-*") {
		_, s, _ := strings.Cut(id, "@")
		if slot != "" && s != slot {
			t.Errorf("slots %s and %s", slot, s)
		}
		slot = s
	}
}
