package hubtest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFaultsThatComeAndGo(t *testing.T) {
	for name, c := range map[string]struct {
		fault Fault
		want  []int
	}{
		"every third is a 404": {Flap(3), []int{200, 200, 404, 200, 200, 404}},
		"a burst of 503":       {Burst(http.StatusServiceUnavailable, 2), []int{503, 503, 200, 200}},
		"one 429":              {Times(1, RateLimited), []int{429, 200}},
		"none":                 {Well, []int{200}},
	} {
		t.Run(name, func(t *testing.T) {
			h := NewInProcess(t)
			h.Set("a/b", 1)
			h.Fail("a/b", c.fault)
			if diff := cmp.Diff(c.want, statuses(ask(t, h), len(c.want))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAFaultOfAllSparesWhatHasItsOwn(t *testing.T) {
	h := NewInProcess(t)
	h.Set("a/b", 1)
	h.Set("a/c", 1)
	h.AddUser("someone", "password")
	h.Fail("a/c", HTML)
	h.FailListing("b", Well)
	h.AddNamespace("b")
	h.FailAll(Status(http.StatusBadGateway))
	a := ask(t, h)
	for path, want := range map[string]int{
		"/v2/repositories/a/b": http.StatusBadGateway,
		"/v2/repositories/a/c": http.StatusOK,
		"/v2/repositories/a/":  http.StatusBadGateway,
		"/v2/repositories/b/":  http.StatusOK,
	} {
		if g := a.get(path); g.status != want {
			t.Errorf("%s: %d", path, g.status)
		}
	}
	a.as("someone", "password")
	h.FailAll(Well)
	if g := a.get("/v2/repositories/a/absent"); g.status != http.StatusNotFound {
		t.Errorf("what is absent: %d", g.status)
	}
	h.FailAll(nil)
	if g := a.get("/v2/repositories/a/b"); g.status != http.StatusOK {
		t.Errorf("after that: %d", g.status)
	}
}

func TestAFaultInventsNothingThatWasTakenAway(t *testing.T) {
	h := NewInProcess(t)
	h.Set("a/removed", 1)
	h.Remove("a/removed")
	h.SetPrivate("a/private", 1)
	a := ask(t, h)
	for repository, want := range map[string]int{"a/removed": 404, "a/private": 404, "a/invented": 200} {
		h.Fail(repository, Well)
		if g := a.get("/v2/repositories/" + repository); g.status != want {
			t.Errorf("%s: %d", repository, g.status)
		}
	}
}

func TestAListingMisbehaves(t *testing.T) {
	h := NewInProcess(t)
	fill(h, "a", 3)
	a := ask(t, h)
	h.FailListing("a", HTML)
	if g := a.get("/v2/repositories/a/"); g.status != http.StatusOK || !strings.HasPrefix(g.body, "<html>") {
		t.Errorf("%d %s", g.status, g.body)
	}
	h.FailListing("a", Flap(2))
	for _, want := range []int{http.StatusOK, http.StatusNotFound} {
		if g := a.get("/v2/repositories/a/"); g.status != want || !strings.Contains(g.body, "errinfo\":{}") != (want == http.StatusOK) {
			t.Errorf("%d %s, want %d", g.status, g.body, want)
		}
	}
	h.FailListing("a", nil)
	h.CapAnonymousPages(1)
	h.FailAll(Well)
	if g := a.get("/v2/repositories/a/?page=2"); g.status != http.StatusForbidden {
		t.Errorf("a proper 403 became %d", g.status)
	}
}
