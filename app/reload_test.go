package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"pulltrail/app"
	"pulltrail/indexer"
	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/datadir"
	"pulltrail/internal/hubtest"
	"pulltrail/internal/journal"
)

// reloadable is a daemon whose configuration is what set has set.
type reloadable struct {
	*daemon
	*control.Client
	hangup chan os.Signal
	level  *slog.LevelVar

	mu   sync.Mutex
	next config.Config
	err  error
}

func (r *reloadable) set(next config.Config, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next, r.err = next, err
}

func (r *reloadable) read() (config.Config, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next, r.err
}

func startReloadable(t *testing.T, cfg config.Config) *reloadable {
	t.Helper()
	r := &reloadable{next: cfg, hangup: make(chan os.Signal, 1), level: new(slog.LevelVar), Client: control.NewClient(datadir.ControlSocket(cfg.DataDir))}
	r.daemon = startWith(t, cfg, app.Options{Log: testLog(t), Reload: r.read, Hangup: r.hangup, Level: r.level})
	return r
}

// reload asks for it and waits for the outcome.
func (r *reloadable) reload() control.Reload {
	r.t.Helper()
	var asked control.Reload
	eventually(r.t, "a reload", func() bool {
		var err error
		asked, err = r.Reload(r.t.Context())
		return err == nil
	})
	for !asked.Done {
		eventually(r.t, "its outcome", func() bool {
			now, err := r.Reloaded(r.t.Context())
			if err == nil && now.Done {
				asked = now
			}
			return asked.Done
		})
	}
	return asked
}

func TestWhatIsConfiguredAnewIsInForce(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 1)
	hub.Set("library/redis", 2)
	cfg := settings(t, hub, "library/nginx")
	d := startReloadable(t, cfg)
	d.awaitRun()
	web := d.Web
	cfg.Collector.Repositories, cfg.Collector.Schedule, cfg.Log.Level = []string{"library/redis"}, "@every 1s", "warn"
	d.set(cfg, nil)
	if got := d.reload(); got.Error != "" || !slices.Equal(got.Changed, []string{"log.level", "collector.schedule", "collector.repositories"}) {
		t.Fatalf("got %+v", got)
	}
	eventually(t, "the new repository on the new schedule, beside the history of the old one", func() bool {
		return slices.Equal(d.names(), []string{"nginx", "redis"})
	})
	if d.level.Level() != slog.LevelWarn || d.Web != web {
		t.Errorf("level %v at %s", d.level.Level(), d.Web)
	}
}

// names are those of the repositories that have a history, in order.
func (r *reloadable) names() (names []string) {
	var page struct{ Repositories []struct{ Name string } }
	r.get("/api/v1/repositories", &page)
	for _, one := range page.Repositories {
		names = append(names, one.Name)
	}
	slices.Sort(names)
	return names
}

func TestASignalReloadsToo(t *testing.T) {
	cfg := settings(t, hubtest.New(t))
	d := startReloadable(t, cfg)
	cfg.Log.Level = "error"
	d.set(cfg, nil)
	d.hangup <- syscall.SIGHUP
	eventually(t, "the new level", func() bool { return d.level.Level() == slog.LevelError })
}

func TestAConfigurationIsRefusedAsAWhole(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 1)
	cfg := settings(t, hub, "library/nginx")
	file := garbage(t)
	tests := []struct {
		name, want string
		change     func(*config.Config) error
	}{
		{"with a mistake", "a mistake", func(*config.Config) error { return errors.New("a mistake") }},
		{"with what takes a restart", "restart to apply it, or put it back: web.listen", func(c *config.Config) error {
			c.Web.Listen = "127.0.0.1:1"
			return nil
		}},
		{"that cannot begin", "holds no PEM certificate", func(c *config.Config) error {
			c.Indexer.OpenSearch.URLs, c.Indexer.OpenSearch.TLS.CAFile = []string{"https://127.0.0.1:1"}, file
			return nil
		}},
	}
	d := startReloadable(t, cfg)
	d.awaitRun()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			next := cfg
			next.Log.Level, next.Collector.Repositories = "error", nil
			d.set(next, test.change(&next))
			if got := d.reload(); !strings.Contains(got.Error, test.want) {
				t.Errorf("got %+v", got)
			}
			var metrics string
			d.get("/metrics", &metrics)
			if !strings.Contains(metrics, "\npulltrail_config_last_reload_successful 0\n") || !strings.Contains(metrics, `pulltrail_repository_up{namespace="library",repository="nginx"} 1`) {
				t.Errorf("metrics: %s", metrics)
			}
			if d.level.Level() != slog.LevelInfo {
				t.Errorf("the level is %v", d.level.Level())
			}
		})
	}
	d.set(cfg, nil)
	if got := d.reload(); got.Error != "" || len(got.Changed) > 0 || got.Number != len(tests)+1 {
		t.Errorf("afterwards: %+v", got)
	}
}

