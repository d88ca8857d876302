//go:build integration

package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/search"
	"pulltrail/internal/secret"
	"pulltrail/internal/tlsconf"
)

// tutorialMapping is that of the chain, where it matters: counts in 32 bits.
const tutorialMapping = `{"settings":{"index":{"number_of_shards":5,"number_of_replicas":0}},"mappings":{"properties":{
	"name":{"type":"keyword"},"user":{"type":"keyword"},"pull_count":{"type":"integer"},"storage_size":{"type":"integer"}}}}`

// real is a real cluster, spoken to by its administrator.
type real struct {
	t              *testing.T
	url            string
	elasticsearch  bool
	user, password string
	ca             string
	prefix         string // of indices that nobody else has
}

// clusters are those that the test is run against.
func clusters(t *testing.T, run func(*testing.T, real)) {
	for _, c := range []struct {
		name, variable string
		elasticsearch  bool
	}{
		{"OpenSearch", "PULLTRAIL_TEST_OPENSEARCH", false},
		{"Elasticsearch", "PULLTRAIL_TEST_ELASTICSEARCH", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := os.Getenv(c.variable)
			if url == "" {
				t.Fatalf("%s is not set: start the servers with testbed/testbed.sh up, then eval \"$(testbed/testbed.sh env)\"", c.variable)
			}
			r := real{url: strings.TrimRight(url, "/"), elasticsearch: c.elasticsearch}
			if c.elasticsearch {
				r.user, r.password = os.Getenv(c.variable+"_ADMIN_USER"), os.Getenv(c.variable+"_ADMIN_PASSWORD")
				r.ca = os.Getenv(c.variable + "_CA")
			}
			run(t, newReal(t, r))
		})
	}
}

func newReal(t *testing.T, r real) real {
	r.t, r.prefix = t, fmt.Sprintf("transfer-%d", time.Now().UnixNano())
	t.Cleanup(func() {
		r.do(http.MethodDelete, "/"+r.prefix+"-2026-1,"+r.prefix+"-2026-2,"+r.prefix+"-junk?ignore_unavailable=true", "")
	})
	return r
}

func (r real) do(method, path, body string) []byte {
	r.t.Helper()
	config, err := tlsconf.Config{CAFile: r.ca}.Build()
	if err != nil {
		r.t.Fatal(err)
	}
	request, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(path, "/_bulk") {
		request.Header.Set("Content-Type", "application/x-ndjson")
	}
	if r.user != "" {
		request.SetBasicAuth(r.user, r.password)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: config}}
	response, err := client.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode > 299 || bytes.Contains(answer, []byte(`"errors":true`)) {
		r.t.Fatalf("%s %s: %s, %.2000s, %v", method, path, response.Status, answer, err)
	}
	return answer
}

// fill writes what the chain would have; see fakeCluster.chain. The order on the wire is
// not that of time, and the index for junk has no time at all.
func (r real) fill(hours int) (ids []string) {
	f := newFakeCluster(r.t)
	ids = f.chain(hours)
	for _, index := range []string{"-2026-1", "-2026-2"} {
		r.do(http.MethodPut, "/"+r.prefix+index, tutorialMapping)
	}
	r.do(http.MethodPut, "/"+r.prefix+"-junk", `{"mappings":{"properties":{"x":{"type":"integer"}}}}`)
	slices.Reverse(f.docs)
	var bulk strings.Builder
	for _, d := range f.docs {
		index, ok := strings.CutPrefix(d.Index, "metrics")
		if !ok {
			continue
		}
		// no id, and a count that an integer holds: others were rejected
		source := strings.Replace(d.Source, `"pull_count":1099511`, `"pull_count":`, 1)
		fmt.Fprintf(&bulk, `{"index":{"_index":%q}}`+"\n%s\n", r.prefix+index, source)
	}
	r.do(http.MethodPost, "/_bulk?refresh=true", bulk.String())
	return ids
}

