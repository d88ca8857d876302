package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"pulltrail/internal/document"
	"pulltrail/internal/durable"
)

// recover brings the directory into a state that can be appended to. An identity
// without segments means that somebody deleted them, and with them the knowledge
// of which positions are taken; so the first segment is made before the identity.
func (j *Journal) recover() error {
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return err
	}
	if err := durable.SyncDir(filepath.Dir(j.dir)); err != nil {
		return err
	}
	ids, err := readIdentity(j.dir)
	if err != nil {
		return err
	}
	if err := j.load(); err != nil {
		return err
	}
	if len(j.segments) == 0 {
		if len(ids) > 0 {
			return fmt.Errorf("%s: the segments are gone, so which positions were used is unknown; "+
				"restore them, or delete the whole directory and the sinks' cursors with it", j.dir)
		}
		err = j.rotate(1, 0)
	} else {
		err = j.recoverLast()
	}
	if err != nil {
		return err
	}
	if j.generations = ids; len(ids) == 0 {
		j.generations, err = newIdentity(j.dir)
	}
	if err != nil {
		return errors.Join(err, j.file.Close())
	}
	return nil
}

// load removes what was being made, and lists the segments.
func (j *Journal) load() error {
	leftovers, err := filepath.Glob(filepath.Join(j.dir, "*.tmp"))
	if err != nil {
		return err
	}
	for _, path := range leftovers { // of a segment or an identity that was being made
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return j.list()
}

// list reads which segments there are. Where one ends is recorded in the one after it.
func (j *Journal) list() error {
	paths, err := filepath.Glob(filepath.Join(j.dir, "*"+suffix))
	if err != nil {
		return err
	}
	for _, path := range paths { // sorted by name, which is by position
		s, err := loadSegment(path)
		if err != nil {
			return err
		}
		if n := len(j.segments); n > 0 {
			before := j.segments[n-1]
			before.next = max(before.first, s.follows+1)
		}
		j.segments = append(j.segments, s)
	}
	return nil
}

// recoverLast opens the last segment for writing where it is whole. Otherwise a new
// segment is begun, so far behind that its positions cannot have been used by what
// is lost.
func (j *Journal) recoverLast() error {
	s := j.last()
	damage, err := s.scan()
	if err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	if damage == nil {
		j.file, err = j.opts.open(s.path)
		return err
	}
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	lost := info.Size() - s.size
	first := s.next + document.Position(lost/minRecord) + 1 //nolint:gosec // lost is not negative
	torn, err := s.torn()
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", s.path, err)
	case torn:
		return j.cut(s, first, lost, damage)
	}
	j.opts.Log.Error("journal damaged; reading stops there",
		"file", s.path, "offset", s.size, "err", damage)
	s.next, s.size = first, info.Size()
	return j.rotate(first, first-1)
}

// cut drops a torn tail. The new segment is made first: it records how many entries
// are good, so that a crash in between brings none of the tail back.
func (j *Journal) cut(s *segment, first document.Position, lost int64, damage error) error {
	j.opts.Log.Warn("cut a torn write from the end of the journal; it was never acknowledged",
		"file", s.path, "offset", s.size, "bytes", lost, "err", damage)
	follows := s.follows
	if s.next > s.first {
		follows = s.next - 1
	}
	if err := j.rotate(first, follows); err != nil {
		return err
	}
	f, err := durable.OpenFile(s.path, os.O_WRONLY, 0)
	if err == nil {
		err = errors.Join(f.Truncate(s.size), f.Close())
	}
	if err != nil {
		return errors.Join(err, j.file.Close())
	}
	return nil
}

// scan reads the segment to its end, or to the damage: next and size are then those
// of what is whole.
func (s *segment) scan() (damage, err error) {
	if s.broken != nil {
		s.size = 0
		return s.broken, nil
	}
	f, err := durable.OpenFile(s.path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	records := newScanner(f, segmentHeader, s.size)
	var buf []byte
	for {
		offset := records.offset
		buf, err = records.next(buf[:0])
		var bad *damageError
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil
		case errors.As(err, &bad):
			s.size = offset
			return bad, nil
		case err != nil:
			return nil, err
		}
		s.mark(s.next, offset)
		s.next++
	}
}

// torn reports whether what stands behind the last good record can be an unfinished
// write. It cannot if the beginning of another batch comes later, because batches
// are written one after the other.
func (s *segment) torn() (bool, error) {
	if s.broken != nil {
		return false, nil // headers are made durable before a segment has its name
	}
	f, err := durable.OpenFile(s.path, os.O_RDONLY, 0)
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	if _, err := f.Seek(s.size, io.SeekStart); err != nil {
		return false, err
	}
	tail, err := io.ReadAll(f)
	if err != nil {
		return false, err
	}
	return !holdsBatch(tail), nil
}

// holdsBatch looks for the first record of a batch at every offset. Bytes that were
// made to look like records could keep it busy for hours: then it answers yes, which
// keeps the bytes.
func holdsBatch(tail []byte) bool {
	budget := 1 << 30
	for i := 0; i+minRecord <= len(tail) && budget > 0; i++ {
		n := int64(binary.LittleEndian.Uint32(tail[i:]))
		if n < minPayload || n > int64(len(tail)-i-recordHeader) || tail[i+recordHeader]&flagFirst == 0 {
			continue
		}
		payload := tail[i+recordHeader:][:n]
		budget -= len(payload)
		if checksum(tail[i:i+4], payload) == binary.LittleEndian.Uint32(tail[i+4:]) {
			return true
		}
	}
	return budget <= 0
}
