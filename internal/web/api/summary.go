package api

import (
	"math"
	"net/http"
	"time"

	"pulltrail/internal/trail"
)

// summary is all repositories together that the visitor may know of.
type summary struct {
	Repositories int `json:"repositories"`
	// PullCount and StarCount are sums of the newest totals, also of those that are old.
	PullCount int64 `json:"pull_count"`
	StarCount int64 `json:"star_count"`
	// Timestamp is that of the newest snapshot.
	Timestamp *time.Time `json:"timestamp"`
	// The changes are of those alone of which both times are known as a whole.
	Pulls24h change `json:"pulls_24h"`
	Pulls7d  change `json:"pulls_7d"`
	Pulls30d change `json:"pulls_30d"`
	Pulls90d change `json:"pulls_90d"`
	Pulls1y  change `json:"pulls_1y"`
}

func (h *handler) summary(w http.ResponseWriter, r *http.Request) {
	if q := parseQuery(r.URL.RawQuery); q.err != nil {
		writeProblem(w, http.StatusBadRequest, sentence(q.err))
		return
	}
	all, err := h.all(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	out := summary{Repositories: len(all)}
	for _, f := range all {
		if f.trail != nil {
			out.add(f)
		}
	}
	for _, c := range []struct {
		length time.Duration
		to     *change
	}{{day, &out.Pulls24h}, {week, &out.Pulls7d}, {month, &out.Pulls30d}, {3 * month, &out.Pulls90d}, {365 * day, &out.Pulls1y}} {
		changes := make([]trail.Change, 0, len(all))
		for _, f := range all {
			changes = append(changes, h.recent(f.trail, c.length))
		}
		*c.to = changed(trail.Together(changes))
	}
	h.writeJSON(w, r, out)
}

func (s *summary) add(f found) {
	n := f.trail.Newest
	s.PullCount = sum(s.PullCount, n.PullCount)
	if n.StarCount != nil {
		s.StarCount = sum(s.StarCount, *n.StarCount)
	}
	if s.Timestamp == nil || n.Timestamp.After(*s.Timestamp) {
		s.Timestamp = utc(&n.Timestamp)
	}
}

// sum is a+b of two that are not negative, or the largest int64.
func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
