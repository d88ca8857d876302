package indexer

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"pulltrail/internal/document"
	"pulltrail/internal/search"
)

// expectMetrics compares the metrics of these names, or all.
func (b *bench) expectMetrics(t *testing.T, want string, names ...string) {
	t.Helper()
	if err := testutil.GatherAndCompare(b.registry, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) {
			b.sink.refuse["log-1"] = []error{caused{errors.New("429"), "overloaded"}}
			b.sink.refuse["log-2"] = []error{document.Permanent(errors.New("no"))}
			b.log.append("s", objects(4)...)
		})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		b.sink.set(func(s *memorySink) { s.down = errors.New("away") })
		b.log.append("s", objects(2)...)
		synctest.Wait()
		b.stop()
		const want = `
# HELP pulltrail_indexer_batch_documents Documents of a request that the sink has answered.
# TYPE pulltrail_indexer_batch_documents histogram
pulltrail_indexer_batch_documents_bucket{log="journal",sink="memory",le="1"} 2
pulltrail_indexer_batch_documents_bucket{log="journal",sink="memory",le="2"} 2
pulltrail_indexer_batch_documents_bucket{log="journal",sink="memory",le="5"} 3
pulltrail_indexer_batch_documents_bucket{log="journal",sink="memory",le="10"} 3
pulltrail_indexer_batch_documents_bucket{log="journal",sink="memory",le="20"} 3
pulltrail_indexer_batch_documents_bucket{log="journal",sink="memory",le="50"} 3
pulltrail_indexer_batch_documents_bucket{log="journal",sink="memory",le="100"} 3
pulltrail_indexer_batch_documents_bucket{log="journal",sink="memory",le="200"} 3
pulltrail_indexer_batch_documents_bucket{log="journal",sink="memory",le="500"} 3
pulltrail_indexer_batch_documents_bucket{log="journal",sink="memory",le="1000"} 3
pulltrail_indexer_batch_documents_bucket{log="journal",sink="memory",le="2000"} 3
pulltrail_indexer_batch_documents_bucket{log="journal",sink="memory",le="5000"} 3
pulltrail_indexer_batch_documents_bucket{log="journal",sink="memory",le="10000"} 3
pulltrail_indexer_batch_documents_bucket{log="journal",sink="memory",le="+Inf"} 3
pulltrail_indexer_batch_documents_sum{log="journal",sink="memory"} 5
pulltrail_indexer_batch_documents_count{log="journal",sink="memory"} 3
# HELP pulltrail_indexer_batches_total Batches that were settled.
# TYPE pulltrail_indexer_batches_total counter
pulltrail_indexer_batches_total{log="journal",sink="memory"} 2
# HELP pulltrail_indexer_cursor_position Position in the log up to which everything is settled.
# TYPE pulltrail_indexer_cursor_position gauge
pulltrail_indexer_cursor_position{log="journal",sink="memory"} 4
# HELP pulltrail_indexer_dead_letters_total Documents that became dead letters, by cause.
# TYPE pulltrail_indexer_dead_letters_total counter
pulltrail_indexer_dead_letters_total{cause="refused",log="journal",sink="memory"} 1
# HELP pulltrail_indexer_documents_total Documents that the sink has stored or had already.
# TYPE pulltrail_indexer_documents_total counter
pulltrail_indexer_documents_total{log="journal",sink="memory"} 3
# HELP pulltrail_indexer_failures_total Tries that failed and are repeated, by cause.
# TYPE pulltrail_indexer_failures_total counter
pulltrail_indexer_failures_total{cause="other",log="journal",sink="memory"} 1
pulltrail_indexer_failures_total{cause="overloaded",log="journal",sink="memory"} 1
# HELP pulltrail_indexer_lag_entries Entries of the log that are not settled yet.
# TYPE pulltrail_indexer_lag_entries gauge
pulltrail_indexer_lag_entries{log="journal",sink="memory"} 2
# HELP pulltrail_indexer_lag_seconds Time since the receipt of the oldest entry that is not settled; 0 when there is none.
# TYPE pulltrail_indexer_lag_seconds gauge
pulltrail_indexer_lag_seconds{log="journal",sink="memory"} 0
# HELP pulltrail_indexer_latency_seconds Time from the receipt of a message until the sink has its document. Without what stood in the log when the process started, and without dead letters that were stored after all.
# TYPE pulltrail_indexer_latency_seconds histogram
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.001"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.0025"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.005"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.01"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.025"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.05"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.1"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.25"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.5"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="1"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="2.5"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="5"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="10"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="30"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="60"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="300"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="900"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="3600"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="14400"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="43200"} 0
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="+Inf"} 0
pulltrail_indexer_latency_seconds_sum{log="journal",sink="memory"} 0
pulltrail_indexer_latency_seconds_count{log="journal",sink="memory"} 0
# HELP pulltrail_indexer_redelivered_total Dead letters that were stored after all.
# TYPE pulltrail_indexer_redelivered_total counter
pulltrail_indexer_redelivered_total{log="journal",sink="memory"} 0
# HELP pulltrail_indexer_skipped_total Replayed messages that are not stored again.
# TYPE pulltrail_indexer_skipped_total counter
pulltrail_indexer_skipped_total{log="journal",sink="memory"} 0
`
		b.expectMetrics(t, want)
	})
}

