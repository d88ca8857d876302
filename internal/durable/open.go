package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// OpenFile is os.OpenFile for a file that Pulltrail keeps. It does not follow a symbolic
// link, does not wait for a pipe, and returns an error unless the file is a regular one.
// Where root opens a file in a directory of another user, it must belong to that user, or
// to root under this one name: nobody can make root read, write or truncate another file.
func OpenFile(path string, flag int, perm fs.FileMode) (_ *os.File, err error) {
	path = filepath.Clean(path)
	f, err := os.OpenFile(path, flag&^os.O_TRUNC|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, perm)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%s is a symbolic link, which is not followed: remove it, or move the file there", path)
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if err := check(info, dir, os.Geteuid()); err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	if flag&os.O_TRUNC != 0 {
		err = f.Truncate(0)
	}
	return f, err
}

// Check returns the error that OpenFile would, without opening the file: closing one that
// SQLite has open gives up its locks. A missing file is no error.
func Check(path string) error {
	path = filepath.Clean(path)
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	if err := check(info, dir, os.Geteuid()); err != nil {
		return fmt.Errorf("%s %w", path, err)
	}
	return nil
}

// check returns an error where the user must not open a file in a directory.
func check(file, dir fs.FileInfo, user int) error {
	if !file.Mode().IsRegular() {
		return fmt.Errorf("is not a regular file (%s): remove it", file.Mode().Type())
	}
	f, ok := file.Sys().(*syscall.Stat_t)
	d, ok2 := dir.Sys().(*syscall.Stat_t)
	if !ok || !ok2 || user != 0 || d.Uid == 0 || f.Uid == d.Uid || f.Uid == 0 && f.Nlink == 1 {
		return nil
	}
	return fmt.Errorf("belongs to user %d, and its directory to user %d: remove it, or give it to that user", f.Uid, d.Uid)
}
