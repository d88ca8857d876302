package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"pulltrail/internal/document"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const plenty = 1 << 30

// logged collects what a journal logs.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func open(t testing.TB, dir string, opts Options) *Journal {
	t.Helper()
	if opts.MaxBytes == 0 {
		opts.MaxBytes = plenty
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	j, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, j) })
	return j
}

func shut(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// message is one of 100 bytes in the file.
func message(n int) document.Message {
	return document.Message{
		Topic:    "plant/a/b",
		Payload:  fmt.Appendf(nil, `{"n":%05d,"pad":"%050d"}`, n, 0)[:72],
		Retained: n%2 == 0,
		Received: time.UnixMicro(1_700_000_000_123_456 + int64(n)).UTC(),
	}
}

func messages(from, to int) []document.Message {
	var ms []document.Message
	for n := from; n <= to; n++ {
		ms = append(ms, message(n))
	}
	return ms
}

func entries(from, to int) []document.Entry {
	var es []document.Entry
	for n := from; n <= to; n++ {
		es = append(es, document.Entry{Message: message(n), Position: document.Position(n)})
	}
	return es
}

// add appends message(n) for every n, in batches of one.
func add(t testing.TB, j *Journal, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		if _, err := j.Append(t.Context(), messages(n, n)); err != nil {
			t.Fatalf("append %d: %v", n, err)
		}
	}
}

func all(t testing.TB, j *Journal, after document.Position) []document.Entry {
	t.Helper()
	es, err := j.Read(context.Background(), after, plenty, plenty)
	if err != nil {
		t.Fatalf("read after %d: %v", after, err)
	}
	return es
}

