//go:build integration

package cli_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pulltrail/internal/cli"
	"pulltrail/internal/datadir"
	"pulltrail/internal/hubtest"
	"pulltrail/internal/porttest"
)

// neighbour is a variable of the testbed.
func neighbour(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv("PULLTRAIL_TEST_" + name)
	if value == "" {
		t.Fatalf("PULLTRAIL_TEST_%s is not set: start the servers with testbed/testbed.sh up, then eval \"$(testbed/testbed.sh env)\"", name)
	}
	return value
}

// mosquitto starts a broker of the test's own, so that the tutorial's topics are nobody
// else's, and returns its port.
func mosquitto(t *testing.T) string {
	t.Helper()
	port := porttest.Port(t)
	file := filepath.Join(t.TempDir(), "mosquitto.conf")
	if err := os.WriteFile(file, []byte("listener "+port+" 127.0.0.1\nallow_anonymous true\nuser root\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	broker := exec.Command(neighbour(t, "MOSQUITTO_BIN"), "-c", file)
	if err := broker.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = broker.Wait() // it says that it was killed
	})
	await(t, "the broker", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		return err == nil && c.Close() == nil
	})
	return port
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// cluster is the testbed's OpenSearch with TLS and passwords, as its administrator.
type cluster struct {
	t                    *testing.T
	base, user, password string
}

func secureOpenSearch(t *testing.T) cluster {
	return cluster{t, neighbour(t, "OPENSEARCH_SECURE"), neighbour(t, "OPENSEARCH_SECURE_ADMIN_USER"), neighbour(t, "OPENSEARCH_SECURE_ADMIN_PASSWORD")}
}

func (c cluster) do(method, path, body string, into any) int {
	c.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.SetBasicAuth(c.user, c.password)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	response, err := client.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			c.t.Fatalf("%s %s: %d %s", method, path, response.StatusCode, answer)
		}
	}
	return response.StatusCode
}

// remove deletes indices now and at the end of the test.
func (c cluster) remove(pattern string) {
	c.t.Helper()
	for _, name := range c.names(pattern) {
		c.do(http.MethodDelete, "/"+name, "", nil)
	}
}

func (c cluster) names(pattern string) (names []string) {
	var found map[string]any
	if c.do(http.MethodGet, "/"+pattern, "", &found) == http.StatusOK {
		for name := range found {
			names = append(names, name)
		}
	}
	return names
}

type stored struct {
	Index  string         `json:"_index"`
	Source map[string]any `json:"_source"`
}

func (c cluster) documents(pattern string) []stored {
	c.t.Helper()
	c.do(http.MethodPost, "/"+pattern+"/_refresh", "", nil)
	var found struct{ Hits struct{ Hits []stored } }
	if status := c.do(http.MethodGet, "/"+pattern+"/_search?size=100", "", &found); status != http.StatusOK {
		return nil
	}
	return found.Hits.Hits
}

