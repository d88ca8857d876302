// Package durable is what a file system needs to be told before a file survives a power
// cut, beside its own content.
package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// SyncDir makes the names in a directory durable: files that were made, renamed or removed
// there.
func SyncDir(dir string) error {
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
