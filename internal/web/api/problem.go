package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// problem is an error as RFC 9457 has it. Its type is about:blank throughout: the
// status says all that a program needs, the detail what a person needs.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Suggestions are the repositories that may have been meant.
	Suggestions []string `json:"suggestions,omitempty"`
}

func writeProblem(w http.ResponseWriter, status int, detail string, suggestions ...string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problem{ // a reader that has gone needs no answer
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Suggestions: suggestions,
	})
}

// only lets some methods through, and says of others what to use.
func only(next http.HandlerFunc, instead string, methods ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(methods, r.Method) {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			writeProblem(w, http.StatusMethodNotAllowed, instead)
			return
		}
		next(w, r)
	}
}

// fail answers a request that needed what could not be read.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	h.reads.Failed(r.Context(), err)
	writeProblem(w, http.StatusInternalServerError, "History cannot be read at the moment; Pulltrail's log says why.")
}

// sentence is err as a person writes it.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
