package indexer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/document"
	"pulltrail/internal/secret"
	"pulltrail/internal/sinktest"
)

func TestOpenSearchConforms(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) sinktest.Target {
		c := newCluster(t)
		return sinktest.Target{Sink: c.sink(t), Read: c.read, Prefix: "sinktest-"}
	})
}

func TestElasticsearchConforms(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) sinktest.Target {
		c := newCluster(t)
		c.product = "Elasticsearch"
		sink := openElastic(t, ElasticsearchConfig{ClusterConfig: ClusterConfig{URLs: []string{c.URL}, Timeout: 10 * time.Second}})
		return sinktest.Target{Sink: sink, Read: c.read, Prefix: "sinktest-"}
	})
}

func TestTheConfiguredClustersHaveTheNamesOfTheirSections(t *testing.T) {
	cfg := DefaultConfig()
	if got := cfg.Clusters(); len(got) != 0 {
		t.Errorf("without any: %v", got)
	}
	cfg.OpenSearch.URLs, cfg.Elasticsearch.URLs = []string{"http://a"}, []string{"http://b"}
	for i, want := range []string{"opensearch http://a", "elasticsearch http://b"} {
		setup := cfg.Clusters()[i]
		sink, err := setup.Open(ClusterOptions{Log: discard()})
		if got := opened(t, sink, err); setup.Name+" "+setup.URLs[0] != want || got.String() != setup.Name {
			t.Errorf("%s is %s, want %s", setup.Name, got, want)
		}
	}
}

func note(index, id, body string) document.Document {
	return document.Document{Index: index, IndexBody: []byte(sinktest.Body), ID: id, Body: []byte(body)}
}

func TestWriteAnswersEachDocument(t *testing.T) {
	tests := []struct {
		name      string
		status    int
		kind      string
		reason    string
		permanent bool
		forbidden bool
		stored    bool
		cause     string
		message   string
	}{
		{name: "an id that exists is stored already", status: 409, kind: "version_conflict_engine_exception", stored: true},
		{name: "another conflict is tried again", status: 409, kind: "other_exception", reason: "r", cause: "unexpected"},
		{name: "a content that is refused is permanent", status: 400, kind: "mapper_parsing_exception", reason: "failed to parse field [n]",
			permanent: true, cause: "refused", message: "index i refuses the document: mapper_parsing_exception: failed to parse field [n] (status 400)"},
		{name: "a missing permission is forbidden", status: 403, kind: "security_exception", reason: "no permissions for [indices:data/write/bulk[s]]",
			forbidden: true, cause: "forbidden", message: "a permission is missing: write on index i: security_exception: no permissions for [indices:data/write/bulk[s]] (status 403) (pulltrail setup opensearch grants what the routes need)"},
		{name: "a permission to make the index is another one", status: 403, kind: "security_exception", reason: "action [indices:admin/auto_create] is unauthorized for user [w]",
			forbidden: true, cause: "forbidden", message: "a permission is missing: create_index on index i: security_exception: action [indices:admin/auto_create] is unauthorized for user [w] (status 403) (pulltrail setup opensearch grants what the routes need)"},
		{name: "what is forbidden in other words is forbidden too", status: 403, kind: "security_exception", reason: "no", forbidden: true, cause: "forbidden",
			message: "a permission is missing: writing to index i: security_exception: no (status 403) (pulltrail setup opensearch grants what the routes need)"},
		{name: "a blocked index is tried again", status: 403, kind: "cluster_block_exception", reason: "index [i] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)];", cause: "blocked"},
		{name: "a full disk is tried again", status: 429, kind: "cluster_block_exception", reason: "disk usage exceeded flood-stage watermark", cause: "blocked"},
		{name: "a closed index is tried again", status: 400, kind: "index_closed_exception", reason: "closed", cause: "blocked"},
		{name: "too many shards are tried again", status: 400, kind: "validation_exception", reason: "this cluster currently has [1000]/[1000] maximum shards open;", cause: "blocked"},
		{name: "an overload is tried again", status: 429, kind: "rejected_execution_exception", reason: "queue full", cause: "overloaded"},
		{name: "a broken node is tried again", status: 503, kind: "unavailable_shards_exception", reason: "primary shard is not active", cause: "unavailable"},
		{name: "an index that may not be made waits as a forbidden one does", status: 404, kind: "index_not_found_exception", reason: "no such index [i]", forbidden: true, cause: "missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCluster(t)
			c.item = func(_, id string) (int, string, string) {
				if id == "x" {
					return tt.status, tt.kind, tt.reason
				}
				return 0, "", ""
			}
			results, err := c.sink(t).Write(t.Context(), []document.Document{note("i", "a", `{"n":1}`), note("i", "x", `{"n":2}`), note("i", "b", `{"n":3}`)})
			if err != nil || results[0] != nil || results[2] != nil {
				t.Fatalf("neighbours: %v, %v", results, err)
			}
			got := results[1]
			if tt.stored {
				if got != nil {
					t.Fatal(got)
				}
				return
			}
			if got == nil || document.IsPermanent(got) != tt.permanent || errors.Is(got, ErrForbidden) != tt.forbidden {
				t.Errorf("permanent %v, forbidden %v: %v", document.IsPermanent(got), errors.Is(got, ErrForbidden), got)
			}
			if tt.message != "" && got.Error() != tt.message {
				t.Errorf("message %q", got)
			}
			if causeOf(got) != tt.cause {
				t.Errorf("cause %q, want %q", causeOf(got), tt.cause)
			}
		})
	}
}

