package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"pulltrail/internal/history"
	"pulltrail/internal/hub"
)

const (
	// maxSamples bounds one series: some 30 MB of JSON, or a snapshot every minute
	// for four months.
	maxSamples = 200_000
	// maxSeriesAtOnce bounds how many such answers are made at the same time.
	maxSeriesAtOnce = 4
)

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
	found, ok, err := h.find(r.Context(), r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if !ok {
		unknown(w)
		return
	}
	from, to, err := parseRange(r.URL.RawQuery)
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
	samples, err := h.History.Series(r.Context(), found.Repository, from, to, maxSamples+1)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if len(samples) > maxSamples {
		writeProblem(w, http.StatusBadRequest, fmt.Sprintf(
			"The range has more than %d samples, the most that one answer has: narrow it with from and to.", maxSamples))
		return
	}
	h.writeJSON(w, series{Repository: found.Repository, From: end(from), To: end(to), Samples: converted(samples)})
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

// end is one end of a range, nil for an open one.
func end(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// parseRange reads from and to; absent or empty they are zero and leave their end
// open. It is strict, because a typing error that is passed over gives a wrong
// answer that looks right. The error is for the one who asked.
func parseRange(query string) (from, to time.Time, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return from, to, errors.New("the query cannot be read: write ?from=2026-01-01&to=2026-02-01")
	}
	for key, v := range values {
		switch {
		case key != "from" && key != "to":
			return from, to, fmt.Errorf("the parameter %.40q is unknown: there are from and to", key)
		case len(v) > 1:
			return from, to, fmt.Errorf("the parameter %s is given %d times: give it once", key, len(v))
		}
	}
	if from, err = parseTime("from", values.Get("from")); err != nil {
		return from, to, err
	}
	if to, err = parseTime("to", values.Get("to")); err != nil {
		return from, to, err
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return from, to, fmt.Errorf("the range is empty: from (%s) must be before to (%s), which does not belong to it",
			from.Format(time.RFC3339Nano), to.Format(time.RFC3339Nano))
	}
	return from, to, nil
}

func parseTime(key, value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, value)
	if err != nil {
		// The + of an offset that was not escaped has arrived as a space.
		t, err = time.Parse(time.RFC3339Nano, strings.Replace(value, " ", "+", 1))
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("the parameter %s is %.40q: write a UTC day such as 2026-01-31 or a time such as 2026-01-31T01:00:00Z", key, value)
	}
	t = t.UTC()
	if y := t.Year(); y < 1970 || y > 9999 {
		return time.Time{}, fmt.Errorf("the parameter %s is %.40q: write a time from the years 1970 to 9999", key, value)
	}
	return t, nil
}

// sentence is err as a person writes it.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
