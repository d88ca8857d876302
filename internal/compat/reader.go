package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"pulltrail/internal/hub"
)

const maxFile = 1 << 20 // bytes

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// read reads one of the service's files; variable is what names it. False says that
// there is no object in it.
func (f *Found) read(name, variable string) (section, bool) {
	data, err := readFile(name)
	if err != nil {
		f.wrong(Name{Key: name}, nil, "%v: name a JSON file that can be read in %s", err, variable)
		return section{}, false
	}
	s, err := f.object(data, name, "")
	if err != nil {
		f.wrong(Name{Key: name + place(data)}, nil, "%v", err)
		return section{}, false
	}
	return s, true
}

func readFile(name string) (data []byte, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, cause(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if data, err = io.ReadAll(io.LimitReader(file, maxFile+1)); err != nil {
		return nil, cause(err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("has more than %d bytes", maxFile)
	}
	return data, nil
}

// cause is err without the name of the file.
func cause(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

// place is line and column of the first sign that is not JSON; empty where all is.
func place(data []byte) string {
	var value json.RawMessage
	e, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(data, &value))
	if !ok {
		return ""
	}
	before := data[:min(max(e.Offset-1, 0), int64(len(data)))]
	line := bytes.Count(before, []byte("\n")) + 1
	return fmt.Sprintf(":%d:%d", line, len(before)-bytes.LastIndexByte(before, '\n'))
}

// section is a JSON object in a file. Its methods take members out of it; what is
// asked for and has another type is a problem, null is as good as nothing.
type section struct {
	found      *Found
	file, path string
	fields     []hub.Field
	known      map[string]bool
}

func (f *Found) object(data []byte, file, path string) (section, error) {
	fields, err := hub.ParseObject(data)
	if err != nil {
		return section{}, err
	}
	return section{found: f, file: file, path: path, fields: fields, known: make(map[string]bool)}, nil
}

// name is what the user calls a member.
func (s section) name(key string) Name {
	if s.path != "" {
		key = s.path + "." + key
	}
	return Name{File: s.file, Key: key}
}

func (s section) raw(key string) json.RawMessage {
	s.known[key] = true
	for _, field := range s.fields {
		if field.Key == key && string(field.Value) != "null" {
			return field.Value
		}
	}
	return nil
}

func (s section) has(key string) bool { return s.raw(key) != nil }

// take reads a member into a variable that holds its default.
func take[T any](s section, key, wanted string, into *T) {
	raw := s.raw(key)
	if raw == nil {
		return
	}
	var value T
	if json.Unmarshal(raw, &value) != nil {
		s.found.wrong(s.name(key), nil, "must be %s", wanted) // the value may be a secret
		return
	}
	*into = value
}

func (s section) boolean(key string, otherwise bool) bool {
	take(s, key, "true or false, without quotes", &otherwise)
	return otherwise
}

func (s section) text(key string) (value string) {
	take(s, key, "text in quotes", &value)
	return value
}

func (s section) port(key string, otherwise int) int {
	value := otherwise
	take(s, key, "a port, a whole number from 1 to 65535 without quotes", &value)
	if value < 1 || value > 65535 {
		s.found.wrong(s.name(key), value, "must be a port, a whole number from 1 to 65535")
		return otherwise
	}
	return value
}

// section is the object at key; false where there is none.
func (s section) section(key string) (section, bool) {
	raw := s.raw(key)
	if raw == nil {
		return section{}, false
	}
	below, err := s.found.object(raw, s.file, s.name(key).Key)
	if err != nil {
		s.found.wrong(s.name(key), nil, "must be an object: %v", err)
		return section{}, false
	}
	return below, true
}

// rest notes the members that nobody has asked for: the service passed over them.
func (s section) rest() {
	for _, field := range s.fields {
		if !s.known[field.Key] {
			s.found.note("%s: %s is not known and is passed over, as in mqtt2elasticsearch; known here: %s", s.file, s.name(field.Key).Key, strings.Join(sorted(s.known), ", "))
		}
	}
}
