package journal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pulltrail/internal/document"
)

// model is what a journal promises, as a slice.
type model struct {
	t       *testing.T
	dir     string
	opts    Options
	j       *Journal
	entries []document.Entry  // everything ever acknowledged
	before  document.Position // the entries before it may be gone
	serial  int
}

func (m *model) open(rt *rapid.T) {
	j, err := Open(m.dir, m.opts)
	if err != nil {
		rt.Fatal(err)
	}
	m.j = j
}

func (m *model) newest() document.Position {
	if len(m.entries) == 0 {
		return 0
	}
	return m.entries[len(m.entries)-1].Position
}

func (m *model) append(rt *rapid.T) {
	var batch []document.Message
	for range rapid.IntRange(1, 12).Draw(rt, "messages") {
		m.serial++
		batch = append(batch, message(m.serial))
	}
	if _, err := m.j.Append(m.t.Context(), batch); err != nil {
		rt.Fatal(err)
	}
	for i, msg := range batch {
		m.entries = append(m.entries, document.Entry{Message: msg, Position: m.newest() + 1})
		if i == 0 {
			head, err := m.j.Head(m.t.Context())
			if err != nil {
				rt.Fatal(err)
			}
			first := head - document.Position(len(batch)) + 1
			if first < m.entries[len(m.entries)-1].Position {
				rt.Fatalf("position %d was given again", first)
			}
			m.entries[len(m.entries)-1].Position = first // a torn write leaves a gap
		}
	}
}

func (m *model) read(rt *rapid.T) {
	after := document.Position(rapid.Uint64Range(0, uint64(m.newest())).Draw(rt, "after"))
	limit := rapid.IntRange(1, 30).Draw(rt, "limit")
	got, err := m.j.Read(m.t.Context(), after, limit, plenty)
	if err != nil {
		rt.Fatal(err)
	}
	var want []document.Entry
	for _, e := range m.entries {
		if e.Position > after && (len(got) == 0 || e.Position >= got[0].Position) && len(want) < limit {
			want = append(want, e)
		}
	}
	if len(got) > 0 && got[0].Position > after+1 { // what is left out must have been truncated, or never been
		for _, e := range m.entries {
			if e.Position > after && e.Position < got[0].Position && e.Position >= m.before {
				rt.Fatalf("position %d is missing", e.Position)
			}
		}
	}
	if len(got) == 0 && len(want) > 0 && want[len(want)-1].Position < m.before {
		return // all of it was truncated
	}
	if diff := cmp.Diff(want, got); diff != "" {
		rt.Fatalf("after %d (-want +got):\n%s", after, diff)
	}
}

func (m *model) truncate(rt *rapid.T) {
	before := document.Position(rapid.Uint64Range(0, uint64(m.newest())+1).Draw(rt, "before"))
	if err := m.j.Truncate(before); err != nil {
		rt.Fatal(err)
	}
	m.before = max(m.before, before)
}

func (m *model) reopen(rt *rapid.T) {
	if err := m.j.Close(); err != nil {
		rt.Fatal(err)
	}
	m.open(rt)
}

// crash continues from a copy, as a kill -9 would leave it, with part of an
// unacknowledged batch at its end.
func (m *model) crash(rt *rapid.T) {
	outcomes := make([]document.Outcome, 3)
	torn := encode(nil, messages(90_001, 90_003), outcomes).data
	torn = torn[:rapid.IntRange(0, len(torn)-1).Draw(rt, "torn")]
	if len(torn) >= 100 { // a whole record of an unfinished batch may come back, and nobody can tell
		torn = torn[:99]
	}
	to := m.t.TempDir()
	copyDir(m.t, m.dir, to)
	paths := segments(m.t, to)
	f, err := os.OpenFile(paths[len(paths)-1], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		rt.Fatal(err)
	}
	if _, err := f.Write(torn); err != nil {
		rt.Fatal(err)
	}
	if err := f.Close(); err != nil {
		rt.Fatal(err)
	}
	if err := m.j.Close(); err != nil {
		rt.Fatal(err)
	}
	m.dir = to
	m.open(rt)
}

func copyDir(t testing.TB, from, to string) {
	t.Helper()
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(from, f.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue // a temporary file that has its name by now
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, f.Name()), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheJournalBehavesLikeASlice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{t: t, dir: t.TempDir(), opts: Options{
			MaxBytes:     plenty,
			SegmentBytes: int64(rapid.SampledFrom([]int{1, 300, 1000, 100_000}).Draw(rt, "segment")),
			Log:          slog.New(slog.DiscardHandler),
		}}
		m.open(rt)
		defer func() { shut(t, m.j) }()
		rt.Repeat(map[string]func(*rapid.T){
			"append":   m.append,
			"read":     m.read,
			"truncate": m.truncate,
			"reopen":   m.reopen,
			"crash":    m.crash,
			"": func(rt *rapid.T) {
				head, err := m.j.Head(t.Context())
				if err != nil || head != m.newest() {
					rt.Fatalf("head = %d, %v; the newest entry is %d", head, err, m.newest())
				}
			},
		})
	})
}

func TestManyEntriesAreFoundThroughTheMarks(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, Options{})
	const n = 5000 // 500 kB: several marks in each of the two segments
	for from := 1; from <= n; from += 100 {
		if _, err := j.Append(t.Context(), messages(from, from+99)); err != nil {
			t.Fatal(err)
		}
		if from == 2401 {
			if err := j.rotate(j.last().next, j.last().next-1); err != nil {
				t.Fatal(err)
			}
		}
	}
	check := func(j *Journal) {
		t.Helper()
		for after := 0; after < n; after += 37 {
			got, err := j.Read(t.Context(), document.Position(after), 37, plenty)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, got, entries(after+1, min(after+37, n)))
		}
		for i, s := range j.segments {
			if len(s.marks) < 3 {
				t.Errorf("segment %d has %d marks", i, len(s.marks))
			}
		}
	}
	check(j)
	shut(t, j)
	check(open(t, dir, Options{})) // the marks of the first segment are made while reading
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			j := open(b, b.TempDir(), Options{MaxBytes: 1 << 40})
			batch := make([]document.Message, size)
			for i := range batch {
				batch[i] = document.Message{Topic: "plant/line/sensor", Payload: bytes.Repeat([]byte("x"), 1000)}
			}
			b.SetBytes(int64(size) * 1000)
			for b.Loop() {
				if _, err := j.Append(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
				head, err := j.Head(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				if err := j.Truncate(head); err != nil { // so that it needs no more disk than the daemon would
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	j := open(b, b.TempDir(), Options{})
	batch := make([]document.Message, 1000)
	for i := range batch {
		batch[i] = document.Message{Topic: "plant/line/sensor", Payload: bytes.Repeat([]byte("x"), 1000)}
	}
	for range 40 {
		if _, err := j.Append(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	var cursor document.Position
	b.SetBytes(1000 * 1000)
	for b.Loop() {
		es, err := j.Read(b.Context(), cursor, 1000, plenty)
		if err != nil {
			b.Fatal(err)
		}
		cursor = es[len(es)-1].Position % 40_000
	}
}