func TestWriteFailsAsAWhole(t *testing.T) {
	answer := func(status int, body string) func(http.ResponseWriter, *http.Request, []byte) bool {
		return func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.URL.Path != "/_bulk" {
				return false
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
			return true
		}
	}
	tests := []struct {
		name, cause, message string
		fault                func(http.ResponseWriter, *http.Request, []byte) bool
	}{
		{"when the password is wrong", "authentication", "user or password refused", answer(401, "who are you?")},
		{"when bulk is not permitted", "forbidden", "the permission indices:data/write/bulk is missing: security_exception: no permissions for [indices:data/write/bulk]",
			answer(403, `{"error":{"type":"security_exception","reason":"no permissions for [indices:data/write/bulk]"},"status":403}`)},
		{"when the cluster is overloaded", "overloaded", "429", answer(429, `{"error":"slow down"}`)},
		{"when the cluster is broken", "unavailable", "502", answer(502, "<html>\n<h1>Bad Gateway</h1></html>")},
		{"when a proxy does not understand", "unexpected", "status 400", answer(400, "plain HTTP sent to HTTPS port")},
		{"when the answer is not JSON", "unexpected", "not that of a cluster", answer(200, "<html>hello</html>")},
		{"when the answer is empty", "unexpected", "empty", answer(200, "")},
		{"when the answer is too short", "unexpected", "speaks of 1 documents, 2 were sent", answer(200, `{"items":[{"create":{"status":201}}]}`)},
		{"when the answer leaves a document out", "unexpected", "what became of document 2", answer(200, `{"items":[{"create":{"status":201}},{}]}`)},
		{"when the connection breaks", "unreachable", "EOF", func(_ http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.URL.Path == "/_bulk" {
				panic(http.ErrAbortHandler)
			}
			return false
		}},
		{"when the index cannot be asked for", "authentication", "user or password refused", func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCluster(t)
			c.fault = tt.fault
			results, err := c.sink(t).Write(t.Context(), []document.Document{note("i", "a", `{"n":1}`), note("i", "b", `{"n":2}`)})
			if err == nil || document.IsPermanent(err) || errors.Is(err, ErrForbidden) {
				t.Fatalf("%v, %v", results, err)
			}
			if !strings.Contains(err.Error(), tt.message) || strings.Contains(err.Error(), "\n") {
				t.Errorf("message %q", err)
			}
			if causeOf(err) != tt.cause {
				t.Errorf("cause %q", causeOf(err))
			}
			if len(c.seen()) > 3 {
				t.Errorf("it was tried again: %v", c.seen())
			}
		})
	}
}

