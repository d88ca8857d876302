package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"pulltrail/internal/document"
	"pulltrail/internal/durable"
)

// A segment file begins with, in little endian:
//
//	"ptrailjl"
//	u32 version of the format
//	u64 follows: the position of the entry before this segment
//	u32 CRC-32C of the above
//
// Its name is the position of its first entry, in 20 digits. "follows" is one less,
// but for a gap in the positions; it tells how many entries the segment before has.
const (
	magic         = "ptrailjl"
	formatVersion = 1
	segmentHeader = int64(len(magic) + 4 + 8 + 4)
	suffix        = ".log"
	// markEvery is how far a segment is read, in bytes, to find an entry in it.
	markEvery = 64 << 10
)

// segment is one file. What changes in it is guarded by Journal.mu.
type segment struct {
	path    string
	first   document.Position // of its first entry
	follows document.Position // of the newest entry before it
	next    document.Position // after its last entry; first where it has none
	size    int64             // bytes up to the end of its last entry
	marks   []mark            // ascending
	broken  error             // why no entry of it can be read
}

// mark says where in a segment an entry stands.
type mark struct {
	position document.Position
	offset   int64
}

// mark remembers the entry at offset, if it is far enough behind the last mark.
func (s *segment) mark(p document.Position, offset int64) {
	behind := segmentHeader
	if n := len(s.marks); n > 0 {
		behind = s.marks[n-1].offset
	}
	if offset >= behind+markEvery {
		s.marks = append(s.marks, mark{p, offset})
	}
}

// start is the last mark that is not after p.
func (s *segment) start(p document.Position) mark {
	i := sort.Search(len(s.marks), func(i int) bool { return s.marks[i].position > p })
	if i == 0 {
		return mark{s.first, segmentHeader}
	}
	return s.marks[i-1]
}

// createSegment makes an empty segment durable, name and header, and leaves it open.
func (j *Journal) createSegment(first, follows document.Position) (file, *segment, error) {
	s := &segment{
		path:  filepath.Join(j.dir, fmt.Sprintf("%020d%s", first, suffix)),
		first: first, follows: follows, next: first, size: segmentHeader,
	}
	f, err := j.opts.open(s.path + ".tmp")
	if err != nil {
		return nil, nil, err
	}
	_, err = f.WriteAt(encodeHeader(follows), 0)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(s.path+".tmp", s.path)
	}
	if err == nil {
		err = durable.SyncDir(j.dir)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, s, nil
}

func encodeHeader(follows document.Position) []byte {
	b := []byte(magic)
	b = binary.LittleEndian.AppendUint32(b, formatVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(follows))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

// errNewer says that the journal was written by a later version of Pulltrail.
var errNewer = errors.New("written by a newer version of Pulltrail")

// decodeHeader fails with errNewer, or with a damageError.
func decodeHeader(b []byte) (follows document.Position, err error) {
	if len(b) < len(magic)+4 || string(b[:len(magic)]) != magic {
		return 0, &damageError{"the header of a segment is missing"}
	}
	if v := binary.LittleEndian.Uint32(b[len(magic):]); v > formatVersion {
		return 0, fmt.Errorf("format %d, %w: this one knows format %d; update it", v, errNewer, formatVersion)
	}
	sum := segmentHeader - 4
	if int64(len(b)) < segmentHeader ||
		binary.LittleEndian.Uint32(b[sum:]) != crc32.Checksum(b[:sum], crc32.MakeTable(crc32.Castagnoli)) {
		return 0, &damageError{"the checksum of the segment's header does not match"}
	}
	return document.Position(binary.LittleEndian.Uint64(b[len(magic)+4:])), nil
}

// loadSegment reads the header of a file. Damage is kept for those who read it.
func loadSegment(path string) (*segment, error) {
	name := strings.TrimSuffix(filepath.Base(path), suffix)
	first, err := strconv.ParseUint(name, 10, 64)
	if err != nil || len(name) != 20 || first == 0 {
		return nil, fmt.Errorf("%s is not named as a segment of the journal; move it away", path)
	}
	s := &segment{path: path, first: document.Position(first), next: document.Position(first), follows: document.Position(first) - 1}
	f, err := durable.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	s.size = info.Size()
	header := make([]byte, segmentHeader)
	n, err := io.ReadFull(f, header)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	follows, err := decodeHeader(header[:n])
	var damage *damageError
	switch {
	case errors.As(err, &damage):
		s.broken = damage
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	default:
		s.follows = follows
	}
	return s, nil
}
