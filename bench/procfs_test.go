package main

import (
	"os"
	"strings"
	"testing"
)

func TestCPUTimeIsReadBehindAnyName(t *testing.T) {
	const stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 9 0 1000 1 1"
	if got, err := parseStat([]byte(stat)); err != nil || got != 1.75 {
		t.Errorf("got %v, %v, want 1.75", got, err)
	}
	if _, err := parseStat([]byte("42 (a) S 1")); err == nil {
		t.Error("a short line is no error")
	}
}

func TestMemoryIsReadFromStatus(t *testing.T) {
	const status = "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n"
	if got, err := parseKilobytes(status, memoryPeak); err != nil || got != 2048 {
		t.Errorf("got %v, %v, want 2048", got, err)
	}
	if _, err := parseKilobytes(status, "VmSwap"); err == nil {
		t.Error("a missing line is no error")
	}
}

func TestOwnProcessIsMeasured(t *testing.T) {
	if _, err := cpuSeconds(os.Getpid()); err != nil {
		t.Error(err)
	}
	if got, err := memoryMiB(os.Getpid(), memoryNow); err != nil || got <= 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAMetricOfALogIsRead(t *testing.T) {
	const metrics = `# HELP pulltrail_indexer_lag_entries Entries of the log that are not settled yet.
pulltrail_indexer_lag_entries{log="history",sink="opensearch"} 0
pulltrail_indexer_lag_entries{log="journal",sink="opensearch"} 1.5e+06
`
	if got, err := parseMetric(strings.NewReader(metrics), lagEntries, "journal"); err != nil || got != 1_500_000 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := parseMetric(strings.NewReader(metrics), cursorPosition, "journal"); err == nil {
		t.Error("missing metrics are no error")
	}
}
