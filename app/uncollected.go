package app

import (
	"context"

	"pulltrail/collector"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/outbox"
	"pulltrail/internal/roster"
)

// uncollected finds what the configuration names and no run has collected yet, because it was added since.
type uncollected struct {
	plan    collector.Plan
	outbox  *outbox.Outbox
	history *history.Store
	roster  *roster.Store
}

// any reports whether there is something to collect.
func (u uncollected) any(ctx context.Context) (bool, error) {
	names, namespaces, err := u.find(ctx)
	return len(names)+len(namespaces) > 0, err
}

// find returns the repositories without any snapshot, and the namespaces that were not listed completely with the
// patterns of today, or in which a repository that was listed has no snapshot for a reason that may have passed.
func (u uncollected) find(ctx context.Context) (names []hub.Repository, namespaces []collector.Namespace, err error) {
	for _, r := range u.plan.Names {
		_, stored, err := u.history.Repository(ctx, r)
		if err == nil && !stored {
			stored, err = u.outbox.Holds(ctx, r)
		}
		if err != nil {
			return nil, nil, err
		}
		if !stored {
			names = append(names, r)
		}
	}
	if len(u.plan.Namespaces) == 0 {
		return names, nil, nil
	}
	pending := make(map[string]bool)
	err = u.roster.Each(ctx, func(e roster.Entry) bool {
		if e.Listed && e.Seen.IsZero() && collector.Cause(e.Cause).Resumable() && u.plan.Tracks(e.Repository) {
			pending[e.Namespace] = true
		}
		return true
	})
	if err != nil {
		return nil, nil, err
	}
	for _, n := range u.plan.Namespaces {
		l, listed, err := u.roster.Listing(ctx, n.Name)
		if err != nil {
			return nil, nil, err
		}
		if !listed || l.Next != 0 || l.Selection != n.Selection() || pending[n.Name] {
			namespaces = append(namespaces, n)
		}
	}
	return names, namespaces, nil
}
