package compat

import (
	"encoding/json"
	"slices"
	"strings"

	"pulltrail/internal/hub"
)

// The kinds of a route.
const (
	kindSnapshot = "snapshot"
	kindDocument = "document"
)

// counters are those of Docker Hub that outgrow 31 bits, or may.
var counters = []string{"pull_count", "star_count", "storage_size", "collaborator_count"}

// times are the names of fields that are taken for the document's own time where the
// mapping says that they are dates.
var times = []string{"timestamp", "@timestamp", "time"}

// kind is that of the route. Snapshots of Docker Hub come under their topic, or where
// the mapping knows their counter. Of other documents, timed is the field with their own
// time; empty for none.
func (b body) kind(own bool) (kind, timed string) {
	if own || b.property("pull_count") != nil {
		return kindSnapshot, ""
	}
	for _, name := range times {
		var p struct{ Type, Format string }
		if raw := b.property(name); raw != nil && json.Unmarshal(raw, &p) == nil &&
			(p.Type == "date" || p.Type == "date_nanos") && p.Format == "" {
			return kindDocument, name
		}
	}
	return kindDocument, ""
}

// property is a field of the mapping; nil where it has no such field.
func (b body) property(name string) json.RawMessage {
	raw := b.raw
	for _, key := range []string{"mappings", "properties", name} {
		raw = member(raw, key)
	}
	return raw
}

func member(raw json.RawMessage, key string) json.RawMessage {
	fields, err := hub.ParseObject(raw)
	if err != nil {
		return nil
	}
	for _, f := range fields {
		if f.Key == key {
			return f.Value
		}
	}
	return nil
}

// widen makes counters that are integers long.
func (b *body) widen(f *Found, name Name) {
	var widened []string
	wide := func(counter string) func(json.RawMessage) json.RawMessage {
		return func(raw json.RawMessage) json.RawMessage {
			if string(raw) != `"integer"` {
				return raw
			}
			widened = append(widened, counter)
			return json.RawMessage(`"long"`)
		}
	}
	for _, counter := range counters {
		b.raw = replace(b.raw, []string{"mappings", "properties", counter, "type"}, wide(counter))
	}
	if len(widened) > 0 {
		f.note("%s: %s: new indices get long in place of integer for %s, because popular images have passed 2^31; --keep-mappings keeps integer",
			name.File, name.Key, strings.Join(widened, ", "))
	}
}

// replace puts another value at a path, where there is one.
func replace(raw json.RawMessage, path []string, with func(json.RawMessage) json.RawMessage) json.RawMessage {
	if len(path) == 0 {
		return with(raw)
	}
	fields, err := hub.ParseObject(raw)
	if err != nil {
		return raw
	}
	at := slices.IndexFunc(fields, func(f hub.Field) bool { return f.Key == path[0] })
	if at < 0 {
		return raw
	}
	fields[at].Value = replace(fields[at].Value, path[1:], with)
	return hub.EncodeObject(fields)
}
