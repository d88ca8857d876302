// Package journal is the fast, bounded log through which documents pass on their
// way from the broker to the sinks: a directory of append-only segment files.
//
// # Promises
//
// What Append has returned without an error survives kill -9 and a power cut: a
// batch is one write and one fsync. Read sees durable entries only, in order. A
// position is never given twice, also not after every entry was truncated, after a
// torn write or after damage; there may be gaps between positions instead.
//
// A write or fsync that fails is never acknowledged. After a failed fsync the
// kernel may have dropped what was written, so the file is given up and the next
// batch begins a new segment.
//
// # Bounds
//
// At Options.MaxBytes Append refuses with ErrFull and drops nothing; room comes
// from Truncate, which deletes whole segments. So that no single batch can stand in
// the way for ever, one that finds nothing unread is taken whatever its size: the
// bound may be overshot by one batch. Read holds at most the bytes it was asked for,
// or one entry.
//
// # Damage
//
// A torn tail, which a crash in the middle of a write leaves behind and nobody was
// promised, is cut when the journal is opened, and the log says so. Damage anywhere
// else is left as it is: Read delivers what stands before it and then fails with
// the name of the file and the offset, for skipping it silently would be a loss.
package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/internal/document"
	"pulltrail/internal/durable"
)

var (
	// ErrFull says that the journal has reached its bound; what was to be appended
	// can be appended later.
	ErrFull = errors.New("the journal is full")
	// ErrClosed says that the journal was closed.
	ErrClosed = errors.New("the journal is closed")
)

const (
	defaultSegmentBytes = 16 << 20
	// maxBuffer is the largest buffer that is kept from one batch to the next, in bytes.
	maxBuffer = 4 << 20
)

// Options are what a journal needs to know.
type Options struct {
	// MaxBytes bounds the size of all segments together.
	MaxBytes int64
	// SegmentBytes is the size at which a new segment is begun; 0 means 16 MiB. It is
	// at most a quarter of MaxBytes, since space is given back in whole segments.
	SegmentBytes int64
	Log          *slog.Logger
	// Registerer takes the metrics; nil for none.
	Registerer prometheus.Registerer

	// open replaces how a new segment file is made, in tests of failing disks.
	open func(path string) (file, error)
}

// file is what the journal does with the segment that it writes.
type file interface {
	WriteAt(p []byte, offset int64) (int, error)
	Sync() error
	Truncate(size int64) error
	Close() error
}

// Journal is an open log. It is safe for concurrent use.
type Journal struct {
	dir         string
	generations []generation // the UUIDs, of which there is at least one
	opts        Options
	metrics     *metrics

	// writing serialises what changes files. It is taken before mu.
	writing  sync.Mutex
	file     file              // of the last segment
	suspect  bool              // file is in an unknown state: begin a new segment before writing
	consumed document.Position // nobody needs the entries before this one
	buffer   []byte            // of the last batch, for the next one

	mu       sync.RWMutex // guards what follows, for moments only
	segments []*segment   // in order of their positions, never empty
	appended chan struct{}
	closed   bool
}

// Open opens the journal in dir, and makes it where there is none. It cuts a torn
// tail. It fails on files of a newer version.
func Open(dir string, opts Options) (*Journal, error) {
	if opts.MaxBytes <= 0 {
		return nil, fmt.Errorf("journal: a bound of %d bytes (indexer.journal_max_bytes) must be positive", opts.MaxBytes)
	}
	if opts.SegmentBytes <= 0 {
		opts.SegmentBytes = defaultSegmentBytes
	}
	opts.SegmentBytes = min(opts.SegmentBytes, max(opts.MaxBytes/4, 1))
	if opts.open == nil {
		opts.open = func(path string) (file, error) {
			return durable.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		}
	}
	j := &Journal{dir: dir, opts: opts, metrics: newMetrics(opts.MaxBytes), appended: make(chan struct{})}
	if err := j.recover(); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if err := j.metrics.register(opts.Registerer); err != nil {
		return nil, errors.Join(fmt.Errorf("journal: %w", err), j.Close())
	}
	j.measure()
	return j, nil
}

// Head is the position of the newest entry, also when that was truncated; 0 when
// there has never been one.
func (j *Journal) Head(context.Context) (document.Position, error) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if j.closed {
		return 0, ErrClosed
	}
	if active := j.last(); active.next > active.first {
		return active.next - 1, nil
	}
	return j.last().follows, nil
}

// Size is how many bytes the segments have together, and at how many Append refuses.
func (j *Journal) Size() (bytes, bound int64) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.size(), j.opts.MaxBytes
}

// Notify returns a channel that is closed at the next Append. Whoever follows the
// log takes it before reading, so that nothing is missed in between.
func (j *Journal) Notify() <-chan struct{} {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.appended
}

// Close gives the files up; entries that were appended are durable already.
func (j *Journal) Close() error {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	j.metrics.unregister()
	if err := j.file.Close(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// last is the segment that is written. The caller holds writing or mu.
func (j *Journal) last() *segment { return j.segments[len(j.segments)-1] }

// rotate begins a new segment with position first, after the newest entry follows.
// A last segment without entries is replaced, for the new file has the same name.
func (j *Journal) rotate(first, follows document.Position) error {
	f, s, err := j.createSegment(first, follows)
	if err != nil {
		// The file may be there all the same, and it says that the last one has ended.
		j.suspect = true
		return fmt.Errorf("begin a segment: %w", err)
	}
	if j.file != nil {
		// Everything in it is durable or given up, so its failure has no consequence.
		if err := j.file.Close(); err != nil {
			j.opts.Log.Warn("close a segment of the journal", "file", j.last().path, "err", err)
		}
	}
	j.file, j.suspect = f, false
	j.mu.Lock()
	defer j.mu.Unlock()
	j.segments = slices.Clone(j.segments)
	if n := len(j.segments); n > 0 && j.segments[n-1].first == first {
		j.segments = j.segments[:n-1]
	}
	j.segments = append(j.segments, s)
	return nil
}

// measure brings the gauges up to date. The caller holds writing.
func (j *Journal) measure() {
	j.metrics.bytes.Set(float64(j.size()))
	j.metrics.segments.Set(float64(len(j.segments)))
}

// size is counted under writing or mu.
func (j *Journal) size() int64 {
	var n int64
	for _, s := range j.segments {
		n += s.size
	}
	return n
}
