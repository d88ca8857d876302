package indexer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// valueKey is the field of a payload that is no object.
const valueKey = "value"

// parseValue is parseObject for a route with payload: value. A JSON object is taken as
// it is. Anything else becomes {"value": …}: other JSON as itself, with every digit, and
// what is no JSON as text. What begins as an object and is none is refused, because it
// is one that was cut off rather than a text.
func parseValue(data []byte) (object, error) {
	trimmed := bytes.TrimSpace(data)
	switch {
	case !utf8.Valid(data):
		return object{}, errors.New("the payload is neither JSON nor text: it is not valid UTF-8")
	case len(trimmed) == 0:
		return object{}, errors.New("the payload has nothing but white space: there is nothing to store")
	case trimmed[0] == '{':
		o, err := parseObject(data)
		if err != nil {
			return object{}, fmt.Errorf("%w; it begins as a JSON object", err)
		}
		return o, nil
	}
	var compact bytes.Buffer
	value := member{key: []byte(valueKey)}
	if json.Compact(&compact, trimmed) == nil {
		value.value = compact.Bytes()
	} else {
		value.value = quoted(string(data))
	}
	return object{compact: []byte("{}")}.with([]member{value}), nil
}
