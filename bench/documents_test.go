package main

import (
	"encoding/json"
	"strconv"
	"testing"

	"pulltrail/internal/hub"
)

func TestDocumentsAreJSONOfTheirSize(t *testing.T) {
	generate := documentMessages(1100)
	for _, n := range []int{0, 7, 49_999, 2_000_000} {
		var document struct {
			N       *int
			Message string
		}
		text := generate(nil, n)
		if err := json.Unmarshal(text, &document); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if document.N == nil || *document.N != n || document.Message == "" {
			t.Errorf("document %d is %s", n, text)
		}
		if digits := len(strconv.Itoa(n)); len(text) < 1100 || len(text) > 1100+2*digits {
			t.Errorf("document %d has %d bytes", n, len(text))
		}
	}
}

func TestSnapshotsAreDistinctSnapshotsOfTheirSize(t *testing.T) {
	generate := snapshotMessages(1100)
	seen := map[string]bool{}
	for n := range 1000 {
		text := generate(nil, n)
		s, err := hub.Parse(text)
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if seen[s.ID()] || s.PullCount != int64(n) {
			t.Errorf("snapshot %d is %s with %d pulls, seen: %v", n, s.ID(), s.PullCount, seen[s.ID()])
		}
		seen[s.ID()] = true
		if len(text) < 1100 || len(text) > 1110 {
			t.Errorf("snapshot %d has %d bytes", n, len(text))
		}
	}
}

func TestTheSmallestSizeHoldsAllFields(t *testing.T) {
	for name, generate := range map[string]generator{"document": documentMessages(minSize), "snapshot": snapshotMessages(minSize)} {
		if text := generate(nil, 0); len(text) != minSize || !json.Valid(text) {
			t.Errorf("%s of %d bytes has %d: %s", name, minSize, len(text), text)
		}
	}
}

func TestBulkBodiesHoldEachDocumentOnce(t *testing.T) {
	bodies := bulkBodies("index", 2*bulkSize+1, documentMessages(minSize))
	if len(bodies) != 3 {
		t.Fatalf("%d bodies", len(bodies))
	}
	want := `{"create":{"_index":"index","_id":"[2000]"}}` + "\n" + string(documentMessages(minSize)(nil, 2000)) + "\n"
	if got := string(bodies[2]); len(got) != len(want) || got[:50] != want[:50] {
		t.Errorf("got %s, want %s", got, want)
	}
}