func TestLatencyIsOfWhatWasReceivedSinceTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *held
		b := follow(t, func(b *bench) {
			h = hold(b, "log-3")
			b.log.appendAt(time.Now().Add(-time.Hour), "s", `{"n":1}`)
		})
		quiet()
		b.log.append("s", `{"n":2}`)
		quiet()
		b.log.append("s", `{"n":3}`, `not json`, `{"n":5}`)
		time.Sleep(7 * time.Second)
		close(h.waits["log-3"])
		quiet()
		b.log.appendAt(time.Now().Add(time.Hour), "s", `{"n":6}`) // the clock was set back
		quiet()
		b.stop()
		b.expectStored(t, 1, 2, 3, 5, 6)
		b.expectMetrics(t, `
# HELP pulltrail_indexer_latency_seconds Time from the receipt of a message until the sink has its document. Without what stood in the log when the process started, and without dead letters that were stored after all.
# TYPE pulltrail_indexer_latency_seconds histogram
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.001"} 2
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.0025"} 2
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.005"} 2
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.01"} 2
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.025"} 2
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.05"} 2
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.1"} 2
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.25"} 2
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="0.5"} 2
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="1"} 2
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="2.5"} 2
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="5"} 2
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="10"} 4
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="30"} 4
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="60"} 4
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="300"} 4
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="900"} 4
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="3600"} 4
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="14400"} 4
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="43200"} 4
pulltrail_indexer_latency_seconds_bucket{log="journal",sink="memory",le="+Inf"} 4
pulltrail_indexer_latency_seconds_sum{log="journal",sink="memory"} 14
pulltrail_indexer_latency_seconds_count{log="journal",sink="memory"} 4
`, "pulltrail_indexer_latency_seconds")
	})
}

func TestEveryCauseOfASinkIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) {
			for class := search.Unexpected; class <= search.TooLarge; class++ {
				b.sink.refuse["log-1"] = append(b.sink.refuse["log-1"], fmt.Errorf("index i: %w", &search.Error{Class: class}))
			}
			b.log.append("s", objects(1)...)
		})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		b.stop()
		b.expectStored(t, 1)
		b.expectMetrics(t, `
# HELP pulltrail_indexer_failures_total Tries that failed and are repeated, by cause.
# TYPE pulltrail_indexer_failures_total counter
pulltrail_indexer_failures_total{cause="authentication",log="journal",sink="memory"} 1
pulltrail_indexer_failures_total{cause="blocked",log="journal",sink="memory"} 1
pulltrail_indexer_failures_total{cause="exists",log="journal",sink="memory"} 1
pulltrail_indexer_failures_total{cause="forbidden",log="journal",sink="memory"} 1
pulltrail_indexer_failures_total{cause="missing",log="journal",sink="memory"} 1
pulltrail_indexer_failures_total{cause="overloaded",log="journal",sink="memory"} 1
pulltrail_indexer_failures_total{cause="refused",log="journal",sink="memory"} 1
pulltrail_indexer_failures_total{cause="too_large",log="journal",sink="memory"} 1
pulltrail_indexer_failures_total{cause="unavailable",log="journal",sink="memory"} 1
pulltrail_indexer_failures_total{cause="unexpected",log="journal",sink="memory"} 1
pulltrail_indexer_failures_total{cause="unreachable",log="journal",sink="memory"} 1
`, "pulltrail_indexer_failures_total")
	})
}

func TestEveryCauseOfOurOwnIsCounted(t *testing.T) {
	broken := errors.New("disk I/O error")
	for cause, fault := range map[string]func(*bench){
		"log":          func(b *bench) { b.log.fail = broken },
		"cursor":       func(b *bench) { b.cursors.fail = broken },
		"dead_letters": func(b *bench) { b.letters.full = broken },
		"other":        func(b *bench) { b.sink.ping = broken },
	} {
		t.Run(cause, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := follow(t, func(b *bench) {
					b.log.append("s", "not json")
					fault(b)
				})
				synctest.Wait()
				b.expectMetrics(t, fmt.Sprintf(`
# HELP pulltrail_indexer_failures_total Tries that failed and are repeated, by cause.
# TYPE pulltrail_indexer_failures_total counter
pulltrail_indexer_failures_total{cause=%q,log="journal",sink="memory"} 1
`, cause), "pulltrail_indexer_failures_total")
				b.stop()
			})
		})
	}
}

// BenchmarkSort is the work for the answers to one request of a thousand documents,
// metrics included.
func BenchmarkSort(b *testing.B) {
	f := idle("journal", prometheus.NewRegistry())
	entries := make([]document.Entry, 1000)
	for i := range entries {
		entries[i] = document.Entry{Position: document.Position(i + 1), Message: document.Message{Received: time.Now().UTC()}}
	}
	results, docs := make([]error, len(entries)), make([]document.Document, len(entries))
	left := make([]document.Entry, len(entries))
	for b.Loop() {
		copy(left, entries) // sort forgets what is stored
		if err := f.sort(&batch{entries: left, docs: docs}, results); err.err != nil {
			b.Fatal(err)
		}
	}
}
