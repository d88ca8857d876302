package hub

import (
	"strings"
	"testing"
	"time"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern string
		yes, no string // names, with spaces in between
		err     string
		single  bool
	}{
		{pattern: "nginx", yes: "library/nginx", no: "a/nginx library/nginx2", single: true},
		{pattern: "a/b.c", yes: "a/b.c", no: "a/bxc", single: true},
		{pattern: "a/*", yes: "a/b a/b-c.d", no: "ab/c"},
		{pattern: "a/foo-*", yes: "a/foo-bar a/foo-", no: "a/foo a/xfoo-bar b/foo-bar"},
		{pattern: "a/*-v?", yes: "a/x-v1", no: "a/x-v a/x-v12"},
		{pattern: "https://hub.docker.com/_/nginx", yes: "library/nginx", no: "a/nginx", single: true},
		{pattern: "a/b:latest", yes: "a/b", no: "a/b-latest", single: true},
		{pattern: "docker.io/a/foo-*", yes: "a/foo-bar", no: "a/bar"},
		{pattern: "https://hub.docker.com/r/a/*", yes: "a/foo-bar", no: "b/bar"},
		{pattern: "https://hub.docker.com/r/a/b?page=1", yes: "a/b", no: "a/bc", single: true},
		{pattern: "*", err: "no namespace; use namespace/*"},
		{pattern: "*/x", err: "wildcard in the namespace"},
		{pattern: "docker.io/*", err: "no namespace"},
		{pattern: "docker.io/docker.io/*", err: "not a pattern"},
		{pattern: "ghcr.io/a/*", err: "the host is not Docker Hub"},
		{pattern: "a/*/b", err: "not a pattern"},
		{pattern: "A/*", err: "not a pattern"},
		{pattern: "a/[bc]*", err: "not a pattern"},
		{pattern: "", err: "not a repository"},
	} {
		p, err := ParsePattern(c.pattern)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: %v, want %s", c.pattern, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.pattern, err)
		}
		if _, single := p.Single(); single != c.single {
			t.Errorf("%q is single: %t", c.pattern, single)
		}
		for want, names := range map[bool]string{true: c.yes, false: c.no} {
			for _, name := range strings.Fields(names) {
				r, err := ParseRepository(name)
				if err != nil {
					r = Repository{Namespace: "a", Name: strings.TrimPrefix(name, "a/")}
				}
				if p.Match(r) != want {
					t.Errorf("%q matches %s: %t", c.pattern, name, !want)
				}
			}
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{"nginx", "a/*", "a/foo-*", "*/x", "a/[", "a/b/c", "a/\\*", "é/*", "docker.io/a/b:c", "https://hub.docker.com/r/a/b?c"} {
		f.Add(s, "foo-bar")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		p, err := ParsePattern(text)
		if err != nil {
			return
		}
		p.Match(Repository{Namespace: p.Namespace, Name: name})
		if r, single := p.Single(); single && !p.Match(r) {
			t.Errorf("%s does not match itself", p)
		}
		if again, err := ParsePattern(p.String()); err != nil || again != p {
			t.Errorf("%q becomes %q, then %q: %v", text, p, again, err)
		}
	})
}

func TestARowOfAListingHasTheUserOfItsNamespace(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s, err := DecodeRow([]byte(`{"name":"b","namespace":"a","pull_count":7}`), "a", at, at)
	const want = `{"user":"a","name":"b","namespace":"a","pull_count":7,"timestamp":"2026-01-02T03:04:05Z","slot":"2026-01-02T03:04:05Z"}`
	if err != nil || string(s.Encode()) != want {
		t.Errorf("%s, %v", s.Encode(), err)
	}
	if s, err := DecodeRow([]byte(`{"user":"c","name":"b","namespace":"a","pull_count":7}`), "a", at, at); err != nil || !strings.HasPrefix(string(s.Encode()), `{"user":"c"`) {
		t.Errorf("%s, %v", s.Encode(), err)
	}
	if _, err := DecodeRow([]byte(`{"name":"b","namespace":"a","pull_count":null}`), "a", at, at); err == nil {
		t.Error("null is no count")
	}
}
