package search

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/document"
	"pulltrail/internal/secret"
)

// serveElastic is a client of a server that calls itself product.
func serveElastic(t *testing.T, product string, opts Options, handler http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if product != "" {
			w.Header().Set("X-Elastic-Product", product)
		}
		handler(w, r)
	}))
	t.Cleanup(s.Close)
	opts.URLs, opts.Timeout = []string{s.URL + "/below"}, 5*time.Second
	c, err := NewElasticsearch(opts)
	return opened(t, c, err)
}

func TestARequestToElasticsearchOnTheWire(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		opts       Options
	}{
		{"with a user", "Basic dzpodXNo", Options{Username: "w", Password: secret.New("hush")}},
		{"with an API key", "APIKey aWQ6aHVzaA==", Options{APIKey: secret.New("aWQ6aHVzaA==")}},
		{"with neither", "", Options{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			requests, who, path, kind := 0, "", "", ""
			var body []byte
			c := serveElastic(t, "Elasticsearch", tt.opts, func(w http.ResponseWriter, r *http.Request) {
				requests++
				who, path, kind = r.Header.Get("Authorization"), r.URL.String(), r.Header.Get("Content-Type")
				body, _ = io.ReadAll(r.Body)
				_, _ = io.WriteString(w, `{"items":[{"create":{"status":201}}]}`)
			})
			results, err := c.Create(t.Context(), []document.Document{{Index: "i", ID: "a", Body: []byte(`{"n":1}`)}})
			if err != nil || results[0] != nil {
				t.Fatal(results, err)
			}
			// Without a version in the type of the content, which would bind it to one.
			if who != tt.want || path != "/below"+bulkPath || kind != "application/x-ndjson" || requests != 1 {
				t.Errorf("%d requests by %q to %s as %s", requests, who, path, kind)
			}
			if string(body) != `{"create":{"_index":"i","_id":"a"}}`+"\n"+`{"n":1}`+"\n" {
				t.Errorf("sent %s", body)
			}
		})
	}
}

func TestAnotherProductIsRefused(t *testing.T) {
	for _, product := range []string{"", "Something"} {
		c := serveElastic(t, product, Options{}, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"version":{"number":"3.4.0","distribution":"opensearch"}}`)
		})
		var e *Error
		if err := c.Ping(t.Context()); !errors.As(err, &e) || e.Class != Unexpected || !strings.Contains(err.Error(), "write an OpenSearch into indexer.opensearch") {
			t.Errorf("product %q: %v", product, err)
		}
	}
}

func TestARefusedAPIKeyIsCalledSo(t *testing.T) {
	key := Options{APIKey: secret.New("aWQ6aHVzaA==")}
	for want, opts := range map[string]Options{"API key refused": key, "user or password refused": {Username: "w", Password: secret.New("hush")}} {
		c := serveElastic(t, "Elasticsearch", opts, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
		var e *Error
		if err := c.Ping(t.Context()); !errors.As(err, &e) || e.Class != Unidentified || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("error %v", err)
		}
	}
}

func TestAnElasticsearchIsAskedOnce(t *testing.T) {
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusBadGateway} {
		requests := 0
		c := serveElastic(t, "Elasticsearch", Options{}, func(w http.ResponseWriter, _ *http.Request) {
			requests++
			w.WriteHeader(status)
		})
		if err := c.Ping(t.Context()); err == nil || requests != 1 {
			t.Errorf("status %d: %d requests, %v", status, requests, err)
		}
	}
}

func TestNewElasticsearchNeedsWhatCanBeRead(t *testing.T) {
	for name, opts := range map[string]Options{
		"no address": {}, "a broken address": {URLs: []string{"http://user:hush\x00@h"}},
		"a broken fingerprint": {URLs: []string{"https://h"}, Fingerprint: "ab"},
	} {
		if _, err := NewElasticsearch(opts); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
