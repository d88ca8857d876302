//go:build integration

package indexer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/document"
	"pulltrail/internal/secret"
	"pulltrail/internal/sinktest"
	"pulltrail/internal/tlsconf"
)

// neighbour is what the testbed says of a real server.
func neighbour(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv("PULLTRAIL_TEST_" + name)
	if value == "" {
		t.Fatalf("PULLTRAIL_TEST_%s is not set: the testbed starts the server and names it", name)
	}
	return value
}

// realCluster is a server of the testbed: as the program reaches it, and as its
// administrator does.
type realCluster struct {
	name           string
	open           func(t *testing.T, change func(*ClusterConfig)) *Cluster
	base           string
	user, password string
	client         *http.Client
}

func realOpenSearch(t *testing.T) realCluster {
	base := strings.TrimRight(neighbour(t, "OPENSEARCH"), "/")
	return realCluster{
		name: "OPENSEARCH", base: base, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		open: func(t *testing.T, change func(*ClusterConfig)) *Cluster {
			cfg := ClusterConfig{URLs: []string{base}, Timeout: 30 * time.Second}
			change(&cfg)
			return openSink(t, cfg)
		},
	}
}

// secureOpenSearch is as its administrator sees it; the program is its writer.
func secureOpenSearch(t *testing.T) realCluster {
	return secureCluster(t, "OPENSEARCH_SECURE", openSink)
}

func realElasticsearch(t *testing.T) realCluster {
	return secureCluster(t, "ELASTICSEARCH", func(t *testing.T, cfg ClusterConfig) *Cluster {
		return openElastic(t, ElasticsearchConfig{ClusterConfig: cfg})
	})
}

func secureCluster(t *testing.T, variable string, open func(*testing.T, ClusterConfig) *Cluster) realCluster {
	trust := tlsconf.Config{CAFile: neighbour(t, variable+"_CA")}
	conf, err := trust.Build()
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: conf}
	t.Cleanup(transport.CloseIdleConnections)
	base := neighbour(t, variable)
	return realCluster{
		name: variable, base: base, client: &http.Client{Transport: transport},
		user: neighbour(t, variable+"_ADMIN_USER"), password: neighbour(t, variable+"_ADMIN_PASSWORD"),
		open: func(t *testing.T, change func(*ClusterConfig)) *Cluster {
			cfg := ClusterConfig{
				URLs: []string{base}, Timeout: 30 * time.Second, TLS: trust,
				Username: neighbour(t, variable+"_WRITER_USER"), Password: secret.New(neighbour(t, variable+"_WRITER_PASSWORD")),
			}
			change(&cfg)
			return open(t, cfg)
		},
	}
}

func unchanged(*ClusterConfig) {}

// asAdmin lets the program be the administrator.
func (r realCluster) asAdmin(cfg *ClusterConfig) {
	cfg.Username, cfg.Password = r.user, secret.New(r.password)
}

func (r realCluster) request(t *testing.T, method, path, body string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if r.user != "" {
		req.SetBasicAuth(r.user, r.password)
	}
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, answer
}

