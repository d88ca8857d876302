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

// fakeCluster stands in for OpenSearch without security, as far as its indices and index
// templates go. It has what it was asked to create, and "neighbour", which nobody here has
// made; "frozen-2020" cannot be deleted.
type fakeCluster struct {
	mu        sync.Mutex
	indices   map[string]string // their bodies
	templates map[string]string
}

func serveCluster(env *testscript.Env) {
	s := httptest.NewServer(&fakeCluster{indices: map[string]string{"neighbour": "{}"}, templates: map[string]string{}})
	env.Setenv("CLUSTER", s.URL)
	env.Defer(s.Close)
}

func (c *fakeCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name, rest, _ := strings.Cut(r.URL.Path[1:], "/")
	_, there := c.indices[name]
	switch {
	case r.URL.Path == "/":
		_, _ = fmt.Fprint(w, `{"version":{"number":"3.4.0"}}`)
	case strings.HasPrefix(name, "_"):
		c.manage(w, r, name, rest)
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

// manage answers for index templates; of the security plugin there is nothing.
func (c *fakeCluster) manage(w http.ResponseWriter, r *http.Request, api, name string) {
	template, there := c.templates[name]
	switch {
	case api == "_plugins":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `{"error":"no handler found for uri [/_plugins] and method [GET]"}`)
	case r.Method == http.MethodPut:
		body, _ := io.ReadAll(r.Body)
		c.templates[name] = string(body)
		_, _ = fmt.Fprint(w, `{"acknowledged":true}`)
	case name == "":
		_, _ = fmt.Fprint(w, `{}`)
	case !there:
		refuse(w, http.StatusNotFound, "resource_not_found_exception", "index template matching ["+name+"] not found")
	default:
		_, _ = fmt.Fprintf(w, `{"index_templates":[{"name":%q,"index_template":%s}]}`, name, template)
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