func TestWriteHalvesWhatIsTooLarge(t *testing.T) {
	c := newCluster(t)
	const most = 400
	c.fault = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		if r.URL.Path == "/_bulk" && len(body) > most {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return true
		}
		return false
	}
	docs := make([]document.Document, 20)
	for i := range docs {
		docs[i] = note("i", fmt.Sprint(i), fmt.Sprintf(`{"n":%d}`, i))
	}
	docs[7].Body = fmt.Appendf(nil, `{"n":7,"s":%q}`, strings.Repeat("x", most))
	results, err := c.sink(t).Write(t.Context(), docs)
	if err != nil {
		t.Fatal(err)
	}
	for i, err := range results {
		if _, found := c.read(t, "i", fmt.Sprint(i)); found != (i != 7) || (err == nil) != (i != 7) {
			t.Errorf("document %d: stored %v, %v", i, found, err)
		}
	}
	if !document.IsPermanent(results[7]) || causeOf(results[7]) != "too_large" {
		t.Errorf("permanent %v, cause %s: %v", document.IsPermanent(results[7]), causeOf(results[7]), results[7])
	}
}

func TestWriteFindsTheDocumentThatSpoilsARequest(t *testing.T) {
	c := newCluster(t)
	long := strings.Repeat("x", 600)
	c.fault = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		if r.URL.Path == "/_bulk" && strings.Contains(string(body), long) {
			fail(w, 400, "action_request_validation_exception", "id is too long, must be no longer than 512 bytes")
			return true
		}
		return false
	}
	results, err := c.sink(t).Write(t.Context(), []document.Document{note("i", "a", `{"n":1}`), note("i", long, `{"n":2}`), note("i", "b", `{"n":3}`)})
	if err != nil || results[0] != nil || results[2] != nil || !document.IsPermanent(results[1]) {
		t.Errorf("%v, %v", results, err)
	}
}

