// Package api is the HTTP API, version 1: JSON, read only, for GET and HEAD.
//
//	GET /api/v1/repositories
//	GET /api/v1/repositories/{namespace}/{name}
//	GET /api/v1/repositories/{namespace}/{name}/series?from=&to=
//	GET /api/v1/repositories/{namespace}/{name}/daily?from=&to=
//	GET /api/v1/repositories/{namespace}/{name}/pushes
//
// Fields keep Docker Hub's own names, numbers are integers with all their digits,
// times are RFC 3339 in UTC. What is not known is null, never zero and never left
// out. Errors are problems as RFC 9457 has them (application/problem+json).
//
// Private repositories do not exist here but for visitors that are authenticated (see
// package access): they are in no list, and asking for one gives the same answer as
// asking for one that never was.
//
// What pulls of a day and pushes are, internal/trail says. Days of which nothing is
// known, before the first snapshot and after the newest, are not in the list.
//
// A series has at most 200,000 samples. A longer one is refused with the advice to
// narrow the range, never cut short; so are days that need more samples or are more
// than 36,600 (a century), and more than 200,000 pushes. Four of these are made at the
// same time, further requests wait.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"pulltrail/internal/history"
	"pulltrail/internal/hub"
)

// History is what the API reads. It may be called by any number of requests at the
// same time; an error means that history cannot be read now.
type History interface {
	// Repositories are all that have a snapshot.
	Repositories(ctx context.Context) ([]history.Repository, error)
	// Repository is one of them; false when it has no snapshot.
	Repository(ctx context.Context, r hub.Repository) (history.Repository, bool, error)
	// Series are the first samples, at most limit, of r with from <= timestamp < to,
	// in the order of their timestamps. A zero time leaves that end open.
	Series(ctx context.Context, r hub.Repository, from, to time.Time, limit int) ([]history.Sample, error)
	// Around is Series with, besides, the samples of the last moment before from and of
	// the first at or after to.
	Around(ctx context.Context, r hub.Repository, from, to time.Time, limit int) ([]history.Sample, error)
	// Updates are the samples, at most limit, at which last_updated is not that of the
	// sample before, the first of all included, in the order of their timestamps.
	Updates(ctx context.Context, r hub.Repository, limit int) ([]history.Sample, error)
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
	History History
	Roster  Roster
	// MaxGap is how far apart two snapshots may be without a gap in a curve.
	MaxGap func() time.Duration
	Log    *slog.Logger
}

// handler answers all of /api/.
type handler struct {
	Options
	reads readLog
	// turns bounds how many series are in memory at the same time, as they are or as
	// days and pushes.
	turns chan struct{}
}

// New makes the handler of everything below /api/.
func New(opts Options) http.Handler {
	h := &handler{Options: opts, reads: readLog{log: opts.Log}, turns: make(chan struct{}, maxSeriesAtOnce)}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/repositories", readOnly(h.repositories))
	mux.HandleFunc("/api/v1/repositories/{namespace}/{name}", readOnly(h.repository))
	mux.HandleFunc("/api/v1/repositories/{namespace}/{name}/series", readOnly(h.series))
	mux.HandleFunc("/api/v1/repositories/{namespace}/{name}/daily", readOnly(h.daily))
	mux.HandleFunc("/api/v1/repositories/{namespace}/{name}/pushes", readOnly(h.pushes))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, http.StatusNotFound, "There is nothing here: the API begins at /api/v1/repositories.")
	})
	return mux
}

// readOnly lets GET and HEAD through.
func readOnly(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			writeProblem(w, http.StatusMethodNotAllowed, "This can only be read: use GET or HEAD.")
			return
		}
		next(w, r)
	}
}

// writeJSON answers with v. It encodes first, so that an answer is whole or a 500.
func (h *handler) writeJSON(w http.ResponseWriter, v any) {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(v); err != nil {
		h.Log.Error("web: an answer of the API could not be encoded", "err", err)
		writeProblem(w, http.StatusInternalServerError, "The answer could not be encoded; Pulltrail's log says why.")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(body.Bytes()) // a reader that has gone needs no answer
}

// fail answers a request that needed what history could not give.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	h.reads.failed(r.Context(), err)
	writeProblem(w, http.StatusInternalServerError, "History cannot be read at the moment; Pulltrail's log says why.")
}
