package journal

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pulltrail/internal/document"
)

// put writes what was captured into a new directory.
func put(t testing.TB, c *Capture) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, f := range c.Files {
		content, err := io.ReadAll(f.Read())
		if err != nil || int64(len(content)) != f.Size {
			t.Fatalf("%s: %d of %d bytes, %v", f.Name, len(content), f.Size, err)
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	return dir
}

func nothing() error { return nil }

func TestACaptureHoldsWhatIsTruncatedLater(t *testing.T) {
	j := open(t, t.TempDir(), Options{SegmentBytes: 250})
	add(t, j, 1, 20)
	c, err := j.Capture(nothing)
	if err != nil || c.Entries != 20 {
		t.Fatalf("%+v, %v", c, err)
	}
	add(t, j, 21, 40)
	if err := j.Truncate(41); err != nil {
		t.Fatal(err)
	}
	again := open(t, put(t, c), Options{SegmentBytes: 250})
	equal(t, all(t, again, 0), entries(1, 20))
	if again.ID(1) != j.ID(1) || head(t, again) != 20 {
		t.Errorf("id %q, head %d", again.ID(1), head(t, again))
	}
}

func TestACaptureHasWhatWasReadBeforeIt(t *testing.T) {
	j := open(t, t.TempDir(), Options{SegmentBytes: 1000})
	ctx := t.Context()
	var mu sync.Mutex
	var cursor document.Position
	var wg sync.WaitGroup
	defer wg.Wait()
	stop := make(chan struct{})
	defer close(stop)
	wg.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := j.Append(ctx, messages(n, n)); err != nil {
				t.Errorf("append: %v", err)
				return
			}
			if n%3 == 0 { // followed at once
				mu.Lock()
				cursor = document.Position(n)
				mu.Unlock()
				if err := j.Truncate(document.Position(n + 1)); err != nil {
					t.Errorf("truncate: %v", err)
				}
			}
		}
	})
	for range 25 {
		var seen, newest document.Position
		c, err := j.Capture(func() (err error) {
			mu.Lock()
			seen = cursor
			mu.Unlock()
			newest, err = j.Head(ctx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		again := open(t, put(t, c), Options{SegmentBytes: 1000})
		if head(t, again) != newest || seen > newest {
			t.Fatalf("the head is %d, was %d; the cursor %d", head(t, again), newest, seen)
		}
		equal(t, all(t, again, seen), entries(int(seen)+1, int(newest))) //nolint:gosec // small
	}
}

func TestAJournalThatNobodyHasOpenIsCapturedAsItIs(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, Options{SegmentBytes: 250})
	add(t, j, 1, 20)
	shut(t, j)
	segment := segments(t, dir)
	last := segment[len(segment)-1]
	f, err := os.OpenFile(last, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("torn"); err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	c, err := CaptureDir(dir)
	if err != nil || c.Entries != 20 {
		t.Fatalf("%+v, %v", c, err)
	}
	equal(t, all(t, open(t, put(t, c), Options{}), 0), entries(1, 20))
	if after, err := os.ReadFile(last); err != nil || string(after) != string(before) {
		t.Errorf("the original was changed (%v)", err)
	}
}

func TestThereMayBeNothingToCapture(t *testing.T) {
	dir := t.TempDir()
	for _, missing := range []string{dir, filepath.Join(dir, "none")} {
		if c, err := CaptureDir(missing); !errors.Is(err, os.ErrNotExist) || c != nil {
			t.Errorf("%v, %v", c, err)
		}
	}
	j := open(t, dir, Options{})
	wrong := errors.New("wrong")
	if c, err := j.Capture(func() error { return wrong }); !errors.Is(err, wrong) || c != nil {
		t.Errorf("%v, %v", c, err)
	}
	shut(t, j)
	if _, err := j.Capture(nothing); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed one: %v", err)
	}
}

func TestARenewedJournalKeepsTheNamesOfItsEntriesAndGivesNewOnes(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, Options{})
	add(t, j, 1, 5)
	first := j.ID(1)
	shut(t, j)
	renew := func() *Journal {
		t.Helper()
		if err := Renew(dir, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		return open(t, dir, Options{})
	}
	for range 2 { // the second time nothing has come since
		j = renew()
		if j.ID(1) != first || j.ID(5) != first || j.ID(6) == first || j.ID(6) != j.ID(1000) {
			t.Errorf("the identities are %v", j.generations)
		}
		shut(t, j)
	}
	j = open(t, dir, Options{})
	second := j.ID(6)
	add(t, j, 6, 8)
	shut(t, j)
	j = renew()
	if len(j.generations) != 3 || j.ID(5) != first || j.ID(6) != second || j.ID(8) != second || j.ID(9) == second {
		t.Errorf("the identities are %v", j.generations)
	}
	equal(t, all(t, j, 0), entries(1, 8))
}

// A journal of the first format, as it was written in 2026, is read for ever.
func TestAJournalOfTheFirstFormatIsRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "format1"))); err != nil {
		t.Fatal(err)
	}
	j := open(t, dir, Options{})
	want := []document.Entry{
		{Position: 41, Message: document.Message{Topic: "sensors/1", Payload: []byte(`{"n":1}`), Received: time.UnixMicro(1769821200000001).UTC()}},
		{Position: 42, Message: document.Message{Topic: "sensors/2", Payload: []byte(`{"n":2}`), Received: time.UnixMicro(1769821200000002).UTC(), Retained: true}},
	}
	equal(t, all(t, j, 0), want)
	if j.ID(41) != someID || head(t, j) != 42 {
		t.Errorf("id %s, head %d", j.ID(41), head(t, j))
	}
}