// seed is a file of the tutorial's, which lies beside the recorded answers of Docker Hub.
func seed(t *testing.T, name string) string {
	t.Helper()
	recorded := os.Getenv("PULLTRAIL_RECORDED")
	if recorded == "" {
		t.Skip("PULLTRAIL_RECORDED does not name a folder beside which the tutorial's files are")
	}
	data, err := os.ReadFile(filepath.Join(recorded, "..", "..", "seed", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// between is the part of text from one mark up to another, not included.
func between(t *testing.T, text, from, until string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, from)
	part, _, ended := strings.Cut(rest, until)
	if !found || !ended {
		t.Fatalf("the tutorial has no part from %q until %q", from, until)
	}
	return from + part
}

// service is the tutorial's: its files in a directory of their own.
type service struct {
	t         *testing.T
	dir, data string
}

// newService writes the files of connections and mapping, the addresses replaced by those
// of the test's servers and nothing else.
func newService(t *testing.T, connections, mapping, port string, c cluster) *service {
	t.Helper()
	u, err := url.Parse(c.base)
	if err != nil {
		t.Fatal(err)
	}
	connections = strings.NewReplacer("test.mosquitto.org", "127.0.0.1", "1883", port, "opensearch-node1", u.Hostname(), "9200", u.Port(),
		`"FooBarBaz-123"`, strconv.Quote(c.password)).Replace(connections)
	s := &service{t: t, dir: t.TempDir(), data: t.TempDir()}
	for name, content := range map[string]string{"mqtt2elasticsearch.json": connections, "mqtt2elasticsearch-mappings.json": mapping} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// start starts it without arguments, as the image does; the result stops it and returns
// its log.
func (s *service) start(env ...string) (stop func() string) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var log bytes.Buffer // read only after the end
	ended := make(chan int, 1)
	p := cli.Process{
		Env:    append([]string{"PULLTRAIL_DATA_DIR=" + s.data, "PULLTRAIL_WEB_LISTEN=127.0.0.1:0"}, env...),
		Stdout: &log, Stderr: &log, CompatDir: s.dir,
	}
	go func() { ended <- cli.Main(ctx, p) }()
	stop = sync.OnceValue(func() string {
		cancel()
		if code := <-ended; code != 0 {
			s.t.Errorf("the service ended with %d: %s", code, log.String())
		}
		return log.String()
	})
	s.t.Cleanup(func() { stop() })
	await(s.t, "the service", func() bool {
		_, err := os.Stat(datadir.ControlSocket(s.data))
		return err == nil
	})
	return stop
}

// run runs a command to its end.
func run(t *testing.T, env []string, args ...string) (code int, out, log string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = cli.Main(t.Context(), cli.Process{Args: args, Env: env, Stdout: &stdout, Stderr: &stderr, CompatDir: t.TempDir()})
	return code, stdout.String(), stderr.String()
}

func TestTheTutorialsContainersCanBeReplaced(t *testing.T) {
	article := seed(t, "article-de.txt")
	connections := between(t, article, "{\n\"DEBUG\"", "\nDie Konfigurationsdatei für das Mapping")
	mapping := between(t, article, "{\n  \"com/docker/hub", "\nDiese beiden Konfigurationsdateien")
	hub := hubtest.New(t)
	hub.Set("oitc/dockerhubstats2mqtt", 12916987208)
	hub.Set("oitc/mqtt2elasticsearch", 4242)
	port, c := mosquitto(t), secureOpenSearch(t)
	const indices = "dockerhub-repositories-metrics-*"
	c.remove(indices)
	t.Cleanup(func() { c.remove(indices) })

	s := newService(t, connections, mapping, port, c)
	stop := s.start()
	job := []string{
		"PULLTRAIL_COLLECTOR_URL=" + hub.URL, "PULLTRAIL_COLLECTOR_RATE=100", "PULLTRAIL_DATA_DIR=/nowhere",
		"MQTT_SERVER=127.0.0.1", "MQTT_PORT=" + port, "MQTT_TOPIC=com/docker/hub/repositories/metrics",
		"REPOSITORIES=oitc/dockerhubstats2mqtt oitc/mqtt2elasticsearch", "MQTT_RETAIN=true", "MQTT_TOPIC_REPO_EXTENSION=true",
	}
	if code, out, log := run(t, job); code != 0 || !strings.Contains(out, "2 published") {
		t.Fatalf("the job ended with %d: %s%s", code, out, log)
	}
	var documents []stored
	await(t, "two documents", func() bool { documents = c.documents(indices); return len(documents) == 2 })
	month := time.Now().UTC().Format("2006-01")
	for _, d := range documents {
		if d.Source["timestamp"] == nil || d.Source["full_description"] != nil || d.Index != "dockerhub-repositories-metrics-"+month {
			t.Errorf("stored: %+v", d)
		}
	}
	var made map[string]struct {
		Settings struct {
			Index struct {
				Shards string `json:"number_of_shards"`
			}
		}
		Mappings struct {
			Properties map[string]struct{ Type string }
		}
	}
	c.do(http.MethodGet, "/"+documents[0].Index, "", &made)
	index := made[documents[0].Index]
	if index.Settings.Index.Shards != "5" || index.Mappings.Properties["pull_count"].Type != "long" || index.Mappings.Properties["status"].Type != "integer" {
		t.Errorf("the index was made as %+v", index)
	}

	// Neither a restart, nor another data directory, which gets all retained messages
	// again, stores anything twice.
	log := stop()
	for _, want := range []string{"running as an indexer, as mqtt2elasticsearch does", "long in place of integer for pull_count, star_count"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q: %s", want, log)
		}
	}
	s.start()()
	s.data = t.TempDir()
	s.start()
	await(t, "the retained messages in the new history", func() bool {
		_, out, _ := run(t, []string{"PULLTRAIL_DATA_DIR=" + s.data}, "top")
		return strings.Contains(out, "12,916,987,208")
	})
	hub.Set("oitc/mqtt2elasticsearch", 4343)
	await(t, "the next second, which is the next slot", func() bool {
		return time.Now().UTC().Truncate(time.Second).After(newest(documents))
	})
	if code, out, _ := run(t, append(job, "REPOSITORIES=oitc/mqtt2elasticsearch")); code != 0 {
		t.Fatalf("the job ended with %d: %s", code, out)
	}
	await(t, "the third document", func() bool { documents = c.documents(indices); return len(documents) >= 3 })
	if len(documents) != 3 {
		t.Errorf("%d documents, some of them twice", len(documents))
	}
}

// newest is the latest slot of documents.
func newest(documents []stored) (slot time.Time) {
	for _, d := range documents {
		if at, err := time.Parse(time.RFC3339, fmt.Sprint(d.Source["slot"])); err == nil && at.After(slot) {
			slot = at
		}
	}
	return slot
}

func TestOtherTopicsOfTheServiceAreStoredOnce(t *testing.T) {
	mapping := seed(t, "speedtest2mqtt-elasticsearch-mapping.json")
	connections := between(t, seed(t, "article-de.txt"), "{\n\"DEBUG\"", "\nDie Konfigurationsdatei für das Mapping")
	port, c := mosquitto(t), secureOpenSearch(t)
	c.remove("speedtest-*")
	t.Cleanup(func() { c.remove("speedtest-*") })
	s := newService(t, connections, mapping, port, c)
	stop := s.start()
	const measured = `{"download": 1.5, "upload": 2.5, "ping": 3, "timestamp": "2026-01-31T23:59:59.5Z", "bytes_sent": 12, "server": {"lat": "50"}}`
	const untimed = `{"download": 1.5, "ping": 4}`
	// The subscription must stand before the one that is not retained.
	await(t, "the subscription", func() bool {
		publishRetained(t, port, "de/oberdorf-itc/speedtest2mqtt", measured)
		return len(c.documents("speedtest-*")) > 0
	})
	publishRetained(t, port, "de/oberdorf-itc/speedtest2mqtt", measured)
	if err := publishTo("127.0.0.1:"+port, "de/oberdorf-itc/speedtest2mqtt", []byte(untimed), false); err != nil {
		t.Fatal(err)
	}
	await(t, "the document without a time", func() bool { return len(c.documents("speedtest-*")) == 2 })
	stop()
	s.data = t.TempDir() // the broker replays what it retains
	s.start()
	if err := publishTo("127.0.0.1:"+port, "de/oberdorf-itc/speedtest2mqtt", []byte(`{"ping": 5}`), false); err != nil {
		t.Fatal(err)
	}
	publishRetained(t, port, "de/oberdorf-itc/speedtest2mqtt", `{"ping": 6, "timestamp": "2026-02-01T00:00:00Z"}`)
	await(t, "the last document", func() bool { return len(c.documents("speedtest-2026-02")) == 1 })
	pings := map[string]int{}
	for _, d := range c.documents("speedtest-*") {
		pings[fmt.Sprintf("%s %v", d.Index, d.Source["ping"])]++
	}
	now := "speedtest-" + time.Now().UTC().Format("2006-01")
	for _, want := range []string{"speedtest-2026-01 3", now + " 4", "speedtest-2026-02 6"} {
		if pings[want] != 1 {
			t.Errorf("%s is there %d times: %v", want, pings[want], pings)
		}
	}
}

// publishRetained publishes as mosquitto_pub does.
func publishRetained(t *testing.T, port, topic, payload string) {
	t.Helper()
	publish := exec.Command("mosquitto_pub", "-p", port, "-t", topic, "-m", payload, "-r", "-q", "1")
	if out, err := publish.CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_pub: %v: %s", err, out)
	}
}