// Whoever publishes to the broker inside, or looks at the page, notices nothing, from the
// first moment to the last.
func TestNothingIsLostOrRefusedWhileConfigurationsChange(t *testing.T) {
	const reloads = 10
	hub := hubtest.New(t)
	cfg := settings(t, hub)
	cfg.Indexer.Routes = []indexer.Route{{Topic: "sensors/#", Kind: indexer.KindDocument, Index: "sensors", ID: "position"}}
	cfg.Indexer.OpenSearch.URLs = []string{"http://127.0.0.1:1"} // nobody is there: it all stays in the journal
	d := startReloadable(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := d.connect(t)
	var busy sync.WaitGroup
	var published []string
	busy.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			payload := fmt.Sprintf(`{"n":%d}`, n)
			if _, err := client.Publish(t.Context(), &paho.Publish{Topic: "sensors/a", QoS: 1, Payload: []byte(payload)}); err != nil {
				t.Errorf("the broker's connection has ended: %v", err)
				return
			}
			published = append(published, payload)
		}
		if err := client.Disconnect(&paho.Disconnect{}); err != nil {
			t.Error(err)
		}
	})
	busy.Go(func() {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		for ctx.Err() == nil {
			response, err := client.Get("http://" + d.Web + "/-/healthy")
			if err != nil {
				t.Errorf("the page is away: %v", err)
				return
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
	})
	for i := range reloads {
		cfg.Collector.Repositories = []string{fmt.Sprintf("library/r%d", i)}
		d.set(cfg, nil)
		if got := d.reload(); got.Error != "" || got.Number != i+1 {
			t.Errorf("got %+v", got)
		}
	}
	cancel()
	busy.Wait()
	eventually(t, "the last document", func() bool {
		var metrics string
		d.get("/metrics", &metrics)
		return len(published) > 0 && strings.Contains(metrics, fmt.Sprintf("pulltrail_indexer_lag_entries{log=\"journal\",sink=\"opensearch\"} %d\n", len(published)))
	})
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	stored := journalled(t, cfg.DataDir) // what was sent again may come in another order
	slices.Sort(stored)
	slices.Sort(published)
	if !slices.Equal(stored, published) {
		t.Errorf("%d are stored of %d", len(stored), len(published))
	}
}

// Also of a configuration that has no place for them and is refused.
func TestARefusedConfigurationLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel() // it takes its time
	const documents = 20
	cfg := settings(t, hubtest.New(t))
	cfg.Indexer.Routes = []indexer.Route{{Topic: "sensors/#", Kind: indexer.KindDocument, Index: "sensors", ID: "position"}}
	cfg.Indexer.OpenSearch.URLs = []string{"http://127.0.0.1:1"}
	cfg.Indexer.JournalMaxBytes = 1 << 20 // the rest waits in the session
	d := startReloadable(t, cfg)
	client := d.connect(t)
	var published []string
	for n := range documents {
		published = append(published, fmt.Sprintf(`{"n":%d,"x":%q}`, n, strings.Repeat("x", 100<<10)))
		if _, err := client.Publish(t.Context(), &paho.Publish{Topic: "sensors/a", QoS: 1, Payload: []byte(published[n])}); err != nil {
			t.Fatal(err)
		}
	}
	without := cfg
	without.Indexer.Routes, without.Indexer.OpenSearch.URLs, without.Collector.TLS.CAFile = nil, nil, garbage(t)
	d.set(without, nil)
	if got := d.reload(); !strings.Contains(got.Error, "no PEM certificate") {
		t.Fatalf("got %+v", got)
	}
	cfg.Indexer.JournalMaxBytes = 1 << 30
	d.set(cfg, nil)
	if got := d.reload(); got.Error != "" {
		t.Fatalf("got %+v", got)
	}
	eventually(t, "the last document", func() bool {
		var metrics string
		d.get("/metrics", &metrics)
		return strings.Contains(metrics, fmt.Sprintf("pulltrail_indexer_lag_entries{log=\"journal\",sink=\"opensearch\"} %d\n", documents))
	})
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	stored := journalled(t, cfg.DataDir)
	slices.Sort(stored)
	slices.Sort(published)
	if !slices.Equal(stored, published) {
		t.Errorf("%d are stored of %d", len(stored), documents)
	}
}

