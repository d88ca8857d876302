package hub

import (
	"fmt"
	"regexp"
	"strings"
)

// official is the namespace under which Docker Hub keeps its official images.
const official = "library"

// part is what Docker Hub accepts as a namespace or as a repository's name.
var part = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,254}$`)

// Repository names one repository of Docker Hub.
type Repository struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// String is "namespace/name".
func (r Repository) String() string { return r.Namespace + "/" + r.Name }

// URL is the repository's page on Docker Hub, where official images have an address of
// their own.
func (r Repository) URL() string {
	if r.Namespace == official {
		return "https://hub.docker.com/_/" + r.Name
	}
	return "https://hub.docker.com/r/" + r.String()
}

// ParseRepository reads "namespace/name"; a bare "name" is the official image
// "library/name". The error names the remedy.
func ParseRepository(s string) (Repository, error) {
	namespace, name, found := strings.Cut(s, "/")
	if !found {
		namespace, name = official, s
	}
	switch {
	case strings.HasPrefix(s, "docker.io/") || strings.HasPrefix(s, "hub.docker.com/") || strings.Contains(s, "://"):
		return Repository{}, fmt.Errorf("%q names a host: write only namespace/name", s)
	case strings.ContainsAny(name, ":@"):
		return Repository{}, fmt.Errorf("%q names a tag or digest: Docker Hub counts whole repositories, write only namespace/name", s)
	case !part.MatchString(namespace) || !part.MatchString(name):
		return Repository{}, fmt.Errorf("%q is not a repository: write namespace/name, or the bare name of an official image, in lower-case letters, digits, '.', '_' and '-'", s)
	}
	return Repository{Namespace: namespace, Name: name}, nil
}
