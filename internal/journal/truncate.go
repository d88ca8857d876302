package journal

import (
	"errors"
	"fmt"
	"os"

	"pulltrail/internal/document"
	"pulltrail/internal/durable"
)

// Truncate gives back the space of entries before a position, in whole segments.
// Some of them may remain. It forgets no position: the last segment stays, if only
// for its name.
func (j *Journal) Truncate(before document.Position) error {
	j.writing.Lock()
	defer j.writing.Unlock()
	if j.closed {
		return ErrClosed
	}
	j.consumed = max(j.consumed, min(before, j.last().next))
	if err := j.reclaim(j.opts.SegmentBytes / 2); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// reclaim deletes the segments that nobody needs. The last one is among them if it
// is larger than threshold, since its successor keeps the position.
func (j *Journal) reclaim(threshold int64) error {
	defer j.measure()
	active := j.last()
	if active.next > active.first && active.next <= j.consumed && active.size > threshold {
		if err := j.rotate(active.next, active.next-1); err != nil {
			return err
		}
	}
	for len(j.segments) > 1 && j.segments[0].next <= j.consumed {
		// One after the other, so that a crash leaves no hole.
		if err := os.Remove(j.segments[0].path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		j.mu.Lock()
		j.segments = j.segments[1:]
		j.mu.Unlock()
		if err := durable.SyncDir(j.dir); err != nil {
			return err
		}
	}
	return nil
}
