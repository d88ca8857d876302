package indexer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"pulltrail/internal/topic"
)

// maxFieldName bounds the name of a field from a topic, in bytes.
const maxFieldName = 64

// level is a level of a route's topic that becomes a field of its documents.
type level struct {
	at   int // counted from 0, without the prefix of a shared subscription
	name string
}

// parseTopic takes a route's topic apart: the filter to subscribe to, in which + stands
// for each {field}, and the fields in their order. The filter is there beside an error
// too, for further checks.
func parseTopic(text string) (filter string, levels []level, err error) {
	bare := topic.Bare(text)
	if !strings.ContainsAny(bare, "{}") {
		return text, nil, nil
	}
	parts := strings.Split(bare, "/")
	for i, part := range parts {
		if !strings.ContainsAny(part, "{}") {
			continue
		}
		parts[i] = "+"
		name, e := fieldName(part)
		for _, earlier := range levels {
			if earlier.name == name && e == nil {
				e = fmt.Errorf("has the field {%s} twice: give each level a name of its own", name)
			}
		}
		if err == nil {
			err = e
		}
		levels = append(levels, level{at: i, name: name})
	}
	return text[:len(text)-len(bare)] + strings.Join(parts, "/"), levels, err
}

func fieldName(part string) (string, error) {
	inner, opened := strings.CutPrefix(part, "{")
	name, closed := strings.CutSuffix(inner, "}")
	switch {
	case !opened || !closed || strings.ContainsAny(name, "{}"):
		return "", fmt.Errorf("the level %q mixes a field with text: a field stands alone between slashes, as in sensors/{room}", part)
	case name == "":
		return "", errors.New("has a field without a name: write {room}, or + for a level that is no field")
	case len(name) > maxFieldName:
		return "", fmt.Errorf("the name of a field has at most %d bytes, {%s} has %d", maxFieldName, name, len(name))
	}
	for i, r := range name {
		if !unicode.IsLetter(r) && r != '@' && (i == 0 || !unicode.IsDigit(r) && r != '_' && r != '-') {
			return "", fmt.Errorf("the field {%s}: a name has letters, digits, @, - and _, and begins with a letter", name)
		}
	}
	return name, nil
}

// Filter is the MQTT topic filter of the route.
func (r Route) Filter() string {
	filter, _, _ := r.parseTopic() // what is wrong with it is said by validate
	return filter
}

// parseTopic takes the topic apart. That of snapshots has no fields, so braces in the
// name of our own topic are as good as any other characters.
func (r Route) parseTopic() (filter string, levels []level, err error) {
	if r.Kind == KindSnapshot {
		return r.Topic, nil, nil
	}
	return parseTopic(r.Topic)
}

// withLevels adds the levels of a topic to a document, as texts. One that the document
// has already must say the same: neither of two different values could be left out
// without somebody missing it.
func (o object) withLevels(levels []level, name string) (object, error) {
	added := make([]member, 0, len(levels))
	at, rest := 0, name
	for _, l := range levels {
		text, more, _ := strings.Cut(rest, "/")
		for ; at < l.at; at++ {
			rest = more
			text, more, _ = strings.Cut(rest, "/")
		}
		value := find(o.members, l.name)
		if value == nil {
			added = append(added, member{key: []byte(l.name), value: quoted(text)})
			continue
		}
		var there string
		if json.Unmarshal(value, &there) != nil || there != text || value[0] != '"' {
			return object{}, fmt.Errorf("the payload has the key %q with another value than the topic, where it is %q: rename {%s} in the topic of the route", l.name, text, l.name)
		}
	}
	return o.with(added), nil
}

// with is the object with members behind its own, which are not among them.
func (o object) with(added []member) object {
	if len(added) == 0 {
		return o
	}
	size := len(o.compact)
	for _, m := range added {
		size += len(m.key) + len(m.value) + len(`,"":`)
	}
	compact := append(make([]byte, 0, size), o.compact[:len(o.compact)-1]...)
	for _, m := range added {
		if len(compact) > 1 {
			compact = append(compact, ',')
		}
		compact = append(append(append(compact, '"'), m.key...), '"', ':')
		compact = append(compact, m.value...)
	}
	return object{compact: append(compact, '}'), members: append(o.members, added...)}
}

// without is the object without the members of a name.
func (o object) without(name string) object {
	if find(o.members, name) == nil {
		return o
	}
	left := object{compact: []byte("{}")}
	var members []member
	for _, m := range o.members {
		if m.name() != name {
			members = append(members, m)
		}
	}
	return left.with(members)
}

// quoted is text as a JSON string.
func quoted(text string) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		return []byte(`""`) // cannot be: every text can be encoded
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// quotedKey is a name as the key of a member, without its quotes.
func quotedKey(name string) []byte {
	text := quoted(name)
	return text[1 : len(text)-1]
}