func TestAnIndexIsCreatedOnceAndNeverLookedAt(t *testing.T) {
	c := newCluster(t)
	sink := c.sink(t)
	for i := range 3 {
		if _, err := sink.Write(t.Context(), []document.Document{note("i", fmt.Sprint(i), `{"n":1}`)}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"GET /", "PUT /i", "POST /_bulk", "POST /_bulk", "POST /_bulk"}
	if got := c.seen(); !slices.Equal(got, want) {
		t.Errorf("requests %v", got)
	}
}

func TestAnIndexThatCannotBeCreated(t *testing.T) {
	tests := []struct {
		name                 string
		status               int
		kind, reason         string
		written              bool // the documents are sent all the same
		whole                bool
		forbidden, permanent bool
		cause                string
	}{
		{name: "is written to where it is there already", status: 400, kind: "resource_already_exists_exception", written: true},
		{name: "is written to where an alias has its name", status: 400, kind: "invalid_index_name_exception", reason: "Invalid index name [i], already exists as alias", written: true},
		{name: "is written to where creating is not permitted", status: 403, kind: "security_exception", written: true},
		{name: "waits for a better body", status: 400, kind: "mapper_parsing_exception", reason: "no handler for type [lnog]", forbidden: true, cause: "refused"},
		{name: "waits for fewer shards", status: 400, kind: "validation_exception", reason: "maximum shards open", cause: "blocked"},
		{name: "waits for a cluster that takes indices again", status: 403, kind: "cluster_block_exception", reason: "FORBIDDEN/10/cluster create-index blocked (api)", cause: "blocked"},
		{name: "makes the whole request wait for a broken cluster", status: 503, kind: "process_cluster_event_timeout_exception", whole: true, cause: "unavailable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCluster(t)
			c.fault = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
				if r.Method == http.MethodPut && r.URL.Path == "/i" {
					fail(w, tt.status, tt.kind, tt.reason)
					return true
				}
				return false
			}
			results, err := c.sink(t).Write(t.Context(), []document.Document{note("i", "a", `{"n":1}`), note("other", "b", `{"n":2}`)})
			if tt.whole {
				if err == nil || causeOf(err) != tt.cause {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil || results[1] != nil {
				t.Fatalf("%v, %v", results, err)
			}
			_, found := c.read(t, "i", "a")
			if found != tt.written || (results[0] == nil) != tt.written {
				t.Errorf("written %v: %v", found, results[0])
			}
			if errors.Is(results[0], ErrForbidden) != tt.forbidden || document.IsPermanent(results[0]) {
				t.Errorf("forbidden %v: %v", tt.forbidden, results[0])
			}
			if !tt.written && causeOf(results[0]) != tt.cause {
				t.Errorf("cause %q, want %q", causeOf(results[0]), tt.cause)
			}
		})
	}
}

func TestAForbiddenIndexIsCreatedWithItsBodyOncePermitted(t *testing.T) {
	c := newCluster(t)
	c.item = func(string, string) (int, string, string) { return 403, "security_exception", "no" }
	c.fault = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.Method == http.MethodPut {
			fail(w, 403, "security_exception", "no")
		}
		return r.Method == http.MethodPut
	}
	sink := c.sink(t)
	docs := []document.Document{note("i", "a", `{"n":1}`)}
	if results, err := sink.Write(t.Context(), docs); err != nil || !errors.Is(results[0], ErrForbidden) {
		t.Fatalf("%v, %v", results, err)
	}
	c.set(func(c *cluster) { c.item, c.fault = nil, nil })
	if results, err := sink.Write(t.Context(), docs); err != nil || results[0] != nil {
		t.Fatalf("%v, %v", results, err)
	}
	if got := c.indices["i"].created; got != sinktest.Body {
		t.Errorf("created with %q", got)
	}
}

func TestARequestIsBoundedInTime(t *testing.T) {
	c := newCluster(t)
	released := make(chan struct{})
	c.fault = func(_ http.ResponseWriter, r *http.Request, _ []byte) bool {
		select {
		case <-r.Context().Done():
		case <-released:
		}
		return true
	}
	sink := openSink(t, ClusterConfig{URLs: []string{c.URL}, Timeout: 20 * time.Millisecond})
	_, err := sink.Write(t.Context(), []document.Document{note("i", "a", `{}`)})
	close(released)
	if err == nil || !strings.Contains(err.Error(), "no answer within 20ms") || causeOf(err) != "unreachable" {
		t.Errorf("error %v", err)
	}
}

func TestNodesAreUsedInTurnAndOneThatIsAwayCostsNoRequest(t *testing.T) {
	a, b := newCluster(t), newCluster(t)
	sink := openSink(t, ClusterConfig{URLs: []string{a.URL, b.URL}, Timeout: 5 * time.Second})
	for range 4 {
		if err := sink.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.seen()) != 2 || len(b.seen()) != 2 {
		t.Errorf("requests: %d and %d", len(a.seen()), len(b.seen()))
	}
	a.Close()
	for range 6 {
		if err := sink.Ping(t.Context()); err != nil {
			t.Errorf("a request went to the node that is away alone: %v", err)
		}
	}
}

func TestAnotherProductGetsNoDocument(t *testing.T) {
	c := newCluster(t)
	c.product = "Elasticsearch"
	_, err := c.sink(t).Write(t.Context(), []document.Document{note("i", "a", `{"n":1}`)})
	if err == nil || !strings.Contains(err.Error(), "name it in indexer.elasticsearch.urls") || len(c.names()) > 0 {
		t.Errorf("an Elasticsearch has %v: %v", c.names(), err)
	}
	c = newCluster(t)
	sink := openElastic(t, ElasticsearchConfig{ClusterConfig: ClusterConfig{URLs: []string{c.URL}, Timeout: 10 * time.Second}})
	_, err = sink.Write(t.Context(), []document.Document{note("i", "a", `{"n":1}`)})
	if err == nil || !strings.Contains(err.Error(), "name an OpenSearch in indexer.opensearch.urls") || len(c.names()) > 0 {
		t.Errorf("an OpenSearch has %v: %v", c.names(), err)
	}
}

