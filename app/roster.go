package app

import (
	"context"
	"errors"
	"slices"

	"pulltrail/collector"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/roster"
	"pulltrail/internal/web/access"
	"pulltrail/internal/web/api"
)

// tracked is what is tracked: what the configuration names, and what listings have found.
type tracked struct {
	store     *roster.Store
	plan      collector.Plan
	goneAfter int
	trail     *history.Store
	login     bool // Docker Hub is asked with a login, which sees private repositories
}

// repositories are all that are tracked, those that are named first.
func (t tracked) repositories(ctx context.Context) ([]hub.Repository, error) {
	entries, err := t.entries(ctx)
	if err != nil {
		return nil, err
	}
	all, err := t.names(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Listed {
			all = append(all, e.Repository)
		}
	}
	return all, nil
}

// all are those that are tracked, whoever may know of them, those that are named first.
func (t tracked) all(ctx context.Context) ([]hub.Repository, error) {
	all := slices.Clone(t.plan.Names)
	err := t.store.Each(ctx, func(e roster.Entry) bool {
		if e.Listed && t.plan.Tracks(e.Repository) {
			all = append(all, e.Repository)
		}
		return true
	})
	return all, err
}

// names are those of the configuration that the visitor may know of.
func (t tracked) names(ctx context.Context) ([]hub.Repository, error) {
	doubtful, err := t.doubtful(ctx)
	return slices.DeleteFunc(slices.Clone(t.plan.Names), doubtful), err
}

// entries are what the roster has of those that are tracked today and that the visitor
// may know of.
func (t tracked) entries(ctx context.Context) ([]roster.Entry, error) {
	doubtful, err := t.doubtful(ctx)
	if err != nil {
		return nil, err
	}
	entries, err := t.store.Entries(ctx)
	return slices.DeleteFunc(entries, func(e roster.Entry) bool { return !t.plan.Tracks(e.Repository) || doubtful(e.Repository) }), err
}

// doubtful tells the repositories that may be private for all that is known: those that
// only a login may have found, until history has a snapshot, which says what they are.
// Visitors that may act know the configuration, or the password: they are shown them.
func (t tracked) doubtful(ctx context.Context) (func(hub.Repository) bool, error) {
	if !t.login || access.Of(ctx).MayAct {
		return func(hub.Repository) bool { return false }, nil
	}
	stored, err := t.trail.Repositories(ctx)
	known := make(map[hub.Repository]bool, len(stored))
	for _, s := range stored {
		known[s.Repository] = true
	}
	return func(r hub.Repository) bool { return !known[r] }, err
}

// tidy forgets what the configuration does not name any more.
func (t tracked) tidy(ctx context.Context) error {
	var repositories []hub.Repository
	err := t.store.Each(ctx, func(e roster.Entry) bool {
		if !t.plan.Tracks(e.Repository) {
			repositories = append(repositories, e.Repository)
		}
		return true
	})
	if err != nil {
		return err
	}
	listings, err := t.store.Listings(ctx)
	if err != nil {
		return err
	}
	var namespaces []string
	for _, l := range listings {
		if !t.lists(l.Namespace) {
			namespaces = append(namespaces, l.Namespace)
		}
	}
	return errors.Join(t.store.Forget(ctx, repositories...), t.store.ForgetListing(ctx, namespaces...))
}

// lists reports whether a namespace is to be listed.
func (t tracked) lists(namespace string) bool {
	return slices.ContainsFunc(t.plan.Namespaces, func(n collector.Namespace) bool { return n.Name == namespace })
}

// gone reports whether a repository was not found for so many slots that it must be gone.
func (t tracked) gone(e roster.Entry) bool { return e.Absent >= t.goneAfter }

// Fates tells the API how each tracked repository fares.
func (t tracked) Fates(ctx context.Context) (map[hub.Repository]api.Fate, error) {
	entries, err := t.entries(ctx)
	if err != nil {
		return nil, err
	}
	names, err := t.names(ctx)
	if err != nil {
		return nil, err
	}
	fates := make(map[hub.Repository]api.Fate, len(entries)+len(names))
	for _, name := range names {
		fates[name] = api.Fate{}
	}
	for _, e := range entries {
		fates[e.Repository] = api.Fate{Cause: e.Cause, Message: e.Message, Gone: t.gone(e)}
	}
	return fates, nil
}

// Listings tells the API how much of each namespace is listed.
func (t tracked) Listings(ctx context.Context) ([]api.Listing, error) {
	all, err := t.store.Listings(ctx)
	if err != nil {
		return nil, err
	}
	listings := []api.Listing{}
	for _, l := range all {
		if t.lists(l.Namespace) {
			listings = append(listings, api.Listing{Namespace: l.Namespace, Slot: l.Slot, Rows: l.Rows, Total: l.Total, Truncated: l.Truncated, Message: l.Message})
		}
	}
	return listings, nil
}
