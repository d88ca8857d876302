package indexer

import (
	"bytes"
	_ "embed" // for the mapping
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pulltrail/internal/document"
	"pulltrail/internal/hub"
	"pulltrail/internal/topic"
)

// snapshotIndex is what an index of snapshots is created with. Counts and sizes are
// 64 bits wide: popular images passed 2^31 long ago. A replica is made only where a
// second node can hold it.
//
//go:embed snapshot-index.json
var snapshotIndex []byte

// Router knows what becomes of the messages of each topic. It does not change, so it
// is safe for concurrent use.
type Router struct {
	routes []route
}

type route struct {
	Route
	filter   string
	levels   []level
	index    pattern
	body     []byte
	id       idRule
	timePath []string
}

// NewRouter makes a router of routes, as EffectiveRoutes gives them; it reads their
// files.
func NewRouter(routes []Route) (*Router, error) {
	router := &Router{routes: make([]route, len(routes))}
	for i, r := range routes {
		built, err := newRoute(r)
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", r.Topic, err)
		}
		router.routes[i] = built
	}
	return router, nil
}

func newRoute(r Route) (built route, err error) {
	if err := r.validate().Err(); err != nil {
		return route{}, err
	}
	built.Route, built.index = r, parsePattern(r.Index)
	if built.filter, built.levels, err = r.parseTopic(); err != nil {
		return route{}, err
	}
	switch {
	case r.Body != "":
		built.body = []byte(r.Body)
	case r.BodyFile != "":
		if built.body, err = readBody(r.BodyFile); err != nil {
			return route{}, fmt.Errorf("body_file %s: %w", r.BodyFile, err)
		}
	case r.Kind == KindSnapshot:
		built.body = snapshotIndex
	}
	if r.Kind == KindDocument {
		if built.id, err = parseIDRule(r.ID, r.TimeField); err != nil {
			return route{}, fmt.Errorf("id %q: %w", r.ID, err)
		}
	}
	if r.TimeField != "" {
		built.timePath = strings.Split(r.TimeField, ".")
	}
	if built.body == nil {
		return built, nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, built.body); err != nil {
		return route{}, fmt.Errorf("the body of a new index: %w", err)
	}
	built.body = compact.Bytes()
	return built, nil
}

// ForHistory is the router for what stands in history. Everything there is a snapshot,
// so document routes do not apply; and one that arrived under a topic without a route
// of today, because the topic of the configuration has changed since, goes where our
// own snapshots go, whose topics match ownTopic (a filter); where there is no such
// filter, to the first route of snapshots.
func (r *Router) ForHistory(ownTopic string) *Router {
	snapshots := &Router{}
	var own *route
	for i := range r.routes {
		candidate := &r.routes[i]
		if candidate.Kind != KindSnapshot {
			continue
		}
		snapshots.routes = append(snapshots.routes, *candidate)
		if own == nil && (ownTopic == "" || topic.Covers(candidate.filter, ownTopic)) {
			own = candidate
		}
	}
	if own != nil {
		rest := *own
		rest.filter = "#"
		snapshots.routes = append(snapshots.routes, rest)
	}
	return snapshots
}

// Kind is the kind of the route that takes the messages of a topic; ok is false
// where none does.
func (r *Router) Kind(name string) (kind string, ok bool) {
	if match := r.match(name); match != nil {
		return match.Kind, true
	}
	return "", false
}

// Filters are the topic filters to subscribe to for the routes of a kind, none of
// them covered by another. A message that they bring may still belong to a route of
// the other kind; Kind decides.
func (r *Router) Filters(kind string) []string {
	var filters []string
	for _, route := range r.routes {
		if route.Kind == kind {
			filters = append(filters, route.filter)
		}
	}
	return topic.Minimal(filters)
}

// match is the first route that takes the messages of a topic, or nil.
func (r *Router) match(name string) *route {
	for i := range r.routes {
		if topic.Match(r.routes[i].filter, name) {
			return &r.routes[i]
		}
	}
	return nil
}

