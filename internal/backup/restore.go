package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"pulltrail/internal/database"
	"pulltrail/internal/datadir"
	"pulltrail/internal/durable"
	"pulltrail/internal/journal"
)

// Options are what Restore and Check may be told.
type Options struct {
	// Replace sets the content of the directory aside, where there is any.
	Replace bool
	// Progress, where set, is told how many bytes of how many have been unpacked.
	Progress func(done, total int64)
	Log      *slog.Logger
}

// Restored says what Restore has done.
type Restored struct {
	Manifest
	// Aside is the directory with what was there before; empty where there was nothing.
	Aside string
}

// ErrNotEmpty says that a data directory has content already.
var ErrNotEmpty = errors.New("the data directory is not empty")

// Restore makes the backup, compressed, the content of the data directory at path. It is
// that as a whole or, after an error, not at all. A kill leaves the old content, which
// nobody can open by mistake, or the new one: see datadir.Staging. The error is
// datadir.ErrInUse where a daemon runs.
func Restore(ctx context.Context, path string, r io.Reader, o Options) (done Restored, err error) {
	b, err := open(r)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	dir, err := datadir.OpenToReplace(path)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if empty, err := dir.Empty(); err != nil || !empty && !o.Replace {
		return done, errors.Join(err, fmt.Errorf("%s: %w", path, ErrNotEmpty))
	}
	stage, err := dir.Stage()
	if err != nil {
		return done, err
	}
	if err := b.unpack(ctx, stage.Path(), o); err != nil {
		return done, errors.Join(err, stage.Discard())
	}
	done.Manifest = b.Manifest
	done.Aside, err = stage.Commit()
	return done, err
}

// Check restores the backup into a directory for temporary files, and deletes it again.
func Check(ctx context.Context, r io.Reader, o Options) (m Manifest, err error) {
	b, err := open(r)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	dir, err := os.MkdirTemp("", "pulltrail-check-")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return b.Manifest, b.unpack(ctx, dir, o)
}

// compressed is a backup and what reads it.
type compressed struct {
	*Reader
	close func() error
}

func open(r io.Reader) (compressed, error) {
	d, err := Decompress(r)
	if err != nil {
		return compressed{}, err
	}
	b, err := NewReader(d)
	if err != nil {
		return compressed{}, errors.Join(err, d.Close())
	}
	return compressed{b, d.Close}, nil
}

// unpack makes the files in an empty directory, durable and verified.
func (b compressed) unpack(ctx context.Context, dir string, o Options) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	total := b.Manifest.Bytes()
	if err := roomFor(dir, total); err != nil {
		return err
	}
	var done int64
	if err := b.Each(ctx, func(f File, content io.Reader) error {
		return create(root, filepath.FromSlash(f.Name), io.TeeReader(content, Count(func(n int) {
			if done += int64(n); o.Progress != nil {
				o.Progress(done, total)
			}
		})))
	}); err != nil {
		return err
	}
	return b.Manifest.verify(ctx, dir, o.Log)
}

// Count is a writer that is told how many bytes pass, and keeps none.
type Count func(n int)

// Write never fails.
func (c Count) Write(b []byte) (int, error) {
	c(len(b))
	return len(b), nil
}

// roomFor refuses more than the disk can take, before it is full.
func roomFor(dir string, size int64) error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if free := fs.Bavail * uint64(fs.Bsize); uint64(size) > free { //nolint:gosec // neither is below zero
		return fmt.Errorf("%s: %d bytes are to be unpacked there, and %d are free: make room", dir, size, free)
	}
	return nil
}

// create makes a file in dir, and its directory where it has one of its own.
func create(dir *os.Root, file string, content io.Reader) error {
	if filepath.Base(filepath.Dir(file)) == datadir.JournalName {
		if err := dir.Mkdir(filepath.Dir(file), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	f, err := dir.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Sync(), f.Close())
}

// verify looks at what was unpacked as those will who open it, and makes the names of the
// files durable.
func (m Manifest) verify(ctx context.Context, dir string, log *slog.Logger) error {
	schema, err := database.CheckFile(ctx, filepath.Join(dir, datadir.DatabaseName))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if schema != m.Schema {
		return fmt.Errorf("%w: the database has schema %d, and the manifest says %d", ErrDamaged, schema, m.Schema)
	}
	entries := filepath.Join(dir, datadir.JournalName)
	if len(m.Files) > 1 {
		if err := journal.Renew(entries, log); err != nil {
			return err
		}
		if err := durable.SyncDir(entries); err != nil {
			return err
		}
	}
	return durable.SyncDir(dir)
}