func TestWhatDoesNotFitAnExistingIndexIsADeadLetterThatSaysWhy(t *testing.T) {
	port, c := mosquitto(t), secureOpenSearch(t)
	word := "dockerhub-narrow" + strconv.FormatInt(time.Now().UnixNano(), 36)
	t.Cleanup(func() { c.remove(word) })
	const integer = `{"mappings": {"properties": {"pull_count": {"type": "integer"}, "timestamp": {"type": "date"}}}}`
	if status := c.do(http.MethodPut, "/"+word, integer, nil); status != http.StatusOK {
		t.Fatalf("making the index: %d", status)
	}
	connections := `{"opensearch": {"hosts": [{"host": "opensearch-node1", "port": 9200}], "tls": true, "verify_certs": false, "username": "admin", "password": "FooBarBaz-123"},
		"mqtt": {"server": "test.mosquitto.org", "port": 1883}}`
	s := newService(t, connections, `{"hub/#": {"elasticIndex": "`+word+`", "elasticBody": `+integer+`}}`, port, c)
	s.start()
	for name, count := range map[string]string{"small": "2147483647", "large": "2147483648"} {
		publishRetained(t, port, "hub/"+name, `{"namespace": "a", "name": "`+name+`", "pull_count": `+count+`, "timestamp": "2026-01-01T00:00:00+01:00"}`)
	}
	await(t, "the one that fits", func() bool { return len(c.documents(word)) == 1 })
	env := []string{"PULLTRAIL_DATA_DIR=" + s.data}
	await(t, "the dead letter", func() bool {
		_, out, _ := run(t, env, "deadletters")
		return strings.Contains(out, "1 dead letter")
	})
	_, out, _ := run(t, env, "deadletters", "list", "--json")
	for _, want := range []string{"hub/large", "pull_count", "out of range", "integer"} {
		if !strings.Contains(out, want) {
			t.Errorf("the dead letter does not say %q: %s", want, out)
		}
	}
}

