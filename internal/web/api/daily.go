package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/trail"
)

// maxDays bounds the days of one answer: a century, should a snapshot have a time that
// is far from all others.
const maxDays = 36_600

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
	h.answer(w, r, parseRange, h.readDaily)
}

func (h *handler) readDaily(ctx context.Context, r hub.Repository, asked timeRange) (any, error) {
	whole := asked.wholeDays()
	samples, err := h.History.Around(ctx, r, whole.from, whole.to, maxSamples+1)
	if err != nil {
		return nil, err
	}
	if len(samples) > maxSamples {
		return nil, errTooManySamples
	}
	if whole.daysOf(samples) > maxDays {
		return nil, refusal(fmt.Sprintf("The range has more than %d days with pulls, the most that one answer has: narrow it with from and to.", maxDays))
	}
	curve := trail.New(forTrail(samples))
	return daily{
		Repository: r, From: end(asked.from), To: end(asked.to),
		Days:         days(curve.Daily(whole.from, whole.to, h.MaxGap())),
		Restatements: restatements(curve.Restatements(), whole),
	}, nil
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

// daysOf is how many days of the range lie between the first sample and the last.
func (r timeRange) daysOf(samples []history.Sample) int {
	if len(samples) == 0 {
		return 0
	}
	from, to := samples[0].Timestamp, samples[len(samples)-1].Timestamp
	if r.from.After(from) {
		from = r.from
	}
	if !r.to.IsZero() && r.to.Before(to) {
		to = r.to
	}
	return int(to.Sub(from) / (24 * time.Hour)) // of more than 292 years, those
}

// forTrail are samples as the arithmetic takes them.
func forTrail(samples []history.Sample) []trail.Sample {
	out := make([]trail.Sample, len(samples))
	for i, s := range samples {
		out[i] = trail.Sample{Time: s.Timestamp, Pulls: s.PullCount, LastUpdated: s.LastUpdated}
	}
	return out
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
		if !r.At.Before(within.from) && (within.to.IsZero() || r.At.Before(within.to)) {
			out = append(out, restatement{Timestamp: r.At, From: r.From, To: r.To})
		}
	}
	return out
}
