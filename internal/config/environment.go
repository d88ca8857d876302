package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/env/v2"
)

// injected matches the variables that Kubernetes and Docker set for a service or a
// linked container called "pulltrail" or "pulltrail-…".
var injected = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)$`)

// foreign reports whether a variable with our prefix is not for the configuration.
func foreign(name, value string) bool {
	switch {
	case name == prefix+"RECORDED", strings.HasPrefix(name, prefix+"TEST_"):
		return true // for the project's own tests
	case injected.MatchString(name):
		return true
	}
	// tcp://10.0.0.1:80; a person would write a number, and has to hear of it
	return strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}

// environment loads the environment as a layer.
func (l *loader) environment(environ []string) error {
	variables := make(map[string]*key)
	l.root.leaves(func(k *key) { variables[variable(k.path)] = k })
	var old []use
	err := l.k.Load(env.Provider(".", env.Opt{
		Prefix:      prefix,
		EnvironFunc: func() []string { return effective(environ) },
		TransformFunc: func(name, value string) (string, any) {
			k := variables[name]
			if k == nil || k.kind == list {
				if u, isOld := l.oldVariable(name, value); isOld {
					old = append(old, u)
				} else if !foreign(name, value) {
					l.unknownVariable(name)
				}
				return "", nil
			}
			return l.variable(name, value, k)
		},
	}), nil)
	if err != nil {
		return err
	}
	return l.oldNames(old)
}

func (l *loader) variable(name, value string, k *key) (string, any) {
	o := origin{source: fromEnvironment, name: name}
	v, err := fromText(k.kind, value)
	if err != nil {
		var shown any
		if value != "" && k.kind != secretText {
			shown = value
		}
		l.mistakes.add(o, k.path, shown, "%v", err)
		return "", nil
	}
	l.mistakes.set(k.path, o)
	return k.path, v
}

// unknownVariable never shows the value, which may be a secret under a misspelt
// name.
func (l *loader) unknownVariable(name string) {
	o := origin{source: fromEnvironment, name: shorten(name)}
	for _, k := range l.lists() {
		if list := variable(k.path); name == list || strings.HasPrefix(name, list+"_") {
			l.mistakes.add(o, "", nil, "%s cannot be set in the environment: write it in the file", k.path)
			return
		}
	}
	if k := l.root.sectionOf(name); k != nil {
		l.mistakes.add(o, "", nil, "names the section %s: write a key of it, such as %s", k.path, variable(k.keys[0].path))
		return
	}
	if suggestion := suggestVariable(l.root, name); suggestion != "" {
		l.mistakes.add(o, "", nil, "unknown variable; did you mean %s?", suggestion)
		return
	}
	l.mistakes.add(o, "", nil, "unknown variable; unset it, or name it after its key: collector.schedule is %s", variable("collector.schedule"))
}

func (l *loader) lists() []*key {
	var lists []*key
	l.root.leaves(func(k *key) {
		if k.kind == list {
			lists = append(lists, k)
		}
	})
	return lists
}

// effective is environ with the last of those that are set twice, as a shell would
// see it, sorted.
func effective(environ []string) []string {
	last := make(map[string]string)
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		last[name] = e
	}
	out := make([]string, 0, len(last))
	for _, e := range last {
		out = append(out, e)
	}
	slices.Sort(out)
	return out
}
