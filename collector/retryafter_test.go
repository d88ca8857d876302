package collector

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	local := time.Date(2026, 5, 1, 22, 1, 18, 0, time.UTC)
	date := local.Add(2 * time.Minute).Format(http.TimeFormat) // Docker Hub's clock is ahead
	for _, c := range []struct {
		name, value string
		dated       bool
		want        time.Duration
		ok          bool
	}{
		{"seconds", "60", true, time.Minute, true},
		{"none", "", true, 0, false},
		{"seconds since 1970, by the server's clock", strconv.FormatInt(local.Add(3*time.Minute).Unix(), 10), true, time.Minute, true},
		{"seconds since 1970, by ours", strconv.FormatInt(local.Add(3*time.Minute).Unix(), 10), false, 3 * time.Minute, true},
		{"a date", local.Add(3 * time.Minute).Format(http.TimeFormat), true, time.Minute, true},
		{"a date that has passed", local.Format(http.TimeFormat), true, 0, true},
		{"a year ahead", strconv.FormatInt(local.AddDate(1, 0, 0).Unix(), 10), true, maxPause, true},
		{"many seconds", "999999999", true, maxPause, true},
		{"more than a number holds", "99999999999999999999", true, 0, false},
		{"the end of time", "9223372036854775807", true, maxPause, true},
		{"negative", "-1", true, 0, false},
		{"a word", "soon", true, 0, false},
		{"a fraction", "1.5", true, 0, false},
	} {
		header := http.Header{}
		if c.value != "" {
			header.Set("Retry-After", c.value)
		}
		if c.dated {
			header.Set("Date", date)
		}
		if got, ok := retryAfter(header, local); got != c.want || ok != c.ok {
			t.Errorf("%s: %v, %t, want %v, %t", c.name, got, ok, c.want, c.ok)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"60", "1746136938", "Thu, 01 May 2025 22:01:18 GMT", "", "-1", "1e9", "9223372036854775807", "\x00"} {
		f.Add(s, "Thu, 01 May 2025 22:01:18 GMT")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		header := http.Header{"Retry-After": {value}, "Date": {date}, "X-Ratelimit-Limit": {value}, "X-Ratelimit-Remaining": {value}, "X-Ratelimit-Reset": {value}}
		if d, ok := retryAfter(header, time.Now()); d < 0 || d > maxPause || !ok && d != 0 {
			t.Errorf("%q, %q: %v, %t", value, date, d, ok)
		}
		local := time.Now()
		if l, ok := readLimits(header, local); ok && (l.Limit <= 0 || l.Remaining < 0 || l.Reset.Before(local) || l.Reset.After(local.Add(maxPause))) {
			t.Errorf("%q: %+v", value, l)
		}
	})
}
