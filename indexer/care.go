package indexer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pulltrail/internal/search"
)

// OwnRoute names the route of our own snapshots where the configuration has none.
const OwnRoute = "own"

// Care knows the indices that the routes name, and no others: a name counts where some
// date gives it, and a cluster is asked about nothing else.
type Care struct{ routes []caredFor }

// caredFor is a route whose indices are looked after.
type caredFor struct {
	route
	name string // "routes[0]", or OwnRoute
	keep Age
}

// Index is an index of a cluster that a route names.
type Index struct {
	search.Index
	// Routes are the names of those that name it, in their order: as in "routes[0]".
	Routes []string
	// End is the first moment whose documents belong to another index; zero where the
	// name has no year.
	End time.Time
}

// NewCare looks after the indices of the routes that are effective with ownTopic.
func NewCare(cfg Config, ownTopic string) (*Care, error) {
	routes := cfg.EffectiveRoutes(ownTopic)
	added := len(routes) - len(cfg.Routes)
	care := &Care{}
	for _, r := range routes {
		built, err := newRoute(r)
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", r.Topic, err)
		}
		cared := caredFor{route: built, name: fmt.Sprintf("routes[%d]", len(care.routes))}
		if added > 0 && r.Topic == ownTopic && r.Kind == KindSnapshot {
			cared.name = OwnRoute
		} else if added > 0 && care.has(OwnRoute) {
			cared.name = fmt.Sprintf("routes[%d]", len(care.routes)-1)
		}
		if cared.keep, err = ParseAge(r.Keep); err != nil {
			return nil, fmt.Errorf("route %s: keep %q %w", r.Topic, r.Keep, err)
		}
		care.routes = append(care.routes, cared)
	}
	return care, nil
}

func (c *Care) has(name string) bool {
	return slices.ContainsFunc(c.routes, func(r caredFor) bool { return r.name == name })
}

// Route finds a route by what a person calls it: "routes[0]", "0" or "own".
func (c *Care) Route(text string) (name string, err error) {
	var names []string
	for _, r := range c.routes {
		if text == r.name || "routes["+text+"]" == r.name {
			return r.name, nil
		}
		names = append(names, r.name)
	}
	return "", fmt.Errorf("there is no route %q, only: %s", text, strings.Join(names, ", "))
}

// routeNumber is the shortest that Route understands for a name; brackets need quotes in
// a shell.
func routeNumber(name string) string {
	return strings.TrimSuffix(strings.TrimPrefix(name, "routes["), "]")
}

// Topic is that of the route of a name.
func (c *Care) Topic(name string) string {
	for _, r := range c.routes {
		if r.name == name {
			return r.Topic
		}
	}
	return ""
}

// Named is the index of a name as far as the routes know it; ok is false where none
// names it.
func (c *Care) Named(name string) (index Index, ok bool) {
	index.Name = name
	for _, r := range c.routes {
		if end, names := r.index.end(name); names {
			index.Routes = append(index.Routes, r.name)
			if end.After(index.End) {
				index.End = end
			}
		}
	}
	return index, len(index.Routes) > 0
}

// List is what a cluster has of the indices that routes name, by name; with sizes also
// how large they are, as far as the user may know.
func (c *Care) List(ctx context.Context, cluster *Cluster, sizes bool) ([]Index, error) {
	return c.list(ctx, cluster, sizes, func(caredFor) bool { return true })
}

func (c *Care) list(ctx context.Context, cluster *Cluster, sizes bool, wanted func(caredFor) bool) ([]Index, error) {
	var all []Index
	asked := make(map[string]bool)
	for _, r := range c.routes {
		wildcard := r.index.wildcard()
		if asked[wildcard] || !wanted(r) {
			continue
		}
		asked[wildcard] = true
		found, err := cluster.client.Indices(ctx, wildcard, sizes)
		if err != nil {
			return nil, fmt.Errorf("%s: list the indices %s: %w", cluster, wildcard, withPermission(err))
		}
		for _, there := range found {
			if index, ok := c.Named(there.Name); ok {
				index.Index = there
				all = append(all, index)
			}
		}
	}
	slices.SortFunc(all, func(a, b Index) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(all, func(a, b Index) bool { return a.Name == b.Name }), nil
}

// Made is what became of an index that was to be created.
type Made struct {
	Index, Route string
	// Created is false for one that was there.
	Created bool
	Err     error
}

// Create makes the index of each route for the day of at, with its body.
func (c *Care) Create(ctx context.Context, cluster *Cluster, at time.Time) []Made {
	var all []Made
	for _, r := range c.routes {
		made := Made{Index: r.index.name(at), Route: r.name}
		if slices.ContainsFunc(all, func(m Made) bool { return m.Index == made.Index }) {
			continue // the first route is the one that would have made it
		}
		body := r.body
		if body == nil {
			body = []byte("{}")
		}
		made.Created, made.Err = cluster.client.CreateIndex(ctx, made.Index, body)
		made.Err = withPermission(made.Err)
		all = append(all, made)
	}
	return all
}

// Delete deletes an index that a route names, for good. One that is gone meanwhile is
// no error.
func (c *Care) Delete(ctx context.Context, cluster *Cluster, name string) error {
	if _, ok := c.Named(name); !ok {
		return fmt.Errorf("no route names index %s: it is left alone", name)
	}
	err := cluster.client.DeleteIndex(ctx, name)
	cluster.Forget(name)
	var refused *search.Error
	if errors.As(err, &refused) && refused.Class == search.Missing {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: delete index %s: %w", cluster, name, withPermission(err))
	}
	return nil
}
