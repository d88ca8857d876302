package app_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/eclipse/paho.golang/paho"
	"golang.org/x/time/rate"

	"pulltrail/app"
	"pulltrail/indexer"
	"pulltrail/internal/backup"
	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/database"
	"pulltrail/internal/datadir"
	"pulltrail/internal/hub"
	"pulltrail/internal/hubtest"
)

// keeping is a cluster that keeps what is created in it, once for each id.
type keeping struct {
	*httptest.Server
	away atomic.Bool

	mu   sync.Mutex
	docs map[string]json.RawMessage // by index and id
}

func newKeeping(t *testing.T) *keeping {
	c := &keeping{docs: map[string]json.RawMessage{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *keeping) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
	case c.away.Load():
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.URL.Path == "/":
		_, _ = fmt.Fprint(w, `{"version":{"number":"3.4.0"}}`)
	case r.URL.Path == "/_bulk":
		_, _ = fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(c.create(body), ","))
	default:
		_, _ = fmt.Fprint(w, `{"acknowledged":true}`)
	}
}

func (c *keeping) create(body []byte) (items []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := bytes.Split(bytes.TrimSpace(body), []byte("\n"))
	for i := 0; i+1 < len(lines); i += 2 {
		var action struct {
			Create struct {
				Index string `json:"_index"`
				ID    string `json:"_id"`
			}
		}
		if err := json.Unmarshal(lines[i], &action); err != nil {
			panic(err)
		}
		key, status := action.Create.Index+" "+action.Create.ID, http.StatusCreated
		if _, there := c.docs[key]; there {
			status = http.StatusConflict
		} else {
			c.docs[key] = lines[i+1]
		}
		items = append(items, fmt.Sprintf(`{"create":{"status":%d,"error":{"type":"version_conflict_engine_exception"}}}`, status))
	}
	return items
}

// times is how often each number is in a field of the documents.
func (c *keeping) times(field string) map[int]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	times := map[int]int{}
	for _, source := range c.docs {
		var doc map[string]any
		if err := json.Unmarshal(source, &doc); err != nil {
			panic(err)
		}
		if n, ok := doc[field].(float64); ok {
			times[int(n)]++
		}
	}
	return times
}

// publishNumbers publishes documents with the numbers from first on until ctx is done, or
// as many as count says.
func publishNumbers(ctx context.Context, address string, first, count int) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	client := paho.NewClient(paho.ClientConfig{PacketTimeout: patience, Conn: conn})
	if _, err := client.Connect(ctx, &paho.Connect{ClientID: fmt.Sprint("sensor-", first), CleanStart: true, KeepAlive: 30}); err != nil {
		return err
	}
	speed := rate.NewLimiter(2000, 1) // a second, so that the journal is not full at once
	for n := first; n < first+count && speed.Wait(ctx) == nil; n++ {
		payload := fmt.Appendf(nil, `{"n":%d,"filler":%q}`, n, strings.Repeat("x", 500))
		if _, err := client.Publish(context.WithoutCancel(ctx), &paho.Publish{Topic: "docs/a", QoS: 1, Payload: payload}); err != nil {
			return err
		}
	}
	return client.Disconnect(&paho.Disconnect{})
}

var appended = regexp.MustCompile(`(?m)^pulltrail_journal_appended_entries_total (\S+)$`)

// acknowledged is how many documents the daemon has made durable since its start.
func (d *daemon) acknowledged() int {
	d.t.Helper()
	var metrics string
	d.get("/metrics", &metrics)
	found := appended.FindStringSubmatch(metrics)
	if found == nil {
		d.t.Fatalf("no %v in %s", appended, metrics)
	}
	n, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		d.t.Fatal(err)
	}
	return int(n)
}

// subscribed waits until what is published is received.
func (d *daemon) subscribed() {
	d.t.Helper()
	eventually(d.t, "the subscriptions", func() bool { return d.get("/-/ready", nil) == http.StatusOK })
}

// settled says whether every sink has everything.
func (d *daemon) settled() bool {
	var metrics string
	d.get("/metrics", &metrics)
	return strings.Contains(metrics, `pulltrail_indexer_lag_entries{log="history",sink="opensearch"} 0`+"\n") &&
		strings.Contains(metrics, `pulltrail_indexer_lag_entries{log="journal",sink="opensearch"} 0`+"\n") &&
		strings.Contains(metrics, "pulltrail_outbox_snapshots 0\n")
}

// taken is a backup, and what had been acknowledged when it began.
type taken struct {
	backup               []byte
	documents, snapshots int
}

