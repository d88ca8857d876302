package hub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Field is one member of a JSON object: its key, and its value exactly as it was
// written, without insignificant white space.
type Field struct {
	Key   string
	Value json.RawMessage
}

// Why ParseObject refuses what is not JSON at all.
var (
	ErrEmpty   = errors.New("empty, expected a JSON object")
	ErrNotJSON = errors.New("not JSON")
)

// ParseObject reads one JSON object and keeps the order of its members and every
// digit of its numbers. Anything else is an error: another kind of value, text
// behind the object, a key that occurs twice, bytes that are not UTF-8.
func ParseObject(data []byte) ([]Field, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, ErrEmpty
	}
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: not valid UTF-8", ErrNotJSON)
	}
	var compact bytes.Buffer
	compact.Grow(len(data))
	if err := json.Compact(&compact, data); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotJSON, err)
	}
	if compact.Bytes()[0] != '{' {
		return nil, fmt.Errorf("not a JSON object but %s", kind(compact.Bytes()[0]))
	}
	d := json.NewDecoder(&compact)
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	var fields []Field
	seen := make(map[string]bool, 32)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotJSON, err)
		}
		key, _ := token.(string) // json.Compact has seen to it that keys are strings
		if seen[key] {
			return nil, fmt.Errorf("the key %.60q occurs twice", key)
		}
		seen[key] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w at key %.60q: %w", ErrNotJSON, key, err)
		}
		fields = append(fields, Field{Key: key, Value: value})
	}
	return fields, nil
}

// EncodeObject is the inverse of ParseObject.
func EncodeObject(fields []Field) []byte {
	size := 2
	for _, f := range fields {
		size += len(f.Key) + len(f.Value) + 4
	}
	out := make([]byte, 0, size)
	out = append(out, '{')
	for i, f := range fields {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, quote(f.Key)...)
		out = append(out, ':')
		out = append(out, f.Value...)
	}
	return append(out, '}')
}

// quote is s as a JSON string, without the escapes for HTML.
func quote(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string can always be encoded
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func kind(first byte) string {
	switch first {
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}
