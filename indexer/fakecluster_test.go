package indexer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// cluster stands in for OpenSearch and Elasticsearch: it knows indices, bulk creates and fields of
// type long. Faults are put in front of it.
type cluster struct {
	*httptest.Server

	product string // what it calls itself: "Elasticsearch" or nothing

	mu       sync.Mutex
	indices  map[string]*fakeIndex
	requests []string // method and path
	clock    time.Time
	// fault, where set, may answer a request itself.
	fault func(w http.ResponseWriter, r *http.Request, body []byte) bool
	// item, where set, may answer for a document.
	item func(index, id string) (status int, kind, reason string)
}

type fakeIndex struct {
	created string // the body it was made with
	longs   map[string]bool
	docs    map[string]json.RawMessage
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{indices: make(map[string]*fakeIndex), clock: time.Now()}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

// sink is a sink on the cluster.
func (c *cluster) sink(t *testing.T) *Cluster {
	t.Helper()
	return openSink(t, ClusterConfig{URLs: []string{c.URL}, Timeout: 10 * time.Second})
}

func openSink(t *testing.T, cfg ClusterConfig) *Cluster {
	t.Helper()
	sink, err := NewOpenSearch(cfg, ClusterOptions{Log: discard()})
	return opened(t, sink, err)
}

func openElastic(t *testing.T, cfg ElasticsearchConfig) *Cluster {
	t.Helper()
	sink, err := NewElasticsearch(cfg, ClusterOptions{Log: discard()})
	return opened(t, sink, err)
}

func opened(t *testing.T, sink *Cluster, err error) *Cluster {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sink.Close(); err != nil {
			t.Error(err)
		}
	})
	return sink
}

func (c *cluster) read(_ *testing.T, index, id string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.indices[index] == nil {
		return nil, false
	}
	source, ok := c.indices[index].docs[id]
	return source, ok
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.product != "" {
		w.Header().Set("X-Elastic-Product", c.product)
	}
	c.requests = append(c.requests, r.Method+" "+r.URL.Path)
	if c.fault != nil && c.fault(w, r, body) {
		return
	}
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/":
		_, _ = fmt.Fprint(w, `{"version":{"number":"3.4.0"}}`)
	case r.Method == http.MethodPut:
		c.create(w, r.URL.Path[1:], body)
	case r.Method == http.MethodGet && r.URL.Path == "/_cat/health":
		_, _ = fmt.Fprintf(w, `[{"epoch":"%d"}]`, c.clock.Unix())
	case r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/_"):
		c.tell(w, r.URL.Path)
	case r.Method == http.MethodDelete:
		c.remove(w, r.URL.Path[1:])
	case r.Method == http.MethodPost && r.URL.Path == "/_bulk":
		c.bulk(w, body)
	default:
		fail(w, http.StatusForbidden, "security_exception", "no permissions for ["+r.Method+"]")
	}
}

func fail(w http.ResponseWriter, status int, kind, reason string) {
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":{"type":%q,"reason":%q},"status":%d}`, kind, reason, status)
}

func (c *cluster) create(w http.ResponseWriter, name string, body []byte) {
	if c.indices[name] != nil {
		fail(w, http.StatusBadRequest, "resource_already_exists_exception", "index ["+name+"] already exists")
		return
	}
	index := c.index(name)
	index.created = string(body)
	var mapping struct {
		Mappings struct {
			Properties map[string]struct{ Type string }
		}
	}
	if err := json.Unmarshal(body, &mapping); err != nil {
		delete(c.indices, name)
		fail(w, http.StatusBadRequest, "mapper_parsing_exception", err.Error())
		return
	}
	for field, m := range mapping.Mappings.Properties {
		index.longs[field] = m.Type == "long"
	}
	_, _ = fmt.Fprint(w, `{"acknowledged":true}`)
}

func (c *cluster) index(name string) *fakeIndex {
	if c.indices[name] == nil {
		c.indices[name] = &fakeIndex{longs: make(map[string]bool), docs: make(map[string]json.RawMessage)}
	}
	return c.indices[name]
}

func (c *cluster) bulk(w http.ResponseWriter, body []byte) {
	var items []string
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, len(body)+1)
	for lines.Scan() {
		var action struct {
			Create struct {
				Index string `json:"_index"`
				ID    string `json:"_id"`
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &action); err != nil || !lines.Scan() {
			fail(w, http.StatusBadRequest, "illegal_argument_exception", "malformed action/metadata line")
			return
		}
		status, kind, reason := c.store(action.Create.Index, action.Create.ID, bytes.Clone(lines.Bytes()))
		item := fmt.Sprintf(`{"create":{"status":%d}}`, status)
		if kind != "" {
			item = fmt.Sprintf(`{"create":{"status":%d,"error":{"type":%q,"reason":%q}}}`, status, kind, reason)
		}
		items = append(items, item)
	}
	_, _ = fmt.Fprint(w, `{"items":[`)
	for i, item := range items {
		if i > 0 {
			_, _ = fmt.Fprint(w, ",")
		}
		_, _ = fmt.Fprint(w, item)
	}
	_, _ = fmt.Fprint(w, `]}`)
}

func (c *cluster) store(name, id string, source []byte) (status int, kind, reason string) {
	if c.item != nil {
		if status, kind, reason := c.item(name, id); status != 0 {
			return status, kind, reason
		}
	}
	index := c.index(name)
	if _, ok := index.docs[id]; ok {
		return http.StatusConflict, "version_conflict_engine_exception", "document already exists"
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(source, &fields); err != nil {
		return http.StatusBadRequest, "mapper_parsing_exception", err.Error()
	}
	for field, value := range fields {
		if _, err := strconv.ParseInt(string(value), 10, 64); err != nil && index.longs[field] {
			return http.StatusBadRequest, "mapper_parsing_exception", "failed to parse field [" + field + "] of type [long]"
		}
	}
	index.docs[id] = source
	return http.StatusCreated, "", ""
}

// tell answers for the settings or the sizes of the indices that a name with * takes.
func (c *cluster) tell(w http.ResponseWriter, path string) {
	wildcard, what, _ := strings.Cut(path[1:], "/")
	told := map[string]any{}
	for name, index := range c.indices {
		if ok, err := filepath.Match(wildcard, name); err != nil || !ok {
			continue
		}
		told[name] = map[string]any{"settings": map[string]string{"index.creation_date": "1767225600000"}}
		if strings.HasPrefix(what, "_stats") {
			told[name] = map[string]any{
				"primaries": map[string]any{"docs": map[string]int{"count": len(index.docs)}},
				"total":     map[string]any{"store": map[string]int{"size_in_bytes": 100 * len(index.docs)}},
			}
		}
	}
	if strings.HasPrefix(what, "_stats") {
		told = map[string]any{"indices": told}
	}
	_ = json.NewEncoder(w).Encode(told)
}

func (c *cluster) remove(w http.ResponseWriter, name string) {
	if c.indices[name] == nil {
		fail(w, http.StatusNotFound, "index_not_found_exception", "no such index ["+name+"]")
		return
	}
	delete(c.indices, name)
	_, _ = fmt.Fprint(w, `{"acknowledged":true}`)
}

// names are those of the indices, sorted.
func (c *cluster) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.indices))
}

// seen are the requests so far.
func (c *cluster) seen() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.requests...)
}

// set changes the faults.
func (c *cluster) set(change func(*cluster)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}
