package collector_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/collector"
	"pulltrail/internal/hub"
	"pulltrail/internal/hubtest"
)

// slowBody takes its time.
type slowBody struct{ io.ReadCloser }

func (b slowBody) Read(p []byte) (int, error) {
	time.Sleep(5 * time.Second)
	return b.ReadCloser.Read(p)
}

// countedBody counts what is read of it and whether it is closed.
type countedBody struct {
	io.ReadCloser
	read   *atomic.Int64
	closed *atomic.Bool
}

func (b countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read.Add(int64(n))
	return n, err
}

func (b countedBody) Close() error {
	b.closed.Store(true)
	return b.ReadCloser.Close()
}

// collectOne is the result of one repository.
func collectOne(t *testing.T, r *rig, name string) collector.Result {
	t.Helper()
	summary, err := r.Collect(t.Context(), slot, repositories(t, name), nil)
	if err != nil {
		t.Fatal(err)
	}
	return summary.Results[0]
}

func TestABodyAboveTheBoundIsNotReadOn(t *testing.T) {
	announced := func(w http.ResponseWriter, r *http.Request, body []byte) {
		w.Header().Set("Content-Length", fmt.Sprint(1<<20+1))
		hubtest.Huge(w, r, body)
	}
	for name, c := range map[string]struct {
		fault hubtest.Fault
		want  int64
	}{
		"streamed":             {hubtest.Huge, 1<<20 + 1},
		"with its length told": {announced, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := hubtest.New(t)
			h.Fail("a/b", c.fault)
			var read atomic.Int64
			var closed atomic.Bool
			network := &http.Transport{}
			defer network.CloseIdleConnections()
			r := newRig(t, h.URL, nil, transport(func(request *http.Request) (*http.Response, error) {
				response, err := network.RoundTrip(request)
				if err == nil {
					response.Body = countedBody{response.Body, &read, &closed}
				}
				return response, err
			}))
			result := collectOne(t, r, "a/b")
			if result.Cause != collector.TooLarge || read.Load() != c.want || !closed.Load() {
				t.Errorf("cause %s after %d bytes, want %d; closed: %t", result.Cause, read.Load(), c.want, closed.Load())
			}
		})
	}
}

func TestABodyOfExactlyTheBoundIsTaken(t *testing.T) {
	h := hubtest.New(t)
	body := hubtest.Detail("a/b", 7)
	h.SetBody("a/b", append(body, bytes.Repeat([]byte(" "), 4096-len(body))...))
	if result := collectOne(t, newRig(t, h.URL, func(c *collector.Config) { c.MaxBody = 4096 }, nil), "a/b"); result.Err != nil {
		t.Error(result.Err)
	}
	if result := collectOne(t, newRig(t, h.URL, func(c *collector.Config) { c.MaxBody = 4095 }, nil), "a/b"); result.Cause != collector.TooLarge {
		t.Errorf("one byte above: %+v", result)
	}
}

func TestTheBoundCountsWhatWasCompressed(t *testing.T) {
	packed := func(w http.ResponseWriter, r *http.Request, body []byte) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("Accept-Encoding %q", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(body)
		_ = z.Close()
	}
	h := hubtest.New(t)
	h.Set("a/small", 7)
	h.SetBody("a/bomb", bytes.Repeat([]byte(" "), 8<<20))
	h.Fail("a/small", packed)
	h.Fail("a/bomb", packed)
	r := newRig(t, h.URL, nil, nil)
	if result := collectOne(t, r, "a/small"); result.Err != nil || result.Snapshot.PullCount != 7 {
		t.Errorf("small: %+v", result)
	}
	if result := collectOne(t, r, "a/bomb"); result.Cause != collector.TooLarge {
		t.Errorf("bomb: %+v", result)
	}
}

func TestTheRequestSaysWhoAsksForWhat(t *testing.T) {
	h := hubtest.New(t)
	h.Set("a/b", 1)
	var got *http.Request
	r := newRig(t, "http://hub.invalid/mirror/", nil, transport(func(request *http.Request) (*http.Response, error) {
		got = request
		return h.RoundTripper().RoundTrip(request)
	}))
	odd := hub.Repository{Namespace: "a b", Name: "../c?d"}
	if _, err := r.Collect(t.Context(), slot, []hub.Repository{odd}, nil); err != nil {
		t.Fatal(err)
	}
	if want := "http://hub.invalid/mirror/v2/repositories/a%20b/..%2Fc%3Fd"; got.Method != "GET" || got.URL.String() != want {
		t.Errorf("%s %s, want %s", got.Method, got.URL, want)
	}
	if got.UserAgent() != "pulltrail/1.2.3" || got.Header.Get("Accept") != "application/json" || len(got.Header) != 2 {
		t.Errorf("header %v", got.Header)
	}
}

