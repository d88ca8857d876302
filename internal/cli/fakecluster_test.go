package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// fakeCluster stands in for OpenSearch as far as its indices go. It has what it was asked to
// create, and "neighbour", which nobody here has made; "frozen-2020" cannot be deleted.
type fakeCluster struct {
	mu      sync.Mutex
	indices map[string]string // their bodies
}

func serveCluster(env *testscript.Env) {
	s := httptest.NewServer(&fakeCluster{indices: map[string]string{"neighbour": "{}"}})
	env.Setenv("CLUSTER", s.URL)
	env.Defer(s.Close)
}

func (c *fakeCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name, rest, _ := strings.Cut(r.URL.Path[1:], "/")
	_, there := c.indices[name]
	switch {
	case r.Method == http.MethodPut && there:
		refuse(w, http.StatusBadRequest, "resource_already_exists_exception", "index ["+name+"] already exists")
	case r.Method == http.MethodPut:
		body, _ := io.ReadAll(r.Body)
		c.indices[name] = string(body)
		_, _ = fmt.Fprint(w, `{"acknowledged":true}`)
	case r.Method == http.MethodDelete && name == "frozen-2020":
		refuse(w, http.StatusForbidden, "security_exception", "no permissions for [indices:admin/delete] and User [name=writer]")
	case r.Method == http.MethodDelete:
		delete(c.indices, name)
		_, _ = fmt.Fprint(w, `{"acknowledged":true}`)
	default:
		c.tell(w, name, rest)
	}
}

func (c *fakeCluster) tell(w http.ResponseWriter, wildcard, what string) {
	told := map[string]any{}
	for name := range c.indices {
		if ok, _ := filepath.Match(wildcard, name); !ok {
			continue
		}
		if strings.HasPrefix(what, "_stats") {
			told[name] = json.RawMessage(`{"primaries":{"docs":{"count":1234}},"total":{"store":{"size_in_bytes":56789}}}`)
		} else {
			told[name] = json.RawMessage(`{"settings":{"index.creation_date":"1767225600000"}}`)
		}
	}
	if strings.HasPrefix(what, "_stats") {
		told = map[string]any{"indices": told}
	}
	_ = json.NewEncoder(w).Encode(told)
}

func refuse(w http.ResponseWriter, status int, kind, reason string) {
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":{"type":%q,"reason":%q},"status":%d}`, kind, reason, status)
}
