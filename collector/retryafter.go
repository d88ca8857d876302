package collector

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxPause caps what Docker Hub can make us wait, whatever it says.
const maxPause = 15 * time.Minute

// epochFrom is the least number that is taken for seconds since 1970, not for a
// duration: Docker Hub sends both in Retry-After.
const epochFrom = 1_000_000_000

// retryAfter is how long an answer asks to wait: seconds, seconds since 1970, or an
// HTTP date, from 0 to maxPause. Times are compared with the answer's own Date, where
// it has one, since the local clock may differ. False where there is no valid value.
func retryAfter(header http.Header, local time.Time) (time.Duration, bool) {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if value == "" {
		return 0, false
	}
	now := serverTime(header, local)
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		switch {
		case n < 0:
			return 0, false
		case n < epochFrom:
			return min(time.Duration(min(n, int64(maxPause/time.Second)))*time.Second, maxPause), true
		}
		return between(now, time.Unix(min(n, 1<<40), 0)), true
	}
	if t, err := http.ParseTime(value); err == nil {
		return between(now, t), true
	}
	return 0, false
}

// serverTime is the time by the answer's Date header, or the local one.
func serverTime(header http.Header, local time.Time) time.Time {
	if t, err := http.ParseTime(header.Get("Date")); err == nil {
		return t
	}
	return local
}

// between is the time until then, from 0 to maxPause, also for times that are too far
// apart for a Duration.
func between(now, then time.Time) time.Duration { return max(0, min(then.Sub(now), maxPause)) }

// Limits are what Docker Hub's last answer said of its limit.
type Limits struct {
	// Limit is how many requests a window allows, Remaining how many are left of them.
	Limit, Remaining int
	// Reset is when the next window begins, by the local clock.
	Reset time.Time
}

// readLimits reads the headers x-ratelimit-*; false where they are missing or absurd.
func readLimits(header http.Header, local time.Time) (Limits, bool) {
	number := func(key string) (int64, bool) {
		n, err := strconv.ParseInt(strings.TrimSpace(header.Get(key)), 10, 64)
		return n, err == nil && n >= 0
	}
	limit, ok1 := number("X-Ratelimit-Limit")
	remaining, ok2 := number("X-Ratelimit-Remaining")
	reset, ok3 := number("X-Ratelimit-Reset")
	const absurd = 1 << 30
	if !ok1 || !ok2 || !ok3 || limit == 0 || limit > absurd || remaining > absurd {
		return Limits{}, false
	}
	wait := between(serverTime(header, local), time.Unix(min(reset, 1<<40), 0))
	return Limits{Limit: int(limit), Remaining: int(remaining), Reset: local.Add(wait)}, true
}
