package search

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pulltrail/internal/document"
)

const someFront = `{"version":{"number":"3.4.0","distribution":"opensearch"},"items":[{"create":{"status":201}}]}`

// countingNode answers with status and counts.
func countingNode(t *testing.T, status int) (address string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, someFront)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// goneNode refuses connections.
func goneNode(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	return s.URL
}

func TestTheNextNodeIsAskedAtOnce(t *testing.T) {
	one := []document.Document{{Index: "i", ID: "a", Body: []byte(`{}`)}}
	for name, node := range map[string]func(*testing.T) string{
		"one that is gone":                          goneNode,
		"one behind a proxy that does not reach it": func(t *testing.T) string { address, _ := countingNode(t, http.StatusBadGateway); return address },
		"one without a cluster": func(t *testing.T) string {
			address, _ := countingNode(t, http.StatusServiceUnavailable)
			return address
		},
	} {
		t.Run(name, func(t *testing.T) {
			healthy, asked := countingNode(t, http.StatusOK)
			c := open(t, Options{URLs: []string{node(t), healthy, node(t)}})
			for range 4 { // so that each node comes first once
				if err := c.Ping(t.Context()); err != nil {
					t.Errorf("Ping: %v", err)
				}
				if results, err := c.Create(t.Context(), one); err != nil || results[0] != nil {
					t.Errorf("Create: %v, %v", results, err)
				}
			}
			if n := asked.Load(); n != 8 {
				t.Errorf("the healthy node was asked %d times for 8 requests", n)
			}
		})
	}
}

func TestAFailedNodeIsAskedLast(t *testing.T) {
	failed, asked := countingNode(t, http.StatusBadGateway)
	healthy, _ := countingNode(t, http.StatusOK)
	c := open(t, Options{URLs: []string{failed, healthy}})
	for range 10 {
		if err := c.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the failed node was asked %d times", n)
	}
	c.nodes.all[0].failedAt = time.Now().Add(-nodePause)
	for range 10 {
		if err := c.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("the failed node was asked %d times, once after its pause", n)
	}
}

func TestEveryNodeIsAskedWhereAllHaveFailed(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, someFront)
	}))
	t.Cleanup(s.Close)
	c := open(t, Options{URLs: []string{goneNode(t), s.URL, goneNode(t)}})
	for range 5 {
		if err := c.Ping(t.Context()); err == nil {
			t.Fatal("a cluster that is away answers")
		}
	}
	down.Store(false)
	if err := c.Ping(t.Context()); err != nil {
		t.Errorf("the node that is back was not asked: %v", err)
	}
}

func TestARejectionIsNotSentToTheNextNode(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusUnauthorized, http.StatusForbidden, http.StatusBadRequest} {
		first, asked := countingNode(t, status)
		second, other := countingNode(t, status)
		c := open(t, Options{URLs: []string{first, second}})
		_, _ = c.Create(t.Context(), []document.Document{{Index: "i", ID: "a", Body: []byte(`{}`)}})
		if n := asked.Load() + other.Load(); n != 1 {
			t.Errorf("status %d: %d requests", status, n)
		}
	}
}

// A scroll moves on with the request, not with the answer.
func TestAPageOfAScrollIsAskedForOnce(t *testing.T) {
	var pages atomic.Int64
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/point_in_time"):
			w.WriteHeader(http.StatusMethodNotAllowed)
			_, _ = io.WriteString(w, `{"error":"no"}`)
		case r.URL.Path == scrollPath && r.Method == http.MethodPost:
			pages.Add(1)
			w.WriteHeader(http.StatusBadGateway)
		case !r.URL.Query().Has("scroll"):
			_, _ = io.WriteString(w, `{"hits":{"total":{"value":2},"hits":[]}}`)
		default:
			_, _ = io.WriteString(w, `{"_scroll_id":"s","hits":{"total":{"value":2},"hits":[{"_index":"i","_id":"a","_source":{}}]}}`)
		}
	})
	first, second := httptest.NewServer(handler), httptest.NewServer(handler)
	t.Cleanup(first.Close)
	t.Cleanup(second.Close)
	r, err := open(t, Options{URLs: []string{first.URL, second.URL}}).Read(t.Context(), Query{Index: "i", TimeField: "t", Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Page(t.Context()); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if _, err := r.Page(t.Context()); !errors.As(err, &e) || pages.Load() != 1 {
		t.Errorf("asked %d times: %v", pages.Load(), err)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
