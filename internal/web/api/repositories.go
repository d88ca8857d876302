package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/web/access"
)

// repository is one repository as its newest snapshot shows it; all but the first
// two are null before there is one.
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
}

func (r repository) with(fate Fate, tracked bool) repository {
	r.Tracked, r.Cause, r.Message, r.Gone = tracked, text(fate.Cause), text(fate.Message), fate.Gone
	return r
}

func (h *handler) repositories(w http.ResponseWriter, r *http.Request) {
	stored, err := h.History.Repositories(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	fates, err := h.Roster.Fates(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	listings, err := h.Roster.Listings(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.reads.worked()
	// An empty list is [], not null.
	list := []repository{}
	for _, s := range stored {
		fate, tracked := fates[s.Repository]
		delete(fates, s.Repository)
		if mayBeSeen(r.Context(), s) {
			list = append(list, shown(s).with(fate, tracked))
		}
	}
	for r, fate := range fates {
		list = append(list, repository{Repository: r}.with(fate, true))
	}
	slices.SortFunc(list, func(a, b repository) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	h.writeJSON(w, struct {
		Repositories []repository `json:"repositories"`
		Listings     []Listing    `json:"listings"`
	}{list, listings})
}

func (h *handler) repository(w http.ResponseWriter, r *http.Request) {
	found, ok, err := h.find(r.Context(), r)
	switch {
	case err != nil:
		h.fail(w, r, err)
	case !ok:
		unknown(w)
	default:
		h.writeJSON(w, found)
	}
}

// find is the repository that a request names: one with snapshots, or a tracked one
// that is still without. False when there is none, or none that may be seen.
func (h *handler) find(ctx context.Context, r *http.Request) (repository, bool, error) {
	name, err := hub.ParseRepository(r.PathValue("namespace") + "/" + r.PathValue("name"))
	if err != nil {
		return repository{}, false, nil //nolint:nilerr // no repository can have such a name, so there is none
	}
	stored, ok, err := h.History.Repository(ctx, name)
	if err != nil {
		return repository{}, false, err
	}
	fates, err := h.Roster.Fates(ctx)
	if err != nil {
		return repository{}, false, err
	}
	h.reads.worked()
	fate, tracked := fates[name]
	if ok {
		return shown(stored).with(fate, tracked), mayBeSeen(ctx, stored), nil
	}
	return repository{Repository: name}.with(fate, tracked), tracked, nil
}

// unknown is the one answer for what does not exist and for what is private: they
// must not differ.
func unknown(w http.ResponseWriter) {
	writeProblem(w, http.StatusNotFound, "No repository of this name is known here; /api/v1/repositories lists those that are.")
}

// mayBeSeen reports whether the visitor of a request may know of a repository.
func mayBeSeen(ctx context.Context, r history.Repository) bool {
	return access.Of(ctx).Authenticated || !r.Private && !r.Newest.Private
}

func shown(r history.Repository) repository {
	return repository{
		Repository:  r.Repository,
		PullCount:   &r.Newest.PullCount,
		StarCount:   r.Newest.StarCount,
		StorageSize: r.Newest.StorageSize,
		LastUpdated: utc(r.Newest.LastUpdated),
		Timestamp:   utc(&r.Newest.Timestamp),
		Slot:        utc(&r.Newest.Slot),
		Description: text(r.Newest.Description()),
	}
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
