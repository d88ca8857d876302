//go:build integration

package indexer

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/internal/document"
)

// realRoute is a route with indices of this test alone, by year and month.
func realRoute() Route {
	return Route{Topic: "care/#", Kind: KindDocument, Index: realIndex() + "-{Y}-{m}", Body: `{"settings":{"number_of_replicas":0},"mappings":{"dynamic":false}}`, Keep: "3mo"}
}

func namesOf(indices []Index) (names []string) {
	for _, i := range indices {
		names = append(names, i.Name)
	}
	return names
}

func TestIndicesAreCaredForForReal(t *testing.T) {
	for _, real := range []func(*testing.T) realCluster{realOpenSearch, secureOpenSearch, realElasticsearch} {
		c := real(t)
		t.Run(c.name, func(t *testing.T) {
			change := unchanged
			if c.user != "" {
				change = c.asAdmin
			}
			sink, route := c.open(t, change), realRoute()
			care, err := NewCare(Config{Routes: []Route{route}}, "")
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now().UTC()
			names := make([]string, 7)
			for i := range names {
				at := time.Date(now.Year(), now.Month()-time.Month(6-i), 1, 0, 0, 0, 0, time.UTC)
				made := care.Create(t.Context(), sink, at)
				if len(made) != 1 || made[0].Err != nil || !made[0].Created {
					t.Fatalf("%+v", made)
				}
				names[i] = made[0].Index
				t.Cleanup(func() { c.delete(t, names[i]) })
			}
			if again := care.Create(t.Context(), sink, now); again[0].Err != nil || again[0].Created {
				t.Errorf("a second time: %+v", again)
			}
			// Neighbours that the pattern takes as a wildcard, and an alias for one.
			foreign := strings.TrimSuffix(route.Index, "{Y}-{m}") + "2000-01-reindexed"
			alias := strings.TrimSuffix(route.Index, "{Y}-{m}") + "2000-02"
			if status, answer := c.request(t, http.MethodPut, "/"+foreign, fmt.Sprintf(`{"aliases":{%q:{}}}`, alias)); status != http.StatusOK {
				t.Fatalf("%s", answer)
			}
			t.Cleanup(func() { c.delete(t, foreign) })

			results, err := sink.Write(t.Context(), []document.Document{{Index: names[6], ID: "1", Body: []byte(`{}`)}, {Index: names[6], ID: "2", Body: []byte(`{}`)}})
			if err != nil || results[0] != nil {
				t.Fatalf("%v, %v", results, err)
			}
			if status, answer := c.request(t, http.MethodPost, "/"+names[6]+"/_refresh", ""); status != http.StatusOK {
				t.Fatalf("%s", answer)
			}
			if status, answer := c.request(t, http.MethodPost, "/"+names[0]+"/_close", ""); status != http.StatusOK {
				t.Fatalf("%s", answer)
			}
			indices, err := care.List(t.Context(), sink, true)
			if err != nil || !slices.Equal(namesOf(indices), names) {
				t.Fatalf("listed %v, %v", namesOf(indices), err)
			}
			newest := indices[6]
			if newest.Documents == nil || *newest.Documents != 2 || newest.Bytes == nil || *newest.Bytes == 0 || time.Since(newest.Created).Abs() > time.Hour {
				t.Errorf("%+v", newest)
			}
			if err := care.Delete(t.Context(), sink, alias); err == nil {
				t.Error("an alias was deleted")
			}

			retention := NewRetention(RetentionOptions{Care: care, Clusters: []*Cluster{sink}, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
			if err := retention.Run(t.Context()); err != nil {
				t.Error(err)
			}
			indices, err = care.List(t.Context(), sink, false)
			left := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
				index, _ := care.Named(name)
				return !index.End.After(care.routes[0].keep.Before(now))
			})
			if err != nil || !slices.Equal(namesOf(indices), left) || len(left) == len(names) {
				t.Errorf("left: %v, want %v, %v", namesOf(indices), left, err)
			}
			for _, name := range []string{names[6], names[6]} {
				if err := care.Delete(t.Context(), sink, name); err != nil {
					t.Error(err)
				}
			}
			if status, _ := c.request(t, http.MethodHead, "/"+names[6], ""); status != http.StatusNotFound {
				t.Errorf("it is still there: %d", status)
			}
			if status, _ := c.request(t, http.MethodHead, "/"+foreign, ""); status != http.StatusOK {
				t.Errorf("a neighbour is gone: %d", status)
			}
		})
	}
}

