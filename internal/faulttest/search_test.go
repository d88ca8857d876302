//go:build integration

package faulttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// cluster reads and changes an OpenSearch, as an administrator would.
type cluster struct {
	base           string
	user, password string
	client         *http.Client
}

func (c cluster) do(method, path, body string, into any) error {
	request, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.user != "" {
		request.SetBasicAuth(c.user, c.password)
	}
	client := c.client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %d %.300s", method, path, response.StatusCode, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// page is how many documents are read in one request.
const page = 5000

// numbers counts how often each value of a field from 0 up to but not including limit
// is stored in the indices of a pattern.
func (c cluster) numbers(pattern, field string, limit int) (map[int]int, error) {
	if err := c.do(http.MethodPost, "/"+pattern+"/_refresh?allow_no_indices=true", "", nil); err != nil {
		return nil, err
	}
	found := map[int]int{}
	for from := 0; from < limit; from += page {
		query := fmt.Sprintf(`{"size":10000,"_source":false,"docvalue_fields":[%q],"query":{"range":{%q:{"gte":%d,"lt":%d}}}}`,
			field, field, from, min(from+page, limit))
		var answer struct {
			Shards struct{ Failed int } `json:"_shards"`
			Hits   struct {
				Hits []struct{ Fields map[string][]int }
			}
		}
		if err := c.do(http.MethodGet, "/"+pattern+"/_search", query, &answer); err != nil {
			return nil, err
		}
		if answer.Shards.Failed > 0 || len(answer.Hits.Hits) == 10000 {
			return nil, fmt.Errorf("%s: %d shards failed, %d documents found", pattern, answer.Shards.Failed, len(answer.Hits.Hits))
		}
		for _, hit := range answer.Hits.Hits {
			for _, n := range hit.Fields[field] {
				found[n]++
			}
		}
	}
	return found, nil
}

// server is the OpenSearch of the suite's own, which it may kill: the testbed starts it
// again with what it has kept.
const server = "opensearch-faults"

// endCluster ends the suite's OpenSearch by a signal.
func endCluster(t *testing.T, signal string) {
	t.Helper()
	testbed(t, "kill", server, signal)
}

func startCluster(t *testing.T) {
	t.Helper()
	testbed(t, "up", server)
}

func testbed(t *testing.T, arguments ...string) {
	t.Helper()
	command := exec.Command("../../testbed/testbed.sh", arguments...)
	command.Stderr = t.Output()
	if err := command.Run(); err != nil {
		t.Fatalf("testbed.sh %v: %v", arguments, err)
	}
}

// behaviour is what a request meets on its way to the cluster; next hands it on.
type behaviour func(w http.ResponseWriter, r *http.Request, next http.Handler)

// front is a port before a cluster that can misbehave in its name.
type front struct {
	url       string
	behaviour atomic.Pointer[behaviour]
	requests  atomic.Int64 // that met a behaviour
}

func newFront(t *testing.T, target string) *front {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {
		panic(http.ErrAbortHandler) // the cluster is away: so is its port
	}
	proxy.ErrorLog = nil
	f := &front{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b := f.behaviour.Load(); b != nil {
			f.requests.Add(1)
			(*b)(w, r, proxy)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	f.url = s.URL
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return f
}

// misbehave begins a behaviour, and waits until somebody has met it.
func (f *front) misbehave(t *testing.T, b behaviour) {
	t.Helper()
	before := f.requests.Load()
	f.behaviour.Store(&b)
	eventually(t, patience, "a request that meets the fault", func() error {
		if f.requests.Load() == before {
			return fmt.Errorf("none")
		}
		return nil
	})
}

func (f *front) behave() { f.behaviour.Store(nil) }

// refuse answers everything with a status.
func refuse(status int, body string) behaviour {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// silence takes a request and never answers.
func silence(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// swallow has the cluster do what is asked, and loses its answer.
func swallow(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// refuseHalf hands every other document of a bulk request on, and answers for the rest
// that the cluster is overloaded, or whatever status and kind say.
func refuseHalf(status int, kind string) behaviour {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !strings.HasPrefix(r.URL.Path, "/_bulk") {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		lines := bytes.SplitAfter(body, []byte("\n"))
		var passed bytes.Buffer
		for i := 0; i+1 < len(lines); i += 4 {
			passed.Write(lines[i])
			passed.Write(lines[i+1])
		}
		r.Header.Del("Accept-Encoding") // the answer is to be read here
		r.Body, r.ContentLength = io.NopCloser(&passed), int64(passed.Len())
		recorder := httptest.NewRecorder()
		next.ServeHTTP(recorder, r)
		var answer struct {
			Items []json.RawMessage `json:"items"`
		}
		if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
			panic(http.ErrAbortHandler)
		}
		refused := json.RawMessage(fmt.Sprintf(`{"create":{"status":%d,"error":{"type":%q,"reason":"refused by the test"}}}`, status, kind))
		var items []json.RawMessage
		for i, taken := 0, 0; i+1 < len(lines); i += 2 {
			if i%4 != 0 {
				items = append(items, refused)
				continue
			}
			items = append(items, answer.Items[taken])
			taken++
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"items": items})
	}
}

// neighbour is an address of the testbed. Without one the test fails: it was asked for
// by its build tag.
func neighbour(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv("PULLTRAIL_TEST_" + name)
	if value == "" {
		t.Fatalf("PULLTRAIL_TEST_%s is not set: start the servers with testbed/testbed.sh up, then eval \"$(testbed/testbed.sh env)\"", name)
	}
	return value
}

// eventually waits until holds has no objection.
func eventually(t *testing.T, limit time.Duration, what string, holds func() error) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; {
		err := holds()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond) // between two looks at another process
	}
}
