package hub

import (
	"strings"
	"testing"
)

func TestParseRepositoryReadsWhatPeopleWriteAndPaste(t *testing.T) {
	const hash = "sha256:3d1d0d2e7c3a4a6f0d7a3f6d8d2d1c0b9a8f7e6d5c4b3a29181706f5e4d3c2b1"
	for in, want := range map[string]string{
		"nginx":                   "library/nginx",
		"oitc/mqtt2elasticsearch": "oitc/mqtt2elasticsearch",
		"a/b.c_d-e":               "a/b.c_d-e",
		"a.b/c":                   "a.b/c",

		"nginx:latest":                 "library/nginx",
		"grafana/grafana:11.2":         "grafana/grafana",
		"grafana/grafana@" + hash:      "grafana/grafana",
		"grafana/grafana:11.2@" + hash: "grafana/grafana",

		"docker.io/nginx":                           "library/nginx",
		"docker.io/library/nginx":                   "library/nginx",
		"docker.io/library/nginx:1.27@" + hash:      "library/nginx",
		"index.docker.io/grafana/grafana":           "grafana/grafana",
		"registry-1.docker.io/grafana/grafana:11.2": "grafana/grafana",
		"docker://docker.io/grafana/grafana:11.2":   "grafana/grafana",

		"https://hub.docker.com/r/grafana/grafana":                          "grafana/grafana",
		"https://hub.docker.com/r/grafana/grafana/":                         "grafana/grafana",
		"http://hub.docker.com/r/grafana/grafana/tags?page=1&name=11":       "grafana/grafana",
		"https://hub.docker.com/r/grafana/grafana#how-to-use":               "grafana/grafana",
		"HTTPS://Hub.Docker.com/r/grafana/grafana":                          "grafana/grafana",
		"hub.docker.com/r/grafana/grafana":                                  "grafana/grafana",
		"https://hub.docker.com/_/nginx":                                    "library/nginx",
		"https://hub.docker.com/_/nginx/tags":                               "library/nginx",
		"https://hub.docker.com/layers/grafana/grafana/11.2/images/" + hash: "grafana/grafana",
		"https://hub.docker.com/repository/docker/me/app/general":           "me/app",
		" grafana/grafana\n":                                                "grafana/grafana",
	} {
		if r, err := ParseRepository(in); err != nil || r.String() != want {
			t.Errorf("ParseRepository(%q) = %v, %v; want %s", in, r, err, want)
		}
	}
}

func TestParseRepositoryRejectsTheRestWithARemedy(t *testing.T) {
	for in, want := range map[string]string{
		"":                                 "not a repository; use namespace/name",
		"a/b/c":                            "not a repository",
		"A/b":                              "lower-case",
		"a/":                               "not a repository",
		"/b":                               "not a repository",
		"a//b":                             "not a repository",
		"a/../b":                           "not a repository",
		"a/b\x00":                          "not a repository",
		"a/b\nc":                           "not a repository",
		"grafana/*":                        "not a repository",
		strings.Repeat("a", 256):           "not a repository",
		"nginx:":                           "not a tag",
		"a/b:c/d":                          "not a tag",
		"a/b@latest":                       "not a digest",
		"docker.io":                        "not a repository",
		"docker.io/":                       "not a repository",
		"docker.io/docker.io/nginx":        "not a repository",
		"ghcr.io/grafana/grafana":          "the host is not Docker Hub",
		"localhost:5000/a/b":               "the host is not Docker Hub",
		"https://quay.io/grafana/grafana":  "the host is not Docker Hub",
		"ftp://hub.docker.com/r/a/b":       "unknown scheme",
		"https://hub.docker.com":           "not the page of a repository",
		"https://hub.docker.com/u/grafana": "not the page of a repository",
		"https://hub.docker.com/r/grafana": "not the page of a repository",
		"https://hub.docker.com/_/":        "not the page of a repository",
	} {
		if r, err := ParseRepository(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseRepository(%q) = %v, %v; want %q", in, r, err, want)
		}
	}
}

func TestNewRepositoryRejectsNamesThatDockerHubDoesNotHave(t *testing.T) {
	for _, hostile := range []string{"", "..", ".", "-a", "a/b", "a\x00", "a\n", "a b", "A", "é", "a:1", "<script>", strings.Repeat("a", 5000)} {
		for _, r := range []Repository{{hostile, "a"}, {"a", hostile}} {
			if got, err := NewRepository(r.Namespace, r.Name); err == nil || len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\x00\n") {
				t.Errorf("NewRepository(%.80q, %.80q) = %v, %v", r.Namespace, r.Name, got, err)
			}
		}
	}
}

func FuzzParseRepository(f *testing.F) {
	for _, s := range []string{"nginx", "a/b:c", "docker.io/a/b@sha256:00", "https://hub.docker.com/r/a/b/tags?c#d", "docker://x", "_/nginx", "a.b/c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRepository(s)
		if err != nil {
			return
		}
		if again, err := NewRepository(r.Namespace, r.Name); err != nil || again != r {
			t.Errorf("%q becomes %q, which is not valid: %v", s, r, err)
		}
		if again, err := ParseRepository(r.String()); err != nil || again != r {
			t.Errorf("%q becomes %q, then %q: %v", s, r, again, err)
		}
	})
}
