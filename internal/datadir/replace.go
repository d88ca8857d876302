package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"pulltrail/internal/durable"
)

// The stages of replacing the content, each a directory of that name in the data
// directory. A stage ends with a rename, so a kill leaves it where it was or where it goes.
const (
	// stagePartial is being filled. The old content is untouched.
	stagePartial = "restore.partial"
	// stageReady is complete. The old content moves into its directory "replaced".
	stageReady = "restore.ready"
	// stageMoving gives its content to the data directory, then what was replaced.
	stageMoving = "restore.moving"

	replaced = "replaced"
)

// ErrBrokenOff says that the content was to be replaced and is not.
var ErrBrokenOff = errors.New("a restore was broken off")

// contents are the names of all that is kept; what else lies in the directory is left
// alone.
var contents = []string{DatabaseName, DatabaseName + "-wal", DatabaseName + "-shm", JournalName}

// Staging is a place for new content. It lies in the data directory, so that moving it
// into its place is a rename, also where the directory is a file system of its own.
type Staging struct{ dir *Dir }

// Empty says whether nothing is kept in the directory yet.
func (d *Dir) Empty() (bool, error) {
	there, err := d.present(".")
	return len(there) == 0, err
}

// Stage begins with an empty place. What an earlier attempt has left there is deleted.
func (d *Dir) Stage() (*Staging, error) {
	s := &Staging{d}
	if err := s.Discard(); err != nil {
		return nil, err
	}
	if err := d.root.Mkdir(stagePartial, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	// From here on Open says that a restore was broken off, also after a power cut.
	return s, durable.SyncDir(d.path)
}

// Path is the directory to fill: with a database, and a journal where there is one. What
// is put there must be durable, each file and each directory.
func (s *Staging) Path() string { return filepath.Join(s.dir.path, stagePartial) }

// Discard gives the place up. The content is what it was.
func (s *Staging) Discard() error {
	if err := s.dir.root.RemoveAll(stagePartial); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	return nil
}

// Commit makes what was put together the content. The old one, if any, is in the
// directory aside afterwards; empty where there was none. After an error the next one who
// opens the data directory finishes it, or is told that it was broken off.
func (s *Staging) Commit() (aside string, err error) {
	d := s.dir
	if err := d.adoptAll(stagePartial); err != nil {
		return "", fmt.Errorf("data_dir: %w", err)
	}
	if err := d.move(stagePartial, stageReady); err != nil {
		return "", fmt.Errorf("data_dir: %w", err)
	}
	if aside, err = d.carryOn(); err != nil {
		return "", fmt.Errorf("data_dir: %w", err)
	}
	return aside, nil
}

// intact fails where an attempt was broken off.
func (d *Dir) intact() error {
	there, err := d.has(stagePartial)
	if err == nil && there {
		partial := filepath.Join(d.path, stagePartial)
		err = fmt.Errorf("%s: %w before it was complete: run it again, or delete %s to go on with what was there before", d.path, ErrBrokenOff, partial)
	}
	return err
}

// finish does the rest of a Commit that was killed.
func (d *Dir) finish() error {
	_, err := d.carryOn()
	return err
}

// carryOn does what is left to do. Each step can be repeated.
func (d *Dir) carryOn() (aside string, err error) {
	ready, err := d.has(stageReady)
	if err != nil {
		return "", err
	}
	if ready {
		if err := d.setAside(); err != nil {
			return "", err
		}
	}
	moving, err := d.has(stageMoving)
	if err != nil || !moving {
		return "", err
	}
	return d.moveIn()
}

// setAside moves the old content out of the way.
func (d *Dir) setAside() error {
	old, err := d.present(".")
	if err != nil {
		return err
	}
	to := filepath.Join(stageReady, replaced)
	if err := d.root.Mkdir(to, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := d.adoptAll(to); err != nil {
		return err
	}
	for _, name := range old {
		if err := d.move(name, filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return d.move(stageReady, stageMoving)
}

// moveIn moves the new content to its place, and the old one beside it.
func (d *Dir) moveIn() (aside string, err error) {
	fresh, err := d.present(stageMoving)
	if err != nil {
		return "", err
	}
	for _, name := range fresh {
		if err := d.move(filepath.Join(stageMoving, name), name); err != nil {
			return "", err
		}
	}
	switch err := d.root.Remove(filepath.Join(stageMoving, replaced)); { // which fails where anything is in it
	case err == nil, errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, syscall.ENOTEMPTY), errors.Is(err, syscall.EEXIST):
		if aside, err = d.freeName(); err != nil {
			return "", err
		}
		if err := d.move(filepath.Join(stageMoving, replaced), aside); err != nil {
			return "", err
		}
		aside = filepath.Join(d.path, aside)
	default:
		return "", err
	}
	return aside, errors.Join(d.root.Remove(stageMoving), durable.SyncDir(d.path))
}

// freeName is a name for old content, by the time.
func (d *Dir) freeName() (string, error) {
	base := replaced + "-" + time.Now().UTC().Format("20060102T150405Z")
	name := base
	for n := 2; ; n++ {
		if there, err := d.has(name); err != nil || !there {
			return name, err
		}
		name = fmt.Sprintf("%s-%d", base, n)
	}
}

// move is a rename within the data directory, which is durable when it returns.
func (d *Dir) move(from, to string) error {
	if err := d.rename(from, to); err != nil {
		return err
	}
	return errors.Join(d.syncDir(filepath.Dir(to)), d.syncDir(filepath.Dir(from)))
}

func (d *Dir) syncDir(name string) error {
	f, err := d.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d *Dir) has(name string) (bool, error) {
	_, err := d.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// check fails where a stage is not a directory, or where root would follow a link to a
// journal in a directory of somebody else.
func (d *Dir) check() error {
	names := []string{stagePartial, stageReady, stageMoving}
	if _, _, foreign, err := d.owner(); err != nil {
		return err
	} else if foreign {
		names = append(names, JournalName)
	}
	for _, name := range names {
		info, err := d.root.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("data_dir: %w", err)
		case !info.IsDir():
			return fmt.Errorf("data_dir: %s is not a directory: remove it", filepath.Join(d.path, name))
		}
	}
	return nil
}

// present are the contents that are in a directory.
func (d *Dir) present(dir string) (there []string, err error) {
	for _, name := range contents {
		found, err := d.has(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("data_dir: %w", err)
		}
		if found {
			there = append(there, name)
		}
	}
	return there, nil
}

// owner is the user and the group that the directory belongs to. It is foreign where that
// is somebody else and this process is root's.
func (d *Dir) owner() (user, group int, foreign bool, err error) {
	info, err := d.root.Stat(".")
	if err != nil {
		return 0, 0, false, err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false, nil
	}
	return int(owner.Uid), int(owner.Gid), os.Geteuid() == 0 && owner.Uid != 0, nil
}

// adopt gives what root has made to the owner of the data directory, who could not read
// it otherwise: a service has a user of its own.
func (d *Dir) adopt(name string, chown func(user, group int) error) error {
	user, group, foreign, err := d.owner()
	if err == nil && foreign {
		err = chown(user, group)
	}
	if err != nil {
		return fmt.Errorf("data_dir: give %s to its owner: %w", name, err)
	}
	return nil
}

// adoptAll is adopt for a directory that root has made and all that is in it. The directory
// itself comes last: until then nobody else can change what is in it.
func (d *Dir) adoptAll(name string) (err error) {
	_, _, foreign, err := d.owner()
	if err != nil || !foreign {
		return err
	}
	top, err := d.root.OpenRoot(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, top.Close()) }()
	info, err := top.Stat(".")
	if err != nil {
		return err
	}
	if is, ok := info.Sys().(*syscall.Stat_t); ok && is.Uid != 0 {
		return nil // it was given away before
	}
	var all []string
	if err := fs.WalkDir(top.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		all = append(all, path)
		return err
	}); err != nil {
		return err
	}
	for _, path := range slices.Backward(all) {
		if err := d.adopt(filepath.Join(name, path), func(user, group int) error { return top.Lchown(path, user, group) }); err != nil {
			return err
		}
	}
	return nil
}
