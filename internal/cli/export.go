package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/transfer"
)

type exportCommand struct {
	Repositories []string `arg:"" optional:"" name:"repository" help:"Repositories as namespace/name, image reference or Docker Hub URL; nginx is the official image. Default: all, including private ones."`
	Format       string   `enum:"csv,json,jsonl," default:"" placeholder:"FORMAT" help:"csv, json (one array) or jsonl (JSON lines). Default: by the extension of --output, otherwise csv."`
	From         moment   `placeholder:"TIME" help:"Export snapshots from this time on: a date, or a time such as 2026-01-31T01:00:00Z."`
	To           moment   `placeholder:"TIME" help:"Export snapshots before this time."`
	Daily        bool     `help:"Export the pulls per UTC day instead of snapshots."`
	Output       string   `short:"o" placeholder:"FILE" help:"Write to this file, which only its owner can read. Default: standard output."`
	Force        bool     `help:"Overwrite an existing file."`
}

// Help is shown below the usage.
func (exportCommand) Help() string {
	return `CSV has the columns namespace, name, timestamp, slot, pull_count, star_count, storage_size, last_updated and is_private;
times are UTC. JSON and JSON lines have the complete snapshots. CSV and JSON lines can be imported again.

With --daily, each row is one day: gap means the pulls are estimated because snapshots are missing, partial means the
day is not complete.

Examples:

	pulltrail export --output history.jsonl
	pulltrail export grafana/loki --from 2026-01-01 --daily
	pulltrail export nginx --format csv | head`
}

// moment is a time on the command line.
type moment struct{ time.Time }

// UnmarshalText reads a date or a time.
func (m *moment) UnmarshalText(text []byte) (err error) {
	m.Time, err = transfer.ParseTime(string(text))
	return err
}

// Run exports.
func (c exportCommand) Run(ctx context.Context, p *Process, top *command) error {
	cfg, err := top.load(p)
	if err != nil {
		return err
	}
	which := control.Range{From: c.From.Time, To: c.To.Time}
	if which.Repositories, err = parseRepositories(c.Repositories); err != nil {
		return err
	}
	if !c.From.IsZero() && !c.To.IsZero() && !c.From.Before(c.To.Time) {
		return usagef("--from must be before --to")
	}
	if c.Output == "" || c.Output == "-" {
		_, err := c.write(ctx, p.Stdout, cfg, which)
		return err
	}
	if err := vacant(c.Output, c.Force); err != nil {
		return err
	}
	exported, err := c.writeFile(ctx, cfg, which)
	if err != nil {
		return err
	}
	count := int64(exported.Count)
	unit := noun(count, "snapshot", "snapshots")
	if c.Daily {
		unit = noun(count, "day", "days")
	}
	fmt.Fprintf(p.Stderr, "pulltrail: %s %s in %s\n", grouped(&count), unit, c.Output)
	return nil
}

// writeFile makes a file that is there as a whole or not at all.
func (c exportCommand) writeFile(ctx context.Context, cfg config.Config, which control.Range) (exported control.Exported, err error) {
	f, err := renameio.NewPendingFile(c.Output, renameio.WithStaticPermissions(0o600), renameio.WithTempDir(filepath.Dir(c.Output)))
	if err != nil {
		return exported, err
	}
	defer func() { err = errors.Join(err, f.Cleanup()) }()
	if exported, err = c.write(ctx, f, cfg, which); err != nil {
		return exported, err
	}
	if err := vacant(c.Output, c.Force); err != nil { // it may have been created meanwhile
		return exported, err
	}
	return exported, f.CloseAtomicallyReplace()
}

// write writes what is handed out. A reader that has gone ends it.
func (c exportCommand) write(ctx context.Context, w io.Writer, cfg config.Config, which control.Range) (exported control.Exported, err error) {
	out := transfer.NewWriter(w, c.format())
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	end := func(err error) {
		if err != nil {
			cancel(err)
		}
	}
	err = reachHistory(ctx, cfg, func(ctx context.Context, via control.History) (err error) {
		if c.Daily {
			exported, err = via.Daily(ctx, which, func(days []control.Day) { end(out.Days(days)) })
		} else {
			exported, err = via.Export(ctx, which, func(page [][]byte) { end(out.Snapshots(page)) })
		}
		return err
	})
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return exported, err
	}
	return exported, out.Close(c.Daily)
}

func (c exportCommand) format() string {
	if c.Format != "" {
		return c.Format
	}
	switch strings.ToLower(filepath.Ext(c.Output)) {
	case ".json":
		return transfer.JSON
	case ".jsonl", ".ndjson":
		return transfer.JSONLines
	}
	return transfer.CSV
}
