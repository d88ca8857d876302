package hub

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Pattern names repositories: a single one, or those of a namespace whose names match a
// glob, in which * stands for any characters and ? for one.
type Pattern struct {
	Namespace string
	// Name is a repository's name or a glob; "*" takes the whole namespace.
	Name string
}

// glob is what a name may be in a pattern.
var glob = regexp.MustCompile(`^[a-z0-9._*?-]{1,255}$`)

// ParsePattern reads "namespace/name", the bare name of an official image, "namespace/*"
// or "namespace/glob". The error names the remedy.
func ParsePattern(s string) (Pattern, error) {
	namespace, name, found := strings.Cut(s, "/")
	if !found || !strings.ContainsAny(s, "*?") {
		if strings.ContainsAny(s, "*?") {
			return Pattern{}, fmt.Errorf("%q has no namespace: write namespace/*, or library/* for the official images", s)
		}
		r, err := ParseRepository(s)
		return Pattern(r), err
	}
	switch {
	case strings.ContainsAny(namespace, "*?"):
		return Pattern{}, fmt.Errorf("%q has a wildcard in its namespace, and Docker Hub lists one namespace at a time: write each, such as %s", s, "grafana/"+name)
	case !part.MatchString(namespace) || !glob.MatchString(name):
		return Pattern{}, fmt.Errorf("%q is not a pattern: write namespace/* or namespace/prefix-*, in lower-case letters, digits, '.', '_' and '-'", s)
	}
	return Pattern{Namespace: namespace, Name: name}, nil
}

// String is "namespace/name".
func (p Pattern) String() string { return p.Namespace + "/" + p.Name }

// Single is the one repository that the pattern names; false where it has a wildcard.
func (p Pattern) Single() (Repository, bool) {
	return Repository(p), !strings.ContainsAny(p.Name, "*?")
}

// Match reports whether the pattern names r.
func (p Pattern) Match(r Repository) bool {
	if p.Namespace != r.Namespace {
		return false
	}
	ok, err := path.Match(p.Name, r.Name)
	return ok && err == nil // no pattern that was parsed is malformed
}
