//go:build integration

package faulttest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	paho311 "github.com/eclipse/paho.mqtt.golang"

	"pulltrail/internal/porttest"
)

// foreignBroker is a broker of the testbed, and what is special about it.
type foreignBroker struct {
	name   string
	server string // in the testbed
	// exactRetained says that only a subscription without wildcards gets retained messages.
	exactRetained bool
	// unflagged says that retained messages come without the retain flag to a subscription at QoS 1.
	unflagged bool
	// connectedOnly says that the broker keeps no messages for a session that is disconnected.
	connectedOnly bool
	// forgets says that a kill loses all sessions, and what the broker holds for them.
	forgets bool
}

var foreignBrokers = []foreignBroker{
	{name: "Mosquitto", server: "mosquitto-faults", forgets: true}, // stock settings: saved every 30 minutes
	{name: "NATS", server: "nats"},
	{name: "aedes", server: "aedes", forgets: true},
	{name: "RabbitMQ", server: "rabbitmq", exactRetained: true},
	{name: "HiveMQ", server: "hivemq"},
	{name: "Artemis", server: "artemis"},
	{name: "Moquette", server: "moquette", forgets: true, unflagged: true}, // saved every 30 seconds
	{name: "amqtt", server: "amqtt", forgets: true, connectedOnly: true},
}

// underWay is how many snapshots, and how many documents, are published in each phase.
const underWay = 300

// TestBrokers runs the program against each broker that the testbed has started: it publishes
// and receives, is restarted, and has the broker killed with 300 snapshots and 300 documents
// under way. Each snapshot must be in history exactly once. Each document that the program has
// acknowledged must be in the sink; those that the broker loses before that are counted.
func TestBrokers(t *testing.T) {
	for _, b := range foreignBrokers {
		t.Run(b.name, func(t *testing.T) {
			variable := "PULLTRAIL_TEST_BROKER_" + strings.ToUpper(strings.TrimSuffix(b.server, "-faults"))
			address, ok := strings.CutPrefix(os.Getenv(variable), "mqtt://")
			if !ok {
				t.Skipf("%s is not running: testbed/testbed.sh up %s starts it (%s is not set)", b.name, b.server, variable)
			}
			c := newConformance(t, b, address)
			c.publishAndReceive()
			c.retained()
			c.restart()
			c.kill()
			c.daemon.terminate()
			t.Logf("%s %s: %d snapshots, all in history once; %d documents, of which the broker lost %d while the program was away and %d at the kill; the sink was given %d twice",
				b.name, os.Getenv(variable+"_VERSION"), c.hub.answers(), 4*underWay, c.missing(underWay, 2*underWay), c.missing(2*underWay, 4*underWay), c.sink.repeated())
		})
	}
}

// pace is the time between two documents while the broker is killed, which takes as long as the
// program's run at its 100 requests a second.
const pace = 10 * time.Millisecond

// conformance is a program between a foreign broker, a Docker Hub with 300 repositories, and a sink.
type conformance struct {
	t       *testing.T
	broker  foreignBroker
	address string
	topic   string
	names   []string
	tap     *tap
	hub     *hub
	sink    *countingSink
	daemon  *daemon
}

