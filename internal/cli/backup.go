package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/google/renameio/v2"
	"golang.org/x/term"

	"pulltrail/app"
	"pulltrail/internal/backup"
	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/durable"
	"pulltrail/internal/transfer"
)

type backupCommand struct {
	File  string `arg:"" name:"file" help:"File to write, such as pulltrail.tar.zst; - is standard output."`
	Force bool   `help:"Overwrite an existing file."`
	Quiet bool   `short:"q" help:"Do not show progress."`
	JSON  bool   `help:"Print JSON."`
}

// Help is shown below the usage.
func (backupCommand) Help() string {
	return `Backs up the data directory: the snapshots, the outbox, dead letters, positions and the document journal, all of the
same moment. The configuration and passwords are not included. If a daemon runs, it writes the backup while it
continues to work.

The backup is written to a temporary file, fsynced and then renamed. Only its owner can read it, because it can contain
private repositories. It is a zstd-compressed tar archive with checksums: unpack it with tar --zstd -xf, and verify it
with sha256sum -c SHA256SUMS.

Examples:

	pulltrail backup pulltrail-$(date +%F).tar.zst
	pulltrail backup - | ssh elsewhere 'cat > pulltrail.tar.zst'`
}

// saved is what became of a backup, and what --json prints.
type saved struct {
	File string `json:"file"`
	// Bytes are those of the file, compressed.
	Bytes int64 `json:"bytes"`
	backup.Manifest
}

// Run makes a backup.
func (c backupCommand) Run(ctx context.Context, p *Process, top *command) error {
	cfg, err := top.load(p)
	if err != nil {
		return err
	}
	meter := newMeter(p.Stderr, c.Quiet)
	defer meter.clear()
	if c.File == "-" {
		return c.toOutput(ctx, p, cfg, meter)
	}
	if err := vacant(c.File, c.Force); err != nil {
		return err
	}
	s, err := c.toFile(ctx, cfg, meter)
	meter.clear()
	if err != nil {
		return backupFailed(c.File, err)
	}
	if c.JSON {
		return printJSON(p.Stdout, s)
	}
	_, err = fmt.Fprintln(p.Stdout, s.sentence())
	return err
}

// toOutput writes where the reader has to look after the rest.
func (c backupCommand) toOutput(ctx context.Context, p *Process, cfg config.Config, meter *meter) error {
	if c.JSON {
		return usagef("--json cannot be combined with -: standard output is the backup")
	}
	if f, ok := p.Stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return usagef("a backup is not written to a terminal: name a file, or use >")
	}
	s, err := save(ctx, p.Stdout, cfg, meter)
	meter.clear()
	if err != nil {
		return backupFailed("standard output", err)
	}
	s.File = "standard output"
	fmt.Fprintf(p.Stderr, "pulltrail: %s\n", s.sentence())
	return nil
}

// toFile makes a file that is there as a whole or not at all.
func (c backupCommand) toFile(ctx context.Context, cfg config.Config, meter *meter) (s saved, err error) {
	dir := filepath.Dir(c.File)
	f, err := renameio.NewPendingFile(c.File, renameio.WithStaticPermissions(0o600), renameio.WithTempDir(dir))
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, f.Cleanup()) }()
	if s, err = save(ctx, f, cfg, meter); err != nil {
		return s, err
	}
	s.File = c.File
	if err := vacant(c.File, c.Force); err != nil { // somebody may have come since
		return s, err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return s, err
	}
	return s, durable.SyncDir(dir)
}

// save writes a backup to w, compressed, and reads it as it passes: what is not whole is
// an error.
func save(ctx context.Context, w io.Writer, cfg config.Config, meter *meter) (s saved, err error) {
	writing, cancel := context.WithCancel(ctx)
	defer cancel()
	from, to := io.Pipe()
	wrote := make(chan error, 1)
	go func() {
		err := write(writing, cfg, to)
		_ = to.CloseWithError(err) // which never fails
		wrote <- err
	}()
	var compressed int64
	out, err := backup.Compress(io.MultiWriter(w, backup.Count(func(n int) { compressed += int64(n) })))
	if err == nil {
		s.Manifest, err = follow(ctx, io.TeeReader(from, out), meter)
	}
	cancel()
	_ = from.Close() // which never fails
	switch said := <-wrote; {
	case ctx.Err() != nil:
		return s, ctx.Err()
	case said != nil && !errors.Is(said, io.ErrClosedPipe) && !errors.Is(said, context.Canceled):
		return s, said // the cause of the other
	case err != nil:
		return s, err
	}
	err = out.Close()
	s.Bytes = compressed
	return s, err
}

// write lets the daemon write a backup, or does it alone where none runs.
func write(ctx context.Context, cfg config.Config, w io.Writer) error {
	return reachOr(cfg, func(daemon *control.Client) error { return daemon.Backup(ctx, w) }, func() error {
		return app.Backup(ctx, cfg, w)
	})
}

// follow reads a backup to its end.
func follow(ctx context.Context, r io.Reader, meter *meter) (backup.Manifest, error) {
	b, err := backup.NewReader(r)
	if err != nil {
		return backup.Manifest{}, err
	}
	progress := transfer.Progress{Total: b.Manifest.Bytes(), Bytes: true}
	if err := b.Each(ctx, func(_ backup.File, content io.Reader) error {
		_, err := io.Copy(io.Discard, io.TeeReader(content, backup.Count(func(n int) {
			progress.Done += int64(n)
			meter.show(progress)
		})))
		return err
	}); err != nil {
		return b.Manifest, err
	}
	_, err = io.Copy(io.Discard, r) // the padding of the archive, and what the daemon says at the end
	return b.Manifest, err
}

// backupFailed says what can be done about an error.
func backupFailed(where string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: make room, or write it elsewhere; no backup was made", err)
	case errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("%s was closed before the backup was whole: %w", where, err)
	}
	return err
}

// sentence is such as "pulltrail.tar.zst (1.2 MB): 12,345 snapshots of 7 repositories, 3
// dead letters, 20 journal entries, as of 2026-01-31 01:00:00 UTC".
func (s saved) sentence() string {
	return fmt.Sprintf("%s (%s): %s", s.File, humanize.Bytes(uint64(s.Bytes)), inWords(s.Manifest)) //nolint:gosec // a size
}

func inWords(m backup.Manifest) string {
	parts := []string{numbered(m.Counts.Snapshots, "snapshot", "snapshots") + " of " + numbered(m.Counts.Repositories, "repository", "repositories")}
	for _, c := range []struct {
		n         int64
		one, more string
	}{
		{m.Counts.Outbox, "in the outbox", "in the outbox"},
		{m.Counts.DeadLetters, "dead letter", "dead letters"},
		{m.Counts.JournalEntries, "document in the journal", "documents in the journal"},
	} {
		if c.n > 0 {
			parts = append(parts, numbered(c.n, c.one, c.more))
		}
	}
	return strings.Join(parts, ", ") + ", as of " + m.Created.UTC().Format(time.DateTime) + " UTC"
}
