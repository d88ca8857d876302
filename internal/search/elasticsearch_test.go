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
	return serveProduct(t, product, NewElasticsearch, opts, handler)
}

func serveProduct(t *testing.T, product string, connect func(Options) (*Client, error), opts Options, handler http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if product != "" {
			w.Header().Set("X-Elastic-Product", product)
		}
		handler(w, r)
	}))
	t.Cleanup(s.Close)
	opts.URLs, opts.Timeout = []string{s.URL + "/below"}, 5*time.Second
	c, err := connect(opts)
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
	const openSearch, elastic = `{"version":{"number":"3.4.0","distribution":"opensearch"},"tagline":"The OpenSearch Project: https://opensearch.org/"}`,
		`{"version":{"number":"7.10.2"},"tagline":"You Know, for Search"}`
	for _, tt := range []struct {
		name, product, front string
		open                 func(Options) (*Client, error)
		want                 string
	}{
		{"an OpenSearch as Elasticsearch", "", openSearch, NewElasticsearch, "7.17 works): do this"},
		{"something else as Elasticsearch", "Something", openSearch, NewElasticsearch, "7.17 works): do this"},
		{"an old Elasticsearch as Elasticsearch", "", elastic, NewElasticsearch, "8 or 9 supported, 7.17 works"},
		{"an Elasticsearch as OpenSearch", "Elasticsearch", elastic, NewOpenSearch, "the server is Elasticsearch, not OpenSearch: do this"},
		{"an old Elasticsearch as OpenSearch", "", elastic, NewOpenSearch, "the server is Elasticsearch 7.10.2, not OpenSearch: do this"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := serveProduct(t, tt.product, tt.open, Options{OtherProduct: "do this"}, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, tt.front) })
			var e *Error
			if err := c.Ping(t.Context()); !errors.As(err, &e) || e.Class != Unexpected || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestUnsupportedVersionsAreWarnedOf(t *testing.T) {
	for _, tt := range []struct {
		name, product, front string
		opts                 Options
		want                 string
	}{
		{"Elasticsearch 9", "Elasticsearch", `{"version":{"number":"9.1.0"}}`, Options{}, ""},
		{"Elasticsearch 8", "Elasticsearch", `{"version":{"number":"8.19.1"}}`, Options{}, ""},
		{"Elasticsearch 7.17", "Elasticsearch", `{"version":{"number":"7.17.29"}}`, Options{}, "Elasticsearch 7.17.29 is not a supported version: 8 or 9 supported, 7.17 works"},
		{"Elasticsearch 10", "Elasticsearch", `{"version":{"number":"10.0.0"}}`, Options{}, "Elasticsearch 10.0.0 is not a supported version: 8 or 9 supported, 7.17 works"},
		{"OpenSearch 3", "", `{"version":{"number":"3.4.0","distribution":"opensearch"}}`, Options{}, ""},
		{"OpenSearch 2", "", `{"version":{"number":"2.19.4","distribution":"opensearch"}}`, Options{}, ""},
		{"OpenSearch 1", "", `{"version":{"number":"1.3.20","distribution":"opensearch"}}`, Options{}, "OpenSearch 1.3.20 is not a supported version: 2 or 3 supported"},
		{"OpenSearch that poses as Elasticsearch", "", `{"version":{"number":"7.10.2"},"tagline":"The OpenSearch Project: https://opensearch.org/"}`, Options{}, ""},
		{"an Elasticsearch where any product is accepted", "", `{"version":{"number":"9.1.0"},"tagline":"You Know, for Search"}`, Options{AnyProduct: true},
			"the server is Elasticsearch 9.1.0, not OpenSearch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			connect := NewOpenSearch
			if tt.product != "" {
				connect = NewElasticsearch
			}
			c := serveProduct(t, tt.product, connect, tt.opts, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, tt.front) })
			if err := c.Ping(t.Context()); err != nil || c.Warning() != tt.want {
				t.Errorf("warning %q, %v", c.Warning(), err)
			}
		})
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
