package search

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pulltrail/internal/document"
	"pulltrail/internal/tlsconf"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, opts Options) *Client {
	t.Helper()
	if opts.Timeout == 0 {
		opts.Timeout = 5 * time.Second
	}
	c, err := NewOpenSearch(opts)
	return opened(t, c, err)
}

func opened(t *testing.T, c *Client, err error) *Client {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func serve(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return open(t, Options{URLs: []string{s.URL}})
}

func TestABulkRequestOnTheWire(t *testing.T) {
	var path, kind, body string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		path, kind, body = r.URL.String(), r.Header.Get("Content-Type"), string(text)
		_, _ = io.WriteString(w, `{"items":[{"create":{"status":201}},{"create":{"status":409,"error":{"type":"version_conflict_engine_exception"}}}]}`)
	})
	results, err := c.Create(t.Context(), []document.Document{
		{Index: "i", ID: `["a"]`, Body: []byte(`{"n":9007199254740993}`)},
		{Index: "i", ID: "empty"},
		{Index: "j", ID: "b\n", Body: []byte("{\n\"n\": 1.0\r\n}")},
		{Index: "j", ID: "broken", Body: []byte("{\n")},
	})
	if err != nil || results[0] != nil || results[2] != nil || results[1] == nil || results[3] == nil {
		t.Fatalf("%v, %v", results, err)
	}
	const want = `{"create":{"_index":"i","_id":"[\"a\"]"}}
{"n":9007199254740993}
{"create":{"_index":"j","_id":"b\n"}}
{"n":1.0}
`
	if body != want {
		t.Errorf("sent\n%s", body)
	}
	if path != "/_bulk?filter_path=items.*.status,items.*.error&timeout=2s" || kind != "application/x-ndjson" {
		t.Errorf("sent to %s as %s", path, kind)
	}
}

func TestNothingIsSentForNothing(t *testing.T) {
	c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request") })
	for _, docs := range [][]document.Document{nil, {{Index: "i", ID: "empty"}}} {
		if _, err := c.Create(t.Context(), docs); err != nil {
			t.Error(err)
		}
	}
}

func TestTheReasonIsOneBoundedLine(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"with its inner cause", 400, `{"error":{"type":"mapper_parsing_exception","reason":"failed to parse","caused_by":{"type":"x","reason":"For input\n string: \"a\""}}}`,
			`mapper_parsing_exception: failed to parse: For input string: "a" (status 400)`},
		{"without an inner cause that says the same", 400, `{"error":{"type":"t","reason":"failed: why","caused_by":{"reason":"why"}}}`, "t: failed: why (status 400)"},
		{"from an error that is a text", 404, `{"error":"no handler found for uri [/_bulk]"}`, "status 404: no handler found for uri [/_bulk]"},
		{"from a page", 502, "<html>\n  <h1>Bad\x00 Gateway</h1>\n", "status 502: <html> <h1>Bad Gateway</h1>"},
		{"from nothing", 503, "", "status 503 Service Unavailable"},
		{"with an end", 400, `{"error":{"type":"t","reason":"` + strings.Repeat("x", 2000) + `"}}`, "t: " + strings.Repeat("x", maxReason) + "… (status 400)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			if err := c.Ping(t.Context()); err == nil || err.Error() != tt.want {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestAnAnswerIsBounded(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		line := []byte(strings.Repeat("x", 1<<20))
		for range maxAnswer>>20 + 1 {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	})
	if err := c.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "more than 67108864 bytes") {
		t.Errorf("error %v", err)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"version":{"number":"3.4.0"}}`)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshakes that are meant to fail
	s.StartTLS()
	defer s.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(ca, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		tls  tlsconf.Config
		ok   bool
	}{
		{"an unknown one is refused", tlsconf.Config{}, false},
		{"one of the named CA is taken", tlsconf.Config{CAFile: ca}, true},
		{"any is taken when asked for", tlsconf.Config{InsecureSkipVerify: true}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := open(t, Options{URLs: []string{s.URL}, TLS: tt.tls}).Ping(t.Context())
			if (err == nil) != tt.ok || err != nil && !strings.Contains(err.Error(), "name its CA in tls.ca_file") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestACallerWhoGivesUpIsNotToldOfATimeout(t *testing.T) {
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var e *Error
	if err := c.Ping(ctx); !errors.As(err, &e) || e.Class != Unreachable || !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "no answer") {
		t.Errorf("error %v", err)
	}
}

func TestNewNeedsAnAddressThatCanBeRead(t *testing.T) {
	for _, urls := range [][]string{nil, {"http://user:hush\x00@h"}} {
		if _, err := NewOpenSearch(Options{URLs: urls}); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("error %v", err)
		}
	}
	if _, err := NewOpenSearch(Options{URLs: []string{"http://h"}, TLS: tlsconf.Config{CAFile: "/none"}}); err == nil {
		t.Error("a CA file that is not there was taken")
	}
}

func TestAPathBehindAProxyIsKept(t *testing.T) {
	var path string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { path = r.URL.Path }))
	defer s.Close()
	c := open(t, Options{URLs: []string{s.URL + "/search/"}})
	if created, err := c.CreateIndex(t.Context(), "i", []byte(`{}`)); !created || err != nil || path != "/search/i" {
		t.Errorf("sent to %s, %v", path, err)
	}
}

func TestEveryClassHasAName(t *testing.T) {
	seen := map[string]bool{}
	for c := Unexpected; c <= TooLarge; c++ {
		if seen[c.String()] {
			t.Errorf("%d is %s too", c, c)
		}
		seen[c.String()] = true
	}
}

func TestLargeBodiesAreCompressedWhereAskedFor(t *testing.T) {
	var encoding string
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		encoding = r.Header.Get("Content-Encoding")
		body, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, `{"items":[{"create":{"status":201}}]}`)
	}))
	t.Cleanup(s.Close)
	c := open(t, Options{URLs: []string{s.URL}, Compress: true})
	for range 2 { // the second with what the first has left
		docs := []document.Document{{Index: "i", ID: "a", Body: []byte(`{"text":"` + strings.Repeat("x", 10_000) + `"}`)}}
		if results, err := c.Create(t.Context(), docs); err != nil || results[0] != nil {
			t.Fatal(results, err)
		}
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil || encoding != "gzip" || len(body) > 1000 {
			t.Fatalf("%d bytes, encoding %q: %v", len(body), encoding, err)
		}
		text, err := io.ReadAll(r)
		if err != nil || !bytes.Contains(text, docs[0].Body) {
			t.Errorf("%v in %.100s", err, text)
		}
	}
	if _, err := c.Create(t.Context(), []document.Document{{Index: "i", ID: "b", Body: []byte(`{}`)}}); err != nil || encoding != "" {
		t.Errorf("a small body has the encoding %q: %v", encoding, err)
	}
}