func TestARedirectWithinTheHostIsFollowed(t *testing.T) {
	h := hubtest.New(t)
	h.Set("a/b", 7)
	h.Fail("a/b", func(w http.ResponseWriter, r *http.Request, body []byte) {
		if !strings.HasSuffix(r.URL.Path, "/") {
			http.Redirect(w, r, r.URL.Path+"/", http.StatusMovedPermanently) //nolint:gosec // the point of the test
			return
		}
		_, _ = w.Write(body)
	})
	if result := collectOne(t, newRig(t, h.URL, nil, nil), "a/b"); result.Err != nil || result.Snapshot.PullCount != 7 {
		t.Errorf("%+v", result)
	}
	if h.UserAgent() != "pulltrail/1.2.3" {
		t.Errorf("User-Agent %q after the redirect", h.UserAgent())
	}
	h.Fail("a/b", hubtest.Redirect(""))
	before := h.Requests()
	if result := collectOne(t, newRig(t, h.URL, nil, nil), "a/b"); result.Cause != collector.UnexpectedStatus || h.Requests()-before != 4 {
		t.Errorf("%d requests in a circle, %+v", h.Requests()-before, result)
	}
}

func TestARedirectToAnotherHostIsNotFollowed(t *testing.T) {
	h, other := hubtest.New(t), hubtest.New(t)
	other.Set("a/b", 1)
	h.Fail("a/b", hubtest.Redirect(other.URL))
	if result := collectOne(t, newRig(t, h.URL, nil, nil), "a/b"); result.Cause != collector.UnexpectedStatus || other.Requests() != 0 {
		t.Errorf("%d requests to the other host, %+v", other.Requests(), result)
	}
}

func TestASmallSkewOfTheClocksIsNoFailure(t *testing.T) {
	h := hubtest.New(t)
	h.Set("a/b", 1)
	for _, skew := range []time.Duration{4 * time.Minute, -4 * time.Minute} {
		h.Fail("a/b", hubtest.Skewed(skew))
		if result := collectOne(t, newRig(t, h.URL, nil, nil), "a/b"); result.Err != nil {
			t.Errorf("%s: %v", skew, result.Err)
		}
	}
}

func TestNobodyListensIsAFailedConnection(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	if result := collectOne(t, newRig(t, server.URL, nil, nil), "a/b"); result.Cause != collector.Connection || !strings.Contains(result.Err.Error(), "connection refused") {
		t.Errorf("%+v", result)
	}
}

func TestTLSIsVerifiedAndNotOld(t *testing.T) {
	h := hubtest.New(t)
	h.Set("a/b", 1)
	for name, c := range map[string]struct {
		version uint16
		want    string
	}{
		"unknown authority": {tls.VersionTLS13, "certificate"},
		"TLS 1.1":           {tls.VersionTLS11, "protocol version"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(h.Handler())
			server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: c.version} //nolint:gosec // the point of the test
			server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			server.StartTLS()
			defer server.Close()
			if result := collectOne(t, newRig(t, server.URL, nil, nil), "a/b"); result.Cause != collector.Connection || !strings.Contains(result.Err.Error(), c.want) {
				t.Errorf("%+v", result)
			}
		})
	}
}

// proxiedURL names the variable that makes the test's program a collector of that
// URL: net/http reads the proxy from the environment once in a process.
const proxiedURL = "COLLECTOR_TEST_PROXIED_URL"

// proxied collects a/b and prints its pulls.
func proxied(url string) int {
	cfg := collector.DefaultConfig()
	cfg.URL = url
	s := &store{}
	c, err := collector.New(cfg, collector.Options{
		Outbox: s, Known: s, Roster: newFakeRoster(), Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	summary, err := c.Collect(context.Background(), slot, []hub.Repository{{Namespace: "a", Name: "b"}}, nil)
	fmt.Println(summary.Results[0].Snapshot.PullCount, summary.Results[0].Err, err)
	return 0
}

func TestTheEnvironmentsProxyIsUsed(t *testing.T) {
	h := hubtest.New(t)
	h.Set("a/b", 4711)
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this very program
	cmd.Env = []string{proxiedURL + "=http://hub.invalid", "HTTP_PROXY=" + h.URL, "GOCOVERDIR=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "4711 <nil> <nil>\n" {
		t.Errorf("%s (%v)", out, err)
	}
}

func TestAnAuthorityOfOnesOwnIsTrusted(t *testing.T) {
	h := hubtest.New(t)
	h.Set("a/b", 7)
	server := httptest.NewTLSServer(h.Handler())
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, authority, 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, server.URL, func(c *collector.Config) { c.TLS.CAFile = file }, nil)
	if result := collectOne(t, r, "a/b"); result.Err != nil || result.Snapshot.PullCount != 7 {
		t.Errorf("%+v", result)
	}
}
