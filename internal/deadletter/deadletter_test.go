package deadletter

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"pulltrail/internal/database"
	"pulltrail/internal/document"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 1, 31, 1, 0, 3, 123456000, time.UTC)

func TestALetterIsKeptAsItIs(t *testing.T) {
	s := open(t, 0)
	letters := []document.DeadLetter{
		{
			Sink: "opensearch", Log: "journal", Position: 7, Reason: `field "count": 'x' is no number`, At: at.Add(time.Hour), Forbidden: true,
			Message: document.Message{Topic: "sensors/é/1", Payload: []byte("\x00\xff{"), Retained: true, Received: at},
		},
		{Sink: "history", Log: "mqtt", Position: 1, Reason: "r", At: at, Message: document.Message{Topic: "t", Payload: []byte("x"), Received: at}},
	}
	put(t, s, letters...)
	if diff := cmp.Diff(letters, list(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestAnEmptyMessageCanBeALetterToo(t *testing.T) {
	s := open(t, 0)
	for i, payload := range map[document.Position][]byte{1: nil, 2: {}} {
		l := letter("history", i)
		l.Payload = payload
		put(t, s, l)
	}
	for _, l := range list(t, s) {
		if len(l.Payload) != 0 {
			t.Errorf("payload %q", l.Payload)
		}
	}
}

func TestEveryPositionComesBack(t *testing.T) {
	s := open(t, math.MaxInt)
	rapid.Check(t, func(t *rapid.T) {
		l := letter("history", 0)
		l.Position = document.Position(rapid.OneOf(
			rapid.Uint64(), rapid.SampledFrom([]uint64{0, 1, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64}),
		).Draw(t, "position"))
		if err := s.Put(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		if letters, _, err := s.Walk(t.Context(), "", 0, math.MaxInt64, 9); err != nil || len(letters) != 1 || letters[0].Position != l.Position {
			t.Fatalf("%d became %v, %v", l.Position, letters, err)
		}
		if err := s.Remove(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		if letters, _, err := s.Walk(t.Context(), "", 0, math.MaxInt64, 9); err != nil || len(letters) != 0 {
			t.Fatalf("%d was not removed: %v, %v", l.Position, letters, err)
		}
	})
}

func TestAKeyThatIsThereIsLeftAsItIs(t *testing.T) {
	s := open(t, 0)
	first := letter("opensearch", 1)
	put(t, s, first)
	again := first
	again.Reason, again.Forbidden, again.Payload = "another", true, []byte("another")
	put(t, s, again, again)
	otherSink, otherLog, otherPosition := again, again, again
	otherSink.Sink, otherLog.Log, otherPosition.Position = "elasticsearch", "history", 2
	put(t, s, otherSink, otherLog, otherPosition)
	if diff := cmp.Diff([]document.DeadLetter{first, otherSink, otherLog, otherPosition}, list(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestAtTheBoundOfASinkPutFailsAndNothingIsDropped(t *testing.T) {
	s := bounded(t, Options{Sink: Bound{Letters: 3}})
	put(t, s, letter("a", 1), letter("a", 2))
	err := s.Put(t.Context(), letter("a", 3), letter("a", 4))
	if err == nil || document.IsPermanent(err) {
		t.Fatalf("Put = %v", err)
	}
	for _, want := range []string{"keep 2 dead letters: a has 2 dead letters (36 bytes), 2 more (36 bytes) exceed the bound of 3", "pulltrail deadletters drop"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if n := len(list(t, s)); n != 2 {
		t.Errorf("%d are kept after a refusal", n)
	}
	put(t, s, letter("a", 3))
	put(t, s, letter("a", 1), letter("a", 3)) // there already
	put(t, s, letter("b", 1))                 // which has a bound of its own
	if err := s.Put(t.Context(), letter("a", 1), letter("a", 5)); err == nil {
		t.Error("one above the bound was taken")
	}
	remove(t, s, letter("a", 2))
	put(t, s, letter("a", 5))
	if n := len(list(t, s)); n != 4 {
		t.Errorf("%d are kept", n)
	}
}

// Each letter has 18 bytes: "payload 1", "t", "rejected".
func TestTheBytesOfASinkAreBoundedToo(t *testing.T) {
	s := bounded(t, Options{Sink: Bound{Bytes: 40}})
	put(t, s, letter("a", 1), letter("a", 2))
	if err := s.Put(t.Context(), letter("a", 3)); err == nil {
		t.Error("54 bytes were taken")
	}
	refused := letter("a", 1)
	refused.Reason = "no"
	if err := s.Refuse(t.Context(), refused); err != nil {
		t.Fatal(err)
	}
	remove(t, s, letter("a", 2))
	large := letter("a", 4)
	large.Payload = make([]byte, 100)
	if err := s.Put(t.Context(), large); err == nil {
		t.Error("one that is too large beside others was taken")
	}
	remove(t, s, letter("a", 1))
	put(t, s, large) // or else it could never be kept
	sizes, err := s.Sizes(t.Context())
	if diff := cmp.Diff(map[string]Size{"a": {1, 109}}, sizes); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestWhatIsRejectedOnReceiptReplacesTheOldest(t *testing.T) {
	for name, bound := range map[string]Bound{
		"by number": {Letters: 3},
		"by bytes":  {Bytes: 3 * 19},
	} {
		t.Run(name, func(t *testing.T) {
			s := bounded(t, Options{Receipt: bound, Sink: Bound{Letters: 2}})
			put(t, s, letter("opensearch", 11), letter("opensearch", 12), junk("journal", 10))
			for i := range document.Position(10) {
				put(t, s, junk("history", 10+i))
			}
			put(t, s, junk("history", 19)) // is there
			want := []document.Position{11, 12, 10, 17, 18, 19}
			if diff := cmp.Diff(want, positions(list(t, s))); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(map[string]uint64{"history": 7}, withoutZeros(s.Replaced())); diff != "" {
				t.Error(diff)
			}
			put(t, s, junk("history", 31), junk("history", 32), junk("history", 33), junk("history", 34), junk("history", 35))
			if got := positions(list(t, s)); !slices.Equal(got[3:], []document.Position{33, 34, 35}) {
				t.Errorf("after a call with more than the bound: %v", got)
			}
		})
	}
}

func TestTheNewestRejectedMessageIsKeptWhateverItsSize(t *testing.T) {
	s := bounded(t, Options{Receipt: Bound{Bytes: 50}})
	large := junk("history", 2)
	large.Payload = make([]byte, 100)
	put(t, s, junk("history", 1), large)
	if diff := cmp.Diff([]document.Position{2}, positions(list(t, s))); diff != "" {
		t.Error(diff)
	}
	put(t, s, junk("history", 3))
	if diff := cmp.Diff([]document.Position{3}, positions(list(t, s))); diff != "" {
		t.Error(diff)
	}
}

// The sums are kept by triggers: whatever is done, they must be those of the letters.
func TestTheSizesAreThoseOfTheLetters(t *testing.T) {
	s := bounded(t, Options{Receipt: Bound{Letters: 5}, Sink: Bound{Letters: 8}})
	rapid.Check(t, func(t *rapid.T) {
		l := letter(rapid.SampledFrom([]string{"a", "history"}).Draw(t, "sink"), document.Position(rapid.IntRange(1, 12).Draw(t, "position")))
		if l.Sink == "history" {
			l.Log = document.ReceiptLog
		}
		l.Reason = rapid.StringN(0, 5, 20).Draw(t, "reason")
		var err error
		switch rapid.IntRange(0, 3).Draw(t, "do") {
		case 0, 1:
			if err := s.Put(t.Context(), l); err != nil && !strings.Contains(err.Error(), "exceed the bound") {
				t.Fatal(err)
			}
		case 2:
			err = s.Refuse(t.Context(), l)
		case 3:
			err = s.Remove(t.Context(), l)
		}
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]Size{}
		letters, _, err := s.Walk(t.Context(), "", 0, math.MaxInt64, math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range letters {
			size := want[l.Sink]
			want[l.Sink] = Size{size.Letters + 1, size.Bytes + int64(len(l.Payload)+len(l.Topic)+len(l.Reason))}
		}
		if got, err := s.Sizes(t.Context()); err != nil || !cmp.Equal(got, want) {
			t.Fatalf("%v, want %v: %v", got, want, err)
		}
	})
}

func TestTheDefaultBounds(t *testing.T) {
	if s := bounded(t, Options{}); s.receipt != ReceiptBound || s.sink != SinkBound {
		t.Errorf("%+v, %+v", s.receipt, s.sink)
	}
}

func TestLettersAreCountedBySink(t *testing.T) {
	s := open(t, 0)
	if counts, err := s.Count(t.Context()); len(counts) != 0 || counts == nil || err != nil {
		t.Errorf("Count = %v, %v", counts, err)
	}
	put(t, s, letter("history", 1), letter("opensearch", 1), letter("opensearch", 2))
	counts, err := s.Count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"history": 1, "opensearch": 2}, counts); diff != "" {
		t.Error(diff)
	}
}

func TestForbiddenLettersOfASinkAreFound(t *testing.T) {
	s := open(t, 0)
	put(t, s, letter("a", 1), forbidden("a", 4), forbidden("b", 3), forbidden("a", 2))
	if diff := cmp.Diff([]document.Position{4, 2}, positions(forbiddenOf(t, s, "a", 9))); diff != "" {
		t.Error(diff)
	}
	if one := forbiddenOf(t, s, "a", 1); len(one) != 1 {
		t.Errorf("%d, at most one was asked for", len(one))
	}
	if none := forbiddenOf(t, s, "c", 9); len(none) != 0 {
		t.Errorf("a sink without any has %v", none)
	}
	remove(t, s, forbidden("a", 4))
	if diff := cmp.Diff([]document.Position{2}, positions(forbiddenOf(t, s, "a", 9))); diff != "" {
		t.Error(diff)
	}
}

// One index that stays forbidden must not stall the letters of others behind it.
func TestNoForbiddenLetterWaitsForAnother(t *testing.T) {
	const n, size = 30, len("payload 10")
	for name, bound := range map[string]struct {
		limit    int
		maxBytes int64
	}{
		"with room for one letter":           {1, math.MaxInt64},
		"with room for the bytes of one":     {n, 0},
		"with room for the bytes of a third": {n, int64(n * size / 3)},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, 0)
			for i := range document.Position(n) {
				put(t, s, forbidden("a", 10+i))
			}
			seen := map[document.Position]bool{}
			for range 10_000 { // the chance that one is missed each time is (29/30)^10000
				letters, err := s.forbidden(t.Context(), "a", bound.limit, bound.maxBytes)
				if err != nil || len(letters) == 0 || len(letters) > max(1, int(bound.maxBytes)/size) {
					t.Fatalf("%d letters, %v", len(letters), err)
				}
				for _, l := range letters {
					seen[l.Position] = true
				}
				if len(seen) == n {
					return
				}
			}
			t.Errorf("only %d of %d were ever returned", len(seen), n)
		})
	}
}

func TestALetterThatIsRefusedForAnotherReasonIsNotForbiddenAnyMore(t *testing.T) {
	s := open(t, 0)
	put(t, s, forbidden("a", 1), forbidden("a", 2))
	refused := letter("a", 1)
	refused.Reason, refused.At = "wrong type", refused.At.Add(time.Hour)
	if err := s.Refuse(t.Context(), refused, letter("a", 9)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]document.Position{2}, positions(forbiddenOf(t, s, "a", 9))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]document.DeadLetter{refused, forbidden("a", 2)}, list(t, s)); diff != "" {
		t.Error(diff)
	}
	refused.Forbidden = true
	if err := s.Refuse(t.Context(), refused); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]document.Position{1, 2}, positions(forbiddenOf(t, s, "a", 9))); diff != "" {
		t.Error(diff)
	}
}

func TestRemoveTakesKeysThatAreNotThere(t *testing.T) {
	s := open(t, 0)
	put(t, s, letter("a", 1), letter("a", 2))
	remove(t, s)
	remove(t, s, letter("a", 3), letter("b", 1), letter("a", 1), letter("a", 1))
	if diff := cmp.Diff([]document.Position{2}, positions(list(t, s))); diff != "" {
		t.Error(diff)
	}
}

func TestWhatWasPutSurvivesAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	s := openAt(t, path, Options{})
	put(t, s, letter("a", 1), forbidden("b", 2))
	again := openAt(t, crashed(t, path), Options{})
	if diff := cmp.Diff(list(t, s), list(t, again)); diff != "" {
		t.Error(diff)
	}
}

