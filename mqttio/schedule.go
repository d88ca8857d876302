package mqttio

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"pulltrail/internal/document"
)

// schedule knows when each pending snapshot is to be published: at once, then after
// first, doubling up to most, for as long as it is pending. It is not safe for
// concurrent use.
type schedule struct {
	first, most time.Duration
	entries     map[string]*entry
}

// entry is what is known of one snapshot.
type entry struct {
	topic   string
	pause   time.Duration // after the last attempt; 0 before the first
	next    time.Time
	refusal string // of the last attempt; empty when the broker took it
	unheard bool   // the broker took it, and had nobody to give it to
	pending bool   // seen since begin
}

func newSchedule(first, most time.Duration) *schedule {
	return &schedule{first: first, most: most, entries: map[string]*entry{}}
}

// hurry makes everything due, because the connection is a new one.
func (s *schedule) hurry() {
	for _, e := range s.entries {
		e.pause, e.next = 0, time.Time{}
	}
}

// begin starts a round through everything that is pending.
func (s *schedule) begin() {
	for _, e := range s.entries {
		e.pending = false
	}
}

// due notes that p is pending, and reports whether it is to be published now, and
// whether that is a repetition.
func (s *schedule) due(p document.Pending, topic string, now time.Time) (due, again bool) {
	e, known := s.entries[p.ID]
	if !known {
		e = &entry{topic: topic}
		s.entries[p.ID] = e
	}
	e.pending = true
	return !now.Before(e.next), known
}

// end forgets what was not pending in the whole round, because it has arrived.
func (s *schedule) end() {
	maps.DeleteFunc(s.entries, func(_ string, e *entry) bool { return !e.pending })
}

// tried notes the result of an attempt.
func (s *schedule) tried(id string, now time.Time, refusal string, unheard bool) {
	e, ok := s.entries[id]
	if !ok {
		return
	}
	e.pause = min(max(2*e.pause, s.first), s.most)
	e.next = now.Add(e.pause)
	e.refusal, e.unheard = refusal, unheard
}

// next is when something is due; false when nothing is pending.
func (s *schedule) next() (at time.Time, ok bool) {
	for _, e := range s.entries {
		if !ok || e.next.Before(at) {
			at, ok = e.next, true
		}
	}
	return at, ok
}

// refused is the first snapshot, in the order of ids, that the broker refuses, and
// why; unheard is the topic of the first that it had nobody to give to.
func (s *schedule) refused() (id, why string) {
	id, e := s.firstOf(func(e *entry) bool { return e.refusal != "" })
	if e == nil {
		return "", ""
	}
	return id, e.refusal
}

func (s *schedule) unheard() (topic string) {
	if _, e := s.firstOf(func(e *entry) bool { return e.unheard }); e != nil {
		return e.topic
	}
	return ""
}

func (s *schedule) firstOf(match func(*entry) bool) (string, *entry) {
	ids := slices.Collect(maps.Keys(s.entries))
	ids = slices.DeleteFunc(ids, func(id string) bool { return !match(s.entries[id]) })
	if len(ids) == 0 {
		return "", nil
	}
	id := slices.MinFunc(ids, cmp.Compare[string])
	return id, s.entries[id]
}
