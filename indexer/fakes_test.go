package indexer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"pulltrail/internal/document"
)

// memoryLog is a Log in memory.
type memoryLog struct {
	mu       sync.Mutex
	entries  []document.Entry
	appended chan struct{}
	fail     error
	reads    int
}

func (l *memoryLog) append(topic string, payloads ...string) {
	l.appendAt(time.Now(), topic, payloads...)
}

func (l *memoryLog) appendAt(received time.Time, topic string, payloads ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range payloads {
		l.entries = append(l.entries, document.Entry{
			Position: document.Position(len(l.entries) + 1),
			Message:  document.Message{Topic: topic, Payload: []byte(p), Received: received.UTC()},
		})
	}
	if l.appended != nil {
		close(l.appended)
		l.appended = nil
	}
}

func (l *memoryLog) Notify() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.appended == nil {
		l.appended = make(chan struct{})
	}
	return l.appended
}

func (l *memoryLog) Read(ctx context.Context, after document.Position, limit int, maxBytes int64) ([]document.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	if l.fail != nil {
		return nil, l.fail
	}
	var out []document.Entry
	var size int64
	for _, e := range l.entries[min(after, document.Position(len(l.entries))):] {
		size += int64(len(e.Payload))
		if len(out) == limit || len(out) > 0 && size > maxBytes {
			break
		}
		out = append(out, e)
	}
	return out, ctx.Err()
}

func (l *memoryLog) Head(context.Context) (document.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return document.Position(len(l.entries)), nil
}

// memorySink is a Sink in memory. Each of its faults answers once.
type memorySink struct {
	mu      sync.Mutex
	docs    map[string]string // by index and id
	order   []string          // the ids in the order in which they were stored
	batches [][]string        // the ids of each Write
	down    error             // the whole request fails while it is set
	ping    error
	refuse  map[string][]error // by id, one for each try
}

func newMemorySink() *memorySink {
	return &memorySink{docs: make(map[string]string), refuse: make(map[string][]error)}
}

func (s *memorySink) String() string { return "memory" }

func (s *memorySink) Ping(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ping
}

func (s *memorySink) Write(ctx context.Context, docs []document.Document) ([]error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, len(docs))
	for i, d := range docs {
		ids[i] = d.ID
	}
	s.batches = append(s.batches, ids)
	if err := errors.Join(s.down, ctx.Err()); err != nil {
		return nil, err
	}
	results := make([]error, len(docs))
	for i, d := range docs {
		key := d.Index + "/" + d.ID
		if faults := s.refuse[d.ID]; len(faults) > 0 {
			results[i], s.refuse[d.ID] = faults[0], faults[1:]
		} else if _, ok := s.docs[key]; !ok {
			s.docs[key] = string(d.Body)
			s.order = append(s.order, d.ID)
		}
	}
	return results, nil
}

func (s *memorySink) set(change func(*memorySink)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *memorySink) stored() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.order)
}

func (s *memorySink) tries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.batches)
}

// memoryCursors are Cursors in memory.
type memoryCursors struct {
	mu   sync.Mutex
	at   map[string]document.Position
	fail error
}

func (c *memoryCursors) Cursor(_ context.Context, sink, log string) (document.Position, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at[sink+"/"+log], c.fail
}

func (c *memoryCursors) SetCursor(_ context.Context, sink, log string, p document.Position) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return c.fail
	}
	if c.at == nil {
		c.at = make(map[string]document.Position)
	}
	c.at[sink+"/"+log] = p
	return nil
}

// memoryLetters are DeadLetters in memory.
type memoryLetters struct {
	mu      sync.Mutex
	letters []document.DeadLetter
	full    error
}

func (m *memoryLetters) Put(_ context.Context, letters ...document.DeadLetter) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full != nil {
		return m.full
	}
	for _, l := range letters {
		if !slices.ContainsFunc(m.letters, func(k document.DeadLetter) bool { return key(k) == key(l) }) {
			m.letters = append(m.letters, l)
		}
	}
	return nil
}

func key(l document.DeadLetter) string { return fmt.Sprint(l.Sink, l.Log, l.Position) }

func (m *memoryLetters) Forbidden(_ context.Context, sink string, limit int) ([]document.DeadLetter, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []document.DeadLetter
	for _, l := range m.letters {
		if l.Sink == sink && l.Forbidden && len(out) < limit {
			out = append(out, l)
		}
	}
	return out, nil
}

func (m *memoryLetters) Refuse(_ context.Context, letters ...document.DeadLetter) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range letters {
		if i := slices.IndexFunc(m.letters, func(k document.DeadLetter) bool { return key(k) == key(l) }); i >= 0 {
			m.letters[i] = l
		}
	}
	return nil
}

func (m *memoryLetters) Remove(_ context.Context, letters ...document.DeadLetter) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range letters {
		m.letters = slices.DeleteFunc(m.letters, func(k document.DeadLetter) bool { return key(k) == key(l) })
	}
	return nil
}

func (m *memoryLetters) all() []document.DeadLetter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.letters)
}
