// Package datadir is the one directory that holds all that Pulltrail must not
// lose. One process at a time owns it: the lock is the kernel's, so it is gone
// with the process however that ends.
//
// Its content can be replaced as a whole by a Staging: at any moment that a kill may
// choose, whoever opens the directory next finds either all of the old content, or all
// of the new, or is told that the replacing was broken off. The old content is set aside
// and never deleted.
//
// # Links
//
// Root runs commands on directories that belong to a service's user, who could put links
// there. So everything is done relative to the opened directory (os.Root), files are opened
// with durable.OpenFile, and what must be a directory must be one and not a link. A journal
// may be a link where root is not concerned.
package datadir

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"pulltrail/internal/durable"
)

// ErrInUse says that another process owns the directory.
var ErrInUse = errors.New("the data directory is in use")

// The names of what is kept.
const (
	DatabaseName = "pulltrail.db"
	JournalName  = "journal"
)

// Dir is an owned data directory.
type Dir struct {
	path string
	// root is the directory itself: names in it are never resolved to somewhere else.
	root *os.Root
	lock *os.File

	// rename is root.Rename, or replaces it in tests of a kill in between.
	rename func(from, to string) error
}

// Open makes the directory where it is missing and takes the lock. The error is
// ErrInUse where a running daemon, or another command, has it, and ErrBrokenOff where a
// restore has not come to its end.
func Open(path string) (*Dir, error) {
	d, err := OpenToReplace(path)
	if err != nil {
		return nil, err
	}
	if err := d.intact(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// OpenToReplace is Open for whoever is about to replace the content: that an earlier
// attempt was broken off is no error.
func OpenToReplace(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w; name a directory that this user may write", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w; name a directory that this user may write", err)
	}
	lock, err := durable.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("data_dir: %w; name a directory that this user may write", err), root.Close())
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		owner, _ := io.ReadAll(io.LimitReader(lock, 32)) // for the message only
		err := fmt.Errorf("%s: %w by process %s", path, ErrInUse, strings.TrimSpace(string(owner)))
		return nil, errors.Join(err, lock.Close(), root.Close())
	}
	d := &Dir{path: path, root: root, lock: lock, rename: root.Rename}
	if err := errors.Join(d.sign(), d.adopt("lock", lock.Chown), d.check()); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.finish(); err != nil {
		return nil, errors.Join(fmt.Errorf("data_dir: finish a restore: %w", err), d.Close())
	}
	return d, nil
}

// sign writes the process id into the lock file, for people and for ErrInUse.
func (d *Dir) sign() error {
	if err := d.lock.Truncate(0); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	if _, err := d.lock.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	return nil
}

// Close gives the directory up.
func (d *Dir) Close() error { return errors.Join(d.lock.Close(), d.root.Close()) }

// Database is the path of the SQLite file.
func (d *Dir) Database() string { return filepath.Join(d.path, DatabaseName) }

// Journal is the directory of the journal.
func (d *Dir) Journal() string { return filepath.Join(d.path, JournalName) }

// ControlSocket is the path of the Unix socket over which commands talk to the
// daemon that owns the data directory at path.
func ControlSocket(path string) string { return filepath.Join(path, "control.sock") }
