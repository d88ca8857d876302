package indexer

import (
	"slices"

	"pulltrail/internal/topic"
)

// DefaultSnapshotIndex is where snapshots go when no route says otherwise: the
// index of the tutorial and of its dashboard.
const DefaultSnapshotIndex = "dockerhub-repositories-metrics-{Y}-{m}"

// EffectiveRoutes are the routes in the order in which they are tried: the
// configured ones, and one for our own snapshots, whose topics match ownTopic (a
// filter), unless a configured snapshot route takes all of those.
//
// The added route stands first, so that no document route takes snapshots away from
// history; only snapshot routes for a part of ownTopic stay before it. Without an
// ownTopic none is added.
func (c Config) EffectiveRoutes(ownTopic string) []Route {
	if ownTopic == "" {
		return slices.Clone(c.Routes)
	}
	at := 0
	for i, r := range c.Routes {
		if !topic.Overlap(r.Filter(), ownTopic) {
			continue
		}
		if r.Kind == KindDocument {
			break
		}
		at = i + 1
	}
	if slices.ContainsFunc(c.Routes, func(r Route) bool {
		return r.Kind == KindSnapshot && topic.Covers(r.Filter(), ownTopic)
	}) {
		return slices.Clone(c.Routes)
	}
	own := Route{Topic: ownTopic, Kind: KindSnapshot, Index: DefaultSnapshotIndex}
	return slices.Insert(slices.Clone(c.Routes), at, own)
}
