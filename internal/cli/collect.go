package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"pulltrail/app"
	"pulltrail/internal/compat"
	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/datadir"
	"pulltrail/internal/hub"
)

type collectCommand struct {
	mappingFlags

	Repositories []string      `arg:"" optional:"" name:"repository" help:"Repositories as namespace/name, image reference or Docker Hub URL; nginx is the official image. Default: those of the configuration."`
	JSON         bool          `help:"Print JSON instead of a table."`
	Settle       time.Duration `default:"1m" help:"How long to wait until the snapshots are stored everywhere or, with --publish-only, acknowledged by the broker (${default})."`
	PublishOnly  bool          `help:"Only publish to MQTT. Needs no data directory and stores nothing."`
}

// Help is shown below the usage.
func (collectCommand) Help() string {
	return `Uses the running daemon, or a temporary one if none runs. A repository whose snapshot of the current scheduled time
is already stored is skipped. The exit code is 1 if a repository failed or a snapshot is not yet stored everywhere.

Examples:

	pulltrail collect
	pulltrail collect nginx grafana/grafana --json
	pulltrail collect --publish-only --settle 10s`
}

// report is the outcome of a run, and what --json prints.
type report struct {
	control.Summary
	Results []control.Result `json:"results"`

	published bool // and not stored
}

// Run collects through the daemon that owns the data directory, by itself where none
// runs, or only publishes.
func (c collectCommand) Run(ctx context.Context, p *Process, top *command) error {
	found := compat.Read(top.sources(p))
	cfg, err := top.loadWith(p, found)
	if err != nil {
		return err
	}
	top.explain(logger(p, cfg), found)
	repositories, err := parseRepositories(c.Repositories)
	if err != nil {
		return err
	}
	total, err := toCollect(cfg, repositories)
	if err != nil {
		return err
	}
	r := report{published: c.PublishOnly}
	progress := newProgress(p.Stderr, total)
	took := func(result control.Result) {
		r.Results = append(r.Results, result)
		progress.show(result.Repository.String())
	}
	if c.PublishOnly {
		r.Summary, err = app.PublishOnly(ctx, cfg, logger(p, quieter(cfg, "error")), repositories, c.Settle, took)
	} else {
		err = reach(ctx, p, cfg, func(ctx context.Context, via control.Daemon) (err error) {
			r.Summary, err = via.Collect(ctx, repositories, c.Settle, took)
			return err
		})
	}
	progress.clear()
	if err != nil {
		return err
	}
	if err := r.print(p.Stdout, c.JSON); err != nil {
		return err
	}
	if r.Failed > 0 || r.Undelivered != "" {
		return errReported
	}
	return nil
}

// toCollect is how many repositories there are to collect, as far as that is known.
func toCollect(cfg config.Config, named []hub.Repository) (int, error) {
	plan := cfg.Plan()
	switch {
	case !cfg.Collects():
		return 0, fmt.Errorf("nothing is collected here, because mode is %s: write mode: %s or %s", cfg.Mode, config.ModeBoth, config.ModeCollector)
	case len(named) > 0:
		return len(named), nil
	case len(plan.Names)+len(plan.Namespaces) == 0:
		return 0, errors.New("there is nothing to collect: name repositories in the key collector.repositories or on the command line")
	}
	return len(plan.Names), nil
}

// reach calls ask with the running daemon, or with a process of its own that ends
// with it.
func reach(ctx context.Context, p *Process, cfg config.Config, ask func(context.Context, control.Daemon) error) error {
	return reachOr(cfg, func(daemon *control.Client) error { return ask(ctx, daemon) }, func() error {
		return app.Run(ctx, cfg, app.Options{Log: logger(p, quieter(cfg, "error")), Task: ask})
	})
}

// reachHistory calls ask with the running daemon, or with the data directory itself where
// none runs.
func reachHistory(ctx context.Context, cfg config.Config, ask func(context.Context, control.History) error) error {
	return reachOr(cfg, func(daemon *control.Client) error { return ask(ctx, daemon) }, func() error {
		return app.WithArchive(ctx, cfg, ask)
	})
}

// reachOr calls ask with the running daemon, or alone where none runs. One that has the
// directory and does not listen is just starting, ending or taking a new configuration: it
// is waited for.
func reachOr(cfg config.Config, ask func(*control.Client) error, alone func() error) error {
	daemon := control.NewClient(datadir.ControlSocket(cfg.DataDir))
	for patience := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := ask(daemon)
		if !errors.Is(err, control.ErrNoDaemon) {
			return err
		}
		if err = alone(); !errors.Is(err, datadir.ErrInUse) || time.Now().After(patience) {
			return err
		}
	}
}

// quieter leaves the log of a short command to what matters, from a level on: its results are
// printed. Whoever asked for debug gets it.
func quieter(cfg config.Config, level string) config.Config {
	if cfg.Log.Level == "info" {
		cfg.Log.Level = level
	}
	return cfg
}

func parseRepositories(names []string) ([]hub.Repository, error) {
	var repositories []hub.Repository
	var errs []error
	for _, name := range names {
		r, err := hub.ParseRepository(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if !slices.Contains(repositories, r) {
			repositories = append(repositories, r)
		}
	}
	if len(errs) > 0 {
		return nil, usagef("%w", errors.Join(errs...))
	}
	return repositories, nil
}

func (r report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "PULLS\tSTARS\t  REPOSITORY\n")
	for _, result := range r.Results {
		fmt.Fprintf(table, "%s\t%s\t  %s%s\n", grouped(result.PullCount), grouped(result.StarCount), result.Repository, remark(result))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	stored := "stored"
	switch {
	case r.published && r.Undelivered == "":
		stored = "published"
	case r.published:
		stored = "polled"
	}
	_, err := fmt.Fprintf(w, "\n%d %s, %d there already, %d failed, in %v\n",
		r.Succeeded, stored, r.Skipped, r.Failed, r.Duration.Round(10*time.Millisecond))
	for _, note := range r.Notes {
		if err == nil {
			_, err = fmt.Fprintf(w, "Note: %s\n", note)
		}
	}
	if err == nil && r.Undelivered != "" {
		what := "Not stored everywhere"
		if r.published {
			what = "Not published"
		}
		_, err = fmt.Fprintf(w, "%s: %s\n", what, r.Undelivered)
	}
	return err
}

func remark(r control.Result) string {
	switch {
	case r.Error != "":
		return "  failed: " + r.Error
	case r.Skipped:
		return "  there already"
	}
	return ""
}

// grouped is n with commas between thousands; a dash for none.
func grouped(n *int64) string {
	if n == nil {
		return "-"
	}
	digits := strconv.FormatInt(*n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// progress is one line that is written over and over, on a terminal only.
type progress struct {
	w           io.Writer // nil: shown nowhere
	done, total int
}

func newProgress(w io.Writer, total int) *progress {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &progress{w: f, total: total}
	}
	return &progress{}
}

// show says that one more is done, and of what.
func (p *progress) show(what string) {
	if p.w == nil {
		return
	}
	p.done++
	const width = 24
	filled := width * p.done / max(p.total, p.done)
	fmt.Fprintf(p.w, "\r\033[K[%s%s] %d of %d  %s", strings.Repeat("#", filled), strings.Repeat(".", width-filled), p.done, p.total, what)
}

func (p *progress) clear() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\033[K")
	}
}
