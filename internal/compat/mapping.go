package compat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pulltrail/internal/topic"
)

// defaultOwn is the topic of the tutorial, under which snapshots of Docker Hub come.
const defaultOwn = "com/docker/hub/repositories/metrics"

// route is one entry of the mapping.
type route struct {
	topic  string
	names  map[string]Name // by key of ours
	values map[string]any
}

// mapping makes routes of the mapping; own is the filter of the topics of snapshots.
func (f *Found) mapping(s section, own string, keepMappings bool) {
	var routes []route
	for _, field := range s.fields {
		s.known[field.Key] = true
		entry, err := f.object(field.Value, s.file, strconv.Quote(field.Key))
		if err != nil {
			f.wrong(Name{s.file, strconv.Quote(field.Key)}, nil, "must be an object with elasticIndex and, where wanted, elasticBody: %v", err)
			continue
		}
		routes = append(routes, f.route(field.Key, entry, own, keepMappings))
	}
	if len(s.fields) == 0 {
		f.wrong(Name{Key: s.file}, nil, "names no topic: write at least one, with its elasticIndex")
		return
	}
	routes = narrowFirst(routes)
	values := make([]any, len(routes))
	names := []Name{{Key: s.file}}
	for i, r := range routes {
		values[i] = r.values
		for key, name := range r.names {
			f.words[fmt.Sprintf("indexer.routes[%d]%s", i, key)] = name
		}
		names = append(names, r.names[""])
	}
	f.Settings = append(f.Settings, Setting{Path: "indexer.routes", Value: values, Names: names})
	f.words["indexer.routes"] = names[0]
}

func (f *Found) route(filter string, s section, own string, keepMappings bool) route {
	index, body := s.name("elasticIndex"), s.name("elasticBody")
	r := route{
		topic:  filter,
		values: map[string]any{"topic": filter, "index": s.text("elasticIndex")},
		names:  map[string]Name{"": {s.file, s.path}, ".topic": {s.file, s.path}, ".index": index, ".body": body},
	}
	if strings.ContainsAny(filter, "{}") {
		f.wrong(r.names[".topic"], nil, "has braces, which stand for fields here: write + for a level that has them")
	}
	if !s.has("elasticIndex") {
		f.wrong(index, nil, "is missing: write the name of an index, such as speedtest-{Y}-{m}")
	}
	b := f.body(s)
	kind, timed := b.kind(topic.Covers(own, filter))
	r.values["kind"] = kind
	if kind == kindSnapshot {
		if !keepMappings {
			b.widen(f, body)
		}
	} else if timed != "" {
		r.values["time_field"], r.values["untimed"], r.values["id"] = timed, "receipt", "content"
		r.names[".time_field"] = Name{s.file, body.Key + ".mappings.properties." + timed}
	}
	if text := b.text(kind); text != "" {
		r.values["body"] = text
	}
	s.rest()
	return r
}

// narrowFirst puts filters before those that take all of theirs, so that the exact topic
// counts before a wildcard, whatever the order in the file.
func narrowFirst(routes []route) []route {
	var ordered []route
	for _, r := range routes {
		at := slices.IndexFunc(ordered, func(other route) bool { return topic.Covers(other.topic, r.topic) })
		if at < 0 {
			at = len(ordered)
		}
		ordered = slices.Insert(ordered, at, r)
	}
	return ordered
}

// body is the settings and mappings of a new index.
type body struct{ raw json.RawMessage }

func (f *Found) body(s section) body {
	raw := s.raw("elasticBody")
	if raw == nil {
		return body{}
	}
	object, ok := s.section("elasticBody")
	if !ok || len(object.fields) == 0 {
		return body{}
	}
	return body{raw}
}

// text is the body as it stands in a configuration of ours. Snapshots have a mapping of
// their own where none is given, so none is said as an empty one.
func (b body) text(kind string) string {
	if b.raw == nil {
		if kind == kindSnapshot {
			return "{}"
		}
		return ""
	}
	var out bytes.Buffer
	if json.Indent(&out, b.raw, "", "  ") != nil {
		return string(b.raw) // it was read before, so it is JSON
	}
	return strings.TrimSpace(out.String())
}
