package api

import (
	"encoding/json"
	"net/http"
	"time"

	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
	"pulltrail/internal/trail"
)

// detail is all that is known of one repository but its series.
type detail struct {
	repository
	Pulls90d        change           `json:"pulls_90d"`
	Pulls1y         change           `json:"pulls_1y"`
	SinceRegistered *sinceRegistered `json:"since_registered"`
	Records         records          `json:"records"`
	Restatements    []restatement    `json:"restatements"`
	// Document is the newest snapshot as it is stored and published.
	Document json.RawMessage `json:"document"`
}

// sinceRegistered is the average since the repository was registered.
type sinceRegistered struct {
	DateRegistered time.Time `json:"date_registered"`
	PullsPerDay    float64   `json:"pulls_per_day"`
}

// records are what was highest; null where nothing was.
type records struct {
	Day        *best       `json:"day"`
	Week       *best       `json:"week"`
	Month      *best       `json:"month"`
	Milestones []milestone `json:"milestones"`
	Next       *goal       `json:"next"`
}

type best struct {
	// Start is the day on which it begins.
	Start string `json:"start"`
	Pulls int64  `json:"pulls"`
}

type milestone struct {
	PullCount int64     `json:"pull_count"`
	Timestamp time.Time `json:"timestamp"`
}

// goal is a milestone to come; Estimate is null where there is no honest one.
type goal struct {
	PullCount int64      `json:"pull_count"`
	Estimate  *time.Time `json:"estimate"`
}

func (h *handler) repository(w http.ResponseWriter, r *http.Request) {
	f, ok := h.find(w, r)
	if !ok {
		return
	}
	if q := parseQuery(r.URL.RawQuery); q.err != nil {
		writeProblem(w, http.StatusBadRequest, sentence(q.err))
		return
	}
	const year = 365 * day
	out := detail{
		repository: h.shown(f),
		Pulls90d:   changed(h.recent(f.trail, 3*month)), Pulls1y: changed(h.recent(f.trail, year)),
		Records: records{Milestones: []milestone{}}, Restatements: []restatement{},
	}
	if t := f.trail; t != nil {
		out.SinceRegistered, out.Records = averageOf(t.Newest), recordsOf(t)
		out.Restatements, out.Document = restatements(t.Restatements, timeRange{}), t.Newest.Encode()
	}
	h.writeJSON(w, r, out)
}

// averageOf is nil where Docker Hub does not say since when there is the repository, or
// where that is too short.
func averageOf(s hub.Snapshot) *sinceRegistered {
	for _, f := range s.Fields() {
		var at time.Time
		if f.Key != "date_registered" || string(f.Value) == "null" || json.Unmarshal(f.Value, &at) != nil {
			continue
		}
		if rate, ok := trail.SinceRegistered(s.PullCount, at, s.Timestamp); ok {
			return &sinceRegistered{at.UTC(), rate}
		}
	}
	return nil
}

func recordsOf(t *rollup.Trail) records {
	out := records{
		Day: bestOf(t.BestDay), Week: bestOf(t.BestWeek), Month: bestOf(t.BestMonth),
		Milestones: make([]milestone, len(t.Milestones)),
	}
	for i, m := range t.Milestones {
		out.Milestones[i] = milestone{m.Pulls, m.At}
	}
	if t.HasNext {
		out.Next = &goal{PullCount: t.Next.Pulls}
		if t.Next.Known {
			at := t.Next.At.Truncate(time.Second) // it is an estimate
			out.Next.Estimate = &at
		}
	}
	return out
}

func bestOf(p trail.Period) *best {
	if p.Pulls == 0 {
		return nil
	}
	return &best{p.Start.Format(time.DateOnly), p.Pulls}
}
