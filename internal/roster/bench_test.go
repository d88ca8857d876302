package roster

import (
	"testing"
	"time"
)

// BenchmarkReport reports a namespace of 100,000 repositories, 100 rows at a time, for
// one slot after the other: all are in the roster before the first.
func BenchmarkReport(b *testing.B) {
	const n = 100_000
	s := open(b)
	slot := start
	fill(b, s, slot, n)
	rows := 0
	for b.Loop() {
		slot = slot.Add(time.Hour)
		fill(b, s, slot, n)
		rows += n
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkNewRows reports 100,000 repositories that are not in the roster.
func BenchmarkNewRows(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		b.StopTimer()
		s := open(b)
		b.StartTimer()
		fill(b, s, start, n)
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkEach visits 100,000 entries.
func BenchmarkEach(b *testing.B) {
	const n = 100_000
	s := open(b)
	fill(b, s, start, n)
	for b.Loop() {
		visits := 0
		if err := s.Each(b.Context(), func(Entry) bool { visits++; return true }); err != nil || visits != n {
			b.Fatal(visits, err)
		}
	}
}

// BenchmarkUnseen looks for what is unseen among 100,000 that were all seen.
func BenchmarkUnseen(b *testing.B) {
	s := open(b)
	fill(b, s, start, 100_000)
	for b.Loop() {
		if unseen, err := s.Unseen(b.Context(), "big", start, 3); err != nil || unseen != nil {
			b.Fatal(unseen, err)
		}
	}
}
