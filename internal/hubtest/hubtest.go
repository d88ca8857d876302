// Package hubtest is a fake Docker Hub for tests: it answers for single
// repositories as Docker Hub does, headers included, and misbehaves on demand.
//
// A repository that was not Set is absent. Every answer carries the headers of the
// rate limit, which is shown but not enforced: Fail a repository with RateLimited
// for that. A Fault stays until it is taken back.
package hubtest

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"pulltrail/internal/hub"
)

//go:embed detail.json
var detail []byte

const (
	limit  = 180 // requests a minute for an address without a login
	window = time.Minute
)

// Hub is a fake Docker Hub. Its methods may be called at any time, from any
// goroutine.
type Hub struct {
	// URL is where it answers, without a slash at the end.
	URL string

	mu            sync.Mutex
	bodies        map[string][]byte
	faults        map[string]Fault
	requests      map[string]int
	total         int
	current       int
	maxConcurrent int
	userAgent     string
}

// New starts a fake Docker Hub on loopback that ends with the test.
func New(t testing.TB) *Hub {
	t.Helper()
	h := &Hub{bodies: map[string][]byte{}, faults: map[string]Fault{}, requests: map[string]int{}}
	server := httptest.NewServer(h.Handler())
	h.URL = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections() // or Close would wait for answers that hang
		server.Close()
	})
	return h
}

// Set gives a repository ("namespace/name") a full answer with this many pulls.
func (h *Hub) Set(repository string, pulls int64) {
	h.SetBody(repository, Detail(repository, pulls))
}

// SetBody gives a repository this answer.
func (h *Hub) SetBody(repository string, body []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bodies[repository] = body
}

// Fail makes a repository, which need not be Set, misbehave from now on; a nil
// Fault ends that.
func (h *Hub) Fail(repository string, fault Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults[repository] = fault
}

// Requests is how many requests have come so far.
func (h *Hub) Requests() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.total
}

// RequestsFor is how many of them were for one repository.
func (h *Hub) RequestsFor(repository string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.requests[repository]
}

// MaxConcurrent is how many requests were under way at once, at most.
func (h *Hub) MaxConcurrent() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.maxConcurrent
}

// UserAgent is who sent the latest request.
func (h *Hub) UserAgent() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.userAgent
}

// Handler answers the requests, to be served on a listener of one's own.
func (h *Hub) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/repositories/{namespace}/{name}", h.repository)
	mux.HandleFunc("GET /v2/repositories/{namespace}/{name}/{$}", h.repository)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, `{"message":"httperror 404: object not found","errinfo":{}}`)
	})
	return mux
}

func (h *Hub) repository(w http.ResponseWriter, r *http.Request) {
	repository := r.PathValue("namespace") + "/" + r.PathValue("name")
	body, fault, remaining := h.enter(repository, r)
	defer h.leave()
	w.Header().Set("x-ratelimit-limit", strconv.Itoa(limit))
	w.Header().Set("x-ratelimit-remaining", strconv.Itoa(remaining))
	w.Header().Set("x-ratelimit-reset", strconv.FormatInt(time.Now().Add(window).Unix(), 10))
	switch {
	case fault != nil:
		if body == nil {
			body = Detail(repository, 1)
		}
		fault(w, r, body)
	case body == nil:
		NotFound(w, r, nil)
	default:
		answer(w, http.StatusOK, string(body))
	}
}

func (h *Hub) enter(repository string, r *http.Request) (body []byte, fault Fault, remaining int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.total++
	h.requests[repository]++
	h.userAgent = r.UserAgent()
	h.current++
	h.maxConcurrent = max(h.maxConcurrent, h.current)
	return h.bodies[repository], h.faults[repository], max(0, limit-h.total)
}

func (h *Hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.current--
}

// Detail is a full answer for a repository ("namespace/name"), of the 26 fields
// that Docker Hub had in 2026.
func Detail(repository string, pulls int64) []byte {
	r, err := hub.ParseRepository(repository)
	if err != nil {
		panic(err) // a mistake in the test
	}
	count := json.RawMessage(strconv.AppendInt(nil, pulls, 10))
	namespace := json.RawMessage(strconv.Quote(r.Namespace))
	return edit(detail, map[string]json.RawMessage{
		"user": namespace, "hub_user": namespace, "namespace": namespace,
		"name": json.RawMessage(strconv.Quote(r.Name)), "pull_count": count,
	})
}

// edit replaces members of a JSON object; a nil value removes one.
func edit(object []byte, changes map[string]json.RawMessage) []byte {
	fields, err := hub.ParseObject(object)
	if err != nil {
		panic(err) // a mistake in the test
	}
	kept := fields[:0]
	for _, f := range fields {
		value, changed := changes[f.Key]
		switch {
		case !changed:
			kept = append(kept, f)
		case value != nil:
			kept = append(kept, hub.Field{Key: f.Key, Value: value})
		}
	}
	return hub.EncodeObject(kept)
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // a client that has left is its own affair
}