// source reads as user, or as the administrator.
func (r real) source(t *testing.T, user, password string) *Cluster {
	t.Helper()
	connect := search.NewOpenSearch
	if r.elasticsearch {
		connect = search.NewElasticsearch
	}
	if user == "" {
		user, password = r.user, r.password
	}
	client, err := connect(search.Options{
		URLs: []string{r.url}, Username: user, Password: secret.New(password), TLS: tlsconf.Config{CAFile: r.ca}, Timeout: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := NewCluster(ClusterOptions{Client: client, URL: r.url, Index: r.prefix + "-*", Now: now, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		if err := errors.Join(c.Close(), client.Close()); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestTheIndicesOfTheChainAreImportedForReal(t *testing.T) {
	clusters(t, func(t *testing.T, r real) {
		ids := r.fill(600)
		s := newShelf()
		first, err := Import(t.Context(), r.source(t, "", ""), s, Options{})
		if err != nil || first.New != 1200 || first.There != 0 || first.Doubles != 400 || first.Skipped != 121 {
			first.Problems = first.Problems[:min(3, len(first.Problems))]
			t.Fatalf("%+v, %v", first, err)
		}
		stored := slices.Sorted(slices.Values(s.order))
		slices.Sort(ids)
		if !slices.Equal(stored, ids) {
			t.Errorf("stored %d, wanted %d", len(stored), len(ids))
		}
		again, err := Import(t.Context(), r.source(t, "", ""), s, Options{})
		if err != nil || again.New != 0 || again.There != 1200 {
			again.Problems = nil
			t.Errorf("once more: %+v, %v", again, err)
		}
	})
}

// It is broken off in each batch in turn, and once in the middle of a reading whose point
// in time is then gone.
func TestAnImportOfIndicesThatWasBrokenOffGoesOnForReal(t *testing.T) {
	clusters(t, func(t *testing.T, r real) {
		r.fill(600)
		for kill := 1; kill <= 3; kill++ {
			s := newShelf()
			broken := errors.New("broken off")
			s.fail = func(n int) error {
				if n == kill {
					return broken
				}
				return nil
			}
			first, err := Import(t.Context(), r.source(t, "", ""), s, Options{})
			if !errors.Is(err, broken) || first.New != 500*(kill-1) {
				t.Fatalf("%+v, %v", first, err)
			}
			second, err := Import(t.Context(), r.source(t, "", ""), s, Options{})
			if err != nil || second.New != 1200-first.New || second.There > 2 || len(s.places) != 0 {
				second.Problems = nil
				t.Errorf("%+v, %v", second, err)
			}
		}
		source := r.source(t, "", "")
		s := newShelf()
		lost := false
		got, err := Import(t.Context(), source, s, Options{Progress: func(p Progress) {
			if p.Done == 700 && !lost {
				lost = true
				if err := source.reading.Close(t.Context()); err != nil {
					t.Error(err)
				}
				source.reading = nil
			}
		}})
		if err != nil || !lost || got.New != 1200 || got.Doubles != 400 || got.Skipped != 121 {
			got.Problems = nil
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestAnIndexThatIsNotThereIsNamedForReal(t *testing.T) {
	clusters(t, func(t *testing.T, r real) {
		if _, err := r.source(t, "", "").Next(t.Context()); err == nil || !strings.Contains(err.Error(), "has no index "+r.prefix+"-*: name it with --index") {
			t.Errorf("error %v", err)
		}
	})
}

// secure is a cluster with passwords, and a user who may do these actions, with the
// indices of the test and with the cluster.
func secure(t *testing.T, actions, ofCluster string) (r real, user, password string) {
	t.Helper()
	env := func(name string) string {
		value := os.Getenv("PULLTRAIL_TEST_OPENSEARCH_SECURE" + name)
		if value == "" {
			t.Fatalf("PULLTRAIL_TEST_OPENSEARCH_SECURE%s is not set: start the servers with testbed/testbed.sh up, then eval \"$(testbed/testbed.sh env)\"", name)
		}
		return value
	}
	r = newReal(t, real{url: env(""), ca: env("_CA"), user: env("_ADMIN_USER"), password: env("_ADMIN_PASSWORD")})
	user, password = r.prefix, "Spade-0f-s4nd!"
	const api = "/_plugins/_security/api/"
	r.do(http.MethodPut, api+"roles/"+user, fmt.Sprintf(`{"cluster_permissions":[%s],"index_permissions":[{"index_patterns":["%s-*"],"allowed_actions":[%s]}]}`, ofCluster, r.prefix, actions))
	r.do(http.MethodPut, api+"internalusers/"+user, fmt.Sprintf(`{"password":%q}`, password))
	r.do(http.MethodPut, api+"rolesmapping/"+user, fmt.Sprintf(`{"users":[%q]}`, user))
	t.Cleanup(func() {
		for _, what := range []string{"rolesmapping/", "internalusers/", "roles/"} {
			r.do(http.MethodDelete, api+what+user, "")
		}
	})
	return r, user, password
}

func TestThePermissionReadIsEnoughForReal(t *testing.T) {
	r, user, password := secure(t, `"read"`, "")
	r.fill(300)
	got, err := Import(t.Context(), r.source(t, user, password), newShelf(), Options{})
	if err != nil || got.New != 600 {
		got.Problems = nil
		t.Errorf("%+v, %v", got, err)
	}
}

// A user who may not have a point in time reads by a scroll, as one of an older cluster.
func TestAScrollIsReadForReal(t *testing.T) {
	r, user, password := secure(t, `"indices:data/read/search"`, `"indices:data/read/scroll*"`)
	ids := r.fill(600)
	s := newShelf()
	got, err := Import(t.Context(), r.source(t, user, password), s, Options{})
	if err != nil || got.New != 1200 || got.There != 0 || got.Doubles != 400 || got.Skipped != 121 {
		got.Problems = nil
		t.Errorf("%+v, %v", got, err)
	}
	slices.Sort(ids)
	if !slices.Equal(slices.Sorted(slices.Values(s.order)), ids) {
		t.Errorf("stored %d", len(s.order))
	}
}

func TestTheMissingPermissionIsNamedForReal(t *testing.T) {
	r, user, password := secure(t, `"write"`, "")
	r.fill(1)
	_, err := r.source(t, user, password).Next(t.Context())
	if err == nil || !strings.Contains(err.Error(), "permission read on "+r.prefix+"-*") || !strings.Contains(err.Error(), "indices:data/read") {
		t.Errorf("error %v", err)
	}
	_, err = r.source(t, user, "wrong").Next(t.Context())
	if err == nil || !strings.Contains(err.Error(), "check the user and the password") {
		t.Errorf("error %v", err)
	}
}
