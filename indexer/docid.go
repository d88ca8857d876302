package indexer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// How a document comes by its id.
const (
	idPosition = "position"
	idContent  = "content"
	idFields   = "fields"
)

// idRule is the parsed form of Route.ID.
type idRule struct {
	kind string
	// paths are the fields of fields(...), each split at its dots.
	paths [][]string
}

// parseIDRule reads Route.ID; empty stands for position.
func parseIDRule(text, timeField string) (idRule, error) {
	switch text = strings.TrimSpace(text); text {
	case "", idPosition:
		return idRule{kind: idPosition}, nil
	case idContent:
		if timeField == "" {
			return idRule{}, errors.New("ids by content need time_field, else equal measurements of different times would be one document")
		}
		return idRule{kind: idContent}, nil
	}
	inner, ok := strings.CutPrefix(text, idFields)
	inner = strings.TrimSpace(inner)
	if !ok || len(inner) < 2 || inner[0] != '(' || inner[len(inner)-1] != ')' {
		return idRule{}, errors.New("is unknown: write position, content or fields(a, b.c)")
	}
	rule := idRule{kind: idFields}
	for name := range strings.SplitSeq(inner[1:len(inner)-1], ",") {
		path := strings.Split(strings.TrimSpace(name), ".")
		for _, part := range path {
			if part == "" {
				return idRule{}, fmt.Errorf("the field %q is empty or has an empty part: write fields(a, b.c)", strings.TrimSpace(name))
			}
		}
		rule.paths = append(rule.paths, path)
	}
	return rule, nil
}

// maxFieldsID is the longest id that is written out, in bytes; OpenSearch takes 512.
const maxFieldsID = 400

// contentID is the id of a document that is its content.
func contentID(compact []byte) string {
	sum := sha256.Sum256(compact)
	return hex.EncodeToString(sum[:])
}

// fieldsID is the id of a document that is the values of some fields: the JSON array
// of them, as they were received, so that no two lists of values have the same id. A
// long one is replaced by its SHA-256 in hexadecimal.
func fieldsID(o object, paths [][]string) (string, error) {
	id := []byte{'['}
	for i, path := range paths {
		value := o.lookup(path)
		if value == nil {
			return "", fmt.Errorf("the field %q, a part of the id, is missing", strings.Join(path, "."))
		}
		if i > 0 {
			id = append(id, ',')
		}
		id = append(id, value...)
	}
	id = append(id, ']')
	if len(id) > maxFieldsID {
		return contentID(id), nil
	}
	return string(id), nil
}
