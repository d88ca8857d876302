package config

import (
	"reflect"
	"strings"
	"time"

	"pulltrail/internal/secret"
)

// prefix begins the name of every environment variable of ours.
const prefix = "PULLTRAIL_"

// kind is what a key holds.
type kind int

const (
	unsupported kind = iota
	section          // keys of its own
	list             // sections in an order; not settable in the environment
	text
	secretText // text that is never printed
	label      // text that may look like a number
	boolean
	whole // a whole number
	number
	size // bytes
	duration
	words // texts without white space and commas
)

func (k kind) String() string {
	return [...]string{
		"unsupported", "section", "list of sections", "text", "secret", "text", "true or false",
		"whole number", "number", "size", "duration", "list of words",
	}[k]
}

// key is one key of the configuration, or a section with keys below it.
type key struct {
	name, path string
	kind       kind
	value      any    // the default, or what is configured; nil for a section
	keys       []*key // of a section, or of each section in a list
}

// table is the section that holds every key, in the order of the structs.
func table() *key {
	return values(Default())
}

func fields(of reflect.Value, path string) []*key {
	var keys []*key
	for i := range of.NumField() {
		field := of.Type().Field(i)
		if field.Anonymous { // its keys stand among those beside it
			keys = append(keys, fields(of.Field(i), path)...)
			continue
		}
		name := field.Tag.Get("koanf")
		if name == "" || name == "-" {
			continue
		}
		k := &key{name: name, path: join(path, name), kind: kindOf(field.Type, name)}
		switch k.kind {
		case section:
			k.keys = fields(of.Field(i), k.path)
		case list:
			k.value, k.keys = of.Field(i).Interface(), fields(reflect.Zero(field.Type.Elem()), k.path+"[]")
		default:
			k.value = of.Field(i).Interface()
		}
		keys = append(keys, k)
	}
	return keys
}

func kindOf(t reflect.Type, name string) kind {
	switch t {
	case reflect.TypeFor[secret.String]():
		return secretText
	case reflect.TypeFor[time.Duration]():
		return duration
	case reflect.TypeFor[[]string]():
		return words
	}
	switch t.Kind() {
	case reflect.Struct:
		return section
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Struct {
			return list
		}
	case reflect.String:
		if name == "version" || name == "keep" {
			return label
		}
		return text
	case reflect.Bool:
		return boolean
	case reflect.Int:
		return whole
	case reflect.Float64:
		return number
	case reflect.Int64:
		if strings.HasSuffix(name, "_bytes") || name == "max_body" || name == "max_payload" {
			return size
		}
	}
	return unsupported
}

// child is the key called name in section k; nil if there is none.
func (k *key) child(name string) *key {
	for _, c := range k.keys {
		if c.name == name {
			return c
		}
	}
	return nil
}

// find is the key at path; nil if there is none.
func (k *key) find(path string) *key {
	for name := range strings.SplitSeq(path, ".") {
		if k = k.child(name); k == nil {
			return nil
		}
	}
	return k
}

// sectionOf is the section that would have that environment variable if it were
// a key; nil if there is none.
func (k *key) sectionOf(name string) *key {
	for _, c := range k.keys {
		if c.kind != section {
			continue
		}
		if variable(c.path) == name {
			return c
		}
		if found := c.sectionOf(name); found != nil {
			return found
		}
	}
	return nil
}

// leaves calls f for every key below k that is not itself a section.
func (k *key) leaves(f func(*key)) {
	for _, c := range k.keys {
		if c.kind == section {
			c.leaves(f)
		} else {
			f(c)
		}
	}
}

// names are the keys of a section, for a message.
func (k *key) names() string {
	names := make([]string, len(k.keys))
	for i, c := range k.keys {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}

// variable is the environment variable of the key or section at path.
func variable(path string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// option is the flag that sets the key at path, where there is one.
func option(path string) string {
	return "--" + strings.NewReplacer(".", "-", "_", "-").Replace(path)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
