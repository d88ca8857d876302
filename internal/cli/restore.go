package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"pulltrail/internal/backup"
	"pulltrail/internal/datadir"
	"pulltrail/internal/transfer"
)

type restoreCommand struct {
	File    string `arg:"" name:"file" help:"Backup to restore; - is standard input."`
	Replace bool   `help:"Move the current content of the data directory into a subdirectory first."`
	Check   bool   `help:"Only verify the backup: restore it into a temporary directory (TMPDIR), then delete that."`
	Quiet   bool   `short:"q" help:"Do not show progress."`
	JSON    bool   `help:"Print JSON."`
}

// Help is shown below the usage.
func (restoreCommand) Help() string {
	return `Stop the daemon first. The data directory must be empty, unless --replace is given. Existing data is never deleted.

The checksums, the database and the journal are verified before anything is changed. A backup that is damaged, or was
made by a newer version, is rejected. If a restore is killed, the old data is kept; run the restore again before
starting the daemon.

Snapshots taken after the backup are not in it. If they are in a cluster, import them with pulltrail import
--from-opensearch.

Examples:

	pulltrail restore pulltrail-2026-01-31.tar.zst
	pulltrail restore --check pulltrail-2026-01-31.tar.zst
	ssh elsewhere cat pulltrail.tar.zst | pulltrail restore -`
}

// restored is what --json prints.
type restored struct {
	Checked bool   `json:"checked_only"`
	DataDir string `json:"data_dir,omitempty"`
	Aside   string `json:"set_aside,omitempty"`
	backup.Manifest
}

// Run restores.
func (c restoreCommand) Run(ctx context.Context, p *Process, top *command) error {
	if c.Check && c.Replace {
		return usagef("--check changes nothing, so it goes without --replace")
	}
	cfg, err := top.load(p)
	if err != nil {
		return err
	}
	from, err := c.open(p)
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // it was only read
	meter := newMeter(p.Stderr, c.Quiet)
	opts := backup.Options{Replace: c.Replace, Log: logger(p, quieter(cfg, "error")), Progress: func(done, total int64) {
		meter.show(transfer.Progress{Done: done, Total: total, Bytes: true})
	}}
	r := restored{Checked: c.Check}
	if c.Check {
		r.Manifest, err = backup.Check(ctx, from, opts)
	} else {
		var done backup.Restored
		done, err = backup.Restore(ctx, cfg.DataDir, from, opts)
		r.DataDir, r.Aside, r.Manifest = cfg.DataDir, done.Aside, done.Manifest
	}
	meter.clear()
	if err != nil {
		return c.failed(err)
	}
	if c.JSON {
		return printJSON(p.Stdout, r)
	}
	return c.print(p.Stdout, r)
}

func (c restoreCommand) open(p *Process) (io.ReadCloser, error) {
	if c.File != "-" {
		return os.Open(c.File)
	}
	if p.Stdin == nil {
		return nil, errors.New("there is no standard input")
	}
	return io.NopCloser(p.Stdin), nil
}

// failed says what can be done about an error.
func (c restoreCommand) failed(err error) error {
	switch {
	case errors.Is(err, backup.ErrNotEmpty):
		return fmt.Errorf("%w: write --replace to set aside what is there, or name another directory with --data-dir", err)
	case errors.Is(err, datadir.ErrInUse):
		return fmt.Errorf("%w: stop it first", err)
	case errors.Is(err, backup.ErrDamaged):
		return fmt.Errorf("%s: %w; use another backup", c.File, err)
	case errors.Is(err, backup.ErrNewer):
		return fmt.Errorf("%s: %w", c.File, err)
	}
	return err
}

func (c restoreCommand) print(w io.Writer, r restored) error {
	if c.Check {
		_, err := fmt.Fprintf(w, "%s is good: %s\n", c.File, inWords(r.Manifest))
		return err
	}
	_, err := fmt.Fprintf(w, "restored into %s: %s\n", r.DataDir, inWords(r.Manifest))
	if err == nil && r.Aside != "" {
		_, err = fmt.Fprintf(w, "what was there before is in %s\n", r.Aside)
	}
	return err
}
