package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"pulltrail/internal/hub"
	"pulltrail/internal/trail"
)

// daily is the pulls of the UTC days that the range touches, each of them whole, as
// far as they are known.
type daily struct {
	hub.Repository
	From         *time.Time    `json:"from"`
	To           *time.Time    `json:"to"`
	Days         []dayOfPulls  `json:"days"`
	Restatements []restatement `json:"restatements"`
}

type dayOfPulls struct {
	Date  string `json:"date"`
	Pulls int64  `json:"pulls"`
	// Gap: the pulls were spread over a time without snapshots.
	Gap bool `json:"gap"`
	// Partial: the day has the first snapshot, or the newest.
	Partial bool `json:"partial"`
}

// restatement is a fall of the total, seen on one of the days.
type restatement struct {
	Timestamp time.Time `json:"timestamp"`
	From      int64     `json:"from"`
	To        int64     `json:"to"`
}

func (h *handler) daily(w http.ResponseWriter, r *http.Request) {
	f, ok := h.find(w, r)
	if !ok {
		return
	}
	q := parseQuery(r.URL.RawQuery, "from", "to", "format")
	asked, asCSV := q.timeRange(), q.wantsCSV(r)
	if q.err != nil {
		writeProblem(w, http.StatusBadRequest, sentence(q.err))
		return
	}
	h.answer(w, r, asCSV, func(context.Context) (table, error) { return dailyOf(f, asked), nil })
}

func dailyOf(f found, asked timeRange) daily {
	out := daily{
		Repository: f.Repository, From: end(asked.from), To: end(asked.to),
		Days: []dayOfPulls{}, Restatements: []restatement{},
	}
	if f.trail != nil && !asked.empty() {
		out.Days = days(f.trail.Days.Between(asked.from, asked.to))
		out.Restatements = restatements(f.trail.Restatements, asked.wholeDays())
	}
	return out
}

// wholeDays is the range of the days that r touches.
func (r timeRange) wholeDays() timeRange {
	if !r.from.IsZero() {
		r.from = trail.Day.Floor(r.from)
	}
	if !r.to.IsZero() {
		r.to = trail.Day.Ceil(r.to)
	}
	return r
}

func days(periods []trail.Period) []dayOfPulls {
	out := make([]dayOfPulls, len(periods)) // an empty list is [], not null
	for i, p := range periods {
		out[i] = dayOfPulls{Date: p.Start.Format(time.DateOnly), Pulls: p.Pulls, Gap: p.Gap, Partial: p.Partial}
	}
	return out
}

// restatements are those that were seen within the range.
func restatements(all []trail.Restatement, within timeRange) []restatement {
	out := []restatement{}
	for _, r := range all {
		if within.has(r.At) {
			out = append(out, restatement{Timestamp: r.At, From: r.From, To: r.To})
		}
	}
	return out
}

func (d daily) file() string { return fileOf(d.Repository, "daily") }

func (d daily) rows() [][]string {
	rows := [][]string{{"date", "pulls", "gap", "partial"}}
	for _, p := range d.Days {
		rows = append(rows, []string{p.Date, digits(&p.Pulls), strconv.FormatBool(p.Gap), strconv.FormatBool(p.Partial)})
	}
	return rows
}
