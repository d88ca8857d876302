//go:build integration

package indexer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// openSearchFor is the real OpenSearch, or the test is skipped.
func openSearchFor(t *testing.T) realCluster {
	if os.Getenv("PULLTRAIL_TEST_OPENSEARCH") == "" {
		t.Skip("PULLTRAIL_TEST_OPENSEARCH is not set: the testbed starts the server and names it")
	}
	return realOpenSearch(t)
}

// followForReal runs a follower of log until the test ends.
func followForReal(t *testing.T, log *memoryLog, base string, routes ...Route) *Follower {
	f := NewFollower(FollowerOptions{
		Name: "journal", Log: log, Sink: openSink(t, ClusterConfig{URLs: []string{base}, Timeout: 30 * time.Second}),
		Router: newTestRouter(t, routes...), Cursors: &memoryCursors{}, DeadLetters: &memoryLetters{},
		Concurrency: 4, BatchSize: 1000, BatchBytes: 5 << 20, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return f
}

// eventually polls until what is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	limit, tick := time.After(2*time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-limit:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

func (r realCluster) count(t *testing.T, index string) (n int) {
	t.Helper()
	r.request(t, http.MethodPost, "/"+index+"/_refresh", "")
	_, body := r.request(t, http.MethodGet, "/"+index+"/_count", "")
	var answer struct{ Count int }
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Count
}

func TestARedIndexDoesNotHoldUpTheOthersForReal(t *testing.T) {
	c, index := openSearchFor(t), realIndex()
	red, healthy := index+"-red", index+"-healthy"
	if status, body := c.request(t, http.MethodPut, "/"+red+"?wait_for_active_shards=0",
		`{"settings":{"number_of_replicas":0,"index.routing.allocation.require._name":"nobody"}}`); status != http.StatusOK {
		t.Fatalf("%s", body)
	}
	t.Cleanup(func() { c.delete(t, red); c.delete(t, healthy) })
	log := &memoryLog{}
	const each = 5000 // more than are in the window
	for range each {
		log.append("red", `{"n":1}`)
		log.append("healthy", `{"n":1}`)
	}
	began := time.Now()
	f := followForReal(t, log, c.base, Route{Topic: "red", Kind: KindDocument, Index: red}, Route{Topic: "healthy", Kind: KindDocument, Index: healthy})
	eventually(t, "the healthy index has all of its documents", func() bool { return c.count(t, healthy) == each })
	t.Logf("the healthy index had its %d documents after %s", each, time.Since(began))
	if s := f.State(); s.OK || s.Position != 0 {
		t.Errorf("with a red index: %+v", s)
	}
	if status, body := c.request(t, http.MethodPut, "/"+red+"/_settings", `{"index.routing.allocation.require._name":null}`); status != http.StatusOK {
		t.Fatalf("%s", body)
	}
	began = time.Now()
	eventually(t, "everything is settled", func() bool { return f.State().Behind() == 0 })
	t.Logf("the other had its own %s after it could be allocated", time.Since(began))
	if n := c.count(t, red); n != each || c.count(t, healthy) != each {
		t.Errorf("%d and %d documents", n, c.count(t, healthy))
	}
	eventually(t, "the follower is healthy", func() bool { return f.State().OK })
}

// A real cluster behind a proxy that answers 429 to every write for a while. The times are
// logged; what is asserted is that nothing is lost and nothing doubled.
func TestRecoveryFromAnOverloadForReal(t *testing.T) {
	c, index := openSearchFor(t), realIndex()
	t.Cleanup(func() { c.delete(t, index) })
	target, err := url.Parse(c.base)
	if err != nil {
		t.Fatal(err)
	}
	var overloaded atomic.Bool
	pass := httputil.NewSingleHostReverseProxy(target)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if overloaded.Load() && r.Method != http.MethodGet {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = fmt.Fprint(w, `{"error":{"type":"rejected_execution_exception","reason":"too many"},"status":429}`)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	log := &memoryLog{}
	f := followForReal(t, log, proxy.URL, Route{Topic: "s", Kind: KindDocument, Index: index})
	const seconds, rate = 12, 1000
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for i := range seconds * 10 {
		overloaded.Store(i >= 15 && i < 115)
		for range rate / 10 {
			log.append("s", `{"n":1}`)
		}
		if i == 115 {
			go logRecovery(t.Context(), t, f)
		}
		<-tick.C
	}
	eventually(t, "everything is settled", func() bool { return f.State().Behind() == 0 })
	if n := c.count(t, index); n != seconds*rate {
		t.Errorf("%d documents of %d", n, seconds*rate)
	}
}

// logRecovery logs when the backlog begins to shrink, and when it is gone.
func logRecovery(ctx context.Context, t *testing.T, f *Follower) {
	back, position := time.Now(), f.State().Position
	var shrinks time.Duration
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s := f.State()
		if shrinks == 0 && s.Position > position {
			shrinks = time.Since(back)
		}
		if s.Behind() == 0 {
			t.Logf("writes are taken: the cursor moves after %s, the backlog is gone after %s", shrinks, time.Since(back))
			return
		}
	}
}