func head(t testing.TB, j *Journal) document.Position {
	t.Helper()
	p, err := j.Head(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func equal(t testing.TB, got, want []document.Entry) {
	t.Helper()
	if reflect.DeepEqual(want, got) || len(want)+len(got) == 0 {
		return // quicker than a diff, which is for people
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("entries (-want +got):\n%s", diff)
	}
}

func segments(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestEntriesComeBackAsTheyWereAppended(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal"), Options{})
	if got := all(t, j, 0); len(got) != 0 || head(t, j) != 0 {
		t.Fatalf("an empty journal has %d entries and head %d", len(got), head(t, j))
	}
	odd := document.Message{Topic: "ü/+", Payload: []byte{}, Received: time.UnixMicro(-5).UTC()}
	outcomes, err := j.Append(t.Context(), append(messages(1, 3), odd))
	if err != nil || len(outcomes) != 4 {
		t.Fatalf("Append = %v, %v", outcomes, err)
	}
	for i, o := range outcomes {
		if o.Err != nil {
			t.Errorf("message %d: %v", i, o.Err)
		}
	}
	equal(t, all(t, j, 0), append(entries(1, 3), document.Entry{Message: odd, Position: 4}))
	equal(t, all(t, j, 2)[:1], entries(3, 3))
	if head(t, j) != 4 {
		t.Errorf("head = %d", head(t, j))
	}
}

func TestReadKeepsItsBounds(t *testing.T) {
	j := open(t, t.TempDir(), Options{SegmentBytes: 250})
	add(t, j, 1, 10)
	size := int64(len(message(1).Topic) + len(message(1).Payload))
	for _, c := range []struct {
		name     string
		after    document.Position
		limit    int
		maxBytes int64
		from, to int
	}{
		{"by number", 0, 3, plenty, 1, 3},
		{"by number across segments", 2, 7, plenty, 3, 9},
		{"by bytes", 0, 100, 4 * size, 1, 4},
		{"by bytes that end within an entry", 0, 100, 4*size - 1, 1, 3},
		{"one entry even if it is too large", 4, 100, 1, 5, 5},
		{"one entry even for no bytes", 4, 100, 0, 5, 5},
		{"nothing for a limit of nothing", 4, 0, plenty, 5, 4},
		{"the last one", 9, 100, plenty, 10, 10},
		{"nothing after the last one", 10, 100, plenty, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := j.Read(t.Context(), c.after, c.limit, c.maxBytes)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, got, entries(c.from, c.to))
		})
	}
	if _, err := j.Read(t.Context(), 11, 1, 1); err == nil || !strings.Contains(err.Error(), "position 11 was never given") {
		t.Errorf("a position that was never given: %v", err)
	}
}

func TestNotifyWakesEveryWaiterOnce(t *testing.T) {
	j := open(t, t.TempDir(), Options{})
	first, second := j.Notify(), j.Notify()
	select {
	case <-first:
		t.Fatal("woken before anything was appended")
	default:
	}
	add(t, j, 1, 1)
	<-first
	<-second
	select {
	case <-j.Notify():
		t.Fatal("woken by the past")
	default:
	}
}

func TestMessagesThatCanNeverBeStoredAreRefusedAlone(t *testing.T) {
	j := open(t, t.TempDir(), Options{})
	batch := messages(1, 2)
	batch = append([]document.Message{{Topic: strings.Repeat("t", 70_000)}}, batch...)
	outcomes, err := j.Append(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	if !document.IsPermanent(outcomes[0].Err) || outcomes[1].Err != nil || outcomes[2].Err != nil {
		t.Errorf("outcomes = %v", outcomes)
	}
	equal(t, all(t, j, 0), entries(1, 2))
	if outcomes, err := j.Append(t.Context(), batch[:1]); err != nil || outcomes[0].Err == nil {
		t.Errorf("alone: %v, %v", outcomes, err)
	}
	if outcomes, err := j.Append(t.Context(), nil); err != nil || len(outcomes) != 0 {
		t.Errorf("an empty batch: %v, %v", outcomes, err)
	}
}

func TestIdentityAndPositionSurviveReopening(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, Options{SegmentBytes: 250})
	id := j.ID(1)
	if len(id) != 36 {
		t.Fatalf("id = %q", id)
	}
	add(t, j, 1, 7)
	shut(t, j)
	j = open(t, dir, Options{SegmentBytes: 250})
	if j.ID(1) != id || head(t, j) != 7 {
		t.Errorf("id %q, head %d after reopening", j.ID(1), head(t, j))
	}
	add(t, j, 8, 9)
	equal(t, all(t, j, 0), entries(1, 9))
	if err := j.Truncate(10); err != nil {
		t.Fatal(err)
	}
	shut(t, j)
	j = open(t, dir, Options{SegmentBytes: 250})
	if got := all(t, j, 9); len(got) != 0 || head(t, j) != 9 {
		t.Fatalf("%d entries, head %d after truncating everything", len(got), head(t, j))
	}
	add(t, j, 10, 10)
	equal(t, all(t, j, 9), entries(10, 10))
}

func TestTruncateGivesSpaceBack(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, Options{SegmentBytes: 250}) // three entries a segment
	add(t, j, 1, 10)
	before := len(segments(t, dir))
	if err := j.Truncate(6); err != nil {
		t.Fatal(err)
	}
	equal(t, all(t, j, 0), entries(4, 10)) // 4 shares a segment with 6
	if after := len(segments(t, dir)); after != before-1 {
		t.Errorf("%d segments became %d", before, after)
	}
	if err := j.Truncate(2); err != nil { // behind what is gone already
		t.Fatal(err)
	}
	if err := j.Truncate(plenty); err != nil {
		t.Fatal(err)
	}
	add(t, j, 11, 11)
	equal(t, all(t, j, 10), entries(11, 11))
	if n := len(segments(t, dir)); n != 1 {
		t.Errorf("%d segments for one entry that is needed", n)
	}
}

