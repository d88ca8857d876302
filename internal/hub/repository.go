package hub

import "fmt"

// official is the namespace under which Docker Hub keeps its official images.
const official = "library"

// maxPart is the longest namespace or name of a repository, in bytes.
const maxPart = 255

// isPart reports whether Docker Hub accepts s as a namespace or as the name of a repository: lower-case letters, digits,
// '.', '_' and '-', the first a letter or digit.
func isPart(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return s != "" && len(s) <= maxPart
}

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

// NewRepository returns the repository with this namespace and name. The error says which of them Docker Hub does not
// accept as a name; it shows at most 60 characters of it, escaped.
func NewRepository(namespace, name string) (Repository, error) {
	for _, s := range []string{namespace, name} {
		if !isPart(s) {
			return Repository{}, fmt.Errorf("%.60q is not part of a repository's name", s)
		}
	}
	return Repository{Namespace: namespace, Name: name}, nil
}
