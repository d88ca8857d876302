package hub

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// pagesHost is the host of Docker Hub's pages.
const pagesHost = "hub.docker.com"

// registryHosts are the hosts under which image references name Docker Hub.
var registryHosts = []string{"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}

var (
	tag    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	digest = regexp.MustCompile(`^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]+$`)
)

// ParseRepository reads a repository as people write or paste it and returns its canonical form: "namespace/name",
// the "name" of an official image, both with Docker Hub's host, a tag or a digest, or the address of a page of the
// repository. It accepts every String of a valid Repository. The error has the value and the remedy.
//
// It is for what a person enters. Use NewRepository for names that come from a machine.
func ParseRepository(s string) (Repository, error) {
	path, err := repositoryPath(s)
	if err != nil {
		return Repository{}, err
	}
	namespace, name, found := strings.Cut(path, "/")
	if !found {
		namespace, name = official, path
	}
	r, err := NewRepository(namespace, name)
	if err != nil || isHost(namespace) {
		return Repository{}, fmt.Errorf("%.200q: not a repository; use namespace/name, or only the name of an official image, "+
			"in lower-case letters, digits, '.', '_' and '-'", s)
	}
	return r, nil
}

// repositoryPath returns what s has between the host and the tag or digest: "namespace/name" or "name" if s is
// well-formed.
func repositoryPath(s string) (string, error) {
	path := strings.TrimSpace(s)
	scheme, rest, isURL := strings.Cut(path, "://")
	if isURL {
		path = rest
	}
	host, rest, _ := strings.Cut(path, "/")
	switch {
	case isURL && !slices.Contains([]string{"http", "https", "docker"}, strings.ToLower(scheme)):
		return "", fmt.Errorf("%.200q: unknown scheme; use namespace/name", s)
	case strings.EqualFold(host, pagesHost):
		var ok bool
		if path, ok = pagePath(rest); !ok {
			return "", fmt.Errorf("%.200q: not the page of a repository; use namespace/name, or an address such as https://hub.docker.com/r/grafana/grafana", s)
		}
	case isHost(host):
		path = rest
	case isURL, strings.Contains(host, ":") && rest != "", strings.Contains(host, ".") && strings.Contains(rest, "/"):
		return "", fmt.Errorf("%.200q: the host is not Docker Hub; use namespace/name of a repository on Docker Hub", s)
	}
	path, hash, found := strings.Cut(path, "@")
	if found && !digest.MatchString(hash) {
		return "", fmt.Errorf("%.200q: not a digest after '@'; use namespace/name", s)
	}
	path, version, found := strings.Cut(path, ":")
	if found && !tag.MatchString(version) {
		return "", fmt.Errorf("%.200q: not a tag after ':'; use namespace/name", s)
	}
	return path, nil
}

func isHost(s string) bool {
	return slices.ContainsFunc(registryHosts, func(host string) bool { return strings.EqualFold(host, s) }) || strings.EqualFold(s, pagesHost)
}

// pagePath returns the repository of a page of Docker Hub, whose address has path behind the host.
func pagePath(path string) (repository string, ok bool) {
	if end := strings.IndexAny(path, "?#"); end >= 0 {
		path = path[:end]
	}
	for _, kind := range []string{"r/", "layers/", "repository/docker/"} {
		if rest, found := strings.CutPrefix(path, kind); found {
			parts := append(strings.Split(rest, "/"), "")
			return parts[0] + "/" + parts[1], parts[0] != "" && parts[1] != ""
		}
	}
	rest, found := strings.CutPrefix(path, "_/")
	name, _, _ := strings.Cut(rest, "/")
	return official + "/" + name, found && name != ""
}
