package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestTheHistoryOfPagesHasEveryDayOfEveryRepository(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	if err := writeHistory(file, 100, now); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen, newest := map[string]int64{}, time.Time{}
	lines := bufio.NewScanner(f)
	n := 0
	for ; lines.Scan(); n++ {
		var s struct {
			Namespace, Name string
			PullCount       int64 `json:"pull_count"`
			Timestamp       time.Time
		}
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		id := s.Namespace + "/" + s.Name
		if s.PullCount < seen[id] {
			t.Fatalf("%s falls from %d to %d", id, seen[id], s.PullCount)
		}
		seen[id], newest = s.PullCount, s.Timestamp
	}
	if n != 100*pageDays || len(seen) != 100 || !newest.Equal(now.Truncate(24*time.Hour)) {
		t.Errorf("%d lines of %d repositories up to %s", n, len(seen), newest)
	}
	if _, ok := seen["bench2/image42"]; !ok {
		t.Error("the repository whose pages are asked for is not there")
	}
}
