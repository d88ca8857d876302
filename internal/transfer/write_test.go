package transfer

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pulltrail/internal/control"
	"pulltrail/internal/hub"
)

const (
	full = `{"user":"a","name":"b","namespace":"a","pull_count":12916987208,"star_count":3,"storage_size":9,"last_updated":"2026-01-30T03:04:05.5+01:00","is_private":true,"description":"=1+1 <&>","timestamp":"2026-01-31T01:00:05+01:00","slot":"2026-01-31T00:00:00Z"}`
	bare = `{"name":"b","namespace":"a","pull_count":0,"timestamp":"2026-01-31T01:00:05Z"}`
)

func TestSnapshotsAreWritten(t *testing.T) {
	for format, want := range map[string]string{
		CSV: "namespace,name,timestamp,slot,pull_count,star_count,storage_size,last_updated,is_private\n" +
			"a,b,2026-01-31T00:00:05Z,2026-01-31T00:00:00Z,12916987208,3,9,2026-01-30T02:04:05.5Z,true\n" +
			"a,b,2026-01-31T01:00:05Z,2026-01-31T01:00:05Z,0,,,,false\n",
		JSON:      "[\n" + full + ",\n" + bare + "\n]\n",
		JSONLines: full + "\n" + bare + "\n",
	} {
		t.Run(format, func(t *testing.T) {
			var out bytes.Buffer
			w := NewWriter(&out, format)
			err := errors.Join(w.Snapshots([][]byte{[]byte(full)}), w.Snapshots([][]byte{[]byte(bare)}), w.Close(false))
			if diff := cmp.Diff(want, out.String()); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestDaysAreWritten(t *testing.T) {
	days := []control.Day{{Repository: hub.Repository{Namespace: "a", Name: "b"}, Date: "2026-01-31", Pulls: 7, Partial: true}}
	for format, want := range map[string]string{
		CSV:       "namespace,name,date,pulls,gap,partial\na,b,2026-01-31,7,false,true\n",
		JSON:      "[\n" + `{"namespace":"a","name":"b","date":"2026-01-31","pulls":7,"gap":false,"partial":true}` + "\n]\n",
		JSONLines: `{"namespace":"a","name":"b","date":"2026-01-31","pulls":7,"gap":false,"partial":true}` + "\n",
	} {
		var out bytes.Buffer
		w := NewWriter(&out, format)
		if err := errors.Join(w.Days(days), w.Close(true)); err != nil || out.String() != want {
			t.Errorf("%s, %v", out.String(), err)
		}
	}
}

func TestNothingIsWrittenAsNothing(t *testing.T) {
	for format, want := range map[string][2]string{
		CSV:       {strings.Join(snapshotHeader, ",") + "\n", strings.Join(dayHeader, ",") + "\n"},
		JSON:      {"[]\n", "[]\n"},
		JSONLines: {"", ""},
	} {
		for i, days := range []bool{false, true} {
			var out bytes.Buffer
			if err := NewWriter(&out, format).Close(days); err != nil || out.String() != want[i] {
				t.Errorf("%s: %q, %v", format, out.String(), err)
			}
		}
	}
}

// full disk.
type noRoom struct{}

var errNoRoom = errors.New("no room")

func (noRoom) Write([]byte) (int, error) { return 0, errNoRoom }

func TestAWriteThatFailsIsReported(t *testing.T) {
	large := bytes.Repeat([]byte("x"), 1<<20)
	for _, format := range []string{CSV, JSON, JSONLines} {
		w := NewWriter(noRoom{}, format)
		if format != CSV {
			if err := w.Snapshots([][]byte{large}); !errors.Is(err, errNoRoom) {
				t.Errorf("%s: %v", format, err)
			}
		} else if err := w.Snapshots([][]byte{[]byte(bare)}); err != nil {
			t.Error(err)
		}
		if err := w.Close(false); !errors.Is(err, errNoRoom) {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// anySnapshot draws snapshots as Docker Hub and others have sent them.
func anySnapshot(t *rapid.T) hub.Snapshot {
	name := rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,6}`)
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		at := time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "micros"))
		return at.In(time.FixedZone("", 60*rapid.IntRange(-720, 840).Draw(t, "offset")))
	})
	namespace := name.Draw(t, "namespace")
	fields := []hub.Field{
		{Key: "name", Value: quoted(name.Draw(t, "name"))},
		{Key: "namespace", Value: quoted(namespace)},
		{Key: "pull_count", Value: fmt.Append(nil, rapid.Int64Range(0, math.MaxInt64).Draw(t, "pulls"))},
		{Key: "timestamp", Value: quoted(moment.Draw(t, "timestamp").Format(time.RFC3339Nano))},
	}
	optional := func(key string, value []byte) {
		if rapid.Bool().Draw(t, "has "+key) {
			fields = append(fields, hub.Field{Key: key, Value: value})
		}
	}
	optional("slot", quoted(moment.Draw(t, "slot").Format(time.RFC3339Nano)))
	optional("star_count", fmt.Append(nil, rapid.Int64Range(0, math.MaxInt64).Draw(t, "stars")))
	optional("storage_size", fmt.Append(nil, rapid.Int64Range(0, math.MaxInt64).Draw(t, "size")))
	optional("last_updated", quoted(moment.Draw(t, "updated").Format(time.RFC3339Nano)))
	optional("is_private", fmt.Append(nil, rapid.Bool().Draw(t, "private")))
	optional("description", fmt.Appendf(nil, "%q", rapid.StringMatching(`[ -~]{0,12}`).Draw(t, "description")))
	s, err := hub.Restore(rapid.Permutation(fields).Draw(t, "order"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func exported(t *rapid.T, format string, snapshots []hub.Snapshot) []byte {
	var out bytes.Buffer
	w := NewWriter(&out, format)
	for _, s := range snapshots {
		if err := w.Snapshots([][]byte{s.Encode()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(false); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func imported(t *rapid.T, text []byte) (items []Item) {
	f, err := NewFile(bytes.NewReader(text), FileOptions{Now: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	for {
		item, err := f.Next(context.Background())
		if err != nil {
			return items
		}
		items = append(items, item)
	}
}

func TestWhatIsExportedAsLinesIsImportedByteForByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snapshots := rapid.SliceOfN(rapid.Custom(anySnapshot), 1, 5).Draw(t, "snapshots")
		items := imported(t, exported(t, JSONLines, snapshots))
		if len(items) != len(snapshots) {
			t.Fatalf("%d of %d", len(items), len(snapshots))
		}
		for i, item := range items {
			if want := snapshots[i].Encode(); item.Fate != Snapshot || !bytes.Equal(item.Payload, want) {
				t.Errorf("%s became %s %s", want, item.Payload, item.Reason)
			}
		}
	})
}

func TestWhatIsExportedAsCSVIsImportedWithItsNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snapshots := rapid.SliceOfN(rapid.Custom(anySnapshot), 1, 5).Draw(t, "snapshots")
		text := exported(t, CSV, snapshots)
		items := imported(t, text)
		if len(items) != len(snapshots) {
			t.Fatalf("%d of %d", len(items), len(snapshots))
		}
		for i, item := range items {
			got, err := hub.Parse(item.Payload)
			if err != nil {
				t.Fatalf("%v, refused: %s", err, item.Reason)
			}
			want := snapshots[i]
			if got.ID() != want.ID() || got.Private != want.Private || got.PullCount != want.PullCount ||
				!got.Timestamp.Equal(want.Timestamp) || !cmp.Equal(got.StarCount, want.StarCount) ||
				!cmp.Equal(got.StorageSize, want.StorageSize) || !cmp.Equal(got.LastUpdated, want.LastUpdated) {
				t.Errorf("%s became %s", want.Encode(), item.Payload)
			}
		}
		// No cell is a formula to a spreadsheet.
		table, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, cells := range table {
			for _, cell := range cells {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Errorf("a cell is %q", cell)
				}
			}
		}
	})
}
