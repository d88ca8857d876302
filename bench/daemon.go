package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// daemonConfig is a Pulltrail that polls nothing and has one route.
const daemonConfig = `data_dir: %q
collector: {schedule: "@yearly", run_on_start: false, repositories: [bench/none], url: "http://127.0.0.1:1", tries: 1}
mqtt: {url: %q, topic: %q}
web: {listen: %q}
indexer:%s
  opensearch: {urls: [%q], timeout: 2m}
  routes:
    - {topic: %q, kind: %s, index: %q%s}
`

const (
	startLimit = 30 * time.Second
	// readyEvery is how exactly the time of a start is known.
	readyEvery = 10 * time.Millisecond
)

// route is what a daemon is to do.
type route struct {
	topic, kind, index string
	openSearch         string // URL
	journalBytes       int64  // the journal's bound; 0 for the default
}

// The kinds of a route.
const (
	kindDocument = "document"
	kindSnapshot = "snapshot"
)

// daemon is the program that is measured, as a process with a data directory of its own.
type daemon struct {
	*process
	binary, dir, web string
}

// startDaemon starts Pulltrail in a directory that it makes, and waits until it has
// subscribed.
func (r *rig) startDaemon(ctx context.Context, to route) (*daemon, error) {
	dir, err := os.MkdirTemp(r.dir, "pulltrail-")
	if err != nil {
		return nil, err
	}
	web, err := freeAddress()
	if err != nil {
		return nil, err
	}
	own, id, bound := to.topic, "", ""
	if to.kind == kindDocument {
		own, id = to.topic+"-own", `, id: "fields(n)"`
	}
	if to.journalBytes > 0 {
		bound = fmt.Sprintf("\n  journal_max_bytes: %d", to.journalBytes)
	}
	config := fmt.Sprintf(daemonConfig, filepath.Join(dir, "data"), "mqtt://"+r.broker, own, web, bound, to.openSearch,
		to.topic+"/#", to.kind, to.index, id)
	d := &daemon{binary: r.binary, dir: dir, web: web}
	if err := os.WriteFile(d.config(), []byte(config), 0o600); err != nil {
		return nil, err
	}
	if err := d.start(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *daemon) config() string { return filepath.Join(d.dir, "config.yaml") }

// start runs the program, for the first time or after a stop, and waits until it has
// subscribed.
func (d *daemon) start(ctx context.Context) error {
	command := exec.Command(d.binary, "run", "--config", d.config()) //nolint:gosec,noctx // what is to be measured; ends by stop
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir}
	p, err := startProcess("pulltrail", filepath.Join(d.dir, "log"), command)
	if err != nil {
		return err
	}
	d.process = p
	if err := eventually(ctx, "the daemon to be ready", startLimit, readyEvery, d.ready, p); err != nil {
		d.kill()
		return fmt.Errorf("%w\n%s", err, tail(d.log))
	}
	return nil
}

// ready reports whether the daemon takes messages.
func (d *daemon) ready(ctx context.Context) (bool, error) {
	response, err := d.get(ctx, "/-/ready")
	if err != nil {
		return false, nil //nolint:nilerr // not yet
	}
	defer func() { _ = response.Body.Close() }() // only read
	body, err := io.ReadAll(response.Body)
	return response.StatusCode == http.StatusOK && !strings.Contains(string(body), "not subscribed"), err
}

// The metrics of the follower of a log that are looked at.
const (
	lagEntries     = "pulltrail_indexer_lag_entries"
	cursorPosition = "pulltrail_indexer_cursor_position"
)

// journal is the value of a metric of the journal's follower.
func (d *daemon) journal(ctx context.Context, metric string) (int, error) {
	response, err := d.get(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }() // only read
	return parseMetric(response.Body, metric, "journal")
}

// parseMetric finds the value of a metric for a log.
func parseMetric(metrics io.Reader, metric, log string) (int, error) {
	lines := bufio.NewScanner(metrics)
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), "} ")
		if strings.HasPrefix(series, metric+"{") && strings.Contains(series, `log="`+log+`"`) {
			n, err := strconv.ParseFloat(value, 64)
			return int(n), err
		}
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return 0, fmt.Errorf("the metrics do not have %s of %s", metric, log)
}

func (d *daemon) get(ctx context.Context, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.web+path, nil)
	if err != nil {
		return nil, err
	}
	return http.DefaultClient.Do(request)
}
