package transfer

import (
	"encoding/json"
	"fmt"
	"slices"

	"pulltrail/internal/hub"
)

// jsonLines reads lines of which each is a snapshot, as an export has them, or an object
// such as {"date":"2026-01-31","count":7}.
type jsonLines struct{ opts FileOptions }

func (j jsonLines) snapshot(line []byte) (hub.Snapshot, error) {
	fields, err := hub.ParseObject(line)
	if err != nil {
		return hub.Snapshot{}, err
	}
	if has(fields, "pull_count") && has(fields, "timestamp") && (has(fields, "name") || !has(fields, "repository")) {
		return j.complete(fields)
	}
	values, err := cellsOf(fields)
	if err != nil {
		return hub.Snapshot{}, err
	}
	return j.opts.snapshot(values)
}

func (jsonLines) notes() []string { return nil }

// complete takes a snapshot as it is; only what is missing is added.
func (j jsonLines) complete(fields []hub.Field) (hub.Snapshot, error) {
	if !has(fields, "name") && !has(fields, "namespace") {
		r := j.opts.Repository
		if r == nil {
			return hub.Snapshot{}, errNoRepository
		}
		fields = append(fields, hub.Field{Key: "namespace", Value: quoted(r.Namespace)}, hub.Field{Key: "name", Value: quoted(r.Name)})
	}
	if j.opts.Private && !has(fields, "is_private") {
		fields = append(fields, hub.Field{Key: "is_private", Value: []byte("true")})
	}
	s, err := restore(fields)
	if r := j.opts.Repository; err == nil && r != nil && s.Repository != *r {
		err = fmt.Errorf("it is of %s, and --repository names %s", s.Repository, *r)
	}
	return s, err
}

// restore makes a snapshot of a document, whose timestamp may have any of the forms that
// are understood.
func restore(fields []hub.Field) (hub.Snapshot, error) {
	s, err := hub.Restore(fields)
	if err == nil {
		return s, nil
	}
	at := slices.IndexFunc(fields, func(f hub.Field) bool { return f.Key == "timestamp" })
	if at < 0 {
		return s, err
	}
	var text string
	if json.Unmarshal(fields[at].Value, &text) != nil {
		return s, err
	}
	t, wrong := ParseTime(text)
	if wrong != nil {
		return s, err
	}
	fields = slices.Clone(fields)
	fields[at].Value = hub.FormatTime(t)
	return hub.Restore(fields)
}

// cellsOf are the members that are understood, as text.
func cellsOf(fields []hub.Field) (values row, err error) {
	for _, f := range fields {
		c, ok := columnOf(f.Key)
		if !ok {
			continue
		}
		if other := values.names[c]; other != "" {
			return values, fmt.Errorf("it has both %s and %s, which say the same: leave one out", other, f.Key)
		}
		values.names[c] = f.Key
		var text string
		switch {
		case json.Unmarshal(f.Value, &text) == nil: // null becomes nothing
			values.cells[c] = text
		default:
			values.cells[c] = clip(string(f.Value))
		}
	}
	return values, nil
}

func has(fields []hub.Field, key string) bool {
	return slices.ContainsFunc(fields, func(f hub.Field) bool { return f.Key == key })
}

// quoted is a name, which needs no escapes, in JSON.
func quoted(name string) json.RawMessage { return json.RawMessage(`"` + name + `"`) }