func (r realCluster) read(t *testing.T, index, id string) ([]byte, bool) {
	status, body := r.request(t, http.MethodGet, "/"+index+"/_doc/"+url.PathEscape(id), "")
	var got struct {
		Source json.RawMessage `json:"_source"`
	}
	if status != http.StatusOK {
		return nil, false
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	return got.Source, true
}

func (r realCluster) target(t *testing.T, change func(*ClusterConfig)) sinktest.Target {
	return sinktest.Target{Sink: r.open(t, change), Prefix: realPrefix, Read: r.read}
}

// realPrefix begins the indices that the writers of the testbed may write to.
const realPrefix = "dockerhub-sinktest-"

func realIndex() string { return realPrefix + fmt.Sprint(time.Now().UnixNano()) }

// forReal runs a test with each kind of cluster.
func forReal(t *testing.T, test func(*testing.T, realCluster)) {
	for _, cluster := range []realCluster{realOpenSearch(t), realElasticsearch(t)} {
		t.Run(cluster.name, func(t *testing.T) { test(t, cluster) })
	}
}

func TestClustersConformForReal(t *testing.T) {
	for _, c := range []realCluster{realOpenSearch(t), secureOpenSearch(t), realElasticsearch(t)} {
		t.Run(c.name, func(t *testing.T) {
			sinktest.Run(t, func(t *testing.T) sinktest.Target { return c.target(t, unchanged) })
		})
	}
}

func TestElasticsearchConformsForRealToItsAdministrator(t *testing.T) {
	c := realElasticsearch(t)
	sinktest.Run(t, func(t *testing.T) sinktest.Target { return c.target(t, c.asAdmin) })
}

func TestClustersConformForRealWithCompressedRequests(t *testing.T) {
	forReal(t, func(t *testing.T, c realCluster) {
		sinktest.Run(t, func(t *testing.T) sinktest.Target {
			return c.target(t, func(cfg *ClusterConfig) { cfg.Compress = CompressAlways })
		})
	})
}

func TestSnapshotsForReal(t *testing.T) {
	forReal(t, func(t *testing.T, c realCluster) {
		router, err := NewRouter([]Route{{Topic: "own/#", Kind: KindSnapshot, Index: realIndex() + "-{Y}-{m}"}})
		if err != nil {
			t.Fatal(err)
		}
		doc, err := router.Resolve(document.Entry{Message: document.Message{Topic: "own/a/b", Payload: []byte(snapshotJSON)}}, "")
		if err != nil {
			t.Fatal(err)
		}
		results, err := c.open(t, unchanged).Write(t.Context(), []document.Document{doc})
		if err != nil || results[0] != nil {
			t.Fatalf("%v, %v", results, err)
		}
		if source, ok := c.read(t, doc.Index, doc.ID); !ok || string(source) != snapshotJSON {
			t.Errorf("stored as %s", source)
		}
		_, body := c.request(t, http.MethodGet, "/"+doc.Index+"/_mapping/field/pull_count", "")
		if !strings.Contains(string(body), `"type":"long"`) {
			t.Errorf("mapping %s", body)
		}
	})
}

func TestABlockedIndexIsWaitedForForReal(t *testing.T) {
	forReal(t, func(t *testing.T, c realCluster) {
		sink, index := c.open(t, unchanged), realIndex()
		write := func(id string) error {
			results, err := sink.Write(t.Context(), []document.Document{note(index, id, `{"n":1}`)})
			if err != nil {
				t.Fatal(err)
			}
			return results[0]
		}
		if err := write("a"); err != nil {
			t.Fatal(err)
		}
		for _, block := range []string{"blocks.write", "blocks.read_only_allow_delete", "blocks.read_only"} {
			settings := func(on bool) {
				if status, body := c.request(t, http.MethodPut, "/"+index+"/_settings", fmt.Sprintf(`{"index.%s":%v}`, block, on)); status != http.StatusOK {
					t.Fatalf("%s", body)
				}
			}
			settings(true)
			if err := write(block); err == nil || causeOf(err) != "blocked" || document.IsPermanent(err) {
				t.Errorf("%s: %v", block, err)
			}
			settings(false)
			if err := write(block); err != nil {
				t.Errorf("%s lifted: %v", block, err)
			}
		}
		if status, body := c.request(t, http.MethodPost, "/"+index+"/_close", ""); status != http.StatusOK {
			t.Fatalf("%s", body)
		}
		if err := write("closed"); err == nil || causeOf(err) != "blocked" || document.IsPermanent(err) {
			t.Errorf("closed: %v", err)
		}
	})
}

func TestAnIDThatIsTooLongIsRefusedAloneForReal(t *testing.T) {
	forReal(t, func(t *testing.T, c realCluster) {
		index := realIndex()
		results, err := c.open(t, unchanged).Write(t.Context(), []document.Document{
			note(index, "a", `{"n":1}`), note(index, strings.Repeat("x", 600), `{"n":2}`), note(index, "b", `{"n":3}`),
		})
		if err != nil || results[0] != nil || results[2] != nil || !document.IsPermanent(results[1]) {
			t.Errorf("%v, %v", results, err)
		}
	})
}

func TestANodeThatIsAwayIsPassedOverForReal(t *testing.T) {
	forReal(t, func(t *testing.T, c realCluster) {
		dead := strings.Replace(c.base, neighbourPort(t, c.base), "1", 1)
		sink := c.open(t, func(cfg *ClusterConfig) { cfg.URLs = []string{dead, c.base} })
		index, failed := realIndex(), 0
		for i := range 8 {
			_, err := sink.Write(t.Context(), []document.Document{note(index, fmt.Sprint(i), `{"n":1}`)})
			if err != nil && causeOf(err) != "unreachable" {
				t.Fatal(err)
			}
			if err != nil {
				failed++
			}
		}
		if failed > 1 {
			t.Errorf("%d of 8 writes failed", failed)
		}
	})
}

func neighbourPort(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

func TestTheLeastPrivilegeForReal(t *testing.T) {
	for _, c := range []realCluster{secureOpenSearch(t), realElasticsearch(t)} {
		t.Run(c.name, func(t *testing.T) {
			sink := c.open(t, unchanged)
			if err := sink.Ping(t.Context()); err != nil {
				t.Errorf("Ping: %v", err)
			}
			allowed := realIndex()
			forbidden := strings.TrimPrefix(allowed, "dockerhub-")
			guessed := note(forbidden, "c", `{"n":1}`)
			guessed.IndexBody = nil
			results, err := sink.Write(t.Context(), []document.Document{
				note(allowed, "a", `{"n":1}`), note(forbidden, "b", `{"n":1}`), guessed, note(allowed, "d", `{"n":"x"}`), note(allowed, "e", `{"n":2}`),
			})
			if err != nil {
				t.Fatal(err)
			}
			if results[0] != nil || results[4] != nil {
				t.Errorf("the index of the user: %v, %v", results[0], results[4])
			}
			for _, i := range []int{1, 2} {
				if !errors.Is(results[i], ErrForbidden) || !strings.HasPrefix(results[i].Error(), "a permission is missing: create_index on index "+forbidden) {
					t.Errorf("another index: %v", results[i])
				}
			}
			if !document.IsPermanent(results[3]) {
				t.Errorf("a mapping of our own is not there: %v", results[3])
			}
			// An index that is there already needs the other permission.
			if status, answer := c.request(t, http.MethodPut, "/"+forbidden, `{"settings":{"number_of_replicas":0}}`); status != http.StatusOK {
				t.Fatalf("%s", answer)
			}
			t.Cleanup(func() { c.delete(t, forbidden) })
			results, err = sink.Write(t.Context(), []document.Document{note(allowed, "f", `{"n":1}`), guessed})
			if err != nil || results[0] != nil || !strings.HasPrefix(results[1].Error(), "a permission is missing: write on index "+forbidden) {
				t.Errorf("an index that is there: %v, %v", results, err)
			}

			wrong := c.open(t, func(cfg *ClusterConfig) { cfg.Password = secret.New("wrong") })
			if _, err := wrong.Write(t.Context(), []document.Document{note(allowed, "g", `{"n":1}`)}); err == nil || causeOf(err) != "authentication" {
				t.Errorf("a wrong password: %v", err)
			}
		})
	}
}

func TestAClientCertificateForReal(t *testing.T) {
	c := secureOpenSearch(t)
	nobody := func(cfg *ClusterConfig) { cfg.Username, cfg.Password = "", secret.String{} }
	if err := c.open(t, nobody).Ping(t.Context()); err == nil || causeOf(err) != "authentication" {
		t.Errorf("without a certificate: %v", err)
	}
	sink, index := c.open(t, func(cfg *ClusterConfig) {
		nobody(cfg)
		cfg.TLS.CertFile, cfg.TLS.KeyFile = neighbour(t, "OPENSEARCH_SECURE_CERT"), neighbour(t, "OPENSEARCH_SECURE_KEY")
	}), realIndex()
	results, err := sink.Write(t.Context(), []document.Document{note(index, "a", `{"n":1}`)})
	if err != nil || results[0] != nil {
		t.Fatalf("%v, %v", results, err)
	}
	if source, found := c.read(t, index, "a"); !found || string(source) != `{"n":1}` {
		t.Errorf("stored as %s", source)
	}
}

func (r realCluster) delete(t *testing.T, index string) {
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodDelete, r.base+"/"+index, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(r.user, r.password)
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
}
