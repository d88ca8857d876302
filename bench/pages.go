package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// stagePages has a table of its own.
const stagePages = "pages"

const (
	pageDays = 3 * 365
	// pageAsks is how often each page is asked for, in turns with all others.
	pageAsks = 20
	// importLimit bounds the filling of history, pageLimit one answer.
	importLimit = 20 * time.Minute
	pageLimit   = 5 * time.Minute
)

// pagesConfig is a Pulltrail that shows what is there.
const pagesConfig = `data_dir: %q
collector: {schedule: "@daily", run_on_start: false, repositories: [bench/none], url: "http://127.0.0.1:1", tries: 1}
mqtt: {embedded: {listen: "127.0.0.1:0"}}
web: {listen: %q}
`

// pagePaths are the pages and answers that are asked for, in the order of the table. The
// repository is one of those in the history.
func pagePaths() []string {
	const repository = "/bench2/image42"
	return []string{
		"/", "/?range=all", "/?range=all&view=stacked", "/?range=all&metric=total", "/?sort=week", "/?q=image42", "/?group=namespace",
		"/r" + repository, "/r" + repository + "?range=all", "/status",
		"/api/v1/summary", "/api/v1/repositories", "/api/v1/curves", "/api/v1/curves?metric=total&top=20",
		"/api/v1/repositories" + repository, "/api/v1/repositories" + repository + "/series",
		"/api/v1/repositories" + repository + "/daily", "/api/v1/repositories" + repository + "/pushes",
		"/api/v1/status", "/badge" + repository + ".svg", "/chart" + repository + ".svg?range=all", "/metrics",
	}
}

// pages measures how long each page takes with three years of many repositories.
func pages(ctx context.Context, r *rig) (values, error) {
	d, err := r.pagesDaemon(ctx)
	if err != nil {
		return nil, err
	}
	defer d.kill()
	all := values{}
	start := time.Now()
	if _, err := d.fetch(ctx, "/api/v1/summary"); err != nil { // waits until the curves are read
		return nil, err
	}
	all["pages_first"] = milliseconds(time.Since(start))
	took := map[string][]float64{}
	for range pageAsks {
		for _, path := range pagePaths() {
			start := time.Now()
			weight, err := d.fetch(ctx, path)
			if err != nil {
				return nil, err
			}
			took[path] = append(took[path], milliseconds(time.Since(start)))
			all[pageKey(path, "weight")] = float64(weight) / 1000
		}
	}
	for path, each := range took {
		all[pageKey(path, "median")], all[pageKey(path, "worst")] = median(each), slices.Max(each)
	}
	all["pages_memory"], err = memoryMiB(d.pid(), memoryNow)
	r.say("  curves read in %.0f ms, %.0f MiB", all["pages_first"], all["pages_memory"])
	return all, err
}

func pageKey(path, what string) string { return "page_" + path + "_" + what }

// fetch asks as a browser does, which takes answers compressed, and says how much came.
func (d *daemon) fetch(ctx context.Context, path string) (int64, error) {
	bounded, cancel := context.WithTimeout(ctx, pageLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(bounded, http.MethodGet, "http://"+d.web+path, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }() // only read
	n, err := io.Copy(io.Discard, response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s", path, response.Status)
	}
	return n, err
}

// pagesDaemon is a Pulltrail with that history.
func (r *rig) pagesDaemon(ctx context.Context) (*daemon, error) {
	dir, err := os.MkdirTemp(r.dir, "pages-")
	if err != nil {
		return nil, err
	}
	web, err := freeAddress()
	if err != nil {
		return nil, err
	}
	d := &daemon{binary: r.binary, dir: dir, web: web}
	config := fmt.Sprintf(pagesConfig, filepath.Join(dir, "data"), web)
	if err := os.WriteFile(d.config(), []byte(config), 0o600); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "history.jsonl")
	if err := writeHistory(file, r.opts.repositories, time.Now().UTC()); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, importLimit)
	defer cancel()
	r.say("  importing %s snapshots", number(r.opts.repositories*pageDays))
	command := exec.CommandContext(bounded, d.binary, "import", "--config", d.config(), "--quiet", file) //nolint:gosec // our own program
	if out, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("import: %w\n%s", err, out)
	}
	return d, d.start(ctx)
}

// writeHistory writes a snapshot a day of each repository, up to now, as JSON lines.
func writeHistory(name string, repositories int, now time.Time) (err error) {
	file, err := os.Create(name) //nolint:gosec // in our own directory
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	totals := make([]int, repositories) // what is written in vain, Flush tells
	for back := pageDays - 1; back >= 0; back-- {
		at := now.Truncate(24*time.Hour).AddDate(0, 0, -back)
		for i := range totals {
			day := pageDays - back
			totals[i] += i*10 + int(float64(i)*3*math.Sin(float64(day)/58)) + day%7
			pushed := at.AddDate(0, 0, -(day % 21)).Format(time.RFC3339)
			_, _ = fmt.Fprintf(w, `{"namespace":"bench%d","name":"image%d","pull_count":%d,"star_count":%d,"storage_size":%d,"last_updated":%q,`+
				`"date_registered":"2019-01-02T03:04:05Z","description":"What image %d of the measured history is for.","timestamp":%q,"slot":%q}`+"\n",
				i%20, i, totals[i], i%400, 40_000_000+i, pushed, i, at.Format(time.RFC3339), at.Format(time.RFC3339))
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("%w (%w)", err, file.Close())
	}
	return file.Close()
}

// pagesTable has a row for each page.
func (r report) pagesTable() [][]string {
	table := [][]string{{"path", "median, ms", "worst, ms", "kB compressed"}}
	for _, path := range pagePaths() {
		v, ok := r.Medians[pageKey(path, "median")]
		if !ok {
			continue
		}
		one := metric{decimals: 1}
		table = append(table, []string{"`" + path + "`", one.format(v), one.format(r.Medians[pageKey(path, "worst")]), one.format(r.Medians[pageKey(path, "weight")])})
	}
	return table
}

// pagesSubject says what the table is about.
func (r report) pagesSubject() string {
	return strings.Join([]string{
		number(r.Repositories) + " repositories with " + number(pageDays) + " daily snapshots each, " + number(pageAsks) + " requests for each path in turns",
		fmt.Sprintf("the first answer after the start, which waits until the curves are read, took %s ms; memory then %s MiB",
			metric{}.format(r.Medians["pages_first"]), metric{}.format(r.Medians["pages_memory"])),
	}, "; ")
}
