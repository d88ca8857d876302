package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"pulltrail/internal/history"
	"pulltrail/internal/hub"
)

const (
	// maxSamples bounds one series: some 30 MB of JSON, or a snapshot every minute
	// for four months.
	maxSamples = 200_000
	// maxAtOnce bounds how many long answers are made at the same time.
	maxAtOnce = 4
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
	h.answer(w, r, asCSV, func(ctx context.Context) (table, error) { return h.readSeries(ctx, f.Repository, asked) })
}

func (h *handler) readSeries(ctx context.Context, r hub.Repository, asked timeRange) (table, error) {
	if asked.empty() {
		return series{Repository: r, From: end(asked.from), To: end(asked.to), Samples: []sample{}}, nil
	}
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

func (s series) file() string { return fileOf(s.Repository, "series") }

func (s series) rows() [][]string {
	rows := [][]string{{"timestamp", "slot", "pull_count", "star_count", "storage_size", "last_updated"}}
	for _, p := range s.Samples {
		rows = append(rows, []string{moment(&p.Timestamp), moment(&p.Slot), digits(&p.PullCount), digits(p.StarCount), digits(p.StorageSize), moment(p.LastUpdated)})
	}
	return rows
}

func fileOf(r hub.Repository, what string) string { return r.Namespace + "-" + r.Name + "-" + what }

// digits and moment are cells of CSV; what is not known is empty.
func digits(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}
