package api

import (
	"context"
	"errors"
	"net/http"

	"pulltrail/internal/hub"
)

// refusal is an error for the one who asked: what cannot be answered, and what to ask
// instead.
type refusal string

func (r refusal) Error() string { return string(r) }

// answer answers a request about the trail of one repository with what read makes of
// it, when it is its turn. Whether there is such a repository is asked first: what a
// private one is asked for must not show.
func (h *handler) answer(
	w http.ResponseWriter, r *http.Request,
	parse func(query string) (timeRange, error),
	read func(context.Context, hub.Repository, timeRange) (any, error),
) {
	found, ok, err := h.find(r.Context(), r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if !ok {
		unknown(w)
		return
	}
	asked, err := parse(r.URL.RawQuery)
	if err != nil {
		writeProblem(w, http.StatusBadRequest, sentence(err))
		return
	}
	select {
	case h.turns <- struct{}{}:
		defer func() { <-h.turns }()
	case <-r.Context().Done():
		return // the reader has gone
	}
	body, err := read(r.Context(), found.Repository, asked)
	if refused := refusal(""); errors.As(err, &refused) {
		writeProblem(w, http.StatusBadRequest, refused.Error())
		return
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.writeJSON(w, body)
}