func backedUp(t *testing.T, client *control.Client) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := backup.Compress(&out)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Backup(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// numberedRepository has one snapshot, in which its number is the total.
func numberedRepository(n int) hub.Repository {
	return hub.Repository{Namespace: "library", Name: fmt.Sprint("app-", n)}
}

func busy(t *testing.T, docker *hubtest.Hub, c *keeping) config.Config {
	t.Helper()
	cfg := settings(t, docker, "library/app-1")
	cfg.Collector.RunOnStart = false
	cfg.Indexer.OpenSearch.URLs = []string{c.URL}
	cfg.Indexer.JournalMaxBytes = 2 << 20 // in segments of a quarter, which are given up soon
	cfg.Indexer.Routes = []indexer.Route{{Topic: "docs/#", Kind: indexer.KindDocument, Index: "docs", ID: "position"}}
	return cfg
}

// TestBackupsOfABusyDaemonLoseNothingAndDoubleNothing makes backups while documents and
// snapshots stream in and the cluster is away every now and then. The daemon on each of
// them must bring everything to the same cluster that was acknowledged before, once, and
// what comes later as well.
func TestBackupsOfABusyDaemonLoseNothingAndDoubleNothing(t *testing.T) {
	docker, cluster := hubtest.New(t), newKeeping(t)
	cfg := busy(t, docker, cluster)
	d := start(t, cfg)
	d.subscribed()
	client := control.NewClient(datadir.ControlSocket(cfg.DataDir))
	ctx, stop := context.WithCancel(t.Context())
	published := make(chan error, 1)
	go func() { published <- publishNumbers(ctx, d.Broker, 1, 1_000_000) }()
	snapshots := 0
	var all []taken
	for round := range 4 {
		cluster.away.Store(round%2 == 1)
		before := d.acknowledged()
		eventually(t, "more documents", func() bool { return d.acknowledged() > before+200 })
		snapshots++
		name := numberedRepository(snapshots)
		docker.Set(name.String(), int64(snapshots))
		settle := patience
		if round%2 == 1 {
			settle = 1 // as long as the cluster is away it cannot settle
		}
		if s, err := client.Collect(t.Context(), []hub.Repository{name}, settle, func(control.Result) {}); err != nil || s.Succeeded != 1 {
			t.Fatalf("collect: %+v, %v", s, err)
		}
		made := taken{documents: d.acknowledged(), snapshots: snapshots}
		made.backup = backedUp(t, client)
		all = append(all, made)
	}
	stop()
	if err := <-published; err != nil {
		t.Error(err)
	}
	cluster.away.Store(false)
	if err := d.stop(); err != nil { // its disk is lost: what it has not delivered is nowhere else
		t.Fatal(err)
	}
	for round, made := range all {
		checkRestored(t, cfg, cluster, made, (round+1)*10_000_000)
	}
}

// checkRestored lets a daemon go on with a backup; first is a number that no document has
// had yet.
func checkRestored(t *testing.T, cfg config.Config, cluster *keeping, made taken, first int) {
	t.Helper()
	cfg.DataDir = filepath.Join(t.TempDir(), "restored")
	done, err := backup.Restore(t.Context(), cfg.DataDir, bytes.NewReader(made.backup), backup.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	d := start(t, cfg)
	d.subscribed()
	const more = 300
	if err := publishNumbers(t.Context(), d.Broker, first, more); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the documents that came after the restore", func() bool { return d.acknowledged() == more })
	eventually(t, "an end of all deliveries", d.settled)
	stored := cluster.times("n")
	for n := 1; n <= made.documents; n++ {
		if stored[n] != 1 {
			t.Errorf("document %d of the %d that were acknowledged is stored %d times", n, made.documents, stored[n])
		}
	}
	for n := first; n < first+more; n++ {
		if stored[n] != 1 {
			t.Errorf("document %d, which came after the restore, is stored %d times", n, stored[n])
		}
	}
	for n, times := range stored {
		if times > 1 {
			t.Errorf("document %d is stored %d times", n, times)
		}
	}
	indexed := cluster.times("pull_count")
	totals := d.totals()
	for n := 1; n <= made.snapshots; n++ {
		if kept := totals[numberedRepository(n).String()]; kept != strconv.Itoa(n) || indexed[n] != 1 {
			t.Errorf("snapshot %d of %d is in history as %q and in the cluster %d times", n, made.snapshots, kept, indexed[n])
		}
	}
	t.Logf("restored %+v; %d documents and %d snapshots were acknowledged, %d documents are stored", done.Counts, made.documents, made.snapshots, len(stored))
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
}

func TestABackupBeforeAnUpgradeLeavesTheOlderSchema(t *testing.T) {
	cfg := settings(t, hubtest.New(t))
	dir, err := datadir.Open(cfg.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(t.Context(), dir.Database())
	if err != nil {
		t.Fatal(err)
	}
	older := func(tx *sql.Tx) error { // whose migrations would fail, if they were tried
		_, err := tx.Exec("PRAGMA user_version = 1")
		return err
	}
	if err := errors.Join(db.Write(t.Context(), older), db.Close(), dir.Close()); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := app.Backup(t.Context(), cfg, &out); err != nil {
		t.Fatal(err)
	}
	b, err := backup.NewReader(&out)
	if err == nil {
		err = b.Each(t.Context(), nil)
	}
	if err != nil || b.Manifest.Schema != 1 {
		t.Errorf("%+v, %v", b, err)
	}
	if schema, err := database.CheckFile(t.Context(), dir.Database()); schema != 1 || err != nil {
		t.Errorf("the schema is %d now, %v", schema, err)
	}
}

func TestWhereNothingIsABackupMakesNothing(t *testing.T) {
	cfg := settings(t, hubtest.New(t))
	cfg.DataDir = filepath.Join(cfg.DataDir, "none")
	if err := app.Backup(t.Context(), cfg, io.Discard); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("Backup = %v", err)
	}
	if _, err := os.Stat(cfg.DataDir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the data directory was made: %v", err)
	}
}
