package indexer

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/document"
	"pulltrail/internal/search"
)

const ownTopic = "hub/#"

func newCare(t *testing.T, routes ...Route) *Care {
	t.Helper()
	care, err := NewCare(Config{Routes: routes}, ownTopic)
	if err != nil {
		t.Fatal(err)
	}
	return care
}

// having is a cluster with indices.
func having(t *testing.T, names ...string) *cluster {
	c := newCluster(t)
	c.set(func(c *cluster) {
		for _, name := range names {
			c.index(name)
		}
	})
	return c
}

func TestOnlyIndicesThatARouteNamesAreListed(t *testing.T) {
	c := having(t, "s-2026-01", "s-2026-13", "s-2026-01-old", "s-x-y", "t", "t2", "other", ".security", "dockerhub-repositories-metrics-2026-02")
	care := newCare(t,
		Route{Topic: "hub/a/+", Kind: KindSnapshot, Index: "u"},
		Route{Topic: "s/#", Kind: KindDocument, Index: "s-{Y}-{m}"},
		Route{Topic: "t/#", Kind: KindDocument, Index: "t"}, Route{Topic: "t2/#", Kind: KindDocument, Index: "s-2026-01"})
	sink := c.sink(t)
	if _, err := sink.Write(t.Context(), []document.Document{{Index: "t", ID: "1", Body: []byte("{}")}}); err != nil {
		t.Fatal(err)
	}
	indices, err := care.List(t.Context(), sink, true)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range indices {
		got = append(got, i.Name+" "+strings.Join(i.Routes, " "))
		if i.Name == "t" && (*i.Documents != 1 || *i.Bytes != 100) || !i.Created.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%+v", i)
		}
	}
	want := []string{"dockerhub-repositories-metrics-2026-02 own", "s-2026-01 routes[1] routes[3]", "t routes[2]"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestARouteIsFoundByItsNumber(t *testing.T) {
	care := newCare(t, Route{Topic: "a", Kind: KindDocument, Index: "a"})
	for text, want := range map[string]string{"0": "routes[0]", "routes[0]": "routes[0]", "own": "own", "1": "", "-1": "", "": ""} {
		name, err := care.Route(text)
		if name != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, name, err)
		}
	}
	if topic := care.Topic("routes[0]"); topic != "a" {
		t.Errorf("its topic is %q", topic)
	}
}

func TestWhatMayNotBeCountedIsListedAllTheSame(t *testing.T) {
	c := having(t, "t")
	c.set(func(c *cluster) {
		c.fault = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if !strings.Contains(r.URL.Path, "_stats") {
				return false
			}
			fail(w, http.StatusForbidden, "security_exception", "no permissions for [indices:monitor/stats]")
			return true
		}
	})
	indices, err := newCare(t, Route{Topic: "t", Kind: KindDocument, Index: "t"}).List(t.Context(), c.sink(t), true)
	if err != nil || len(indices) != 1 || indices[0].Documents != nil {
		t.Errorf("%+v, %v", indices, err)
	}
	c.set(func(c *cluster) {
		c.fault = func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
			fail(w, http.StatusForbidden, "security_exception", "no permissions for [indices:monitor/settings/get]")
			return true
		}
	})
	if _, err := newCare(t).List(t.Context(), c.sink(t), true); err == nil || !strings.HasPrefix(err.Error(),
		"opensearch: list the indices dockerhub-repositories-metrics-*-*: the permission indices_monitor is missing: ") {
		t.Errorf("error %v", err)
	}
}

func TestTheIndicesOfADayAreCreatedWithTheirBodies(t *testing.T) {
	c := having(t, "t")
	care := newCare(t,
		Route{Topic: "s/#", Kind: KindDocument, Index: "s-{Y}-{m}-{d}", Body: `{"mappings":{}}`},
		Route{Topic: "s2/#", Kind: KindDocument, Index: "s-{Y}-{m}-{d}", Body: `{"settings":{}}`},
		Route{Topic: "t/#", Kind: KindDocument, Index: "t"}, Route{Topic: "u/#", Kind: KindDocument, Index: "u"})
	made := care.Create(t.Context(), c.sink(t), time.Date(2026, 2, 3, 23, 0, 0, 0, time.FixedZone("", -7200)))
	want := []Made{
		{"dockerhub-repositories-metrics-2026-02", "own", true, nil}, {"s-2026-02-04", "routes[0]", true, nil},
		{"t", "routes[2]", false, nil}, {"u", "routes[3]", true, nil},
	}
	if !slices.Equal(made, want) {
		t.Errorf("%+v", made)
	}
	c.set(func(c *cluster) {
		if body := c.indices["s-2026-02-04"].created; body != `{"mappings":{}}` {
			t.Errorf("created with %s", body)
		}
		if !strings.Contains(c.indices[want[0].Index].created, "pull_count") {
			t.Error("snapshots have no mapping")
		}
	})
}

func TestAnIndexThatNoRouteNamesIsNeverDeleted(t *testing.T) {
	c := having(t, "s-2026", "other")
	care, sink := newCare(t, Route{Topic: "s", Kind: KindDocument, Index: "s-{Y}", Body: "{}"}), c.sink(t)
	for _, name := range []string{"other", "s-*", "*", "_all", "s-2026,other", "", "s-2026-01"} {
		if err := care.Delete(t.Context(), sink, name); err == nil || !strings.Contains(err.Error(), "no route names index") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if names := c.names(); len(names) != 2 {
		t.Fatalf("left: %v", names)
	}
	write := func() {
		if _, err := sink.Write(t.Context(), []document.Document{{Index: "s-2026", IndexBody: []byte("{}"), ID: "1", Body: []byte("{}")}}); err != nil {
			t.Fatal(err)
		}
	}
	write()
	for range 2 { // the second time it is gone already
		if err := care.Delete(t.Context(), sink, "s-2026"); err != nil {
			t.Error(err)
		}
	}
	write()
	c.set(func(c *cluster) {
		if c.indices["s-2026"].created == "" {
			t.Error("made again without its body")
		}
	})
}

func TestAClientDeletesNoMoreThanOneIndex(t *testing.T) {
	c := newCluster(t)
	for _, name := range []string{"", "_all", "*", "s-*", "a,b", "a?"} {
		if err := c.sink(t).client.DeleteIndex(t.Context(), name); err == nil || causeOf(err) != search.Refused.String() {
			t.Errorf("%q: %v", name, err)
		}
	}
	if seen := c.seen(); len(seen) != 0 {
		t.Errorf("requests: %v", seen)
	}
}
