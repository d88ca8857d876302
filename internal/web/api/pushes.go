package api

import (
	"context"
	"net/http"
	"time"

	"pulltrail/internal/hub"
)

// pushes are all that came after the first snapshot.
type pushes struct {
	hub.Repository
	Pushes []push `json:"pushes"`
}

type push struct {
	// LastUpdated is when it was, Timestamp when the first snapshot that tells of it was
	// observed.
	LastUpdated time.Time `json:"last_updated"`
	Timestamp   time.Time `json:"timestamp"`
}

func (h *handler) pushes(w http.ResponseWriter, r *http.Request) {
	f, ok := h.find(w, r)
	if !ok {
		return
	}
	q := parseQuery(r.URL.RawQuery, "format")
	asCSV := q.wantsCSV(r)
	if q.err != nil {
		writeProblem(w, http.StatusBadRequest, sentence(q.err))
		return
	}
	h.answer(w, r, asCSV, func(context.Context) (table, error) { return pushesOf(f), nil })
}

func pushesOf(f found) pushes {
	out := pushes{f.Repository, []push{}} // an empty list is [], not null
	if f.trail != nil {
		for _, p := range f.trail.Pushes {
			out.Pushes = append(out.Pushes, push{LastUpdated: p.At, Timestamp: p.Seen})
		}
	}
	return out
}

func (p pushes) file() string { return fileOf(p.Repository, "pushes") }

func (p pushes) rows() [][]string {
	rows := [][]string{{"last_updated", "timestamp"}}
	for _, one := range p.Pushes {
		rows = append(rows, []string{moment(&one.LastUpdated), moment(&one.Timestamp)})
	}
	return rows
}
