package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"pulltrail/internal/backup"
	"pulltrail/internal/config"
	"pulltrail/internal/datadir"
	"pulltrail/internal/journal"
	"pulltrail/internal/version"
)

// keeper is what a person can have done about backups: a control.Backups.
type keeper struct {
	dir     *datadir.Dir
	journal *journal.Journal // nil where nobody has it open
}

// Backup writes everything that the data directory keeps, while others write there.
func (k keeper) Backup(ctx context.Context, w io.Writer) error {
	return backup.Write(ctx, w, backup.Source{Dir: k.dir, Journal: k.journal, Program: version.Short()})
}

// Backup writes everything that the data directory keeps, where no daemon runs. It
// changes nothing there; above all it does not bring an older database up to date, so
// that the version before can still restore it.
func Backup(ctx context.Context, cfg config.Config, w io.Writer) (err error) {
	if _, err := os.Stat(filepath.Join(cfg.DataDir, datadir.DatabaseName)); err != nil {
		return fmt.Errorf("there is nothing to back up: %w; name the right directory with --data-dir or the key data_dir", err)
	}
	dir, err := datadir.Open(cfg.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	return keeper{dir: dir}.Backup(ctx, w)
}
