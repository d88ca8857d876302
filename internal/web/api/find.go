package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"pulltrail/internal/hub"
	"pulltrail/internal/nearest"
	"pulltrail/internal/rollup"
	"pulltrail/internal/web/access"
)

// found is a repository that the visitor may know of.
type found struct {
	hub.Repository
	trail   *rollup.Trail // nil before the first snapshot
	fate    Fate
	tracked bool
}

// visible reports whether the visitor of a request may know of a repository.
func visible(ctx context.Context, t *rollup.Trail) bool {
	return access.Of(ctx).Authenticated || !t.Private && !t.Newest.Private
}

// all are the repositories with snapshots, and the tracked ones that are still without,
// by namespace and name.
func (h *handler) all(ctx context.Context) ([]found, error) {
	trails, err := h.Curves.Trails(ctx)
	if err != nil {
		return nil, err
	}
	fates, err := h.Roster.Fates(ctx)
	if err != nil {
		return nil, err
	}
	h.reads.Worked()
	list := make([]found, 0, len(trails))
	seen := make(map[hub.Repository]bool, len(trails))
	for _, t := range trails {
		seen[t.Repository] = true
		if visible(ctx, t) {
			fate, tracked := fates[t.Repository]
			list = append(list, found{t.Repository, t, fate, tracked})
		}
	}
	for r, fate := range fates {
		if !seen[r] {
			list = append(list, found{r, nil, fate, true})
		}
	}
	slices.SortFunc(list, func(a, b found) int { return byName(a.Repository, b.Repository) })
	return list, nil
}

func byName(a, b hub.Repository) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// one is the repository of this name; false when there is none, or none that may be
// seen.
func (h *handler) one(ctx context.Context, name hub.Repository) (found, bool, error) {
	t, ok, err := h.Curves.Trail(ctx, name)
	if err != nil {
		return found{}, false, err
	}
	fates, err := h.Roster.Fates(ctx)
	if err != nil {
		return found{}, false, err
	}
	h.reads.Worked()
	fate, tracked := fates[name]
	if ok {
		return found{name, t, fate, tracked}, visible(ctx, t), nil
	}
	return found{name, nil, fate, true}, tracked, nil
}

// find is the repository that a request names. Where there is none it answers itself:
// that comes before any parameters are looked at, as what a private one is asked for must
// not show.
func (h *handler) find(w http.ResponseWriter, r *http.Request) (found, bool) {
	asked := r.PathValue("namespace") + "/" + r.PathValue("name")
	name, err := hub.NewRepository(r.PathValue("namespace"), r.PathValue("name"))
	if err != nil {
		h.unknown(w, r, asked) // no repository can have such a name
		return found{}, false
	}
	f, ok, err := h.one(r.Context(), name)
	switch {
	case err != nil:
		h.fail(w, r, err)
	case !ok:
		h.unknown(w, r, asked)
	}
	return f, ok && err == nil
}

const (
	// maxAsked bounds the names for which something similar is looked for, in bytes.
	maxAsked       = 100
	maxSuggestions = 3
)

// unknown is the one answer for what does not exist and for what is private: they
// must not differ.
func (h *handler) unknown(w http.ResponseWriter, r *http.Request, asked string) {
	all, err := h.all(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	writeProblem(w, http.StatusNotFound, "No repository of this name is known here; /api/v1/repositories lists those that are.", similar(asked, all)...)
}

// similar are the names that were most likely meant, the likeliest first.
func similar(asked string, all []found) []string {
	if len(asked) > maxAsked {
		return nil
	}
	known := make([]hub.Repository, len(all))
	for i, f := range all {
		known[i] = f.Repository
	}
	var names []string
	for _, r := range nearest.Repositories(asked, known, maxSuggestions) {
		names = append(names, r.String())
	}
	return names
}
