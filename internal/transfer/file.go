package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"pulltrail/internal/hub"
)

// headBytes is how much of a file tells it from another of that name and size.
const headBytes = 64 << 10

// What files that are not text begin with.
var (
	gzipMark          = []byte{0x1f, 0x8b}
	zstdMark          = []byte{0x28, 0xb5, 0x2f, 0xfd}
	utf16LittleEndian = []byte{0xff, 0xfe}
	utf16BigEndian    = []byte{0xfe, 0xff}
)

// File is the Source that a file is: CSV, or JSON lines.
type File struct {
	name   string
	closer io.Closer
	lines  *lines
	size   int64 // -1: not known
	rows   interface {
		snapshot(line []byte) (hub.Snapshot, error)
		notes() []string
	}
	now     time.Time
	resumed int // the line up to which all is stored
}

// OpenFile opens a file. Close it.
func OpenFile(path string, opts FileOptions) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	source, err := openFile(f, path, opts)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return source, nil
}

func openFile(f *os.File, path string, opts FileOptions) (*File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("is a directory: name a file")
	}
	name, size := "", int64(-1)
	if info.Mode().IsRegular() {
		size = info.Size()
		if name, err = identify(f, path, size, opts); err != nil {
			return nil, err
		}
	}
	source, err := NewFile(f, opts)
	if err != nil {
		return nil, err
	}
	source.name, source.size, source.closer = name, size, f
	return source, nil
}

// identify names a file by what it is: one that has been changed meanwhile is another.
func identify(f *os.File, path string, size int64, opts FileOptions) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	digest := sha256.New()
	if _, err := io.Copy(digest, io.LimitReader(f, headBytes)); err != nil {
		return "", err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	name := fmt.Sprintf("file %s %d %s", absolute, size, hex.EncodeToString(digest.Sum(nil)[:8]))
	if opts.Repository != nil {
		name += " " + opts.Repository.String()
	}
	if opts.Private {
		name += " private"
	}
	return name, nil
}

// NewFile is the source that r is, which stays the caller's to close. It cannot be taken
// up again.
func NewFile(r io.Reader, opts FileOptions) (*File, error) {
	f := &File{lines: newLines(r), size: -1, now: opts.Now}
	head, err := f.lines.head()
	switch {
	case err != nil:
		return nil, err
	case len(head) == 0:
		return nil, errors.New("it is empty: a CSV file begins with a header such as date,count, JSON lines with {")
	case bytes.HasPrefix(head, gzipMark), bytes.HasPrefix(head, zstdMark):
		return nil, errors.New("it is compressed: decompress it first; a backup is restored by pulltrail restore")
	case bytes.HasPrefix(head, utf16LittleEndian), bytes.HasPrefix(head, utf16BigEndian):
		return nil, errNotUTF8
	case bytes.IndexByte(head, 0) >= 0:
		return nil, errors.New("it is a binary file: save the data as CSV or JSON lines first")
	case head[0] == '[':
		return nil, errors.New("it is a JSON array, which would have to be in memory as a whole: make lines of it, with jq -c '.[]'")
	case head[0] == '{':
		f.rows = jsonLines{opts}
		return f, nil
	}
	first, err := f.header()
	if err != nil {
		return nil, err
	}
	f.rows, err = newCSV(first, opts)
	return f, err
}

// header is the first line that is not empty.
func (f *File) header() ([]byte, error) {
	for {
		line, err := f.lines.next()
		if err != nil || strings.TrimSpace(string(line)) != "" {
			return line, err
		}
	}
}

// Name is empty for what is not a file.
func (f *File) Name() string { return f.name }

// Resume passes over the lines up to one, which are read again for what is wrong in them.
func (f *File) Resume(place string) error {
	line, err := strconv.Atoi(place)
	if err != nil {
		return fmt.Errorf("%q is not the number of a line", place)
	}
	f.resumed = line
	return nil
}

// Next is the next line that is not empty.
func (f *File) Next(ctx context.Context) (Item, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Item{}, err
		}
		line, err := f.lines.next()
		item := Item{Where: fmt.Sprintf("line %d", f.lines.number), Place: strconv.Itoa(f.lines.number)}
		switch {
		case errors.Is(err, errTooLong):
			item.Fate, item.Reason = Refused, err.Error()
			return item, nil
		case err != nil:
			return Item{}, err
		case strings.TrimSpace(string(line)) == "":
			continue
		}
		s, err := f.rows.snapshot(line)
		if err == nil {
			err = s.CheckDate(f.now)
		}
		switch {
		case err != nil:
			item.Fate, item.Reason = Refused, oneLineOf(err)
		case f.lines.number <= f.resumed:
			item.Fate = Passed
		default:
			item.Payload = s.Encode()
		}
		return item, nil
	}
}

// Progress counts bytes.
func (f *File) Progress() Progress {
	return Progress{Done: f.lines.read, Total: f.size, Bytes: true}
}

// Notes say which columns are left out.
func (f *File) Notes() []string { return f.rows.notes() }

// Close closes what OpenFile has opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// oneLineOf puts what is wrong with one thing into one line.
func oneLineOf(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