// garbage is a file without certificates.
func garbage(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestChangedFilesOfTheBrokerInsideTakeARestart(t *testing.T) {
	cfg := settings(t, hubtest.New(t))
	cfg.MQTT.Embedded.UsersFile = filepath.Join(t.TempDir(), "users")
	write := func(text string) {
		if err := os.WriteFile(cfg.MQTT.Embedded.UsersFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const hash = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
	write("fired:" + hash + "\n")
	d := startReloadable(t, cfg)
	if got := d.reload(); got.Error != "" {
		t.Errorf("unchanged: %+v", got)
	}
	write("hired:" + hash + "\n")
	if got := d.reload(); !strings.Contains(got.Error, "restart to apply it, or put it back: mqtt.embedded.users_file") {
		t.Errorf("got %+v", got)
	}
}

// connect is another program at the broker inside.
func (r *reloadable) connect(t *testing.T) *paho.Client {
	t.Helper()
	conn, err := net.Dial("tcp", r.Broker)
	if err != nil {
		t.Fatal(err)
	}
	client := paho.NewClient(paho.ClientConfig{PacketTimeout: patience, Conn: conn})
	if _, err := client.Connect(t.Context(), &paho.Connect{ClientID: unique(), CleanStart: true, KeepAlive: 30}); err != nil {
		t.Fatal(err)
	}
	return client
}

// journalled are the payloads in the journal of a daemon that has stopped.
func journalled(t *testing.T, dir string) (payloads []string) {
	t.Helper()
	j, err := journal.Open(filepath.Join(dir, "journal"), journal.Options{MaxBytes: 1 << 30, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	entries, err := j.Read(t.Context(), 0, 1e6, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		payloads = append(payloads, string(e.Payload))
	}
	return payloads
}

func TestARunThatIsInterruptedByAReloadGoesOn(t *testing.T) {
	hub := hubtest.New(t)
	names := make([]string, 40)
	for i := range names {
		names[i] = fmt.Sprintf("library/r%d", i)
		hub.Set(names[i], int64(i))
	}
	cfg := settings(t, hub, names...)
	cfg.Collector.Rate, cfg.Collector.Concurrency = 20, 1 // so that it lasts, and one request is under way
	d := startReloadable(t, cfg)
	eventually(t, "a part of the run", func() bool { return hub.Requests() > 5 })
	cfg.Log.Level = "warn"
	d.set(cfg, nil)
	if got := d.reload(); got.Error != "" {
		t.Fatal(got)
	}
	var page struct {
		Repositories []struct{ Namespace, Name string }
	}
	eventually(t, "all of them", func() bool {
		d.get("/api/v1/repositories?limit=100", &page)
		return len(page.Repositories) == len(names)
	})
	if n := hub.Requests(); n > len(names)+1 { // the one under way may be asked for again
		t.Errorf("%d requests for %d repositories", n, len(names))
	}
}

func TestTheWatchLastsOverReloads(t *testing.T) {
	cfg := settings(t, hubtest.New(t))
	watches := make(chan func(context.Context) error, 10)
	r := &reloadable{next: cfg, Client: control.NewClient(datadir.ControlSocket(cfg.DataDir))}
	r.daemon = startWith(t, cfg, app.Options{Log: testLog(t), Reload: r.read, Watch: func(ctx context.Context, probe func(context.Context) error) error {
		watches <- probe
		<-ctx.Done()
		return nil
	}})
	probe := <-watches
	for range 2 {
		if got := r.reload(); got.Error != "" {
			t.Error(got)
		}
		if err := probe(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if len(watches) > 0 {
		t.Error("it was begun again")
	}
}

func TestAReloadWhileNothingCanBeDecidedIsRefused(t *testing.T) {
	cfg := settings(t, hubtest.New(t))
	d := start(t, cfg) // nothing to read from
	if _, err := control.NewClient(datadir.ControlSocket(cfg.DataDir)).Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "restart it") {
		t.Errorf("got %v", err)
	}
	if err := d.stop(); err != nil {
		t.Error(err)
	}
}