func TestAFullJournalRefusesAndDropsNothing(t *testing.T) {
	j := open(t, t.TempDir(), Options{MaxBytes: 1000})
	n := 0
	for {
		if _, err := j.Append(t.Context(), messages(n+1, n+1)); err != nil {
			if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "raise indexer.journal_max_bytes") {
				t.Fatal(err)
			}
			break
		}
		n++
	}
	if bytes, bound := j.Size(); n < 8 || bytes < 800 || bytes > 1000 || bound != 1000 {
		t.Fatalf("%d entries of 100 bytes; %d of %d bytes", n, bytes, bound)
	}
	equal(t, all(t, j, 0), entries(1, n))
	if err := j.Truncate(5); err != nil {
		t.Fatal(err)
	}
	add(t, j, n+1, n+1)
	equal(t, all(t, j, 4), entries(5, n+1))
}

func TestABatchLargerThanTheJournalIsTakenOnceNothingIsUnread(t *testing.T) {
	j := open(t, t.TempDir(), Options{MaxBytes: 1000})
	add(t, j, 1, 1)
	if _, err := j.Append(t.Context(), messages(2, 30)); !errors.Is(err, ErrFull) {
		t.Fatalf("with an unread entry: %v", err)
	}
	if err := j.Truncate(2); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Append(t.Context(), messages(2, 30)); err != nil {
		t.Fatal(err)
	}
	equal(t, all(t, j, 1), entries(2, 30))
}

func TestAClosedJournalSaysSo(t *testing.T) {
	j := open(t, t.TempDir(), Options{})
	shut(t, j)
	shut(t, j)
	_, appendErr := j.Append(t.Context(), messages(1, 1))
	_, readErr := j.Read(t.Context(), 0, 1, 1)
	_, headErr := j.Head(t.Context())
	for _, err := range []error{appendErr, readErr, headErr, j.Truncate(1)} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
}