// Resolve makes the document of an entry of the log logID. The error is ErrSkip, or
// permanent with the reason as its text.
func (r *Router) Resolve(entry document.Entry, logID string) (document.Document, error) {
	match := r.match(entry.Topic)
	if len(entry.Payload) == 0 {
		return document.Document{}, ErrSkip // it cleared a retained message
	}
	if match == nil {
		return document.Document{}, document.Permanent(fmt.Errorf("no route matches topic %s", entry.Topic))
	}
	resolve := match.document
	if match.Kind == KindSnapshot {
		resolve = match.snapshot
	}
	doc, err := resolve(entry, logID)
	if err != nil && !errors.Is(err, ErrSkip) {
		return document.Document{}, document.Permanent(err)
	}
	return doc, err
}

func (r *route) snapshot(entry document.Entry, _ string) (document.Document, error) {
	snapshot, err := hub.Parse(entry.Payload)
	if err != nil {
		return document.Document{}, fmt.Errorf("the payload is not a snapshot: %w", err)
	}
	return document.Document{
		Index:     r.index.name(snapshot.Slot),
		IndexBody: r.body,
		ID:        snapshot.ID(),
		Body:      entry.Payload,
	}, nil
}

func (r *route) document(entry document.Entry, logID string) (document.Document, error) {
	if r.id.kind == idPosition && entry.Retained {
		return document.Document{}, ErrSkip
	}
	object, err := r.object(entry)
	if err != nil {
		return document.Document{}, err
	}
	at, id := entry.Received, r.id.kind
	if r.timePath != nil {
		stamped, err := r.timeOf(object)
		switch {
		case err == nil:
			at = stamped
		case !r.datesByReceipt(err):
			return document.Document{}, err
		case entry.Retained:
			return document.Document{}, ErrSkip
		default:
			id = idPosition // any other id would be another one in another index at each replay
			if r.Untimed == UntimedStamp {
				object = object.without(r.TimeField).with([]member{{key: quotedKey(r.TimeField), value: quoted(at.UTC().Format(stampLayout))}})
			}
		}
	}
	doc := document.Document{Index: r.index.name(at), IndexBody: r.body, Body: object.compact}
	switch id {
	case idContent:
		doc.ID = contentID(object.compact)
	case idFields:
		doc.ID, err = fieldsID(object, r.id.paths)
	default:
		doc.ID = logID + "-" + strconv.FormatUint(uint64(entry.Position), 10)
	}
	return doc, err
}

// object is the document that an entry says, with the fields of its topic.
func (r *route) object(entry document.Entry) (object, error) {
	parse := parseObject
	if r.Payload == PayloadValue {
		parse = parseValue
	}
	o, err := parse(entry.Payload)
	if err != nil || len(r.levels) == 0 {
		return o, err
	}
	return o.withLevels(r.levels, entry.Topic)
}

// stampLayout is how the time of receipt is written into a document, in UTC.
const stampLayout = "2006-01-02T15:04:05.000Z07:00"

// datesByReceipt reports whether a document without its time, for the reason err, is
// dated by its receipt.
func (r *route) datesByReceipt(err error) bool {
	return r.Untimed == UntimedReceipt || r.Untimed == UntimedStamp && errors.Is(err, errNoTime)
}

var errNoTime = errors.New("is missing")

// timeOf is the document's own time; the error is errNoTime where it has none, not even
// an unreadable one.
func (r *route) timeOf(o object) (time.Time, error) {
	raw := o.lookup(r.timePath)
	if raw == nil {
		return time.Time{}, fmt.Errorf("the time field %q %w", r.TimeField, errNoTime)
	}
	at, err := documentTime(raw)
	if err != nil {
		return time.Time{}, fmt.Errorf("the time field %q: %w", r.TimeField, err)
	}
	return at, nil
}
