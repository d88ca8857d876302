package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"pulltrail/internal/hub"
	"pulltrail/internal/trail"
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
	h.answer(w, r, parseNothing, h.readPushes)
}

func (h *handler) readPushes(ctx context.Context, r hub.Repository, _ timeRange) (any, error) {
	samples, err := h.History.Updates(ctx, r, maxSamples+1)
	if err != nil {
		return nil, err
	}
	if len(samples) > maxSamples {
		return nil, refusal(fmt.Sprintf("There are more than %d pushes, the most that one answer has: the series has them too, in ranges.", maxSamples))
	}
	out := []push{} // an empty list is [], not null
	for _, p := range trail.New(forTrail(samples)).Pushes() {
		out = append(out, push{LastUpdated: p.At, Timestamp: p.Seen})
	}
	return pushes{Repository: r, Pushes: out}, nil
}
