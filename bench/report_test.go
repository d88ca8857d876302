package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sample() report {
	r := &rig{
		opts: options{rounds: 3, documents: 50_000, size: 1100},
		machine: machine{
			Cores: 2, CPU: "A CPU", MemoryGiB: 7.9, Kernel: "6.1", Load: "0.10", DataOn: "ext4",
			OpenSearch: "opensearch 3.4.0", Mosquitto: "mosquitto version 2.0.11", Go: "go1.26",
		},
	}
	rounds := []values{
		{"bulk_rate": 60_000, "live_rate": 24_000, "latency_p50": 3.5},
		{"bulk_rate": 50_000, "live_rate": 22_000, "latency_p50": 2.5},
		{"bulk_rate": 40_000, "live_rate": 16_000, "latency_p50": 2.9},
	}
	for _, v := range rounds {
		v.derive()
	}
	out := newReport(r, rounds)
	out.Date = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return out
}

func TestTableShowsMediansGoalsAndRounds(t *testing.T) {
	want := [][]string{
		{"measure", "floor", "goal", "median", "reached", "rounds"},
		{"direct bulk, documents/s", "", "", "50,000", "", "60,000 · 50,000 · 40,000"},
		{"live, documents/s", "", "", "22,000", "", "24,000 · 22,000 · 16,000"},
		{"live, ratio to direct bulk", "≥ 0.38", "≥ 0.42", "0.400", "floor", "0.400 · 0.440 · 0.400"},
		{"single message to indexed, p50 ms", "≤ 3", "≤ 3", "2.9", "goal", "3.5 · 2.5 · 2.9"},
	}
	if diff := cmp.Diff(want, sample().table()); diff != "" {
		t.Error(diff)
	}
}

func TestVerdict(t *testing.T) {
	more := metric{floor: 0.38, goal: 0.42}
	less := metric{floor: 128, goal: 64, atMost: true}
	for name, test := range map[string]struct {
		metric metric
		value  float64
		want   string
	}{
		"a rate above the goal":           {more, 0.5, "goal"},
		"a rate at the goal":              {more, 0.42, "goal"},
		"a rate between the two":          {more, 0.4, "floor"},
		"a rate below the floor":          {more, 0.3, "missed"},
		"a size below the goal":           {less, 60, "goal"},
		"a size between the two":          {less, 100, "floor"},
		"a size above the floor":          {less, 129, "missed"},
		"a value that has no goal at all": {metric{}, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.metric.verdict(test.value); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestThousandsAreGrouped(t *testing.T) {
	for number, want := range map[string]string{
		"0": "0", "999": "999", "1000": "1,000", "1234567.25": "1,234,567.25", "-1000": "-1,000", "-999": "-999", "0.426": "0.426",
	} {
		if got := grouped(number); got != want {
			t.Errorf("grouped(%s) = %s, want %s", number, got, want)
		}
	}
}

func TestColumnsAreAligned(t *testing.T) {
	rows := [][]string{{"a", "goal"}, {"long", "≤ 3"}}
	if got, want := aligned(rows), "a     goal\nlong  ≤ 3\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want := "| a    | goal |\n| ---  | ---  |\n| long | ≤ 3  |\n"
	if got := markdownTable(rows); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestResultsReplaceThoseInTheFileAndNothingElse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "RESULTS.md")
	if err := os.WriteFile(file, []byte("before\n"+markBegin+"\nold\n"+markEnd+"\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // again, in its own output
		if err := sample().writeFile(file); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if want := "before\n" + sample().markdown(sample().blocks()[0]) + "\nafter\n"; string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	for _, want := range []string{
		"2026-01-02, 2 cores (A CPU), 8 GiB, Linux 6.1, data directory on ext4, load average 0.10 in the minute before.",
		"50,000 documents of 1,100 bytes, medians of 3 rounds.",
		"go run ./bench --rounds 3 --documents 50000 --size 1100\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// scaleSample is a report of nothing but that stage.
func scaleSample() report {
	r := sample()
	r.Scale, r.Backlogs = counts{10, 2000, 9}, counts{10}
	r.Medians, r.Values = map[string]float64{
		"scale_10_rate": 40_000, "scale_10_each": 12.34, "scale_10_peak": 70,
		"scale_2000_rate": 39_000, "scale_2000_each": 12, "scale_2000_peak": 71,
		"backlog_10_start": 120, "backlog_10_memory": 30, "backlog_10_rate": 70_000, "backlog_10_each": 9, "backlog_10_peak": 60,
	}, nil
	return r
}

func TestScaleHasTablesOfWhatWasMeasured(t *testing.T) {
	want := []block{{scaleMarkBegin, scaleMarkEnd, "documents of 1,100 bytes, medians of 3 rounds", [][][]string{
		{
			{"messages", "documents/s", "CPU µs per message", "peak memory, MiB"},
			{"10", "40,000", "12.3", "70"},
			{"2,000", "39,000", "12.0", "71"},
		},
		{
			{"backlog", "start to ready, ms", "memory when ready, MiB", "drained, documents/s", "CPU µs per message, start included", "peak memory, MiB"},
			{"10", "120", "30", "70,000", "9.0", "60"},
		},
	}}}
	if diff := cmp.Diff(want, scaleSample().blocks(), cmp.AllowUnexported(block{})); diff != "" {
		t.Error(diff)
	}
}

func TestResultsOfOneStageLeaveTheOthersAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "RESULTS.md")
	kept := markBegin + "\nold\n" + markEnd + "\n"
	if err := os.WriteFile(file, []byte(kept+scaleMarkBegin+"\nold\n"+scaleMarkEnd+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := scaleSample().writeFile(file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if want := kept + scaleSample().markdown(scaleSample().blocks()[0]) + "\n"; string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestAFileWithoutMarksIsLeftAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "RESULTS.md")
	if err := os.WriteFile(file, []byte("notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sample().writeFile(file); err == nil || !strings.Contains(err.Error(), "nothing was written") {
		t.Errorf("got %v", err)
	}
	if text, _ := os.ReadFile(file); string(text) != "notes" {
		t.Errorf("the file is now %s", text)
	}
}

func TestJSONHasEveryValue(t *testing.T) {
	var out bytes.Buffer
	if err := sample().writeJSON(&out); err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), back); diff != "" {
		t.Error(diff)
	}
}

// Every value that a stage measures has a row, and every key is there once.
func TestKeysAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range rows() {
		if seen[m.key] {
			t.Errorf("%s has two rows", m.key)
		}
		seen[m.key] = true
	}
}
