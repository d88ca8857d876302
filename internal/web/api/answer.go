package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/http"

	"pulltrail/internal/web/reply"
)

const (
	typeJSON = "application/json"
	typeCSV  = "text/csv; charset=utf-8; header=present"
)

// refusal is an error for the one who asked, with status 422: the request is valid, but its
// answer would be too long. It says what to ask instead.
type refusal string

func (r refusal) Error() string { return string(r) }

// table is an answer that can be CSV too.
type table interface {
	// rows are what CSV has, the names of the columns first.
	rows() [][]string
	// file is a name for it, without an extension.
	file() string
}

// answer is an answer that is long to make: when it is its turn, what read makes, as JSON
// or CSV.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, asCSV bool, read func(context.Context) (table, error)) {
	select {
	case h.turns <- struct{}{}:
		defer func() { <-h.turns }()
	case <-r.Context().Done():
		return // the reader has gone
	}
	body, err := read(r.Context())
	if refused := refusal(""); errors.As(err, &refused) {
		writeProblem(w, http.StatusUnprocessableEntity, refused.Error())
		return
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.reads.Worked()
	w.Header().Add("Vary", "Accept")
	if asCSV {
		h.writeCSV(w, r, body)
		return
	}
	h.writeJSON(w, r, body)
}

// writeJSON answers with v. It encodes first, so that an answer is whole or a 500.
func (h *handler) writeJSON(w http.ResponseWriter, r *http.Request, v any) {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(v); err != nil {
		h.Log.Error("web: an answer of the API could not be encoded", "err", err)
		writeProblem(w, http.StatusInternalServerError, "The answer could not be encoded; Pulltrail's log says why.")
		return
	}
	reply.Whole(w, r, typeJSON, body.Bytes())
}

func (h *handler) writeCSV(w http.ResponseWriter, r *http.Request, t table) {
	var body bytes.Buffer
	out := csv.NewWriter(&body)
	out.UseCRLF = true // as RFC 4180 has it
	if err := out.WriteAll(t.rows()); err != nil {
		h.Log.Error("web: an answer of the API could not be written as CSV", "err", err)
		writeProblem(w, http.StatusInternalServerError, "The answer could not be written; Pulltrail's log says why.")
		return
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+t.file()+`.csv"`)
	reply.Whole(w, r, typeCSV, body.Bytes())
}
