package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// record is the size of message(n) in a segment.
const record = 100

func TestATornTailIsCutAtEveryOffset(t *testing.T) {
	source := t.TempDir()
	j := open(t, source, Options{})
	add(t, j, 1, 3)
	shut(t, j)
	whole, err := os.ReadFile(segments(t, source)[0])
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(whole)) != segmentHeader+3*record {
		t.Fatalf("%d bytes", len(whole))
	}
	for lost := 1; lost < record; lost++ {
		dir := t.TempDir()
		copyDir(t, source, dir)
		if err := os.Truncate(segments(t, dir)[0], int64(len(whole)-lost)); err != nil {
			t.Fatal(err)
		}
		var logs logged
		opts := Options{Log: slog.New(slog.NewTextHandler(&logs, nil))}
		j := open(t, dir, opts)
		equal(t, all(t, j, 0), entries(1, 2))
		if want := fmt.Sprintf("bytes=%d ", record-lost); !strings.Contains(logs.String(), want) {
			t.Fatalf("the log does not say %q: %s", want, logs.String())
		}
		if head(t, j) != 2 {
			t.Fatalf("head = %d", head(t, j))
		}
		add(t, j, 4, 4)
		shut(t, j)
		j = open(t, dir, Options{})
		got := all(t, j, 0)
		if len(got) != 3 || got[2].Position <= 3 {
			t.Fatalf("after another append: %d entries, the last at %d", len(got), got[len(got)-1].Position)
		}
		shut(t, j)
	}
}

// TestNoFlippedBitGoesUnnoticed spoils every byte of a journal: no entry may come
// back altered, and none may be missing without an error or a line in the log.
func TestNoFlippedBitGoesUnnoticed(t *testing.T) {
	source := t.TempDir()
	j := open(t, source, Options{SegmentBytes: 150})
	add(t, j, 1, 6)
	shut(t, j)
	for _, path := range segments(t, source) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range content {
			dir := t.TempDir()
			copyDir(t, source, dir)
			spoilt := slices.Clone(content)
			spoilt[i] ^= 1 << (i % 8)
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), spoilt, 0o600); err != nil {
				t.Fatal(err)
			}
			checkSpoilt(t, dir, fmt.Sprintf("%s, byte %d", filepath.Base(path), i))
		}
	}
}

func checkSpoilt(t *testing.T, dir, what string) {
	t.Helper()
	var logs logged
	j, err := Open(dir, Options{MaxBytes: plenty, SegmentBytes: 150, Log: slog.New(slog.NewTextHandler(&logs, nil))})
	if err != nil {
		if !errors.Is(err, errNewer) {
			t.Errorf("%s: Open = %v", what, err)
		}
		return
	}
	defer shut(t, j)
	got, err := j.Read(t.Context(), 0, plenty, plenty)
	if err == nil && len(got) > 0 {
		_, err = j.Read(t.Context(), got[len(got)-1].Position, plenty, plenty)
	}
	for i, e := range got {
		if diff := cmp.Diff(entries(i+1, i+1)[0], e); diff != "" {
			t.Fatalf("%s: entry %d (-want +got):\n%s", what, i+1, diff)
		}
	}
	if len(got) < 6 && err == nil && !strings.Contains(logs.String(), "bytes=100") {
		t.Errorf("%s: %d entries, and nobody is told", what, len(got))
	}
	if err != nil && !strings.Contains(err.Error(), ".log, offset ") {
		t.Errorf("%s: the error does not name the place: %v", what, err)
	}
	// New entries are not held up, and come behind all that there has ever been.
	if _, err := j.Append(t.Context(), messages(7, 7)); err != nil || head(t, j) < 7 {
		t.Errorf("%s: Append = %v, head %d", what, err, head(t, j))
	}
}

