package hub

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// FuzzDecode holds what is read of an answer, or of a row of a listing, against the
// standard library: a count is the number that stands there, or there is none.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"namespace":"a","name":"b","pull_count":12916987208,"star_count":null}`))
	f.Add([]byte(`{"namespace":"a","name":"b","pull_count":1e3}`))
	f.Add([]byte(`{"namespace":"a","name":"b","pull_count":-1}`))
	f.Add([]byte(`{"namespace":"a","name":"b","pull_count":9223372036854775808}`))
	f.Add([]byte("<html>\n<body>Too Many Requests</body></html>"))
	for _, body := range recordedBodies(f) {
		f.Add(body)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte) {
		whole, err := Decode(body, at, at)
		row, rowErr := DecodeRow(body, "a", at, at)
		if (err == nil) != (rowErr == nil) {
			t.Fatalf("as an answer: %v, as a row: %v", err, rowErr)
		}
		if err != nil {
			return
		}
		var said map[string]json.RawMessage
		if err := json.Unmarshal(body, &said); err != nil {
			t.Fatalf("%q was read, and is no JSON: %v", body, err)
		}
		for key, got := range map[string]*int64{"pull_count": &whole.PullCount, "star_count": whole.StarCount, "storage_size": whole.StorageSize} {
			var want json.Number
			if got != nil && (json.Unmarshal(said[key], &want) != nil || want.String() == "" || mustInt(t, want) != *got) {
				t.Fatalf("%s is %d, the answer says %s", key, *got, said[key])
			}
		}
		if row.ID() != whole.ID() || row.PullCount != whole.PullCount || !whole.Slot.Equal(at) {
			t.Fatalf("%+v as a row is %+v", whole, row)
		}
	})
}

func mustInt(t *testing.T, n json.Number) int64 {
	t.Helper()
	i, err := n.Int64()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// recordedBodies are real answers, and the rows of real listings; none where there is no
// folder of them.
func recordedBodies(f *testing.F) (bodies [][]byte) {
	dir := os.Getenv("PULLTRAIL_RECORDED")
	if dir == "" {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no recorded answers in %s (%v)", dir, err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		bodies = append(bodies, body)
		var listing struct{ Results []json.RawMessage }
		if json.NewDecoder(bytes.NewReader(body)).Decode(&listing) == nil {
			for _, row := range listing.Results {
				bodies = append(bodies, row)
			}
		}
	}
	return bodies
}
