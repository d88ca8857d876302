package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"

	"pulltrail/internal/document"
	"pulltrail/internal/durable"
)

// Read returns the entries after a position, in order: at most limit, and no more
// than maxBytes of topics and messages, but at least one where there is one. Where
// entries were truncated it begins with the oldest that is left.
//
// Damage is an error that names the file and the offset, as soon as nothing stands
// before it. A position that was never given is an error too: it belongs to another
// log.
func (j *Journal) Read(ctx context.Context, after document.Position, limit int, maxBytes int64) ([]document.Entry, error) {
	page := page{limit: limit, maxBytes: maxBytes}
	for !page.full {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part, ok, err := j.locate(after)
		if err != nil || !ok {
			return page.entries, err
		}
		err = j.readPart(part, after, &page)
		if errors.Is(err, os.ErrNotExist) && j.gone(part.segment) {
			continue // truncated since
		}
		if err != nil && len(page.entries) == 0 {
			return nil, fmt.Errorf("journal: %w", errors.Join(err, j.retire(part.segment)))
		}
		if err != nil {
			break // the next call begins there, and says so
		}
		after = part.next - 1
	}
	return page.entries, nil
}

// page collects what Read returns.
type page struct {
	limit    int
	maxBytes int64
	entries  []document.Entry
	bytes    int64
	full     bool
}

// add takes an entry, or is full.
func (p *page) add(e document.Entry) {
	n := int64(len(e.Topic) + len(e.Payload))
	if len(p.entries) >= p.limit || (len(p.entries) > 0 && p.bytes+n > p.maxBytes) {
		p.full = true
		return
	}
	p.entries = append(p.entries, e)
	p.bytes += n
	p.full = len(p.entries) >= p.limit || p.bytes >= p.maxBytes
}

// part is what can be read of a segment at one moment.
type part struct {
	segment *segment
	start   mark
	next    document.Position // after the last entry
	end     int64             // offset
}

// locate finds the segment with the first entry after a position.
func (j *Journal) locate(after document.Position) (part, bool, error) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if j.closed {
		return part{}, false, ErrClosed
	}
	if end := j.last().next; after >= end {
		return part{}, false, fmt.Errorf("journal: position %d was never given (the next one is %d): "+
			"the cursor belongs to another log", after, end)
	}
	i := sort.Search(len(j.segments), func(i int) bool { return j.segments[i].next > after+1 })
	for ; i < len(j.segments); i++ {
		if s := j.segments[i]; s.next > s.first { // the others hold no entry
			return part{segment: s, start: s.start(after + 1), next: s.next, end: s.size}, true, nil
		}
	}
	return part{}, false, nil
}

func (j *Journal) gone(s *segment) bool {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.segments[0].first > s.first
}

// retire ends a segment that cannot be read while it is still written, so that its
// file may be deleted without the positions that it tells.
func (j *Journal) retire(s *segment) error {
	j.writing.Lock()
	defer j.writing.Unlock()
	if j.closed || j.last() != s {
		return nil
	}
	defer j.measure()
	return j.rotate(s.next, s.next-1)
}

// readPart reads the entries after a position until the page is full or the part
// ends, and leaves marks for those who come after.
func (j *Journal) readPart(p part, after document.Position, page *page) error {
	if p.segment.broken != nil {
		return damaged(p.segment.path, 0, p.segment.broken)
	}
	f, err := durable.OpenFile(p.segment.path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was only read
	records := newScanner(f, p.start.offset, p.end)
	passed := []mark{p.start}
	var skipped []byte // reused; an entry keeps its own
	for position := p.start.position; position < p.next && !page.full; position++ {
		offset := records.offset
		if offset >= passed[len(passed)-1].offset+markEvery {
			passed = append(passed, mark{position, offset})
		}
		if position <= after {
			skipped, err = records.next(skipped)
		} else {
			err = page.read(records, position)
		}
		if errors.Is(err, io.EOF) {
			err = &damageError{fmt.Sprintf("the file ends before position %d", position)}
		}
		if err != nil {
			return damaged(p.segment.path, offset, err)
		}
	}
	j.remember(p.segment, passed[1:])
	return nil
}

func (p *page) read(records *scanner, position document.Position) error {
	payload, err := records.next(nil)
	if err != nil {
		return err
	}
	message, err := decode(payload)
	if err != nil {
		return err
	}
	p.add(document.Entry{Message: message, Position: position})
	return nil
}

// remember keeps the marks of a segment that was written before this process.
func (j *Journal) remember(s *segment, passed []mark) {
	if len(passed) == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, m := range passed {
		s.mark(m.position, m.offset)
	}
}

// damaged names the place; damage also gets what can be done about it.
func damaged(path string, offset int64, err error) error {
	var damage *damageError
	if !errors.As(err, &damage) {
		return fmt.Errorf("%s, offset %d: %w", path, offset, err)
	}
	return fmt.Errorf("%s, offset %d: %w; restore the file, or give up what it holds from there on: "+
		"once every sink has come this far, stop Pulltrail, delete the file, start again", path, offset, err)
}
