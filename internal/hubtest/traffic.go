package hubtest

import (
	"net/http"
	"time"
)

// traffic counts what has come in.
type traffic struct {
	total         int
	current       int
	maxConcurrent int
	tokens        int
	userAgent     string
	repositories  map[string]int // requests for one, by "namespace/name"
	listings      map[string]int // requests for a page, by namespace
	latency       time.Duration
}

func newTraffic() traffic {
	return traffic{repositories: map[string]int{}, listings: map[string]int{}}
}

// Requests is how many requests have come so far, of every kind.
func (h *Hub) Requests() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.traffic.total
}

// RequestsFor is how many of them were for one repository and had passed the limits;
// listings with it do not count.
func (h *Hub) RequestsFor(repository string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.traffic.repositories[full(repository)]
}

// ListRequests is how many of them were for a page of a namespace's listing and had
// passed the limits.
func (h *Hub) ListRequests(namespace string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.traffic.listings[namespace]
}

// MaxConcurrent is how many requests were under way at once, at most.
func (h *Hub) MaxConcurrent() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.traffic.maxConcurrent
}

// UserAgent is who sent the latest request.
func (h *Hub) UserAgent() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.traffic.userAgent
}

// Tokens is how many requests carried an Authorization header, valid or not. On a
// Hub that nobody should log in to, it is 0.
func (h *Hub) Tokens() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.traffic.tokens
}

// enter counts a request that has begun and says how long it is on its way.
func (h *Hub) enter(r *http.Request) (latency time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := &h.traffic
	t.total++
	t.current++
	t.maxConcurrent = max(t.maxConcurrent, t.current)
	t.userAgent = r.UserAgent()
	if r.Header.Get("Authorization") != "" {
		t.tokens++
	}
	return t.latency
}

func (h *Hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.traffic.current--
}
