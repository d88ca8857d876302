package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"text/tabwriter"
	"time"

	"pulltrail/collector"
	"pulltrail/indexer"
	"pulltrail/internal/broker"
	"pulltrail/internal/compat"
	"pulltrail/internal/config"
	"pulltrail/internal/datadir"
	"pulltrail/internal/version"
	"pulltrail/mqttio"
)

// neighbourTimeout bounds the check of one neighbour.
const neighbourTimeout = 15 * time.Second

type checkCommand struct {
	mappingFlags

	Connect bool `help:"Also test the data directory, Docker Hub, the broker and the clusters."`
	JSON    bool `help:"Print JSON instead of a table, also if the configuration is wrong."`
}

// Help is shown below the usage.
func (checkCommand) Help() string {
	return `Lists every mistake in the configuration with its place and how to fix it. The exit code is 2 if there is one, and 1
if a connection fails. Nothing is started, stored or published.

Examples:

	pulltrail check
	pulltrail check --connect --config /etc/pulltrail/config.yaml
	pulltrail check --connect --json`
}

// checked is what was found of one thing.
type checked struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
}

// Run checks the configuration, and with --connect what it names.
func (c checkCommand) Run(ctx context.Context, p *Process, top *command) error {
	theirs := compat.Read(top.sources(p))
	cfg, err := top.loadWith(p, theirs)
	if err != nil {
		if c.JSON {
			err = errors.Join(err, printChecks(p.Stdout, []checked{{Name: "configuration", Found: err.Error()}}, true))
		}
		return err
	}
	found := []checked{{Name: "configuration", OK: true, Found: top.configured(cfg, theirs)}}
	if c.Connect {
		found = append(found, neighbours(ctx, p, cfg)...)
	}
	if err := printChecks(p.Stdout, found, c.JSON); err != nil {
		return err
	}
	for _, f := range found {
		if !f.OK {
			return errReported
		}
	}
	return nil
}

// configured says where the configuration comes from, and what it amounts to.
func (c *command) configured(cfg config.Config, theirs *compat.Found) string {
	from := c.file() + ", environment"
	if theirs.Any() {
		from = theirs.Sources() + ", " + from
	}
	if !cfg.Collects() {
		return from + "; mode: " + cfg.Mode
	}
	plan := cfg.Plan()
	names, namespaces := len(plan.Names), len(plan.Namespaces)
	return fmt.Sprintf("%s; %d %s and %d %s", from, names, noun(int64(names), "repository", "repositories"), namespaces, noun(int64(namespaces), "namespace", "namespaces"))
}

// file is the one that was read: a file with another name, say config.yml, is passed over,
// and who has written it should see that here.
func (c *command) file() string {
	if c.Config != "" {
		return c.Config
	}
	if _, err := os.Stat(config.DefaultFile); err != nil {
		return "defaults (there is no " + config.DefaultFile + " here; --config names another file)"
	}
	return config.DefaultFile
}

// noun is the word for one or for any other number.
func noun(n int64, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// numbered is such as "1 snapshot" or "12,345 snapshots".
func numbered(n int64, one, more string) string {
	return grouped(&n) + " " + noun(n, one, more)
}

// neighbours tries each, whatever became of the one before.
func neighbours(ctx context.Context, p *Process, cfg config.Config) []checked {
	running, directory := checkDataDir(cfg)
	found := []checked{directory}
	try := func(name string, probe func(context.Context) (string, error)) {
		ctx, cancel := context.WithTimeout(ctx, neighbourTimeout)
		defer cancel()
		text, err := probe(ctx)
		if err != nil {
			text = err.Error()
		}
		found = append(found, checked{Name: name, OK: err == nil, Found: text})
	}
	if plan := cfg.Plan(); cfg.Collects() && len(plan.Names)+len(plan.Namespaces) > 0 {
		try("Docker Hub", func(ctx context.Context) (string, error) {
			return collector.Probe(ctx, cfg.Collector, version.Short())
		})
	}
	switch {
	case cfg.MQTT.URL != "":
		try("broker", func(ctx context.Context) (string, error) {
			found, err := mqttio.Probe(ctx, cfg.MQTT, cfg.MQTT.URL)
			return cfg.MQTT.URL + ", " + found, err
		})
	case running:
		found = append(found, checked{Name: "broker", OK: true, Found: "embedded, in the daemon that is running"})
	default:
		try("broker", func(context.Context) (string, error) {
			return checkEmbedded(cfg.MQTT.Embedded, logger(p, cfg))
		})
	}
	if !cfg.Receives() {
		return found
	}
	for _, cluster := range cfg.Indexer.Clusters() {
		try(cluster.Name, func(ctx context.Context) (string, error) {
			return ping(ctx, cluster, indexer.ClusterOptions{Log: logger(p, cfg)})
		})
	}
	return found
}

// checkEmbedded listens where the embedded broker would.
func checkEmbedded(cfg mqttio.EmbeddedConfig, log *slog.Logger) (string, error) {
	address, chosen := cfg.Address()
	b, err := broker.New(broker.Options{
		Listen: address, OrFree: !chosen, TLS: broker.TLS{Listen: cfg.ListenTLS, CertFile: cfg.TLS.CertFile, KeyFile: cfg.TLS.KeyFile}, Log: log,
	})
	if err != nil {
		return "", err
	}
	if err := b.Listen(); err != nil {
		return "", err
	}
	if detail := b.Displaced(); detail != "" {
		return "embedded, " + detail, b.Close()
	}
	free := address + " is free"
	if cfg.ListenTLS != "" {
		free = address + " and " + cfg.ListenTLS + " are free"
	}
	return "embedded, " + free, b.Close()
}

// checkDataDir reports also whether a daemon is running on it.
func checkDataDir(cfg config.Config) (running bool, c checked) {
	c = checked{Name: "data directory", OK: true, Found: cfg.DataDir}
	dir, err := datadir.Open(cfg.DataDir)
	if errors.Is(err, datadir.ErrInUse) {
		c.Found += ", a daemon is running"
		return true, c
	}
	if err == nil {
		err = dir.Close()
	}
	if err != nil {
		c.OK, c.Found = false, err.Error()
	}
	return false, c
}

func ping(ctx context.Context, cluster indexer.ClusterSetup, opts indexer.ClusterOptions) (string, error) {
	sink, err := cluster.Open(opts)
	if err != nil {
		return "", err
	}
	err = sink.Ping(ctx)
	return fmt.Sprint(cluster.URLs), errors.Join(err, sink.Close())
}

func printChecks(w io.Writer, found []checked, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(map[string]any{"checks": found})
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range found {
		word := "ok"
		if !f.OK {
			word = "failed"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Name, word, f.Found)
	}
	return table.Flush()
}
