package deadletter

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/document"
)

func TestALetterIsFoundByItsKey(t *testing.T) {
	s := open(t, 0)
	want := letter("a", math.MaxUint64) // a position that SQLite knows as -1
	put(t, s, letter("a", 1), want, letter("b", math.MaxUint64))
	got, ok, err := s.Get(t.Context(), want.Sink, want.Log, want.Position)
	if diff := cmp.Diff(want, got); diff != "" || !ok || err != nil {
		t.Errorf("%v, %v\n%s", ok, err, diff)
	}
	for name, key := range map[string]document.DeadLetter{
		"another sink":     {Sink: "c", Log: want.Log, Position: want.Position},
		"another log":      {Sink: want.Sink, Log: "mqtt", Position: want.Position},
		"another position": {Sink: want.Sink, Log: want.Log, Position: 2},
	} {
		t.Run(name, func(t *testing.T) {
			if l, ok, err := s.Get(t.Context(), key.Sink, key.Log, key.Position); ok || err != nil {
				t.Errorf("Get = %v, %v, %v", l, ok, err)
			}
		})
	}
}

func TestHeadsHaveTheSizeInPlaceOfThePayload(t *testing.T) {
	s := open(t, 0)
	empty := letter("b", 7)
	empty.Payload = nil
	put(t, s, letter("a", 1), forbidden("b", 2), letter("a", 3), empty)
	want := []Head{{DeadLetter: forbidden("b", 2), Size: int64(len("payload 2"))}, {DeadLetter: empty}}
	want[0].Payload = nil
	heads, err := s.Heads(t.Context(), "b", 9, 0)
	if diff := cmp.Diff(want, heads); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for name, c := range map[string]struct {
		sink          string
		limit, offset int
		want          []document.Position
	}{
		"of all sinks":          {"", 9, 0, []document.Position{1, 2, 3, 7}},
		"a page of all":         {"", 2, 1, []document.Position{2, 3}},
		"the second of a sink":  {"a", 1, 1, []document.Position{3}},
		"a sink without any":    {"c", 9, 0, nil},
		"behind the last there": {"a", 9, 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			heads, err := s.Heads(t.Context(), c.sink, c.limit, c.offset)
			var got []document.Position
			for _, h := range heads {
				got = append(got, h.Position)
			}
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestAWalkSeesEachLetterThatWasThereOnce(t *testing.T) {
	s := open(t, 0)
	for i := range document.Position(5) {
		put(t, s, letter("a", i), letter("b", i))
	}
	through := newest(t, s)
	put(t, s, letter("a", 99)) // has come since
	seen := map[string][]document.Position{}
	for _, sink := range []string{"a", ""} {
		for after := Mark(0); ; {
			letters, last, err := s.Walk(t.Context(), sink, after, through, 2)
			if err != nil || len(letters) > 2 {
				t.Fatalf("%d letters, %v", len(letters), err)
			}
			if len(letters) == 0 {
				break
			}
			seen[sink] = append(seen[sink], positions(letters)...)
			remove(t, s, letters...) // as one that is stored after all
			after = last
		}
	}
	want := map[string][]document.Position{"a": {0, 1, 2, 3, 4}, "": {0, 1, 2, 3, 4}}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]document.Position{99}, positions(list(t, s))); diff != "" {
		t.Error(diff)
	}
}

func TestNoMoreBytesAreReadThanMayBeButAtLeastOneLetter(t *testing.T) {
	s := open(t, 0)
	put(t, s, letter("a", 1), letter("a", 2), letter("a", 3)) // 9 bytes each
	for name, c := range map[string]struct {
		bytes int64
		want  []document.Position
	}{
		"room for none":       {0, []document.Position{1}},
		"room for one":        {17, []document.Position{1}},
		"room for two":        {18, []document.Position{1, 2}},
		"room for everything": {27, []document.Position{1, 2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			letters, last, err := s.letters(t.Context(), c.bytes, "ORDER BY rowid")
			if diff := cmp.Diff(c.want, positions(letters)); diff != "" || err != nil || int(last) != len(c.want) {
				t.Errorf("%v, %v\n%s", last, err, diff)
			}
		})
	}
}

func TestClearLeavesWhatHasComeSince(t *testing.T) {
	s := open(t, 0)
	if through := newest(t, s); through != 0 {
		t.Errorf("the newest of none is %d", through)
	}
	put(t, s, letter("a", 1), letter("b", 1), letter("a", 2), letter("b", 2))
	through := newest(t, s)
	put(t, s, letter("a", 3), letter("b", 3))
	for _, c := range []struct {
		sink    string
		removed int
		left    []document.Position
	}{
		{"c", 0, []document.Position{1, 1, 2, 2, 3, 3}},
		{"a", 2, []document.Position{1, 2, 3, 3}},
		{"", 2, []document.Position{3, 3}},
	} {
		removed, err := s.Clear(t.Context(), c.sink, through)
		if diff := cmp.Diff(c.left, positions(list(t, s))); diff != "" || removed != c.removed || err != nil {
			t.Errorf("Clear(%q) = %d, %v\n%s", c.sink, removed, err, diff)
		}
	}
}

func newest(t *testing.T, s *Store) Mark {
	t.Helper()
	m, err := s.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}
