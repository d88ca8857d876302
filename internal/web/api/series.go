package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"pulltrail/internal/history"
	"pulltrail/internal/hub"
)

const (
	// maxSamples bounds one series: some 30 MB of JSON, or a snapshot every minute
	// for four months.
	maxSamples = 200_000
	// maxSeriesAtOnce bounds how many answers about a trail are made at the same time.
	maxSeriesAtOnce = 4
)

var errTooManySamples = refusal(fmt.Sprintf(
	"The range has more than %d samples, the most that one answer is made of: narrow it with from and to.", maxSamples))

// series is the samples of one repository with from <= timestamp < to; an open end
// is null.
type series struct {
	hub.Repository
	From    *time.Time `json:"from"`
	To      *time.Time `json:"to"`
	Samples []sample   `json:"samples"`
}

type sample struct {
	Timestamp   time.Time  `json:"timestamp"`
	Slot        time.Time  `json:"slot"`
	PullCount   int64      `json:"pull_count"`
	StarCount   *int64     `json:"star_count"`
	StorageSize *int64     `json:"storage_size"`
	LastUpdated *time.Time `json:"last_updated"`
}

func (h *handler) series(w http.ResponseWriter, r *http.Request) {
	h.answer(w, r, parseRange, h.readSeries)
}

func (h *handler) readSeries(ctx context.Context, r hub.Repository, asked timeRange) (any, error) {
	samples, err := h.History.Series(ctx, r, asked.from, asked.to, maxSamples+1)
	if err != nil {
		return nil, err
	}
	if len(samples) > maxSamples {
		return nil, errTooManySamples
	}
	return series{Repository: r, From: end(asked.from), To: end(asked.to), Samples: converted(samples)}, nil
}

func converted(samples []history.Sample) []sample {
	out := make([]sample, len(samples)) // an empty list is [], not null
	for i, s := range samples {
		out[i] = sample{
			Timestamp: s.Timestamp.UTC(), Slot: s.Slot.UTC(), PullCount: s.PullCount,
			StarCount: s.StarCount, StorageSize: s.StorageSize, LastUpdated: utc(s.LastUpdated),
		}
	}
	return out
}
