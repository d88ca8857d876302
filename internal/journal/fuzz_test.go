package journal

import (
	"context"
	"encoding/binary"
	"log/slog"
	"os"
	"testing"

	"pulltrail/internal/document"
)

// FuzzRecovery opens a journal whose last segment was changed at an offset, by what stands
// there being replaced, or at its end, by something being added. Whatever it is, the journal
// opens, gives back the entries before the change, and gives no position twice.
func FuzzRecovery(f *testing.F) {
	const kept = 5
	record := appendRecord(nil, message(kept+1), true)
	f.Add(uint16(0), []byte{})
	f.Add(uint16(0), record)                            // a whole batch
	f.Add(uint16(0), record[:len(record)-1])            // a torn one
	f.Add(uint16(0), append(record[:20:20], record...)) // a torn one before a whole one
	f.Add(uint16(0), binary.LittleEndian.AppendUint32(nil, 1<<31))
	f.Add(uint16(1), []byte("not the magic"))
	f.Add(uint16(segmentHeader)+1, []byte{0xff, 0xff, 0xff, 0xff})
	f.Add(uint16(segmentHeader)+101, record)
	f.Fuzz(func(t *testing.T, at uint16, change []byte) {
		dir := t.TempDir()
		j := open(t, dir, Options{})
		add(t, j, 1, kept)
		shut(t, j)
		path := segments(t, dir)[0]
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		intact := kept
		if offset := int(at) - 1; offset < 0 || offset >= len(content) {
			content = append(content, change...)
		} else if n := copy(content[offset:], change); n > 0 {
			intact = max(0, (offset-int(segmentHeader))/((len(content)-int(segmentHeader))/kept))
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		options := Options{MaxBytes: plenty, Log: slog.New(slog.DiscardHandler)}
		if j, err = Open(dir, options); err != nil {
			// Only a segment's header may say that the journal is of a newer version.
			if int(at) < 1 || int64(at) > segmentHeader {
				t.Fatal(err)
			}
			return
		}
		found := readable(t, j)
		if len(found) < intact {
			t.Fatalf("%d entries of %d", len(found), intact)
		}
		equal(t, found[:intact], entries(1, intact))
		before := head(t, j)
		add(t, j, kept+2, kept+2)
		// What cannot be told from a torn write is cut; its positions are not given again.
		if after := head(t, j); after <= max(before, kept) {
			t.Fatalf("position %d was given, after %d at least", after, max(before, kept))
		}
		found = readable(t, j)
		shut(t, j)
		if j, err = Open(dir, options); err != nil {
			t.Fatalf("open once more: %v", err)
		}
		equal(t, readable(t, j), found)
		shut(t, j)
	})
}

// readable are the entries up to damage. Their positions must ascend.
func readable(t *testing.T, j *Journal) (found []document.Entry) {
	t.Helper()
	for last := document.Position(0); ; {
		page, err := j.Read(context.Background(), last, 100, plenty)
		if err != nil || len(page) == 0 {
			return found
		}
		for _, e := range page {
			if e.Position <= last {
				t.Fatalf("position %d after %d", e.Position, last)
			}
			last = e.Position
		}
		found = append(found, page...)
	}
}
