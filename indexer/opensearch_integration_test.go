//go:build integration

package indexer

import (
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

// server is the address of a real OpenSearch without security.
func server(t *testing.T) string {
	t.Helper()
	return strings.TrimRight(neighbour(t, "OPENSEARCH"), "/")
}

func request(t *testing.T, method, address, body string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
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

func realTarget(t *testing.T) sinktest.Target { return realTargetWith(t, CompressAuto) }

func realTargetWith(t *testing.T, compress string) sinktest.Target {
	base := server(t)
	return sinktest.Target{
		Sink:   openSink(t, OpenSearchConfig{URLs: []string{base}, Timeout: 30 * time.Second, Compress: compress}),
		Prefix: "sinktest-",
		Read: func(t *testing.T, index, id string) ([]byte, bool) {
			status, body := request(t, http.MethodGet, base+"/"+index+"/_doc/"+url.PathEscape(id), "")
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
		},
	}
}

func TestOpenSearchConformsForRealWithCompressedRequests(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) sinktest.Target { return realTargetWith(t, CompressAlways) })
}

func TestOpenSearchConformsForReal(t *testing.T) {
	sinktest.Run(t, realTarget)
}

func TestSnapshotsForReal(t *testing.T) {
	target := realTarget(t)
	index := "sinktest-" + fmt.Sprint(time.Now().UnixNano()) + "-{Y}-{m}"
	router, err := NewRouter([]Route{{Topic: "own/#", Kind: KindSnapshot, Index: index}})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := router.Resolve(document.Entry{Message: document.Message{Topic: "own/a/b", Payload: []byte(snapshotJSON)}}, "")
	if err != nil {
		t.Fatal(err)
	}
	results, err := target.Sink.Write(t.Context(), []document.Document{doc})
	if err != nil || results[0] != nil {
		t.Fatalf("%v, %v", results, err)
	}
	if source, ok := target.Read(t, doc.Index, doc.ID); !ok || string(source) != snapshotJSON {
		t.Errorf("stored as %s", source)
	}
	_, body := request(t, http.MethodGet, server(t)+"/"+doc.Index+"/_mapping/field/pull_count", "")
	if !strings.Contains(string(body), `"type":"long"`) {
		t.Errorf("mapping %s", body)
	}
}

func TestABlockedIndexIsWaitedForForReal(t *testing.T) {
	target, base := realTarget(t), server(t)
	index := "sinktest-" + fmt.Sprint(time.Now().UnixNano())
	write := func(id string) error {
		results, err := target.Sink.Write(t.Context(), []document.Document{note(index, id, `{"n":1}`)})
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
			if status, body := request(t, http.MethodPut, base+"/"+index+"/_settings", fmt.Sprintf(`{"index.%s":%v}`, block, on)); status != http.StatusOK {
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
	if status, body := request(t, http.MethodPost, base+"/"+index+"/_close", ""); status != http.StatusOK {
		t.Fatalf("%s", body)
	}
	if err := write("closed"); err == nil || causeOf(err) != "blocked" || document.IsPermanent(err) {
		t.Errorf("closed: %v", err)
	}
}

func TestAnIDThatIsTooLongIsRefusedAloneForReal(t *testing.T) {
	target := realTarget(t)
	index := "sinktest-" + fmt.Sprint(time.Now().UnixNano())
	results, err := target.Sink.Write(t.Context(), []document.Document{
		note(index, "a", `{"n":1}`), note(index, strings.Repeat("x", 600), `{"n":2}`), note(index, "b", `{"n":3}`),
	})
	if err != nil || results[0] != nil || results[2] != nil || !document.IsPermanent(results[1]) {
		t.Errorf("%v, %v", results, err)
	}
}

func TestTheLeastPrivilegeForReal(t *testing.T) {
	cfg := OpenSearchConfig{
		URLs:     []string{neighbour(t, "OPENSEARCH_SECURE")},
		Username: neighbour(t, "OPENSEARCH_SECURE_WRITER_USER"),
		Password: secret.New(neighbour(t, "OPENSEARCH_SECURE_WRITER_PASSWORD")),
		TLS:      tlsconf.Config{CAFile: neighbour(t, "OPENSEARCH_SECURE_CA")},
		Timeout:  30 * time.Second,
	}
	sink := openSink(t, cfg)
	if err := sink.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
	unique := fmt.Sprint(time.Now().UnixNano())
	allowed, forbidden := "dockerhub-sinktest-"+unique, "sinktest-"+unique
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
		if !errors.Is(results[i], ErrForbidden) || !strings.Contains(results[i].Error(), forbidden) || !strings.Contains(results[i].Error(), "indices:") {
			t.Errorf("another index: %v", results[i])
		}
	}
	if !document.IsPermanent(results[3]) {
		t.Errorf("a mapping of our own is not there: %v", results[3])
	}

	cfg.Password = secret.New("wrong")
	if _, err := openSink(t, cfg).Write(t.Context(), []document.Document{note(allowed, "f", `{"n":1}`)}); err == nil || causeOf(err) != "authentication" {
		t.Errorf("a wrong password: %v", err)
	}
}
