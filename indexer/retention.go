package indexer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"pulltrail/internal/search"
)

// maxClockDifference is how far the clock here may be from the cluster's.
const maxClockDifference = time.Hour

// Retention deletes indices that are older than their routes keep them. It is made so
// that a mistake costs nothing:
//
// Only an index whose name a date gives, by a route that has keep, is ever touched, and
// only if every route that names it would let it go; it goes as a whole, when even the
// newest document that may be in it is too old. The newest index of a route stays. Where
// more than half of a route's indices would go at once, none does, because then the
// clock or the configuration is wrong more often than not; a person can do it with
// "pulltrail indices delete". Nothing is deleted while the clock here and the cluster's
// differ.
type Retention struct {
	care     *Care
	clusters []*Cluster
	log      *slog.Logger
	deleted  *prometheus.CounterVec
	now      func() time.Time
}

// RetentionOptions are what a Retention is made of; all of them are needed.
type RetentionOptions struct {
	Care       *Care
	Clusters   []*Cluster
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// NewRetention makes one; it does nothing before Run is called.
func NewRetention(o RetentionOptions) *Retention {
	r := &Retention{care: o.Care, clusters: o.Clusters, log: o.Log, now: time.Now}
	r.deleted = promauto.With(o.Registerer).NewCounterVec(prometheus.CounterOpts{
		Name: "pulltrail_retention_deleted_indices_total", Help: "Indices that were deleted because a route does not keep them any longer.",
	}, []string{"sink"})
	for _, c := range o.Clusters {
		r.deleted.WithLabelValues(c.String())
	}
	return r
}

// Retains reports whether any route has indices to be deleted by their age.
func (c *Care) Retains() bool {
	return slices.ContainsFunc(c.routes, func(r caredFor) bool { return !r.keep.IsZero() })
}

// Run deletes once what is too old. The error is everything that could not be done; the
// rest is done all the same.
func (r *Retention) Run(ctx context.Context) error {
	var errs []error
	for _, cluster := range r.clusters {
		errs = append(errs, r.clean(ctx, cluster))
	}
	return errors.Join(errs...)
}

func (r *Retention) clean(ctx context.Context, cluster *Cluster) error {
	if err := r.checkClock(ctx, cluster); err != nil {
		return err
	}
	indices, err := r.care.list(ctx, cluster, false, func(c caredFor) bool { return !c.keep.IsZero() })
	if err != nil {
		return cluster.withRemedy(err)
	}
	var errs []error
	for _, route := range r.care.routes {
		if route.keep.IsZero() {
			continue
		}
		over, err := r.care.expired(route, indices, r.now())
		if err == nil {
			err = r.delete(ctx, cluster, route, over)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// checkClock compares the clock here with the cluster's, where that may be asked for.
func (r *Retention) checkClock(ctx context.Context, cluster *Cluster) error {
	theirs, err := cluster.client.Clock(ctx)
	var refused *search.Error
	switch {
	case errors.As(err, &refused) && refused.Class == search.Forbidden:
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", cluster, err)
	}
	ours := r.now().UTC()
	if ours.Sub(theirs).Abs() > maxClockDifference {
		return fmt.Errorf("no index of %s is deleted by its age: the clock here says %s and that of the cluster %s, set the one that is wrong",
			cluster, ours.Format(time.RFC3339), theirs.Format(time.RFC3339))
	}
	return nil
}

// expired are the indices that a route does not keep any longer.
func (c *Care) expired(route caredFor, indices []Index, now time.Time) ([]Index, error) {
	var named, over []Index
	for _, index := range indices {
		if slices.Contains(index.Routes, route.name) {
			named = append(named, index)
		}
	}
	// The oldest first, so that what is left after an error has no gap.
	slices.SortStableFunc(named, func(a, b Index) int { return a.End.Compare(b.End) })
	for i, index := range named {
		if i < len(named)-1 && c.isOver(index, now) {
			over = append(over, index)
		}
	}
	if 2*len(over) > len(named) {
		return nil, fmt.Errorf("%d of the %d indices of indexer.%s (%s) are older than its keep (%s), which is too many to be deleted without being asked: "+
			"if neither keep nor the clock is wrong, do it by hand with pulltrail indices delete --route %s --older-than %s",
			len(over), len(named), route.name, route.Index, route.Keep, routeNumber(route.name), route.Keep)
	}
	return over, nil
}

// isOver reports whether all routes that name an index would let it go.
func (c *Care) isOver(index Index, now time.Time) bool {
	for _, r := range c.routes {
		if !slices.Contains(index.Routes, r.name) {
			continue
		}
		if r.keep.IsZero() || index.End.IsZero() || index.End.After(r.keep.Before(now)) {
			return false
		}
	}
	return true
}

// delete stops at the first index that it may not delete: the others would be refused
// as well, and one sentence about it is enough.
func (r *Retention) delete(ctx context.Context, cluster *Cluster, route caredFor, over []Index) error {
	var errs []error
	for _, index := range over {
		err := r.care.Delete(ctx, cluster, index.Name)
		var refused *search.Error
		switch {
		case err == nil:
			r.deleted.WithLabelValues(cluster.String()).Inc()
			r.log.Info("index reached its age limit and is deleted", "index", index.Name, "sink", cluster.String(), "route", "indexer."+route.name, "keep", route.Keep)
			continue
		case errors.As(err, &refused) && refused.Class == search.Forbidden:
			return errors.Join(append(errs, cluster.withRemedy(err))...)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
