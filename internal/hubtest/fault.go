package hubtest

import (
	"context"
	"net/http"
)

// Fault is one way to misbehave: it answers instead of the Hub, whose proper body
// it is given. The functions with its signature are faults themselves; tests may
// write others.
type Fault func(w http.ResponseWriter, r *http.Request, body []byte)

// faults is what misbehaves.
type faults struct {
	repositories map[string]Fault // by "namespace/name"
	listings     map[string]Fault // by namespace
	rows         map[string]Fault // by "namespace/name"
	login        Fault
	all          Fault
}

func newFaults() faults {
	return faults{repositories: map[string]Fault{}, listings: map[string]Fault{}, rows: map[string]Fault{}}
}

// or is what befalls a request: its own fault, or that of all.
func (f faults) or(own Fault) Fault {
	if own != nil {
		return own
	}
	return f.all
}

// Fail makes a repository, which need not be Set, misbehave from now on; a nil
// Fault ends that. It does not touch the repository's row in a listing.
func (h *Hub) Fail(repository string, fault Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults.repositories[full(repository)] = fault
}

// FailListing makes every page of a namespace's listing misbehave from now on; a nil
// Fault ends that.
func (h *Hub) FailListing(namespace string, fault Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults.listings[namespace] = fault
}

// FailRow makes a repository's row in listings misbehave from now on: the Fault is
// given the row as its body, and what it writes is put in the row's place, such as by
// NullPullCount and WrongRepository. A nil Fault ends that.
func (h *Hub) FailRow(repository string, fault Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults.rows[full(repository)] = fault
}

// FailLogin makes logins misbehave from now on, right ones and wrong ones; a nil Fault
// ends that. They count all the same.
func (h *Hub) FailLogin(fault Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults.login = fault
}

// FailAll makes all repositories and listings misbehave from now on that have no fault
// of their own; a nil Fault ends that.
func (h *Hub) FailAll(fault Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults.all = fault
}

// proper is what the Hub would answer apart from the body.
type proper struct {
	status int
	etag   string // none if empty
}

// properKey is where the context of a request has its proper answer.
type properKey struct{}

// play answers, or lets a fault do so.
func (p proper) play(w http.ResponseWriter, r *http.Request, body []byte, fault Fault) {
	if fault == nil {
		fault = Well
	}
	fault(w, r.WithContext(context.WithValue(r.Context(), properKey{}, p)), body)
}

// properly is how the Hub would answer a request: with status 200, unless it is known.
func properly(r *http.Request) proper {
	p, known := r.Context().Value(properKey{}).(proper)
	if !known {
		p.status = http.StatusOK
	}
	return p
}

// Well is the Fault that is none: it answers as the Hub does. Others may end in it.
func Well(w http.ResponseWriter, r *http.Request, body []byte) {
	p := properly(r)
	if p.etag != "" {
		w.Header().Set("ETag", p.etag)
		if unchanged(r, p.etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	answer(w, p.status, string(body))
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // a client that has left is its own affair
}
