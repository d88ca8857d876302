//go:build integration

package faulttest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"pulltrail/internal/hubtest"
)

// repositories are what the program tracks, on a schedule of a second.
var repositories = []string{"team/one", "team/two", "team/three"}

// hub is a Docker Hub that never gives the same answer twice.
type hub struct {
	url string

	mu    sync.Mutex
	count int // the newest number, which is that of the answers
}

func newHub(t *testing.T) *hub {
	h := &hub{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.Trim(strings.TrimPrefix(r.URL.Path, "/v2/repositories/"), "/")
		h.mu.Lock()
		defer h.mu.Unlock()
		h.count++
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(hubtest.Detail(name, int64(h.count)))
	}))
	h.url = s.URL
	t.Cleanup(s.Close)
	return h
}

func (h *hub) answers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count
}
