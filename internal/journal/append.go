package journal

import (
	"context"
	"fmt"
	"time"

	"pulltrail/internal/document"
)

// Append makes a batch durable with one write and one fsync; the group is formed by
// the caller. There is one outcome for each message; its Err is set where the
// message can never be stored. An error means that nothing was stored, or that
// nothing is known to be: try again later. ErrFull is one of them.
func (j *Journal) Append(ctx context.Context, batch []document.Message) ([]document.Outcome, error) {
	j.writing.Lock()
	defer j.writing.Unlock()
	outcomes := make([]document.Outcome, len(batch))
	b := encode(j.buffer[:0], batch, outcomes)
	if len(b.data) == 0 {
		return outcomes, nil
	}
	if cap(b.data) <= maxBuffer {
		j.buffer = b.data
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if j.closed {
		return nil, ErrClosed
	}
	if err := j.makeRoom(int64(len(b.data))); err != nil {
		return nil, err
	}
	if err := j.write(b.data); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	j.publish(b)
	j.metrics.appended.Add(float64(len(b.offsets)))
	j.measure()
	return outcomes, nil
}

// makeRoom refuses n more bytes where they would pass the bound. With nothing
// unread it drops the read entries instead, and takes whatever comes.
func (j *Journal) makeRoom(n int64) error {
	if j.size()+n <= j.opts.MaxBytes {
		return nil
	}
	if j.unread() {
		j.metrics.refused.Inc()
		return fmt.Errorf("%w: %d more bytes would pass the %d of indexer.journal_max_bytes; "+
			"let the slowest sink catch up, or raise indexer.journal_max_bytes", ErrFull, n, j.opts.MaxBytes)
	}
	if err := j.reclaim(0); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

func (j *Journal) unread() bool {
	for _, s := range j.segments {
		if s.next > s.first && s.next > j.consumed {
			return true
		}
	}
	return false
}

// write puts data behind the last durable entry.
func (j *Journal) write(data []byte) error {
	active := j.last()
	if j.suspect || (active.size >= j.opts.SegmentBytes && active.next > active.first) {
		follows := active.follows
		if active.next > active.first {
			follows = active.next - 1
		}
		if err := j.rotate(active.next, follows); err != nil {
			return err
		}
		active = j.last()
	}
	if _, err := j.file.WriteAt(data, active.size); err != nil {
		return j.undo(active, fmt.Errorf("write %s: %w", active.path, err))
	}
	start := time.Now()
	err := j.file.Sync()
	j.metrics.fsync.Observe(time.Since(start).Seconds())
	if err != nil {
		// The pages may be marked clean without having been written, and then no later
		// fsync of this file would tell.
		j.suspect = true
		return j.undo(active, fmt.Errorf("fsync %s: %w", active.path, err))
	}
	return nil
}

// undo takes back what was not acknowledged. Where that fails, the file is not
// written again; the number of its entries, which the next segment records, keeps
// the rest of it from ever being read.
func (j *Journal) undo(active *segment, cause error) error {
	if err := j.file.Truncate(active.size); err != nil {
		j.suspect = true
		return fmt.Errorf("%w (and taking it back: %w)", cause, err)
	}
	return cause
}

// publish shows a durable batch to the readers.
func (j *Journal) publish(b encoded) {
	j.mu.Lock()
	defer j.mu.Unlock()
	active := j.last()
	for i, offset := range b.offsets {
		active.mark(active.next+document.Position(i), active.size+offset)
	}
	active.next += document.Position(len(b.offsets))
	active.size += int64(len(b.data))
	close(j.appended)
	j.appended = make(chan struct{})
}
