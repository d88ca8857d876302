package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"pulltrail/internal/durable"
)

// Capture is what a journal consists of at one moment. It can be read whatever becomes of
// the journal: the files are open, so that one that is truncated away keeps its content,
// and what is appended stands behind their ends.
type Capture struct {
	Files []CapturedFile
	// Entries is how many entries are in them, as far as they are whole.
	Entries int64
}

// CapturedFile is one file of a Capture.
type CapturedFile struct {
	Name string
	Size int64
	file *os.File
}

// Read is its content, from the beginning.
func (f CapturedFile) Read() io.Reader { return io.NewSectionReader(f.file, 0, f.Size) }

// Capture calls first, during which nothing is appended and nothing truncated, and then
// takes everything in. So a cursor that is read in first fits what is captured: it is not
// ahead of it, and every entry behind it is there. What Append has returned before is
// in it.
func (j *Journal) Capture(first func() error) (*Capture, error) {
	j.writing.Lock()
	defer j.writing.Unlock()
	if j.closed {
		return nil, ErrClosed
	}
	if err := first(); err != nil {
		return nil, err
	}
	return capture(j.dir, j.segments)
}

// CaptureDir is Capture for a journal that nobody has open. It changes nothing, and takes
// a torn tail with it, for Open to see. Where there is no journal the error is
// os.ErrNotExist.
func CaptureDir(dir string) (*Capture, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	j := &Journal{dir: dir}
	if err := j.list(); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if len(j.segments) == 0 {
		return nil, fmt.Errorf("journal: %s has no segments: %w", dir, os.ErrNotExist)
	}
	last := j.last()
	size := last.size
	if _, err := last.scan(); err != nil { // for the number of its entries
		return nil, fmt.Errorf("journal: %s: %w", last.path, err)
	}
	last.size = size
	return capture(dir, j.segments)
}

func capture(dir string, segments []*segment) (c *Capture, err error) {
	c = &Capture{}
	defer func() {
		if err != nil {
			c, err = nil, errors.Join(fmt.Errorf("journal: %w", err), c.Close())
		}
	}()
	err = c.open(filepath.Join(dir, identity), -1)
	if err != nil && !errors.Is(err, os.ErrNotExist) { // a new one is made where it is missing
		return c, err
	}
	for _, s := range segments {
		if err := c.open(s.path, s.size); err != nil {
			return c, err
		}
		c.Entries += int64(s.next - s.first) //nolint:gosec // no more than are on the disk
	}
	return c, nil
}

// open adds a file; a size below zero is the one that it has.
func (c *Capture) open(path string, size int64) error {
	f, err := durable.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	c.Files = append(c.Files, CapturedFile{Name: filepath.Base(path), Size: size, file: f})
	info, err := f.Stat()
	if err != nil {
		return err
	}
	switch last := &c.Files[len(c.Files)-1]; {
	case size < 0:
		last.Size = info.Size()
	case info.Size() < size:
		return damaged(path, info.Size(), &damageError{"the file is shorter than it was"})
	}
	return nil
}

// Close gives the files up.
func (c *Capture) Close() error {
	errs := make([]error, len(c.Files))
	for i, f := range c.Files {
		errs[i] = f.file.Close()
	}
	return errors.Join(errs...)
}
