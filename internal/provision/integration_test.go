//go:build integration

package provision

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"pulltrail/indexer"
	"pulltrail/internal/document"
	"pulltrail/internal/search"
)

// neighbour is a variable of the testbed.
func neighbour(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv("PULLTRAIL_TEST_" + name)
	if value == "" {
		t.Fatalf("PULLTRAIL_TEST_%s is not set: start the servers with testbed/testbed.sh up, then eval \"$(testbed/testbed.sh env)\"", name)
	}
	return value
}

// The cluster without security has no users, so what its templates do is all there is to
// see.
func openCluster(t *testing.T) (*indexer.Cluster, *search.Client) {
	t.Helper()
	cfg := indexer.ClusterConfig{URLs: []string{neighbour(t, "OPENSEARCH")}, Timeout: 30 * time.Second}
	sink, err := indexer.NewOpenSearch(cfg, indexer.ClusterOptions{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	opts, err := cfg.Options()
	if err != nil {
		t.Fatal(err)
	}
	client, err := search.NewOpenSearch(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(sink.Close(), client.Close()); err != nil {
			t.Error(err)
		}
	})
	return sink, client
}

func remove(t *testing.T, path string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodDelete, neighbour(t, "OPENSEARCH")+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK && response.StatusCode != http.StatusNotFound {
		t.Errorf("delete %s: %d, %v", path, response.StatusCode, err)
	}
}

// typeOf is the type of a field of an index.
func typeOf(t *testing.T, client *search.Client, index, field string) string {
	t.Helper()
	var reply map[string]struct {
		Mappings struct {
			Properties map[string]struct{ Type string }
		}
	}
	if found, err := client.Get(t.Context(), "/"+index+"/_mapping", &reply); err != nil || !found {
		t.Fatalf("%s: %t, %v", index, found, err)
	}
	return reply[index].Mappings.Properties[field].Type
}

// An index that others delete under the daemon is made again by the cluster, which would
// guess its mapping.
func TestAnIndexThatOthersDeleteComesBackWithItsMappingForReal(t *testing.T) {
	sink, client := openCluster(t)
	prefix := fmt.Sprintf("provision%d", time.Now().UnixNano())
	care, err := indexer.NewCare(indexer.Config{Routes: []indexer.Route{
		{Topic: "pulls/#", Kind: indexer.KindSnapshot, Index: prefix + "-pulls-{Y}-{m}"},
		{Topic: "sensors/#", Kind: indexer.KindDocument, Index: prefix + "-sensors-{Y}", Body: `{"settings":{"index.sort.field":["at"],"refresh_interval":"5s","index":{"number_of_replicas":0}},"aliases":{"` + prefix + `-all":{"routing":"r"}},"mappings":{"dynamic":false,"properties":{"at":{"type":"date"}}}}`},
	}}, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		remove(t, "/_index_template/pulltrail-"+prefix+"*")
		remove(t, "/"+prefix+"-*-2*")
	})
	made := care.Create(t.Context(), sink, time.Now())[0]
	body := care.Needs()[0].Body
	write := func(id string) {
		t.Helper()
		results, err := sink.Write(t.Context(), []document.Document{{Index: made.Index, IndexBody: body, ID: id, Body: []byte(`{"name":"nginx","pull_count":1}`)}})
		if err = errors.Join(append(results, err)...); err != nil {
			t.Fatal(err)
		}
	}
	write("1")
	remove(t, "/"+made.Index)
	write("2")
	if got := typeOf(t, client, made.Index, "name"); got != "text" {
		t.Fatalf("without a template the cluster does not guess, so this shows nothing: name is %s", got)
	}

	o := Options{Needs: care.Needs(), Templates: true, Admin: client}
	plan, err := NewPlan(t.Context(), o)
	if err != nil || !plan.Open || len(plan.Steps) != 2 {
		t.Fatalf("%+v, %v", plan, err)
	}
	if err := plan.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	remove(t, "/"+made.Index)
	write("3")
	if got := typeOf(t, client, made.Index, "name"); got != "keyword" {
		t.Errorf("name is %s", got)
	}
	if again := care.Create(t.Context(), sink, time.Now().AddDate(1, 0, 0)); again[0].Err != nil || again[1].Err != nil || !again[1].Created {
		t.Errorf("with a template, by hand: %+v", again)
	}
	for _, line := range applied(t, o) {
		if !strings.HasSuffix(line, ": keep") {
			t.Errorf("a second time: %s", line)
		}
	}

	// The cluster refuses two of one priority, and takes a user's own above ours.
	var refused *search.Error
	theirs := template{IndexPatterns: []string{prefix + "-*"}, Priority: basePriority, Template: json.RawMessage(`{"mappings":{"properties":{"name":{"type":"wildcard"}}}}`)}
	path := "/_index_template/pulltrail-" + prefix + "-theirs" // for the cleanup
	if err := client.Put(t.Context(), path, theirs); !errors.As(err, &refused) || !strings.Contains(refused.Reason, "same priority") {
		t.Errorf("the same priority: %v", err)
	}
	theirs.Priority = 100
	if err := client.Put(t.Context(), path, theirs); err != nil {
		t.Fatal(err)
	}
	if done := applied(t, o); !strings.Contains(done[0], "(priority 100)") || !strings.Contains(done[0], ": keep") {
		t.Errorf("%v", done)
	}
	remove(t, "/"+made.Index)
	write("4")
	if got := typeOf(t, client, made.Index, "name"); got != "wildcard" {
		t.Errorf("beside a user's own, name is %s", got)
	}
}
