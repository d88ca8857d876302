// Package hubtest is a fake Docker Hub for tests. It plays what a collector meets
// there, headers included, and misbehaves on demand.
//
// # What it plays
//
// Single repositories, below both of Docker Hub's addresses for them, with an ETag
// where ETags asks for it. Listings of a namespace, in pages and in the order of the
// names. Logins for a token that expires, accounts that are locked, and private
// repositories, which only a login that owns their namespace sees. A population of
// any size, made up as it is asked for.
//
// # What it does at its bounds
//
// What was not Set is absent, with a 404 as Docker Hub words it. Every answer but the
// edge limiter's carries the headers of the rate limit, which is shown but not
// enforced before Limit. Without CapAnonymousPages a listing may be read to its end
// by anybody.
//
// # How it fails
//
// A Fault answers in the Hub's stead: for one repository (Fail), one namespace's
// listing (FailListing), one row of it (FailRow), the logins (FailLogin), or every
// repository and listing without a fault of its own (FailAll). It stays until it is
// taken back with nil.
//
// # Time
//
// The Hub asks the standard library for the time and waits with its timers only. New
// listens on loopback; NewInProcess with RoundTripper needs no network, so that it
// works in a bubble of testing/synctest, on the bubble's clock.
package hubtest

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Hub is a fake Docker Hub. Its methods may be called at any time, from any
// goroutine.
type Hub struct {
	// URL is where it answers, without a slash at the end.
	URL string

	mu       sync.Mutex // guards everything below
	traffic  traffic
	catalog  catalog
	shapes   shapes
	listings listings
	limits   limits
	accounts accounts
	faults   faults
}

// New starts a fake Docker Hub on loopback that ends with the test.
func New(t testing.TB) *Hub {
	t.Helper()
	h := newHub()
	server := httptest.NewServer(h.Handler())
	h.URL = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections() // or Close would wait for answers that hang
		server.Close()
	})
	return h
}

// NewInProcess is a fake Docker Hub that listens nowhere: it answers through its
// RoundTripper or its Handler. Its URL is one that no network resolves.
func NewInProcess(t testing.TB) *Hub {
	t.Helper()
	h := newHub()
	h.URL = "http://hub.invalid"
	return h
}

func newHub() *Hub {
	return &Hub{
		traffic:  newTraffic(),
		catalog:  newCatalog(),
		listings: listings{shifted: map[string]bool{}},
		limits:   limits{windows: map[string]*window{}},
		accounts: newAccounts(),
		faults:   newFaults(),
	}
}

// Handler answers the requests, to be served on a listener of one's own.
func (h *Hub) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET /v2/repositories/{namespace}/{name}":            h.repository,
		"GET /v2/repositories/{namespace}/{name}/{$}":        h.repository,
		"GET /v2/namespaces/{namespace}/repositories/{name}": h.repository,
		"GET /v2/repositories/{namespace}":                   h.listing,
		"GET /v2/repositories/{namespace}/{$}":               h.listing,
		"GET /v2/namespaces/{namespace}/repositories":        h.listing,
		"GET /v2/namespaces/{namespace}/repositories/{$}":    h.listing,
		"POST /v2/auth/token":                                h.login,
		"/":                                                  func(w http.ResponseWriter, r *http.Request) { NotFound(w, r, nil) },
	} {
		mux.HandleFunc(pattern, handler)
	}
	return h.gate(mux)
}

// gate is what every request passes before it reaches what it asks for.
func (h *Hub) gate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		latency := h.enter(r)
		defer h.leave()
		if !wait(r.Context(), latency) {
			return
		}
		a := h.admit(r)
		if a.edge {
			EdgeLimited(w, r, nil)
			return
		}
		a.quota.show(w.Header())
		switch {
		case a.quota.exceeded:
			a.quota.refuse(w)
		case a.badToken:
			Unauthorized(w, r, nil)
		default:
			next.ServeHTTP(w, withCaller(r, a.caller))
		}
	})
}

// repository answers for one repository.
func (h *Hub) repository(w http.ResponseWriter, r *http.Request) {
	namespace, name := r.PathValue("namespace"), r.PathValue("name")
	repository := namespace + "/" + name
	h.mu.Lock()
	h.traffic.repositories[repository]++
	body, known := h.catalog.find(namespace, name, caller(r))
	body = h.shapes.drifted(body)
	own := h.faults.repositories[repository]
	fault := h.faults.or(own)
	etags := h.shapes.etags
	h.mu.Unlock()

	if own != nil && body == nil && !known {
		body = Detail(repository, 1)
	}
	p := proper{status: http.StatusOK}
	switch {
	case body == nil:
		p.status, body = http.StatusNotFound, notFound(r)
	case etags:
		p.etag = etag(body)
	}
	p.play(w, r, body, fault)
}
