package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	_ "embed" // for the template
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"

	"github.com/google/renameio/v2"

	"pulltrail/internal/config"
	"pulltrail/internal/problem"
)

//go:embed init.yaml.tmpl
var initTemplate string

type initCommand struct {
	Repositories []string `arg:"" optional:"" name:"repository" help:"Repositories as namespace/name, image reference or Docker Hub URL; nginx is the official image, 'grafana/*' is every repository of grafana. Asked for on a terminal if none is given."`
	Schedule     string   `placeholder:"CRON" help:"When to poll, as a cron spec in UTC, such as '0 1 * * *' (the default) or '@every 6h'."`
	Broker       string   `placeholder:"URL" help:"MQTT broker, such as mqtt://broker:1883. Default: the embedded broker."`
	OpenSearch   string   `name:"opensearch" placeholder:"URL" help:"OpenSearch to store the snapshots in as well, such as https://search:9200."`
	Force        bool     `help:"Overwrite an existing file."`
}

// Help is shown below the usage.
func (initCommand) Help() string {
	return `Writes config.yaml, or the file that --config names, with the keys that most people change and a
comment for each. It does not overwrite a file unless --force is given.

Examples:

	pulltrail init
	pulltrail init grafana/grafana nginx
	pulltrail init 'grafana/*' --schedule '@every 6h' --config /etc/pulltrail/config.yaml`
}

// Run writes the file.
func (c initCommand) Run(ctx context.Context, p *Process, top *command) error {
	file := cmp.Or(top.Config, config.DefaultFile)
	if err := vacant(file, c.Force); err != nil {
		return err
	}
	cfg, err := c.config(ctx, p, top)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	t := template.Must(template.New("").Funcs(template.FuncMap{"quote": strconv.Quote}).Parse(initTemplate))
	if err := t.Execute(&text, cfg); err != nil {
		return err
	}
	if err := c.write(file, text.Bytes()); err != nil {
		return err
	}
	flag := ""
	if file != config.DefaultFile {
		flag = " --config " + file
	}
	n := len(cfg.Collector.Repositories)
	_, err = fmt.Fprintf(p.Stdout, "%s written with %d %s.\nNext: pulltrail check --connect%s, then pulltrail run%s\n",
		file, n, noun(int64(n), "repository or pattern", "repositories or patterns"), flag, flag)
	return err
}

// write creates the file, which other users may read: it has no secret.
func (c initCommand) write(file string, text []byte) error {
	if c.Force {
		return renameio.WriteFile(file, text, 0o644, renameio.WithTempDir(filepath.Dir(file)))
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // see above
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// config is the configuration to write, which has no mistake.
func (c initCommand) config(ctx context.Context, p *Process, top *command) (config.Config, error) {
	cfg := config.Default()
	cfg.DataDir = cmp.Or(top.DataDir, cfg.DataDir)
	cfg.Collector.Schedule = cmp.Or(c.Schedule, cfg.Collector.Schedule)
	cfg.MQTT.URL = c.Broker
	if c.OpenSearch != "" {
		cfg.Indexer.OpenSearch.URLs = []string{c.OpenSearch}
	}
	flags := map[string]string{
		"data_dir": "--data-dir", "collector.schedule": "--schedule", "mqtt.url": "--broker", "indexer.opensearch.urls": "--opensearch", "collector.repositories": "",
	}
	cfg.Collector.Repositories = c.Repositories
	if err := inFlags(cfg.Validate(), flags); err != nil || len(c.Repositories) > 0 {
		return cfg, err
	}
	if !p.interactive() {
		return cfg, usagef("name the repositories: there is no terminal to ask on")
	}
	input := bufio.NewReader(p.Stdin)
	for {
		fmt.Fprint(p.Stderr, "Repositories to poll, separated by spaces (such as grafana/grafana nginx 'grafana/*'): ")
		answer, err := readLine(ctx, input)
		if err != nil {
			fmt.Fprintln(p.Stderr)
			return cfg, fmt.Errorf("no repository was named, nothing is written: %w", err)
		}
		cfg.Collector.Repositories = strings.Fields(strings.NewReplacer(",", " ", "'", "", `"`, "").Replace(answer))
		err = inFlags(cfg.Validate(), flags)
		if err == nil && len(cfg.Collector.Repositories) > 0 {
			return cfg, nil
		}
		if err != nil {
			fmt.Fprintf(p.Stderr, "pulltrail: %v\n", err)
		}
	}
}

// readLine reads a line, or ends with the context.
func readLine(ctx context.Context, r *bufio.Reader) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	// A terminal cannot be left waiting in any other way: the process ends soon after.
	go func() {
		text, err := r.ReadString('\n')
		answers <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case a := <-answers:
		return a.text, a.err
	}
}

// vacant returns an error if a file exists and may not be overwritten.
func vacant(file string, force bool) error {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a directory: name a file in it", file)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file: use > to write to it", file)
	case !force:
		return fmt.Errorf("%s exists: name another file, or overwrite it with --force", file)
	}
	return nil
}

// inFlags puts mistakes in a configuration that comes from flags into the words of who wrote
// them: the key becomes the flag; an empty flag stands for the arguments.
func inFlags(mistakes problem.List, flags map[string]string) error {
	var errs []error
	for _, m := range mistakes {
		key, _, _ := strings.Cut(m.Key, "[")
		flag, ok := flags[key]
		switch {
		case ok && flag != "":
			m.Key = flag
		case ok:
			errs = append(errs, errors.New(m.Message)) // it has the value
			continue
		}
		errs = append(errs, m)
	}
	if len(errs) == 0 {
		return nil
	}
	return usagef("%w", errors.Join(errs...))
}