func TestACancelledContextChangesNothing(t *testing.T) {
	s := open(t, 0)
	put(t, s, letter("a", 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(ctx, letter("a", 2)); err == nil {
		t.Error("Put went on")
	}
	if err := s.Remove(ctx, letter("a", 1)); err == nil {
		t.Error("Remove went on")
	}
	if _, _, err := s.Walk(ctx, "", 0, math.MaxInt64, 1); err == nil {
		t.Error("Walk went on")
	}
	if _, err := s.Heads(ctx, "", 1, 0); err == nil {
		t.Error("Heads went on")
	}
	if _, err := s.Clear(ctx, "", math.MaxInt64); err == nil {
		t.Error("Clear went on")
	}
	if _, err := s.Count(ctx); err == nil {
		t.Error("Count went on")
	}
	if _, err := s.Forbidden(ctx, "a", 1); err == nil {
		t.Error("Forbidden went on")
	}
	if n := len(list(t, s)); n != 1 {
		t.Errorf("%d letters", n)
	}
}

func TestTheBoundHoldsWhenManyPutAtOnce(t *testing.T) {
	const bound = 10
	s := open(t, bound)
	var wg sync.WaitGroup
	for i := range document.Position(4 * bound) {
		wg.Go(func() {
			if err := s.Put(t.Context(), letter("a", i)); err != nil && !strings.Contains(err.Error(), "exceed the bound") {
				t.Error(err)
			}
			if _, err := s.Count(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(list(t, s)); n != bound {
		t.Errorf("%d letters", n)
	}
}

func letter(sink string, position document.Position) document.DeadLetter {
	return document.DeadLetter{
		Sink: sink, Log: "journal", Position: position, Reason: "rejected", At: at,
		Message: document.Message{Topic: "t", Payload: fmt.Appendf(nil, "payload %d", position), Received: at},
	}
}

// junk was rejected on receipt.
func junk(store string, position document.Position) document.DeadLetter {
	l := letter(store, position)
	l.Log = document.ReceiptLog
	return l
}

func withoutZeros(counts map[string]uint64) map[string]uint64 {
	maps.DeleteFunc(counts, func(_ string, n uint64) bool { return n == 0 })
	return counts
}

func forbidden(sink string, position document.Position) document.DeadLetter {
	l := letter(sink, position)
	l.Forbidden = true
	return l
}

func positions(letters []document.DeadLetter) []document.Position {
	var out []document.Position
	for _, l := range letters {
		out = append(out, l.Position)
	}
	return out
}

func put(t *testing.T, s *Store, letters ...document.DeadLetter) {
	t.Helper()
	if err := s.Put(t.Context(), letters...); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, s *Store, letters ...document.DeadLetter) {
	t.Helper()
	if err := s.Remove(t.Context(), letters...); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, s *Store) []document.DeadLetter {
	t.Helper()
	letters, _, err := s.Walk(t.Context(), "", 0, math.MaxInt64, math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	return letters
}

func forbiddenOf(t *testing.T, s *Store, sink string, limit int) []document.DeadLetter {
	t.Helper()
	letters, err := s.Forbidden(t.Context(), sink, limit)
	if err != nil {
		t.Fatal(err)
	}
	return letters
}

// open opens a store whose sinks keep at most maxLetters; zero stands for the default.
func open(t *testing.T, maxLetters int) *Store {
	t.Helper()
	return bounded(t, Options{Sink: Bound{Letters: maxLetters}})
}

func bounded(t *testing.T, opts Options) *Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "test.db"), opts)
}

func openAt(t *testing.T, path string, opts Options) *Store {
	t.Helper()
	db, err := database.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return New(db, opts)
}

// crashed is a copy of the files as a kill would leave them: the database is open,
// and its newest transactions are in the write-ahead log alone.
func crashed(t *testing.T, path string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "crashed.db")
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return copied
}
