package api

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"pulltrail/internal/hub"
)

// maxList bounds a list.
const maxList = 10_000

// repository is one repository as its newest snapshot shows it; all that comes of
// snapshots is null before there is one.
type repository struct {
	hub.Repository
	PullCount   *int64     `json:"pull_count"`
	StarCount   *int64     `json:"star_count"`
	StorageSize *int64     `json:"storage_size"`
	LastUpdated *time.Time `json:"last_updated"`
	Timestamp   *time.Time `json:"timestamp"`
	Slot        *time.Time `json:"slot"`
	Description *string    `json:"description"`
	// Tracked, Cause, Message and Gone say how it fares: whether it is polled, and why
	// there was no snapshot the last time.
	Tracked bool    `json:"tracked"`
	Cause   *string `json:"cause"`
	Message *string `json:"message"`
	Gone    bool    `json:"gone"`

	Pulls24h change `json:"pulls_24h"`
	Pulls7d  change `json:"pulls_7d"`
	Pulls30d change `json:"pulls_30d"`
	// Pushes is how many came after the first snapshot, First when that was, Snapshots how
	// many there are.
	Pushes    *int       `json:"pushes"`
	First     *time.Time `json:"first"`
	Snapshots int        `json:"snapshots"`
}

func (h *handler) shown(f found) repository {
	out := repository{
		Repository: f.Repository,
		Tracked:    f.tracked, Cause: text(f.fate.Cause), Message: text(f.fate.Message), Gone: f.fate.Gone,
		Pulls24h: changed(h.recent(f.trail, day)), Pulls7d: changed(h.recent(f.trail, week)), Pulls30d: changed(h.recent(f.trail, month)),
	}
	if t := f.trail; t != nil {
		pushes := len(t.Pushes)
		out.PullCount, out.StarCount, out.StorageSize = &t.Newest.PullCount, t.Newest.StarCount, t.Newest.StorageSize
		out.LastUpdated, out.Timestamp, out.Slot = utc(t.Newest.LastUpdated), utc(&t.Newest.Timestamp), utc(&t.Newest.Slot)
		out.Description = text(t.Newest.Description())
		out.Pushes, out.First, out.Snapshots = &pushes, utc(&t.First.Time), t.Snapshots
	}
	return out
}

// repositories is the list.
type repositories struct {
	Repositories []repository `json:"repositories"`
	// Total is how many there are, more than the list has where it was asked for a part.
	Total    int       `json:"total"`
	Listings []Listing `json:"listings"`
}

func (h *handler) repositories(w http.ResponseWriter, r *http.Request) {
	q := parseQuery(r.URL.RawQuery, "q", "namespace", "sort", "order", "limit", "offset")
	sorted := q.sorting()
	limit, offset := q.number("limit", maxList, 1, maxList), q.number("offset", 0, 0, 1_000_000)
	namespace := q.namespace()
	if q.err != nil {
		writeProblem(w, http.StatusBadRequest, sentence(q.err))
		return
	}
	all, err := h.all(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	listings, err := h.Roster.Listings(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	all = q.matching(all, namespace)
	list := make([]repository, len(all)) // an empty list is [], not null
	for i, f := range all {
		list[i] = h.shown(f)
	}
	slices.SortStableFunc(list, sorted)
	total := len(list)
	list = list[min(offset, total):min(offset+limit, total)]
	h.writeJSON(w, r, repositories{list, total, listings})
}

// matching are those with the parameter q in their name, and of the namespace.
func (q *query) matching(all []found, namespace string) []found {
	part := strings.ToLower(q.text("q"))
	return slices.DeleteFunc(all, func(f found) bool {
		return namespace != "" && f.Namespace != namespace || !strings.Contains(f.String(), part)
	})
}

// sortKeys are what a list can be sorted by, but for the name; nil is not known.
var sortKeys = []struct {
	name string
	of   func(repository) *int64
}{
	{"pull_count", func(r repository) *int64 { return r.PullCount }},
	{"star_count", func(r repository) *int64 { return r.StarCount }},
	{"last_updated", func(r repository) *int64 { return micros(r.LastUpdated) }},
	{"timestamp", func(r repository) *int64 { return micros(r.Timestamp) }},
	{"first", func(r repository) *int64 { return micros(r.First) }},
	{"pulls_24h", func(r repository) *int64 { return r.Pulls24h.Pulls }},
	{"pulls_7d", func(r repository) *int64 { return r.Pulls7d.Pulls }},
	{"pulls_30d", func(r repository) *int64 { return r.Pulls30d.Pulls }},
}

// sorting is how the list is sorted, which is by name already: from a to z, or by a
// number, the highest first, unless order says otherwise. What is not known is last.
func (q *query) sorting() func(a, b repository) int {
	names := []string{"name"}
	for _, k := range sortKeys {
		names = append(names, k.name)
	}
	key := q.choice("sort", names...)
	sign := -1
	order := "desc"
	if key == "name" {
		order = "asc"
	}
	if q.values.Has("order") {
		order = q.choice("order", "asc", "desc")
	}
	if order == "asc" {
		sign = 1
	}
	for _, k := range sortKeys {
		if k.name == key {
			return func(a, b repository) int { return compare(k.of(a), k.of(b), sign) }
		}
	}
	return func(a, b repository) int { return sign * byName(a.Repository, b.Repository) }
}

func compare(a, b *int64, sign int) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return sign * cmp.Compare(*a, *b)
}

func micros(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	n := t.UnixMicro()
	return &n
}

// text is nil where there is none.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