func newConformance(t *testing.T, b foreignBroker, address string) *conformance {
	t.Helper()
	built, err := program()
	if err != nil {
		t.Fatal(err)
	}
	c := &conformance{t: t, broker: b, address: address, topic: unique(), tap: newTap(t, address), hub: newHub(t), sink: newCountingSink(t)}
	for n := range underWay {
		c.names = append(c.names, fmt.Sprintf("team/r%03d", n))
	}
	dir := t.TempDir()
	c.daemon = &daemon{t: t, binary: built, dataDir: filepath.Join(dir, "data"), web: porttest.Address(t), config: filepath.Join(dir, "config.yaml")}
	text := fmt.Sprintf(`
data_dir: %q
collector: {url: %q, schedule: "0 0 1 1 *", rate: 100, jitter: 0s, repositories: [%s]}
mqtt: {url: %q, topic: %q}
web: {listen: %q}
indexer:
  opensearch: {urls: [%q]}
  routes:
    - {topic: %q, kind: document, index: documents, id: fields(n)}
`, c.daemon.dataDir, c.hub.url, strings.Join(c.names, ", "), "mqtt://"+c.tap.addr, c.topic+"/hub", c.daemon.web, c.sink.url, c.topic+"/docs/#")
	if err := os.WriteFile(c.daemon.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// publishAndReceive starts the program, which collects once, and publishes documents.
func (c *conformance) publishAndReceive() {
	c.t.Helper()
	c.daemon.start()
	c.ready()
	c.publishDocuments(0, underWay, nil, new(atomic.Int64))
	c.awaitDocuments(0, underWay)
	c.complete("the first run", underWay)
}

// retained subscribes anew and gets the newest snapshots from the broker.
func (c *conformance) retained() {
	c.t.Helper()
	c.awaitRetained(c.topic+"/hub/team/r007", 1)
	if !c.broker.exactRetained {
		c.awaitRetained(c.topic+"/hub/#", underWay)
	}
}

// awaitRetained subscribes to a filter and waits for retained messages on so many topics. Nothing is
// published meanwhile.
func (c *conformance) awaitRetained(filter string, topics int) {
	c.t.Helper()
	var mu sync.Mutex
	seen := map[string]bool{}
	take := func(_ paho311.Client, m paho311.Message) {
		mu.Lock()
		defer mu.Unlock()
		if m.Retained() != c.broker.unflagged {
			seen[m.Topic()] = true
		}
	}
	// Moquette 0.17 sometimes closes a connection at its first SUBSCRIBE; clients connect again.
	eventually(c.t, patience, "a subscription to "+filter, func() error {
		client, err := c.dial()
		if err != nil {
			return err
		}
		if err := done(client.Subscribe(filter, 1, take)); err != nil {
			client.Disconnect(0)
			c.t.Logf("subscribing to %s failed: %v", filter, err)
			return err
		}
		c.t.Cleanup(func() { client.Disconnect(0) })
		return nil
	})
	eventually(c.t, slowly, fmt.Sprintf("%d retained messages of %s", topics, filter), func() error {
		mu.Lock()
		defer mu.Unlock()
		if len(seen) != topics {
			return fmt.Errorf("there are %d", len(seen))
		}
		return nil
	})
}

// restart ends the program in order. The broker keeps the documents for its session meanwhile.
func (c *conformance) restart() {
	c.t.Helper()
	c.daemon.terminate()
	c.publishDocuments(underWay, 2*underWay, nil, new(atomic.Int64))
	c.daemon.start()
	c.ready()
	c.collect()
	if !c.broker.connectedOnly {
		c.awaitDocuments(0, 2*underWay)
	}
	c.complete("the restart of the program", 2*underWay)
}

// kill kills the broker while a run collects 300 snapshots and a client publishes 300 documents.
func (c *conformance) kill() {
	c.t.Helper()
	before := c.hub.answers()
	var published sync.WaitGroup
	var confirmed atomic.Int64
	published.Go(func() { c.publishDocuments(2*underWay, 3*underWay, time.NewTicker(pace).C, &confirmed) })
	c.collect()
	eventually(c.t, patience, "a third of everything on its way", func() error {
		if answers, documents := c.hub.answers()-before, confirmed.Load(); answers < underWay/3 || documents < underWay/3 {
			return fmt.Errorf("%d snapshots and %d documents", answers, documents)
		}
		return nil
	})
	testbed(c.t, "kill", c.broker.server, "KILL")
	c.t.Logf("killed after %d of %d snapshots were collected and %d of %d documents were confirmed", c.hub.answers()-before, underWay, confirmed.Load(), underWay)
	eventually(c.t, patience, "the rest of the run, which needs no broker", func() error {
		if answers := c.hub.answers() - before; answers < underWay {
			return fmt.Errorf("%d answers of Docker Hub", answers)
		}
		return nil
	})
	testbed(c.t, "up", c.broker.server)
	published.Wait()
	c.complete("the kill of the broker", before+underWay)

	// The program uses the broker again in full: its sessions and retained messages too.
	c.ready()
	c.publishDocuments(3*underWay, 4*underWay, nil, new(atomic.Int64))
	c.collect()
	c.awaitDocuments(3*underWay, 4*underWay)
	if !c.broker.forgets {
		c.awaitDocuments(0, 4*underWay)
	}
	c.complete("the run after the kill", before+2*underWay)
	c.retained()
}

// collect begins a run of the program, as soon as none is under way.
func (c *conformance) collect() {
	c.t.Helper()
	eventually(c.t, patience, "a run", func() error {
		response, err := http.Post("http://"+c.daemon.web+"/api/v1/collect", "application/json", nil)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusAccepted {
			return fmt.Errorf("the answer is %s", response.Status)
		}
		return nil
	})
}

// complete waits until nothing is on its way any more, and counts the snapshots in history.
func (c *conformance) complete(after string, atLeast int) {
	c.t.Helper()
	eventually(c.t, patience, "all snapshots in history after "+after, func() error {
		if err := c.daemon.settled(); err != nil {
			return err
		}
		if answers := c.hub.answers(); answers < atLeast {
			return fmt.Errorf("only %d answers of Docker Hub, want %d", answers, atLeast)
		}
		if unstored := c.unstored(); len(unstored) != 0 {
			return fmt.Errorf("%d documents are acknowledged and not in the sink", len(unstored))
		}
		return c.checkHistory()
	})
}

// checkHistory objects unless each answer of Docker Hub is in history exactly once.
func (c *conformance) checkHistory() error {
	kept := map[int]int{}
	for _, name := range c.names {
		var series struct {
			Samples []struct {
				PullCount int `json:"pull_count"`
			}
		}
		_, body, err := c.daemon.get("/api/v1/repositories/" + name + "/series")
		if err == nil {
			err = json.Unmarshal([]byte(body), &series)
		}
		if err != nil {
			return err
		}
		for _, s := range series.Samples {
			kept[s.PullCount]++
		}
	}
	for n := 1; n <= c.hub.answers(); n++ {
		if kept[n] != 1 {
			return fmt.Errorf("snapshot %d is in history %d times", n, kept[n])
		}
	}
	return nil
}

// unstored are the documents that the program has acknowledged and that the sink does not have.
func (c *conformance) unstored() []int {
	stored := c.sink.stored()
	return slices.DeleteFunc(c.tap.acknowledged(), func(n int) bool { return stored[n] })
}

// missing is how many documents from a number up to but not including another are not in the sink.
func (c *conformance) missing(from, to int) (count int) {
	stored := c.sink.stored()
	for n := from; n < to; n++ {
		if !stored[n] {
			count++
		}
	}
	return count
}

func (c *conformance) awaitDocuments(from, to int) {
	c.t.Helper()
	eventually(c.t, patience, fmt.Sprintf("documents %d to %d in the sink", from, to-1), func() error {
		if missing := c.missing(from, to); missing > 0 {
			return fmt.Errorf("%d are missing", missing)
		}
		return nil
	})
}

// ready waits until the program is connected to the broker by all its connections.
func (c *conformance) ready() {
	c.t.Helper()
	eventually(c.t, patience, "readiness", func() error {
		if !c.daemon.alive() {
			c.t.Fatal("the program has ended by itself")
		}
		status, body, err := c.daemon.get("/-/ready")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%d %s", status, body)
		}
		return err
	})
}

// done waits for the broker's answer.
func done(token paho311.Token) error {
	if !token.WaitTimeout(slowly) {
		return fmt.Errorf("no answer within %v", slowly)
	}
	return token.Error()
}

// dial opens a connection in MQTT 3.1.1, which all brokers speak, past the tap.
func (c *conformance) dial() (paho311.Client, error) {
	client := paho311.NewClient(paho311.NewClientOptions().AddBroker("tcp://" + c.address).SetClientID(unique()).
		SetProtocolVersion(4).SetAutoReconnect(false).SetConnectTimeout(slowly))
	if err := done(client.Connect()); err != nil {
		return nil, err
	}
	return client, nil
}

// publishDocuments publishes the documents from a number up to but not including another, each until
// the broker has confirmed it, and each at a tick, if there are ticks.
func (c *conformance) publishDocuments(from, to int, ticks <-chan time.Time, confirmed *atomic.Int64) {
	var client paho311.Client
	for n := from; n < to; {
		if ticks != nil {
			<-ticks
		}
		if client == nil {
			var err error
			if client, err = c.dial(); err != nil {
				client = nil
				if c.t.Context().Err() != nil {
					return
				}
				time.Sleep(50 * time.Millisecond) // the broker is away
				continue
			}
		}
		if err := done(client.Publish(c.topic+"/docs/a", 1, false, number(n, time.Now()))); err != nil {
			client.Disconnect(0)
			client = nil
			continue
		}
		n++
		confirmed.Add(1)
	}
	client.Disconnect(250)
}

// countingSink answers as an OpenSearch does that stores documents by their ids.
type countingSink struct {
	url string

	mu     sync.Mutex
	writes map[int]int // the number of a document to how often it was written
}

func newCountingSink(t *testing.T) *countingSink {
	t.Helper()
	s := &countingSink{writes: map[int]int{}}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	s.url = server.URL
	return s
}

func (s *countingSink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/_bulk"):
		s.bulk(w, r)
	case r.URL.Path == "/":
		_, _ = io.WriteString(w, `{"version":{"distribution":"opensearch","number":"3.4.0"}}`)
	default:
		_, _ = io.WriteString(w, `{"acknowledged":true,"status":"green"}`)
	}
}

func (s *countingSink) bulk(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var items []string
	lines := bufio.NewReader(r.Body)
	for {
		_, err := lines.ReadBytes('\n') // the action
		if err != nil {
			break
		}
		source, _ := lines.ReadBytes('\n')
		n, ok := numberOf(source)
		if !ok {
			items = append(items, `{"create":{"status":201}}`) // a snapshot
			continue
		}
		s.writes[n]++
		if s.writes[n] == 1 {
			items = append(items, `{"create":{"status":201}}`)
		} else {
			items = append(items, `{"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"document already exists"}}}`)
		}
	}
	_, _ = fmt.Fprintf(w, `{"errors":true,"items":[%s]}`, strings.Join(items, ","))
}

// stored are the numbers of the documents that were written.
func (s *countingSink) stored() map[int]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[int]bool, len(s.writes))
	for n := range s.writes {
		all[n] = true
	}
	return all
}

// repeated is how many documents were written more than once.
func (s *countingSink) repeated() (count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, times := range s.writes {
		if times > 1 {
			count++
		}
	}
	return count
}