func TestAWriterMayNotDeleteForReal(t *testing.T) {
	for _, tt := range []struct {
		real         func(*testing.T) realCluster
		list, delete string
	}{
		{secureOpenSearch, "indices_monitor", "indices:admin/delete"},
		{realElasticsearch, "monitor", "delete_index"},
	} {
		c := tt.real(t)
		t.Run(c.name, func(t *testing.T) {
			sink, route := c.open(t, unchanged), realRoute()
			care, err := NewCare(Config{Routes: []Route{route}}, "")
			if err != nil {
				t.Fatal(err)
			}
			made := care.Create(t.Context(), sink, time.Now())
			if made[0].Err != nil || !made[0].Created {
				t.Fatalf("%+v", made)
			}
			t.Cleanup(func() { c.delete(t, made[0].Index) })
			if _, err := care.List(t.Context(), sink, false); err == nil || !strings.Contains(err.Error(), "the permission "+tt.list+" is missing") {
				t.Errorf("list: %v", err)
			}
			if err := care.Delete(t.Context(), sink, made[0].Index); err == nil || !strings.Contains(err.Error(), "the permission "+tt.delete+" is missing") {
				t.Errorf("delete: %v", err)
			}
			retention := NewRetention(RetentionOptions{Care: care, Clusters: []*Cluster{sink}, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
			if err := retention.Run(t.Context()); err == nil || strings.Count(err.Error(), "is missing") != 1 {
				t.Errorf("retention: %v", err)
			}
		})
	}
}

// What a sensor sends that sends a number alone becomes a document that can be charted.
func TestValuesForReal(t *testing.T) {
	forReal(t, func(t *testing.T, c realCluster) {
		change := unchanged
		if c.user != "" {
			change = c.asAdmin
		}
		sink, index := c.open(t, change), realIndex()
		t.Cleanup(func() { c.delete(t, index) })
		router := newTestRouter(t, Route{
			Topic: "sensors/{room}/{kind}", Kind: KindDocument, Index: index, Payload: PayloadValue, TimeField: "@timestamp", Untimed: UntimedStamp,
			Body: `{"settings":{"number_of_replicas":0},"mappings":{"dynamic":"strict","properties":{"@timestamp":{"type":"date"},"value":{"type":"double"},"room":{"type":"keyword"},"kind":{"type":"keyword"}}}}`,
		})
		var docs []document.Document
		for i, payload := range []string{"21", "21.5", "-1e3"} {
			e := entry("sensors/kitchen/temperature", payload)
			e.Position = document.Position(i + 1)
			doc, err := router.Resolve(e, "log")
			if err != nil {
				t.Fatal(err)
			}
			docs = append(docs, doc)
		}
		results, err := sink.Write(t.Context(), docs)
		if err = errors.Join(append(results, err)...); err != nil {
			t.Fatal(err)
		}
		if status, answer := c.request(t, http.MethodPost, "/"+index+"/_refresh", ""); status != http.StatusOK {
			t.Fatalf("%s", answer)
		}
		_, answer := c.request(t, http.MethodPost, "/"+index+"/_search", `{"size":0,"query":{"bool":{"filter":[{"term":{"room":"kitchen"}},{"range":{"@timestamp":{"gte":"2026-02-03","lt":"2026-02-04"}}}]}},"aggs":{"least":{"min":{"field":"value"}},"most":{"max":{"field":"value"}}}}`)
		if !strings.Contains(string(answer), `"least":{"value":-1000.0}`) || !strings.Contains(string(answer), `"most":{"value":21.5}`) {
			t.Errorf("%s", answer)
		}
	})
}
