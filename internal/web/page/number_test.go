package page

import (
	"math"
	"strings"
	"testing"
	"time"
)

func plain(s string) string { return strings.ReplaceAll(s, space, " ") }

func TestNumbersAreShortAndKeepTheExactOne(t *testing.T) {
	for n, want := range map[int64][2]string{
		0: {"0", ""}, 842: {"842", ""}, 9999: {"9,999", ""},
		10_000: {"10.0 k", "10,000"}, 12_345: {"12.3 k", "12,345"}, 12_350: {"12.4 k", "12,350"},
		999_949: {"999.9 k", "999,949"}, 999_950: {"1.0 M", "999,950"}, 3_100_000: {"3.1 M", "3,100,000"},
		999_999_999: {"1.0 B", "999,999,999"}, 12_916_987_208: {"12.9 B", "12,916,987,208"},
		9_007_199_254_740_993: {"9,007.2 T", "9,007,199,254,740,993"},
		math.MaxInt64:         {"9,223,372.0 T", "9,223,372,036,854,775,807"},
	} {
		if got := number(&n); plain(got.Short) != want[0] || got.Exact != want[1] || got.None() {
			t.Errorf("%d: got %q", n, got)
		}
	}
	if got := number(nil); !got.None() || got.Exact != "" {
		t.Errorf("nothing: got %q", got)
	}
}

func TestSizesAreInDecimalUnits(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 98_123_456: "98.1 MB", 488_723_114_800: "488.7 GB", 1_200_000_000_000: "1.2 TB",
		math.MaxInt64: "9,223.4 PB",
	} {
		if got := size(&n); plain(got.Short) != want || plain(got.Exact) != grouped(n)+" bytes" {
			t.Errorf("%d: got %q", n, got)
		}
	}
}

func TestSumsStopAtTheLargestNumber(t *testing.T) {
	var s sum
	s.add(nil)
	if s.total != nil {
		t.Errorf("the sum of nothing is %d", *s.total)
	}
	one, largest := int64(1), int64(math.MaxInt64)
	for _, n := range []*int64{&one, nil, &one} {
		s.add(n)
	}
	if *s.total != 2 || one != 1 {
		t.Errorf("1 + 1 = %d, and 1 is %d", *s.total, one)
	}
	if s.add(&largest); *s.total != math.MaxInt64 {
		t.Errorf("the largest and more is %d", *s.total)
	}
}

func TestTimesAreInWords(t *testing.T) {
	const d = 24 * time.Hour
	for past, want := range map[time.Duration]string{
		-time.Hour: "just now", 59 * time.Second: "just now", time.Minute: "1 min ago", 59 * time.Minute: "59 min ago",
		3*time.Hour + 59*time.Minute: "3 h ago", 47 * time.Hour: "47 h ago", 2 * d: "2 d ago", 60 * d: "60 d ago",
		61 * d: "2 mo ago", 400 * d: "13 mo ago", 1000 * d: "2 y ago",
	} {
		if got := plain(ago(past)); got != want {
			t.Errorf("%v: got %q, want %q", past, got, want)
		}
	}
	for ahead, want := range map[time.Duration]string{
		-time.Second: "due now", 0: "due now", time.Second: "within a minute", 90 * time.Second: "in 2 min",
		59*time.Minute + 45*time.Second: "in 1 h", 20*time.Hour + 40*time.Minute: "in 21 h", 6*d + 20*time.Hour: "in 7 d",
	} {
		if got := plain(until(ahead)); got != want {
			t.Errorf("%v: got %q, want %q", ahead, got, want)
		}
	}
	exact := moment(now, &slot)
	if exact.Exact != "2026-11-23 01:00:00 UTC" || exact.Machine != "2026-11-23T01:00:00Z" || exact.None() {
		t.Errorf("got %q", exact)
	}
	if got := moment(now, new(time.Time)); !got.None() {
		t.Errorf("no time: got %q", got)
	}
}

func TestTheWordsOfStrangersAreClipped(t *testing.T) {
	whole := strings.Repeat("ä", maxText)
	if got := clipped(whole); got != whole {
		t.Errorf("got %d bytes", len(got))
	}
	if got := clipped(whole + "ä"); got != whole+"…" {
		t.Errorf("got %d bytes", len(got))
	}
}
