// Package api is the HTTP API, version 1, for GET and HEAD but where it says otherwise:
//
//	GET  /api/v1/repositories
//	GET  /api/v1/repositories/{namespace}/{name}
//	GET  /api/v1/repositories/{namespace}/{name}/series
//	GET  /api/v1/repositories/{namespace}/{name}/daily
//	GET  /api/v1/repositories/{namespace}/{name}/pushes
//	GET  /api/v1/curves
//	GET  /api/v1/summary
//	GET  /api/v1/status
//	POST /api/v1/collect
//	GET  /api/v1/openapi.json
//
// openapi.yaml, which the last one answers with, says what parameters they take and what
// their answers have; a test holds it against the handlers.
//
// Fields keep Docker Hub's own names, numbers are integers with all their digits,
// times are RFC 3339 in UTC. What is not known is null, never zero and never left
// out. Series, days, pushes and curves come as CSV as well. Errors are problems as
// RFC 9457 has them (application/problem+json). An answer has an ETag, and is 304 where
// the reader has it already.
//
// Private repositories do not exist here but for visitors that are authenticated (see
// package access): they are in no list and no sum, and asking for one gives the same
// answer as asking for one that never was.
//
// What pulls of a day, changes, pushes and records are, internal/trail says. Days of
// which nothing is known, before the first snapshot and after the newest, are not in the
// list; of days more than a century before the newest nothing is kept in mind.
//
// # Bounds
//
// A series has at most 200,000 samples, curves have at most 36,600 days. A longer one is
// a 422 with the advice to narrow the range, never cut short. Four of these are made
// at the same time, further requests wait. A list has at most 10,000 repositories, and
// says how many there are. A query has at most 32,000 bytes.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
	"pulltrail/internal/web/reply"
)

// History has the samples. It may be called by any number of requests at the same time;
// an error means that history cannot be read now.
type History interface {
	// Series are the first samples, at most limit, of r with from <= timestamp < to,
	// in the order of their timestamps. A zero time leaves that end open.
	Series(ctx context.Context, r hub.Repository, from, to time.Time, limit int) ([]history.Sample, error)
}

// Curves has what follows from the samples; see package rollup. It may be called by any
// number of requests at the same time.
type Curves interface {
	// Trails are all repositories that have a snapshot, by namespace and name.
	Trails(ctx context.Context) ([]*rollup.Trail, error)
	// Trail is one of them; false when it has no snapshot.
	Trail(ctx context.Context, of hub.Repository) (*rollup.Trail, bool, error)
}

// Roster is what is tracked. It may be called by any number of requests at the same time.
type Roster interface {
	// Fates are the tracked repositories, also those without a snapshot.
	Fates(ctx context.Context) (map[hub.Repository]Fate, error)
	// Listings are the namespaces that are tracked, by name.
	Listings(ctx context.Context) ([]Listing, error)
}

// Fate is how a repository fares.
type Fate struct {
	// Cause is why there was no snapshot the last time, in one word, and Message the same
	// in a sentence; empty when there was one.
	Cause, Message string
	// Gone says that it was not found for several slots in a row.
	Gone bool
}

// Listing is how much of a namespace is listed.
type Listing struct {
	Namespace string    `json:"namespace"`
	Slot      time.Time `json:"slot"`
	Rows      int       `json:"rows"`
	Total     int       `json:"total"`
	Truncated bool      `json:"truncated"`
	Message   string    `json:"message,omitempty"`
}

// Options are what New needs.
type Options struct {
	History    History
	Curves     Curves
	Roster     Roster
	Operations Operations
	Log        *slog.Logger
	// Now is the clock; nil is the real one.
	Now func() time.Time
}

// handler answers all of /api/.
type handler struct {
	Options
	reads *reply.Reads
	// turns bounds how many long answers are in memory at the same time.
	turns chan struct{}
}

// route is a path and who answers it; method is GET, which HEAD comes with, or POST.
type route struct {
	method, path string
	answer       http.HandlerFunc
}

func (h *handler) routes() []route {
	const one = "/api/v1/repositories/{namespace}/{name}"
	return []route{
		{http.MethodGet, "/api/v1/repositories", h.repositories},
		{http.MethodGet, one, h.repository},
		{http.MethodGet, one + "/series", h.series},
		{http.MethodGet, one + "/daily", h.daily},
		{http.MethodGet, one + "/pushes", h.pushes},
		{http.MethodGet, "/api/v1/curves", h.curves},
		{http.MethodGet, "/api/v1/summary", h.summary},
		{http.MethodGet, "/api/v1/status", h.status},
		{http.MethodPost, "/api/v1/collect", h.collect},
		{http.MethodGet, "/api/v1/openapi.json", h.openAPI},
	}
}

// New makes the handler of everything below /api/.
func New(opts Options) http.Handler {
	return newHandler(opts).mux()
}

func newHandler(opts Options) *handler {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &handler{
		Options: opts, reads: &reply.Reads{Who: "the API", Log: opts.Log}, turns: make(chan struct{}, maxAtOnce),
	}
}

func (h *handler) mux() http.Handler {
	mux := http.NewServeMux()
	for _, r := range h.routes() {
		if r.method == http.MethodPost {
			mux.HandleFunc(r.path, only(r.answer, "This can only be sent: use POST.", http.MethodPost))
		} else {
			mux.HandleFunc(r.path, only(r.answer, "This can only be read: use GET or HEAD.", http.MethodGet, http.MethodHead))
		}
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, http.StatusNotFound, "There is nothing here: the API begins at /api/v1/repositories, and /api/v1/openapi.json describes it.")
	})
	return mux
}
