package hubtest

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strconv"

	"pulltrail/internal/hub"
)

//go:embed detail.json
var detail []byte

// rowLacks is what a repository's row in a listing lacks.
var rowLacks = map[string]json.RawMessage{
	"user": nil, "hub_user": nil, "permissions": nil, "full_description": nil, "has_starred": nil, "collaborator_count": nil,
}

// member is one member of an answer's object, written out as `"key":value`.
type member struct{ key, text string }

// The answers that are made up as they are needed.
var (
	wholeDetail = members(detail)
	wholeRow    = members(edit(detail, rowLacks))
)

func members(object []byte) []member {
	fields, err := hub.ParseObject(object)
	if err != nil {
		panic(err) // a mistake in detail.json
	}
	out := make([]member, len(fields))
	for i, f := range fields {
		out[i] = member{f.Key, strconv.Quote(f.Key) + ":" + string(f.Value)}
	}
	return out
}

// Detail is a full answer for a repository ("namespace/name"), of the 26 fields
// that Docker Hub had in 2026.
func Detail(repository string, pulls int64) []byte {
	return render(wholeDetail, parse(repository), pulls, false)
}

func parse(repository string) hub.Repository {
	r, err := hub.ParseRepository(repository)
	if err != nil {
		panic(err) // a mistake in the test
	}
	return r
}

// render writes an answer of these members about a repository.
func render(of []member, r hub.Repository, pulls int64, private bool) []byte {
	out := make([]byte, 0, 2<<10)
	for i, m := range of {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		out = append(out, separator)
		switch m.key {
		case "user", "hub_user", "namespace":
			out = append(out, `"`+m.key+`":"`+r.Namespace+`"`...)
		case "name":
			out = append(out, `"name":"`+r.Name+`"`...)
		case "pull_count":
			out = strconv.AppendInt(append(out, `"pull_count":`...), pulls, 10)
		case "is_private":
			out = strconv.AppendBool(append(out, `"is_private":`...), private)
		default:
			out = append(out, m.text...)
		}
	}
	return append(out, '}')
}

// rowOf is the row for a repository with this answer.
func rowOf(body []byte) []byte {
	if !json.Valid(body) {
		return []byte("null")
	}
	if _, err := hub.ParseObject(body); err != nil {
		return body
	}
	return edit(body, rowLacks)
}

// edit replaces members of a JSON object; a nil value removes one.
func edit(object []byte, changes map[string]json.RawMessage) []byte {
	fields, err := hub.ParseObject(object)
	if err != nil {
		panic(err) // a mistake in the test
	}
	kept := fields[:0]
	for _, f := range fields {
		value, changed := changes[f.Key]
		switch {
		case !changed:
			kept = append(kept, f)
		case value != nil:
			kept = append(kept, hub.Field{Key: f.Key, Value: value})
		}
	}
	return hub.EncodeObject(kept)
}

// add puts members that an object lacks at its end.
func add(object []byte, more ...hub.Field) []byte {
	fields, err := hub.ParseObject(object)
	if err != nil {
		panic(err) // a mistake in the test
	}
	for _, f := range more {
		if !slices.ContainsFunc(fields, func(has hub.Field) bool { return has.Key == f.Key }) {
			fields = append(fields, f)
		}
	}
	return hub.EncodeObject(fields)
}
