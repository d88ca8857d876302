// Package ops is what those who operate Pulltrail ask for: /-/healthy, /-/ready
// and /metrics. All three answer GET and HEAD only.
//
// Healthy means that the process serves. A supervisor restarts a process that is
// not healthy, so nothing that a restart cannot mend belongs here.
//
// Ready means that Pulltrail takes snapshots and keeps them. A part that is only
// behind, such as an index that is being caught up with, is shown but does not turn
// ready false when its Check is Optional. /-/ready asks all parts at the same time
// and waits two seconds at most; a part that has not answered by then counts as not
// OK. However many requests there are, each part is asked once at a time.
//
// Visitors that may not read (see package access) are told the status and nothing else.
//
// /metrics has what the process counts, and what Options.Shown returns for the visitor of
// each scrape. When Shown fails, the scrape fails with 503: an answer without some series
// would look as if they had ended. At most four scrapes are answered at once; others get
// 503.
package ops

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/internal/web/access"
)

// State is how a part is doing.
type State struct {
	OK bool
	// Since is when this state began; zero when nobody knows.
	Since time.Time
	// Detail is a few words for a person, and what to do where that is known. It is
	// shown to everybody who may read: no secrets, no private repositories.
	Detail string
}

// Check asks one part how it is doing.
type Check struct {
	// Name is unique: "scheduler", "broker", "opensearch".
	Name string
	// Optional keeps the part from turning ready false.
	Optional bool
	// Probe is called for /-/ready, never twice at the same time. It returns soon
	// after its context is done, which it is after two seconds.
	Probe func(context.Context) State
}

// Options are what New needs.
type Options struct {
	Version  string
	Checks   []Check
	Gatherer prometheus.Gatherer
	// Shown, where set, returns further metrics for each scrape, by who asks for it: see
	// access.Of. It is called by several scrapes at the same time. Its error is shown to
	// everybody who may read.
	Shown func(context.Context) ([]prometheus.Metric, error)
	Log   *slog.Logger
}

// New makes the handler of /-/healthy, /-/ready and /metrics.
func New(opts Options) http.Handler {
	probes := make([]*probe, len(opts.Checks))
	for i, c := range opts.Checks {
		probes[i] = &probe{check: c, log: opts.Log}
	}
	mux := http.NewServeMux()
	// GET covers HEAD; for other methods the mux answers 405.
	mux.HandleFunc("GET /-/healthy", healthy(opts.Version))
	mux.HandleFunc("GET /-/ready", ready(opts.Version, probes))
	mux.Handle("GET /metrics", scrapes(opts))
	return mux
}

func healthy(version string) http.HandlerFunc {
	type answer struct {
		Healthy bool   `json:"healthy"`
		Version string `json:"version,omitempty"`
	}
	return func(w http.ResponseWriter, r *http.Request) {
		a := answer{Healthy: true}
		if access.Of(r.Context()).MayRead {
			a.Version = version
		}
		writeJSON(w, http.StatusOK, a)
	}
}

// partAnswer is one part in the answer of /-/ready.
type partAnswer struct {
	Name     string     `json:"name"`
	OK       bool       `json:"ok"`
	Optional bool       `json:"optional"`
	Since    *time.Time `json:"since"`
	Detail   string     `json:"detail"`
}

// readiness is all that strangers are told.
type readiness struct {
	Ready bool `json:"ready"`
}

func ready(version string, probes []*probe) http.HandlerFunc {
	type answer struct {
		readiness
		Version string       `json:"version"`
		Parts   []partAnswer `json:"parts"`
	}
	return func(w http.ResponseWriter, r *http.Request) {
		a := answer{readiness: readiness{true}, Version: version, Parts: make([]partAnswer, len(probes))}
		for i, s := range askAll(r.Context(), probes) {
			c := probes[i].check
			a.Ready = a.Ready && (s.OK || c.Optional)
			a.Parts[i] = partAnswer{Name: c.Name, OK: s.OK, Optional: c.Optional, Detail: s.Detail}
			if !s.Since.IsZero() {
				since := s.Since.UTC()
				a.Parts[i].Since = &since
			}
		}
		status := http.StatusOK
		if !a.Ready {
			status = http.StatusServiceUnavailable
		}
		if !access.Of(r.Context()).MayRead {
			writeJSON(w, status, readiness{a.Ready})
			return
		}
		writeJSON(w, status, a)
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")  // people read it with curl
	e.SetEscapeHTML(false) // "->" and "&" stay what they are
	_ = e.Encode(v)        // plain structs always encode; a reader that has gone needs no answer
}
