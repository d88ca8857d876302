package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"pulltrail/internal/compat"
)

const commentWidth = 88 // characters, with the indentation

// Migrate is the file of ours that configures what found does: each key that differs from
// its default, with its comment of the documented file and the names that its user knows.
// Secrets are left out, with a comment on how to give them, unless they are asked for.
func Migrate(found *compat.Found, documented []byte, secrets bool) (string, error) {
	means, err := meanings(documented)
	if err != nil {
		return "", err
	}
	w := &migration{means: means, secrets: secrets, settings: make(map[string]compat.Setting)}
	for _, s := range found.Settings {
		w.settings[s.Path] = s
	}
	w.comment("", "Made by \"pulltrail migrate\" from "+found.Sources()+".")
	for _, note := range found.Notes {
		w.comment("", "Note: "+note)
	}
	if err := w.section(table(), ""); err != nil {
		return "", err
	}
	return w.out.String(), nil
}

// migration writes the file.
type migration struct {
	out      strings.Builder
	means    map[string]string
	settings map[string]compat.Setting
	secrets  bool
}

func (w *migration) section(k *key, indent string) error {
	for _, c := range k.keys {
		if c.kind == section {
			if !w.any(c) {
				continue
			}
			w.heading(c.path, indent)
			w.line(indent, c.name+":")
			if err := w.section(c, indent+"  "); err != nil {
				return err
			}
			continue
		}
		if s, set := w.settings[c.path]; set && !w.isDefault(c, s.Value) {
			if err := w.key(c, s, indent); err != nil {
				return err
			}
		}
	}
	return nil
}

// any reports whether anything in a section is written.
func (w *migration) any(k *key) bool {
	found := false
	k.leaves(func(c *key) {
		s, set := w.settings[c.path]
		found = found || set && !w.isDefault(c, s.Value)
	})
	return found
}

func (*migration) isDefault(k *key, value any) bool { return reflect.DeepEqual(k.value, value) }

func (w *migration) heading(path, indent string) {
	if indent == "" {
		w.out.WriteString("\n")
	}
	w.comment(indent, w.means[path])
}

func (w *migration) key(k *key, s compat.Setting, indent string) error {
	w.heading(k.path, indent)
	if k.kind == secretText && !w.secrets {
		w.comment(indent, fmt.Sprintf("From %s, whose value is not printed: write it in a file and name that in %s_file, set %s, or print it with --with-secrets.",
			names(s.Names), k.name, variable(k.path)))
		w.line(indent, "# "+k.name+`: ""`)
		return nil
	}
	if v, isList := s.Value.([]any); isList {
		w.comment(indent, "From "+names(s.Names[:1])+".")
		w.line(indent, k.name+":")
		return w.routes(k, v, s.Names[1:], indent+"  ")
	}
	w.comment(indent, "From "+names(s.Names)+".")
	switch v := s.Value.(type) {
	case []string:
		w.line(indent, k.name+":")
		for _, word := range v {
			w.line(indent, "  - "+scalar(word))
		}
	default:
		w.line(indent, k.name+": "+scalar(v))
	}
	return nil
}

// routes writes the list; names are those of its entries.
func (w *migration) routes(k *key, routes []any, from []compat.Name, indent string) error {
	for i, entry := range routes {
		values, ok := entry.(map[string]any)
		if !ok {
			return fmt.Errorf("%s[%d] is no section", k.path, i)
		}
		w.comment(indent, "From "+names(from[i:i+1])+".")
		mark, under := "- ", ""
		for _, c := range k.keys {
			v, set := values[c.name]
			if !set {
				continue
			}
			if i == 0 {
				w.comment(indent+under, w.means[c.path])
			}
			w.value(indent, mark+c.name, v)
			mark, under = "  ", "  "
		}
	}
	return nil
}

// value writes a key of a route; what has several lines is written as it is.
func (w *migration) value(indent, name string, v any) {
	text, isText := v.(string)
	if !isText || !strings.Contains(text, "\n") {
		w.line(indent, name+": "+scalar(v))
		return
	}
	w.line(indent, name+": |-")
	for line := range strings.Lines(text) {
		w.line(indent+"    ", strings.TrimSuffix(line, "\n"))
	}
}

func (w *migration) line(indent, text string) { w.out.WriteString(indent + text + "\n") }

// comment writes words in lines of a bounded width.
func (w *migration) comment(indent, text string) {
	line := indent + "#"
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > commentWidth && line != indent+"#" {
			w.out.WriteString(line + "\n")
			line = indent + "#"
		}
		line += " " + word
	}
	w.out.WriteString(line + "\n")
}

func names(all []compat.Name) string {
	var words []string
	for _, n := range all {
		word := n.Key
		if n.File != "" && n.File != n.Key {
			word += " in " + n.File
		}
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return strings.Join(words, ", ")
}

// plain matches texts that mean themselves in YAML: they have a letter in front, and no
// sign that means anything.
var plain = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./:+-]*[A-Za-z0-9_/]$`)

// scalar is a value as it is written in YAML. In double quotes, YAML is JSON.
func scalar(value any) string {
	text, isText := value.(string)
	if isText && plain.MatchString(text) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off"}, strings.ToLower(text)) {
		return text
	}
	quoted, err := json.Marshal(value)
	if err != nil {
		return `""` // of texts and truths there is none
	}
	return string(quoted)
}