func TestAnEndedContextStoresNothing(t *testing.T) {
	j := open(t, t.TempDir(), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Append(ctx, messages(1, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Append = %v", err)
	}
	if _, err := j.Read(ctx, 0, 1, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Read = %v", err)
	}
	if head(t, j) != 0 {
		t.Error("something was stored")
	}
}

func TestReadersFollowConcurrentWriters(t *testing.T) {
	const writers, batches, size = 4, 40, 5
	j := open(t, t.TempDir(), Options{SegmentBytes: 4000})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for b := range batches {
				from := (w*batches+b)*size + 1
				if _, err := j.Append(context.Background(), messages(from, from+size-1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			var cursor document.Position
			seen := map[string]bool{}
			for len(seen) < writers*batches*size {
				woken := j.Notify()
				es, err := j.Read(context.Background(), cursor, 7, plenty)
				if err != nil {
					t.Error(err)
					return
				}
				if len(es) == 0 {
					<-woken
				}
				for _, e := range es {
					if e.Position != cursor+1 {
						t.Errorf("position %d after %d", e.Position, cursor)
						return
					}
					cursor = e.Position
					seen[string(e.Payload)] = true
				}
			}
		})
	}
	wg.Go(func() {
		for p := range document.Position(100) {
			if err := j.Truncate(min(p, 1)); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
}

func TestReadingGoesOnWhileTheLogIsTruncated(t *testing.T) {
	j := open(t, t.TempDir(), Options{SegmentBytes: 1000})
	const n = 400
	var wg sync.WaitGroup
	wg.Go(func() { add(t, j, 1, n) })
	wg.Go(func() { // two readers in one: the second begins at the start each time
		var cursor document.Position
		for cursor < n {
			woken := j.Notify()
			es, err := j.Read(context.Background(), cursor, 9, plenty)
			if err != nil {
				t.Error(err)
				return
			}
			if len(es) == 0 {
				<-woken
				continue
			}
			cursor = es[len(es)-1].Position
			if err := j.Truncate(cursor + 1); err != nil {
				t.Error(err)
			}
			if _, err := j.Read(context.Background(), 0, 9, plenty); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
}

func TestMetricsTellTheSizeAndTheRefusals(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	dir := t.TempDir()
	j := open(t, dir, Options{MaxBytes: 1000, SegmentBytes: 250, Registerer: registry})
	add(t, j, 1, 4)
	if _, err := j.Append(t.Context(), messages(5, 30)); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	want := `
# HELP pulltrail_journal_appended_entries_total Entries that were made durable.
# TYPE pulltrail_journal_appended_entries_total counter
pulltrail_journal_appended_entries_total 4
# HELP pulltrail_journal_bytes Size of the journal's segments.
# TYPE pulltrail_journal_bytes gauge
pulltrail_journal_bytes 448
# HELP pulltrail_journal_max_bytes Size at which the journal refuses documents.
# TYPE pulltrail_journal_max_bytes gauge
pulltrail_journal_max_bytes 1000
# HELP pulltrail_journal_refused_batches_total Batches that were refused because the journal was full.
# TYPE pulltrail_journal_refused_batches_total counter
pulltrail_journal_refused_batches_total 1
# HELP pulltrail_journal_segments Number of the journal's segment files.
# TYPE pulltrail_journal_segments gauge
pulltrail_journal_segments 2
`
	err := testutil.GatherAndCompare(registry, strings.NewReader(want), "pulltrail_journal_appended_entries_total",
		"pulltrail_journal_bytes", "pulltrail_journal_max_bytes", "pulltrail_journal_refused_batches_total", "pulltrail_journal_segments")
	if err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(registry, "pulltrail_journal_fsync_duration_seconds"); n != 1 || err != nil {
		t.Errorf("fsync histogram: %d, %v", n, err)
	}
	if _, err := Open(t.TempDir(), Options{MaxBytes: 1000, Registerer: registry, Log: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("two journals in one registry")
	}
	shut(t, j)
	shut(t, open(t, dir, Options{Registerer: registry}))
}

const someID = "7f2c5a53-0c3e-4c65-9d5f-0a6d1b1f7a11"

func TestOpenRefusesWhatItCannotUnderstand(t *testing.T) {
	write := func(name, content string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name   string
		spoil  func(t *testing.T, dir string)
		reason string
	}{
		{"an identity that is no UUID", write("id", "hello\n"), `"hello" is not a UUID`},
		{"an empty identity", write("id", "\n"), "is empty"},
		{"a further identity without its position", write("id", someID+"\n"+someID+" x\n"), "is not a UUID with its position"},
		{"identities out of order", write("id", someID+"\n"+someID+" 7\n"+someID+" 3\n"), someID + ` 3" is not a UUID with its position`},
		{"a file that is not named by a position", write("first.log", ""), "is not named as a segment"},
		{"a segment of a newer version", write("00000000000000000009.log", magic+"\x02\x00\x00\x00"), "format 2, written by a newer version of Pulltrail"},
		{"segments that are gone", func(t *testing.T, dir string) {
			t.Helper()
			for _, path := range segments(t, dir) {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		}, "the segments are gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			j := open(t, dir, Options{})
			add(t, j, 1, 3)
			shut(t, j)
			c.spoil(t, dir)
			j, err := Open(dir, Options{MaxBytes: plenty, Log: slog.New(slog.DiscardHandler)})
			if err == nil {
				shut(t, j)
			}
			if err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("Open = %v", err)
			}
		})
	}
	if _, err := Open(t.TempDir(), Options{}); err == nil || !strings.Contains(err.Error(), "journal_max_bytes") {
		t.Errorf("without a bound: %v", err)
	}
}

func TestARestoredJournalWithoutIdentityGetsANewOne(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, Options{})
	id := j.ID(1)
	add(t, j, 1, 2)
	shut(t, j)
	if err := os.Remove(filepath.Join(dir, "id")); err != nil {
		t.Fatal(err)
	}
	j = open(t, dir, Options{})
	if j.ID(1) == id || len(j.ID(1)) != 36 {
		t.Errorf("id = %q", j.ID(1))
	}
	equal(t, all(t, j, 0), entries(1, 2))
}
