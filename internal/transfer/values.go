package transfer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The forms of a time, besides a date alone. Fractions of a second may follow the seconds.
var (
	withOffset = []string{
		"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07",
		"2006-01-02T15:04Z07:00",
	}
	withoutOffset = []string{"2006-01-02T15:04:05", "2006-01-02T15:04"}
)

// ParseTime reads a time with its offset, or a date, which stands for its beginning in UTC.
func ParseTime(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}, errors.New("is missing")
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return inRange(t, text)
	}
	joined := text
	if date, clock, ok := strings.Cut(text, " "); ok {
		joined = date + "T" + strings.ReplaceAll(clock, " ", "")
	}
	for _, layout := range withOffset {
		if t, err := time.Parse(layout, joined); err == nil {
			return inRange(t.UTC(), text)
		}
	}
	for _, layout := range withoutOffset {
		if _, err := time.Parse(layout, joined); err == nil {
			return time.Time{}, fmt.Errorf("%q does not say in which time zone: write %sZ where it is UTC", text, joined)
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is not a time: write 2026-01-31, or 2026-01-31T01:00:00Z", text)
}

func inRange(t time.Time, text string) (time.Time, error) {
	if t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}, fmt.Errorf("%.40q is out of range (1970 to 9999)", text)
	}
	return t, nil
}

// parseCount reads digits, and nothing that could stand for thousands, decimals or powers.
func parseCount(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, errors.New("is missing")
	}
	if strings.Trim(text, "0123456789") != "" {
		return 0, fmt.Errorf("%.40q is not a count: write digits alone, such as 12916987208", text)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40q is too large for a count, which is at most 2^63-1", text)
	}
	return n, nil
}

func parseBool(text string) (bool, error) {
	b, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(text)))
	if err != nil {
		return false, fmt.Errorf("%.40q is neither true nor false", text)
	}
	return b, nil
}
