package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"pulltrail/internal/web/access"
)

// ErrRunning is the answer to Collect while a run is under way.
var ErrRunning = errors.New("a run is under way")

// Operations is what the process does. It may be called by any number of requests at the
// same time.
type Operations interface {
	// Status is how it fares. It has no messages, which could hold what is not for everybody.
	Status(ctx context.Context) (Status, error)
	// Collect begins a run over everything that is tracked and does not wait for its end,
	// nor does the run end with ctx.
	Collect(ctx context.Context) error
}

// Status is how the process fares.
type Status struct {
	Version string `json:"version"`
	// Running says that a run is under way, Next when the next one of the schedule begins.
	Running bool       `json:"running"`
	Next    *time.Time `json:"next"`
	// Last is the last run that has ended; nil before the first since the start.
	Last *Run `json:"last"`
	// Tracked is how many repositories are tracked, and Causes of how many there was no
	// snapshot the last time, by the reason in one word.
	Tracked int            `json:"tracked"`
	Causes  map[string]int `json:"causes"`
	// DockerHub is what Docker Hub's last answer said of its limit; nil when none did.
	DockerHub *Limits `json:"docker_hub"`
	// DeadLetters is how many there are, by the sink that has refused them.
	DeadLetters map[string]int `json:"dead_letters"`
	Sinks       []Sink         `json:"sinks"`
}

// Run is how a run went.
type Run struct {
	Slot     time.Time `json:"slot"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	// Succeeded, Skipped and Failed are repositories; skipped are those that had a snapshot
	// for the slot already.
	Succeeded int `json:"succeeded"`
	Skipped   int `json:"skipped"`
	Failed    int `json:"failed"`
	Requests  int `json:"requests"`
}

// Limits are Docker Hub's.
type Limits struct {
	Limit     int       `json:"limit"`
	Remaining int       `json:"remaining"`
	Reset     time.Time `json:"reset"`
}

// Sink is how far a sink is behind a log.
type Sink struct {
	Sink string `json:"sink"`
	Log  string `json:"log"`
	OK   bool   `json:"ok"`
	// Since is when OK took its present value.
	Since time.Time `json:"since"`
	// Behind is how many entries wait, LagSeconds for how long the oldest has.
	Behind     uint64  `json:"behind"`
	LagSeconds float64 `json:"lag_seconds"`
}

func (h *handler) status(w http.ResponseWriter, r *http.Request) {
	if q := parseQuery(r.URL.RawQuery); q.err != nil {
		writeProblem(w, http.StatusBadRequest, sentence(q.err))
		return
	}
	s, err := h.Operations.Status(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.reads.Worked()
	h.writeJSON(w, r, s)
}

// crossOrigin refuses what the page of another site makes a browser send.
var crossOrigin = http.NewCrossOriginProtection()

func (h *handler) collect(w http.ResponseWriter, r *http.Request) {
	q := parseQuery(r.URL.RawQuery)
	switch {
	case crossOrigin.Check(r) != nil:
		writeProblem(w, http.StatusForbidden, "The page of another site may not do this.")
		return
	case !access.Of(r.Context()).MayAct:
		writeProblem(w, http.StatusForbidden, "This is for those that may do more than read: sign in.")
		return
	case q.err != nil:
		writeProblem(w, http.StatusBadRequest, sentence(q.err))
		return
	}
	switch err := h.Operations.Collect(r.Context()); {
	case errors.Is(err, ErrRunning):
		writeProblem(w, http.StatusConflict, "A run is under way: /api/v1/status says when it has ended.")
	case err != nil:
		h.Log.Error("web: a run could not be begun", "err", err)
		writeProblem(w, http.StatusInternalServerError, "The run could not be begun; Pulltrail's log says why.")
	default:
		w.Header().Set("Content-Type", typeJSON)
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte("{\"running\":true}\n")) // a reader that has gone needs no answer
	}
}
