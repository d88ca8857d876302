package provision

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pulltrail/internal/search"
	"pulltrail/internal/secret"
)

const securityAPI = "/_plugins/_security/api/"

// fakeCluster stands in for an OpenSearch with its security plugin, as far as its objects
// go: what is put at a path is there, and its users are those of internalusers. "admin"
// may do everything.
type fakeCluster struct {
	*httptest.Server

	mu        sync.Mutex
	objects   map[string]map[string]any
	passwords map[string]string
	puts      []string // paths, in their order
	// open switches security off; refuse answers a PUT at a path.
	open   bool
	refuse map[string]string
}

func newFake(t *testing.T) *fakeCluster {
	c := &fakeCluster{objects: map[string]map[string]any{}, passwords: map[string]string{"admin": "root"}, refuse: map[string]string{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *fakeCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name, password, _ := r.BasicAuth()
	path := r.URL.Path
	switch known, ok := c.passwords[name]; {
	case c.open && strings.HasPrefix(path, "/_plugins"):
		answer(w, http.StatusBadRequest, `{"error":"no handler found for uri [`+path+`] and method [GET]"}`)
	case !c.open && (!ok || known != password):
		answer(w, http.StatusUnauthorized, "Unauthorized")
	case path == "/_plugins/_security/authinfo":
		answer(w, http.StatusOK, fmt.Sprintf(`{"user_name":%q,"roles":%s}`, name, encoded(c.roles(name))))
	case !c.open && name != "admin":
		answer(w, http.StatusForbidden, `{"status":"FORBIDDEN","message":"No permission to access REST API"}`)
	case r.Method == http.MethodPut:
		c.put(w, r, path)
	case path == "/_index_template", path == "/_template":
		c.list(w, path)
	default:
		c.get(w, path)
	}
}

func answer(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func encoded(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func (c *fakeCluster) roles(user string) []string {
	roles := []string{}
	for path, object := range c.objects {
		if users, _ := object["users"].([]any); slices.Contains(users, any(user)) {
			roles = append(roles, path[strings.LastIndex(path, "/")+1:])
		}
	}
	return roles
}

func (c *fakeCluster) put(w http.ResponseWriter, r *http.Request, path string) {
	c.puts = append(c.puts, path)
	if refusal := c.refuse[path]; refusal != "" {
		answer(w, http.StatusBadRequest, refusal)
		return
	}
	var object map[string]any
	if err := json.NewDecoder(r.Body).Decode(&object); err != nil {
		answer(w, http.StatusBadRequest, err.Error())
		return
	}
	if user, ok := strings.CutPrefix(path, securityAPI+"internalusers/"); ok {
		if password, _ := object["password"].(string); password != "" {
			c.passwords[user] = password
		}
		delete(object, "password")
	}
	c.objects[path] = object
	answer(w, http.StatusOK, `{"status":"OK"}`)
}

func (c *fakeCluster) get(w http.ResponseWriter, path string) {
	object, ok := c.objects[path]
	name := path[strings.LastIndex(path, "/")+1:]
	switch {
	case !ok:
		answer(w, http.StatusNotFound, `{"status":"NOT_FOUND","message":"not found."}`)
	case strings.HasPrefix(path, "/_index_template/"):
		answer(w, http.StatusOK, fmt.Sprintf(`{"index_templates":[{"name":%q,"index_template":%s}]}`, name, encoded(object)))
	default:
		answer(w, http.StatusOK, encoded(map[string]any{name: object}))
	}
}

func (c *fakeCluster) list(w http.ResponseWriter, under string) {
	var composable []any
	legacy := map[string]any{}
	for path, object := range c.objects {
		if name, ok := strings.CutPrefix(path, under+"/"); ok {
			composable = append(composable, map[string]any{"name": name, "index_template": object})
			legacy[name] = object
		}
	}
	if under == "/_template" {
		answer(w, http.StatusOK, encoded(legacy))
		return
	}
	answer(w, http.StatusOK, encoded(map[string]any{"index_templates": composable}))
}

// has puts an object there, as somebody else.
func (c *fakeCluster) has(path, object string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var decoded map[string]any
	if err := json.Unmarshal([]byte(object), &decoded); err != nil {
		panic(err)
	}
	c.objects[path] = decoded
}

// object is what is there now, as JSON.
func (c *fakeCluster) object(path string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return encoded(c.objects[path])
}

// sent are the paths of the PUT requests since it was asked last.
func (c *fakeCluster) sent() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	sent := c.puts
	c.puts = nil
	return sent
}

func (c *fakeCluster) login(t *testing.T, user, password string) *search.Client {
	t.Helper()
	client, err := c.connect(user, secret.New(password))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (c *fakeCluster) connect(user string, password secret.String) (*search.Client, error) {
	return search.NewOpenSearch(search.Options{URLs: []string{c.URL}, Username: user, Password: password, Timeout: 10 * time.Second})
}