func TestDamageBeforeTheEndStopsReadingThere(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, Options{})
	add(t, j, 1, 9)
	shut(t, j)
	path := segments(t, dir)[0]
	spoil(t, path, segmentHeader+4*record+50)
	var logs logged
	j = open(t, dir, Options{Log: slog.New(slog.NewTextHandler(&logs, nil))})
	if !strings.Contains(logs.String(), "level=ERROR") {
		t.Errorf("log: %s", logs.String())
	}
	equal(t, all(t, j, 0), entries(1, 4))
	_, err := j.Read(t.Context(), 4, 10, plenty)
	if place := fmt.Sprintf("%s, offset %d", path, segmentHeader+4*record); err == nil || !strings.Contains(err.Error(), place) {
		t.Fatalf("Read = %v, not %s", err, place)
	}
	add(t, j, 10, 10)
	newest := head(t, j)
	if newest < 10 {
		t.Fatalf("position %d was given before", newest)
	}
	shut(t, j)
	if err := os.Remove(path); err != nil { // the remedy that the error names
		t.Fatal(err)
	}
	j = open(t, dir, Options{})
	got := all(t, j, 4)
	if len(got) != 1 || got[0].Position != newest {
		t.Errorf("after giving the file up: %v", got)
	}
}

func TestDamageInTheSegmentThatIsWrittenEndsIt(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, Options{})
	add(t, j, 1, 3)
	path := segments(t, dir)[0]
	spoil(t, path, segmentHeader+50)
	if _, err := j.Read(t.Context(), 0, 10, plenty); err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("Read = %v", err)
	}
	shut(t, j)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	j = open(t, dir, Options{})
	add(t, j, 4, 4)
	equal(t, all(t, j, 0), entries(4, 4))
}

func spoil(t *testing.T, path string, offset int64) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[offset] ^= 0xff
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestASegmentThatEndsTooEarlyIsDamaged(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, Options{SegmentBytes: 250})
	add(t, j, 1, 6)
	shut(t, j)
	if err := os.Truncate(segments(t, dir)[0], segmentHeader+2*record); err != nil {
		t.Fatal(err)
	}
	j = open(t, dir, Options{SegmentBytes: 250})
	equal(t, all(t, j, 0), entries(1, 2))
	if _, err := j.Read(t.Context(), 2, 10, plenty); err == nil || !strings.Contains(err.Error(), "ends before position 3") {
		t.Errorf("Read = %v", err)
	}
	equal(t, all(t, j, 3), entries(4, 6))
}

func TestAnAbsurdLengthIsNotBelieved(t *testing.T) {
	content := append(make([]byte, 0, 20), 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8)
	records := newScanner(bytes.NewReader(content), 0, int64(len(content)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := records.next(nil); err == nil {
		t.Error("it was believed")
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

func TestBytesMadeToLookLikeBatchesAreKeptRatherThanSearchedForHours(t *testing.T) {
	tail := make([]byte, 256<<10)
	for i := range tail { // every fourth byte begins a length that fits, with the flag set where the payload begins
		tail[i] = []byte{0x02, 0x02, 0x02, 0x00}[i%4]
	}
	if !holdsBatch(tail) {
		t.Error("given up without keeping the bytes")
	}
}

// TestWhatWasAcknowledgedSurvivesAtAnyMoment copies the directory while it is being
// written, which is what kill -9 leaves.
func TestWhatWasAcknowledgedSurvivesAtAnyMoment(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, Options{SegmentBytes: 20_000})
	var acknowledged atomic.Int64
	for range 15 {
		written := make(chan struct{})
		go func() {
			defer close(written)
			for range 20 {
				n := int(acknowledged.Load())
				if _, err := j.Append(context.Background(), messages(n+1, n+3)); err != nil {
					t.Error(err)
					return
				}
				acknowledged.Store(int64(n + 3))
			}
		}()
		known := int(acknowledged.Load())
		copied := t.TempDir()
		copyDir(t, dir, copied)
		k := open(t, copied, Options{})
		got, err := k.Read(t.Context(), 0, known, plenty)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, got, entries(1, known))
		shut(t, k)
		<-written
	}
}
