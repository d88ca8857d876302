package indexer

import (
	"testing"
	"time"
)

func TestAnAgeCountsAsTheCalendarDoes(t *testing.T) {
	now := time.Date(2026, 3, 31, 13, 14, 15, 0, time.UTC)
	for text, want := range map[string]string{
		"90d": "2025-12-31T13:14:15Z", "8w": "2026-02-03T13:14:15Z", "1mo": "2026-02-28T13:14:15Z", "13mo": "2025-02-28T13:14:15Z",
		"2y": "2024-03-31T13:14:15Z", "1000y": "1026-03-31T13:14:15Z", "720h": "2026-03-01T13:14:15Z", "36h30m": "2026-03-30T00:44:15Z",
	} {
		age, err := ParseAge(text)
		if got := age.Before(now).Format(time.RFC3339); err != nil || got != want || age.IsZero() {
			t.Errorf("%s: %s, want %s (%v)", text, got, want, err)
		}
	}
	leap, _ := ParseAge("1y")
	if got := leap.Before(time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)); !got.Equal(time.Date(2023, 2, 28, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("a year before a leap day is %v", got)
	}
	for _, text := range []string{"", "0"} {
		if age, err := ParseAge(text); err != nil || !age.IsZero() {
			t.Errorf("%q: %v, %v", text, age, err)
		}
	}
}