func TestTheServicesElasticsearchIsReachedByItsKey(t *testing.T) {
	port := mosquitto(t)
	c := cluster{t, neighbour(t, "ELASTICSEARCH"), neighbour(t, "ELASTICSEARCH_ADMIN_USER"), neighbour(t, "ELASTICSEARCH_ADMIN_PASSWORD")}
	word := "compat" + strconv.FormatInt(time.Now().UnixNano(), 36)
	t.Cleanup(func() { c.remove(word) })
	var key struct{ Encoded string }
	if status := c.do(http.MethodPost, "/_security/api_key", `{"name": "`+word+`"}`, &key); status != http.StatusOK {
		t.Fatalf("making a key: %d", status)
	}
	connections := `{"elasticsearch": {"cluster": ["` + c.base + `"], "api_key": "` + key.Encoded + `"}, "mqtt": {"server": "test.mosquitto.org", "port": 1883, "protocol_version": 5}}`
	s := newService(t, connections, `{"home/+/climate": {"elasticIndex": "`+word+`"}}`, port, c)
	s.start("PULLTRAIL_INDEXER_ELASTICSEARCH_TLS_CA_FILE=" + neighbour(t, "ELASTICSEARCH_CA"))
	await(t, "a document", func() bool {
		if err := publishTo("127.0.0.1:"+port, "home/kitchen/climate", []byte(`{"celsius": 21.5}`), false); err != nil {
			t.Fatal(err)
		}
		return len(c.documents(word)) > 0
	})
}
