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

// ParsePattern reads a repository as ParseRepository does, or "namespace/*" or "namespace/glob", also with the host of
// Docker Hub. The error has the value and the remedy.
func ParsePattern(s string) (Pattern, error) {
	text, err := repositoryPath(s)
	if err != nil {
		return Pattern{}, err
	}
	if !strings.ContainsAny(text, "*?") {
		r, err := ParseRepository(s)
		return Pattern(r), err
	}
	namespace, name, found := strings.Cut(text, "/")
	switch {
	case !found:
		return Pattern{}, fmt.Errorf("%.200q: no namespace; use namespace/*, or library/* for the official images", s)
	case strings.ContainsAny(namespace, "*?"):
		return Pattern{}, fmt.Errorf("%.200q: wildcard in the namespace; Docker Hub lists one namespace at a time, so name each, such as grafana/%s", s, name)
	case !isPart(namespace) || isHost(namespace) || !glob.MatchString(name):
		return Pattern{}, fmt.Errorf("%.200q: not a pattern; use namespace/* or namespace/prefix-*, in lower-case letters, digits, '.', '_' and '-'", s)
	}
	return Pattern{Namespace: namespace, Name: name}, nil
}

// String is "namespace/name".
func (p Pattern) String() string { return p.Namespace + "/" + p.Name }

// Single is the one repository that the pattern names; false where it has a wildcard.
func (p Pattern) Single() (Repository, bool) {
	return Repository(p), !strings.ContainsAny(p.Name, "*?")
}

// Match reports whether the pattern names r. It names no repository that Docker Hub cannot have, such as "a/..", whatever
// a listing says.
func (p Pattern) Match(r Repository) bool {
	if p.Namespace != r.Namespace || !isPart(r.Name) {
		return false
	}
	ok, err := path.Match(p.Name, r.Name)
	return ok && err == nil // no pattern that was parsed is malformed
}
