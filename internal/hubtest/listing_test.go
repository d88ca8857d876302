package hubtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/hub"
)

// fill sets n repositories of a namespace, the last one first.
func fill(h *Hub, namespace string, n int) (names []string) {
	for i := range n {
		name := fmt.Sprintf("%s/r%03d", namespace, n-1-i)
		h.Set(name, int64(i))
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestAListingIsReadFromPageToPageOnTheNetwork(t *testing.T) {
	h := New(t)
	fill(h, "a", 5)
	for _, path := range []string{"/v2/namespaces/a/repositories", "/v2/repositories/a/", "/v2/repositories/a"} {
		status, _, body := get(t, h.URL+path+"?page=2&page_size=2")
		l := ask(t, h).read(got{body: body})
		if status != http.StatusOK || l.Count != 5 || l.Next == nil || l.Previous == nil || len(l.Results) != 2 {
			t.Fatalf("%s: %d %s", path, status, body)
		}
		if want := h.URL + path + "?page=3&page_size=2"; *l.Next != want || *l.Previous != strings.Replace(want, "=3", "=1", 1) {
			t.Errorf("%s: next %s, previous %s", path, *l.Next, *l.Previous)
		}
		if _, _, body := get(t, *l.Next); !strings.Contains(body, `"next":null`) || !strings.Contains(body, `"name":"r004"`) {
			t.Errorf("%s: last page %s", path, body)
		}
	}
	if h.ListRequests("a") != 6 || h.Requests() != 6 || h.RequestsFor("a/r004") != 0 {
		t.Errorf("counted %d of %d", h.ListRequests("a"), h.Requests())
	}
}

func TestTheSizeOfAPage(t *testing.T) {
	h := NewInProcess(t)
	want := fill(h, "a", 101)
	for query, rows := range map[string]int{
		"":                               10,
		"?page_size=100":                 100,
		"?page_size=1000":                100,
		"?page_size=0":                   10,
		"?page_size=x":                   10,
		"?page=2&page_size=100":          1,
		"?page=101&page_size=1":          1,
		"?page=11&ordering=last_updated": 1,
	} {
		l := ask(t, h).page("/v2/repositories/a/" + query)
		if len(l.Results) != rows || l.Count != 101 {
			t.Errorf("%q: %d rows of %d, want %d", query, len(l.Results), l.Count, rows)
		}
	}
	if diff := cmp.Diff(want, ask(t, h).walk("/v2/repositories/a/?page_size=7&page=1")); diff != "" {
		t.Error(diff)
	}
}

func TestAListingOfNothing(t *testing.T) {
	h := NewInProcess(t)
	h.Set("a/b", 1)
	h.Set("gone/b", 1)
	h.Remove("gone/b")
	h.AddNamespace("empty")
	h.SetPrivate("hidden/b", 1)
	a := ask(t, h)
	for _, namespace := range []string{"gone", "empty", "hidden"} {
		if g := a.get("/v2/repositories/" + namespace + "/"); g.status != http.StatusOK || g.body != `{"count":0,"next":null,"previous":null,"results":[]}` {
			t.Errorf("%s: %d %s", namespace, g.status, g.body)
		}
	}
	for _, path := range []string{
		"/v2/repositories/unknown/", "/v2/namespaces/unknown/repositories", "/v2/repositories/empty/?page=2",
		"/v2/repositories/a/?page=2", "/v2/repositories/a/?page=0", "/v2/repositories/a/?page=-1", "/v2/repositories/a/?page=x",
		"/v2/repositories/a/?page=9223372036854775807",
	} {
		if g := a.get(path); g.status != http.StatusNotFound || g.body != `{"message":"httperror 404: object not found","errinfo":{}}` {
			t.Errorf("%s: %d %s", path, g.status, g.body)
		}
	}
}

func TestARowLacksSomeFields(t *testing.T) {
	h := NewInProcess(t)
	h.Set("a/full", 12916987208)
	h.SetBody("a/garbage", []byte("<html>"))
	h.SetBody("a/list", []byte("[]"))
	g := ask(t, h).get("/v2/repositories/a/")
	text, _, found := strings.Cut(strings.SplitN(g.body, `"results":[`, 2)[1], ",null,[]]}")
	if !found {
		t.Fatal(g.body)
	}
	fields, err := hub.ParseObject([]byte(text))
	if err != nil || len(fields) != 20 {
		t.Errorf("%d fields, %v", len(fields), err)
	}
	for _, f := range fields {
		if _, lacks := rowLacks[f.Key]; lacks {
			t.Errorf("it has %s", f.Key)
		}
	}
	if !strings.Contains(text, `"pull_count":12916987208`) {
		t.Error(text)
	}
}

func TestTheCapOfAnonymousPages(t *testing.T) {
	h := NewInProcess(t)
	fill(h, "a", 30)
	h.AddUser("someone", "secret")
	h.CapAnonymousPages(2)
	a := ask(t, h)
	login := a.as("someone", "secret")
	if l := a.page("/v2/repositories/a/?page=2"); l.Next == nil {
		t.Error("the last page that is shown has no next one")
	}
	for _, page := range []int{3, 4} {
		g := a.get(fmt.Sprintf("/v2/repositories/a/?page=%d", page))
		if g.status != http.StatusForbidden || !strings.Contains(g.body, "sign in to page further") {
			t.Errorf("page %d: %d %s", page, g.status, g.body)
		}
	}
	if n := len(login.walk("/v2/repositories/a/")); n != 30 {
		t.Errorf("a login sees %d", n)
	}
	h.CapAnonymousPages(0)
	if n := len(a.walk("/v2/repositories/a/")); n != 30 {
		t.Errorf("without a cap: %d", n)
	}
}

func TestRepositoriesAppearAndVanish(t *testing.T) {
	h := NewInProcess(t)
	a := ask(t, h)
	h.Set("a/c", 1)
	h.Set("a/b", 2)
	h.Set("nginx", 3)
	if diff := cmp.Diff([]string{"a/b", "a/c"}, a.walk("/v2/repositories/a/")); diff != "" {
		t.Error(diff)
	}
	h.Remove("a/b")
	h.Set("a/d", 4)
	if diff := cmp.Diff([]string{"a/c", "a/d"}, a.walk("/v2/repositories/a/")); diff != "" {
		t.Error(diff)
	}
	for path, want := range map[string]int{
		"/v2/repositories/a/b":             http.StatusNotFound,
		"/v2/repositories/a/d/":            http.StatusOK,
		"/v2/namespaces/a/repositories/d":  http.StatusOK,
		"/v2/repositories/library/nginx":   http.StatusOK,
		"/v2/namespaces/a/repositories/b/": http.StatusNotFound,
	} {
		if g := a.get(path); g.status != want {
			t.Errorf("%s: %d", path, g.status)
		}
	}
	if h.RequestsFor("a/d") != 2 || h.RequestsFor("nginx") != 1 {
		t.Errorf("%d and %d requests", h.RequestsFor("a/d"), h.RequestsFor("nginx"))
	}
}

func TestAListingShiftsWhileItIsRead(t *testing.T) {
	h := NewInProcess(t)
	want := fill(h, "a", 5)
	a := ask(t, h)
	h.ShiftListing()
	a.walk("/v2/repositories/a/") // has but one page
	shifted := a.walk("/v2/repositories/a/?page_size=2")
	if diff := cmp.Diff([]string{want[0], want[1], want[1], want[2], want[3]}, shifted); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, a.walk("/v2/repositories/a/?page_size=2")); diff != "" {
		t.Errorf("after that: %s", diff)
	}
}

func TestACountMayLie(t *testing.T) {
	h := NewInProcess(t)
	fill(h, "a", 3)
	for by, want := range map[int]int{2: 5, -1: 2, -9: 0, 0: 3} {
		h.LieCount(by)
		if l := ask(t, h).page("/v2/repositories/a/"); l.Count != want || len(l.Results) != 3 || l.Next != nil {
			t.Errorf("%d: %+v", by, l)
		}
	}
}

func TestARowMisbehaves(t *testing.T) {
	h := NewInProcess(t)
	fill(h, "a", 3)
	h.FailRow("a/r001", NullPullCount)
	h.FailRow("a/r002", WrongRepository)
	a := ask(t, h)
	l := a.page("/v2/repositories/a/")
	if l.Results[0].PullCount == nil || l.Results[1].PullCount != nil || l.Results[2].Namespace != "someone-else" {
		t.Errorf("%+v", l.Results)
	}
	if g := a.get("/v2/repositories/a/r001"); !strings.Contains(g.body, `"pull_count":1`) {
		t.Errorf("the repository itself: %s", g.body)
	}
	h.FailRow("a/r001", NoPullCount)
	if g := a.get("/v2/repositories/a/"); strings.Count(g.body, "pull_count") != 2 {
		t.Error(g.body)
	}
	h.FailRow("a/r001", nil)
	h.FailRow("a/r002", nil)
	if diff := cmp.Diff([]string{"a/r000", "a/r001", "a/r002"}, a.walk("/v2/repositories/a/")); diff != "" {
		t.Error(diff)
	}
}

func TestTheLinkOfAPageKeepsTheCallersHost(t *testing.T) {
	h := NewInProcess(t)
	fill(h, "a", 11)
	next, err := url.Parse(*ask(t, h).page("https://hub.example/v2/repositories/a/").Next)
	if err != nil || next.Scheme != "https" || next.Host != "hub.example" {
		t.Errorf("%s, %v", next, err)
	}
}
