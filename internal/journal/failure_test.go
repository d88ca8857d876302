package journal

import (
	"errors"
	"os"
	"strings"
	"testing"
)

var errDisk = errors.New("input/output error")

// disk fails on demand: each field is the number of operations that fail next.
type disk struct{ open, write, sync, truncate int }

func (d *disk) make(path string) (file, error) {
	if fails(&d.open) {
		return nil, errDisk
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return &diskFile{f, d}, nil
}

type diskFile struct {
	*os.File
	disk *disk
}

func fails(n *int) bool {
	if *n > 0 {
		*n--
		return true
	}
	return false
}

func (f *diskFile) WriteAt(p []byte, offset int64) (int, error) {
	if fails(&f.disk.write) {
		n, err := f.File.WriteAt(p[:len(p)*2/3], offset) // a full disk takes what still fits
		return n, errors.Join(errDisk, err)
	}
	return f.File.WriteAt(p, offset)
}

func (f *diskFile) Sync() error {
	if fails(&f.disk.sync) {
		return errDisk
	}
	return f.File.Sync()
}

func (f *diskFile) Truncate(size int64) error {
	if fails(&f.disk.truncate) {
		return errDisk
	}
	return f.File.Truncate(size)
}

func TestAFailingDiskAcknowledgesNothingAndLosesNothing(t *testing.T) {
	for _, c := range []struct {
		name     string
		fault    disk
		failures int // appends that fail
		segments int // then
	}{
		{"a write fails", disk{write: 1}, 1, 1},
		{"a write fails and cannot be taken back", disk{write: 1, truncate: 1}, 1, 2},
		{"an fsync fails, so the file is given up", disk{sync: 1}, 1, 2},
		{"an fsync fails and cannot be taken back", disk{sync: 1, truncate: 1}, 1, 2},
		{"then no new segment can be made", disk{sync: 1, open: 2}, 3, 2},
		{"then a new segment cannot be written", disk{sync: 2}, 2, 2},
	} {
		for _, before := range []int{0, 4} {
			name := c.name
			if before == 0 {
				name += ", in an empty journal"
			}
			t.Run(name, func(t *testing.T) {
				fault := c.fault
				d := &disk{}
				dir := t.TempDir()
				j := open(t, dir, Options{open: d.make})
				add(t, j, 1, before)
				*d = fault
				for i := range c.failures {
					if _, err := j.Append(t.Context(), messages(51, 53)); !errors.Is(err, errDisk) {
						t.Fatalf("failure %d: %v", i, err)
					}
					equal(t, all(t, j, 0), entries(1, before))
				}
				add(t, j, before+1, before+2)
				equal(t, all(t, j, 0), entries(1, before+2))
				want := c.segments
				if before == 0 {
					want = 1 // an empty segment is replaced
				}
				if got := len(segments(t, dir)); got != want {
					t.Errorf("%d segments, not %d", got, want)
				}
				shut(t, j)
				j = open(t, dir, Options{})
				equal(t, all(t, j, 0), entries(1, before+2))
				add(t, j, before+3, before+3)
				equal(t, all(t, j, 0), entries(1, before+3))
			})
		}
	}
}

func TestAWriteThatWasNotTakenBackIsNotReadAfterACrash(t *testing.T) {
	d := &disk{}
	dir := t.TempDir()
	j := open(t, dir, Options{open: d.make})
	add(t, j, 1, 2)
	*d = disk{sync: 1, truncate: 1} // the three records are whole in the file
	if _, err := j.Append(t.Context(), messages(51, 53)); err == nil || !strings.Contains(err.Error(), "taking it back") {
		t.Fatal(err)
	}
	add(t, j, 3, 3)
	shut(t, j)
	j = open(t, dir, Options{})
	equal(t, all(t, j, 0), entries(1, 3))
}

func TestRotationThatFailsHalfwayKeepsTheOldSegmentClosed(t *testing.T) {
	d := &disk{}
	dir := t.TempDir()
	j := open(t, dir, Options{open: d.make, SegmentBytes: 250})
	add(t, j, 1, 3)
	*d = disk{open: 1}
	if err := j.Truncate(4); !errors.Is(err, errDisk) {
		t.Fatalf("Truncate = %v", err)
	}
	add(t, j, 4, 4)
	if n := len(segments(t, dir)); n != 2 {
		t.Errorf("%d segments: the old one was written again", n)
	}
	equal(t, all(t, j, 3), entries(4, 4))
}