func TestAnUnsupportedVersionIsLoggedOnce(t *testing.T) {
	c := newCluster(t)
	c.product = "Elasticsearch"
	c.fault = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.URL.Path == "/" {
			_, _ = fmt.Fprint(w, `{"version":{"number":"7.17.29"}}`)
		}
		return r.URL.Path == "/"
	}
	var lines bytes.Buffer
	cfg := ElasticsearchConfig{ClusterConfig: ClusterConfig{URLs: []string{c.URL}, Timeout: 10 * time.Second}}
	sink, err := NewElasticsearch(cfg, ClusterOptions{Log: slog.New(slog.NewTextHandler(&lines, nil))})
	sink = opened(t, sink, err)
	for range 3 {
		if err := sink.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if results, err := sink.Write(t.Context(), []document.Document{note("i", "a", `{"n":1}`)}); err != nil || results[0] != nil {
		t.Errorf("%v, %v", results, err)
	}
	if text := lines.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "8 or 9 supported, 7.17 works") {
		t.Errorf("logged %s", text)
	}
}

func TestPing(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"a cluster answers", 200, `{"version":{"number":"3.4.0"}}`, ""},
		{"a user who may not look is known", 403, `{"error":{"type":"security_exception","reason":"no permissions for [cluster:monitor/main]"}}`, ""},
		{"a user who is not known is refused", 401, "who are you?", "user or password refused"},
		{"another server is none", 200, "<html>Grafana</html>", "not that of a cluster"},
		{"another API is none", 200, `{"status":"ok"}`, "it has no version"},
		{"a redirect is none", 302, "", "status 302 Found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCluster(t)
			c.fault = func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
				return true
			}
			err := c.sink(t).Ping(t.Context())
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestTheUserIsSentAndNeverShown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("hush-hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]ClusterConfig{
		"from the configuration": {Password: secret.New("hush-hush")},
		"from a file":            {PasswordFile: file},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			var user, password string
			c.fault = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
				user, password, _ = r.BasicAuth()
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
			cfg.URLs, cfg.Username, cfg.Timeout = []string{c.URL}, "writer", time.Second
			err := openSink(t, cfg).Ping(t.Context())
			if err == nil || strings.Contains(err.Error(), "hush-hush") {
				t.Errorf("error %v", err)
			}
			if user != "writer" || password != "hush-hush" {
				t.Errorf("sent %q, %q", user, password)
			}
		})
	}
}

func TestTheMappingOfSnapshotsCountsIn64Bits(t *testing.T) {
	router, err := NewRouter(Config{}.EffectiveRoutes("own/#"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := router.Resolve(document.Entry{Message: document.Message{Topic: "own/a/b", Payload: []byte(snapshotJSON)}}, "")
	if err != nil {
		t.Fatal(err)
	}
	var body struct {
		Settings struct{ Index map[string]any }
		Mappings struct {
			Properties map[string]struct{ Type string }
		}
	}
	if err := json.Unmarshal(doc.IndexBody, &body); err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{
		"pull_count": "long", "star_count": "long", "collaborator_count": "long", "storage_size": "long",
		"status": "integer", "timestamp": "date", "slot": "date", "last_updated": "date",
		"namespace": "keyword", "name": "keyword", "source": "keyword",
	} {
		if got := body.Mappings.Properties[field].Type; got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	if body.Settings.Index["number_of_shards"] != 1.0 || body.Settings.Index["auto_expand_replicas"] != "0-1" {
		t.Errorf("settings %v", body.Settings.Index)
	}
}
