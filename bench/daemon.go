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
collector: {schedule: "@yearly", run_on_start: false, repositories: [bench/none]}
mqtt: {url: %q, topic: %q}
web: {listen: %q}
indexer:
  opensearch: {urls: [%q], timeout: 2m}
  routes:
    - {topic: %q, kind: %s, index: %q%s}
`

// route is what a daemon is to do.
type route struct {
	topic, kind, index string
	openSearch         string // URL
}

// The kinds of a route.
const (
	kindDocument = "document"
	kindSnapshot = "snapshot"
)

// daemon is the program that is measured, as a process with a data directory of its own.
type daemon struct {
	*process
	web string
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
	own, id := to.topic, ""
	if to.kind == kindDocument {
		own, id = to.topic+"-own", `, id: "fields(n)"`
	}
	config := fmt.Sprintf(daemonConfig, filepath.Join(dir, "data"), "mqtt://"+r.broker, own, web, to.openSearch,
		to.topic+"/#", to.kind, to.index, id)
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	command := exec.Command(r.binary, "run", "--config", file) //nolint:gosec,noctx // what is to be measured; ends by stop
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	p, err := startProcess("pulltrail", filepath.Join(dir, "log"), command)
	if err != nil {
		return nil, err
	}
	d := &daemon{process: p, web: web}
	if err := eventually(ctx, "the daemon to be ready", 30*time.Second, 50*time.Millisecond, d.ready, p); err != nil {
		p.kill()
		return nil, fmt.Errorf("%w\n%s", err, tail(p.log))
	}
	return d, nil
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

// lag is how many entries of a log are not indexed yet.
func (d *daemon) lag(ctx context.Context, log string) (int, error) {
	response, err := d.get(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }() // only read
	return parseLag(response.Body, log)
}

// parseLag finds the lag of a log in the daemon's metrics.
func parseLag(metrics io.Reader, log string) (int, error) {
	lines := bufio.NewScanner(metrics)
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), "} ")
		if strings.HasPrefix(series, "pulltrail_indexer_lag_entries{") && strings.Contains(series, `log="`+log+`"`) {
			lag, err := strconv.ParseFloat(value, 64)
			return int(lag), err
		}
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return 0, fmt.Errorf("the metrics do not tell the lag of %s", log)
}

func (d *daemon) get(ctx context.Context, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.web+path, nil)
	if err != nil {
		return nil, err
	}
	return http.DefaultClient.Do(request)
}
