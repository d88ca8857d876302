package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pulltrail/indexer"
	"pulltrail/internal/control"
	"pulltrail/internal/datadir"
	"pulltrail/internal/hub"
	"pulltrail/internal/hubtest"
)

type readiness struct {
	Ready bool
	Parts []struct {
		Name         string
		OK, Optional bool
		Since        time.Time
		Detail       string
	}
}

// part is what /-/ready says of one part; a zero one where it is not there.
func (r readiness) part(name string) (ok bool, detail string) {
	for _, p := range r.Parts {
		if p.Name == name {
			return p.OK, p.Detail
		}
	}
	return false, "absent"
}

func TestADockerHubThatIsAwayIsAState(t *testing.T) {
	hub := hubtest.New(t)
	hub.Fail("library/nginx", hubtest.Skewed(time.Hour))
	d := start(t, settings(t, hub, "nginx"))
	d.awaitRun()
	var ready readiness
	eventually(t, "readiness", func() bool { return d.get("/-/ready", &ready) == http.StatusOK })
	if ok, detail := ready.part("Docker Hub"); ok || !strings.Contains(detail, "clock") {
		t.Errorf("Docker Hub: %v, %q", ok, detail)
	}
	for _, p := range ready.Parts {
		if p.Since.IsZero() {
			t.Errorf("%s does not say since when", p.Name)
		}
	}
}

func TestARunByHandTellsOfWhatOpenSearchRefuses(t *testing.T) {
	docker := hubtest.New(t)
	docker.Set("library/nginx", 3)
	cfg := settings(t, docker)
	cfg.Collector.RunOnStart = false
	cfg.Indexer.OpenSearch.URLs = []string{newCluster(t, "", refuses).URL}
	d := start(t, cfg)
	summary, err := control.NewClient(datadir.ControlSocket(cfg.DataDir)).Collect(t.Context(), []hub.Repository{{Namespace: "library", Name: "nginx"}}, patience, func(control.Result) {})
	if err != nil || summary.Succeeded != 1 || !strings.Contains(summary.Undelivered, "opensearch rejected 1 snapshot: ") {
		t.Errorf("collect: %+v, %v", summary, err)
	}
	var ready readiness
	d.get("/-/ready", &ready)
	if ok, detail := ready.part("opensearch after history"); !ok || !strings.Contains(detail, "1 dead letter since") {
		t.Errorf("opensearch: %v, %q", ok, detail)
	}
	var page string
	d.get("/", &page)
	if !strings.Contains(page, "1 dead letter<") || strings.Contains(page, "mapper_parsing_exception") {
		t.Errorf("the page: %s", page)
	}
}

func TestAFullJournalSaysSoAndWhatItWaitsFor(t *testing.T) {
	search := newCluster(t, "", takes)
	search.away.Store(true)
	cfg := settings(t, hubtest.New(t))
	cfg.Indexer.OpenSearch.URLs = []string{search.URL}
	cfg.Indexer.JournalMaxBytes = 1 << 20
	cfg.Indexer.Routes = []indexer.Route{{Topic: "sensors/+", Kind: indexer.KindDocument, Index: "sensors"}}
	d := start(t, cfg)
	var ready readiness
	eventually(t, "the subscription", func() bool {
		d.get("/-/ready", &ready)
		_, detail := ready.part("subscriber of documents")
		return detail == ""
	})
	payload := fmt.Appendf(nil, `{"text":"%0100000d"}`, 0)
	publish(t, "mqtt://"+d.Broker, "sensors/kitchen", payload)
	eventually(t, "one that waits", func() bool { // an empty journal takes whatever comes at once
		d.get("/-/ready", &ready)
		_, detail := ready.part("opensearch after journal")
		return strings.Contains(detail, "1 entry behind")
	})
	publish(t, "mqtt://"+d.Broker, "sensors/kitchen", slices.Repeat([][]byte{payload}, 11)...)
	eventually(t, "a full journal", func() bool {
		d.get("/-/ready", &ready)
		ok, detail := ready.part("subscriber of documents")
		return !ok && strings.Contains(detail, "the journal is full") && strings.Contains(detail, "raise indexer.journal_max_bytes")
	})
	progress := regexp.MustCompile(`^status 503 .*; \d+ entr(y|ies) behind, .*for \d+s; the journal has \d+ of 1048576 bytes$`)
	eventually(t, "what waits for OpenSearch", func() bool { // once each follower has tried
		d.get("/-/ready", &ready)
		ok, detail := ready.part("opensearch after journal")
		idle, nothing := ready.part("opensearch after history")
		return !ok && progress.MatchString(detail) && !idle && strings.HasSuffix(nothing, "; nothing waits")
	})
	search.away.Store(false)
	eventually(t, "room in the journal", func() bool {
		d.get("/-/ready", &ready)
		ok, _ := ready.part("subscriber of documents")
		_, detail := ready.part("opensearch after journal")
		return ok && strings.HasPrefix(detail, "nothing waits; the journal has ")
	})
}

func TestTwoClustersFollowEachInItsOwnTime(t *testing.T) {
	open, elastic := newCluster(t, "", takes), newCluster(t, "Elasticsearch", takes)
	elastic.away.Store(true)
	cfg := settings(t, hubtest.New(t))
	cfg.Indexer.OpenSearch.URLs, cfg.Indexer.Elasticsearch.URLs = []string{open.URL}, []string{elastic.URL}
	cfg.Indexer.Routes = []indexer.Route{{Topic: "sensors/+", Kind: indexer.KindDocument, Index: "sensors"}}
	d := start(t, cfg)
	var ready readiness
	eventually(t, "the subscription", func() bool {
		d.get("/-/ready", &ready)
		_, detail := ready.part("subscriber of documents")
		return detail == ""
	})
	publish(t, "mqtt://"+d.Broker, "sensors/kitchen", []byte(`{"n":1}`), []byte(`{"n":2}`))
	var metrics string
	eventually(t, "that one has everything", func() bool {
		d.get("/metrics", &metrics)
		return strings.Contains(metrics, `pulltrail_indexer_documents_total{log="journal",sink="opensearch"} 2`)
	})
	d.get("/metrics", &metrics)
	if !strings.Contains(metrics, `pulltrail_indexer_lag_entries{log="journal",sink="elasticsearch"} 2`) {
		t.Errorf("metrics: %s", metrics)
	}
	for name, want := range map[string]bool{
		"opensearch after history": true, "opensearch after journal": true, "elasticsearch after history": false, "elasticsearch after journal": false,
	} {
		eventually(t, fmt.Sprintf("%s: %v", name, want), func() bool { // once each follower has tried
			d.get("/-/ready", &ready)
			ok, _ := ready.part(name)
			return ok == want
		})
	}
	// What one has and the other lacks is kept, also over a restart.
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	elastic.away.Store(false)
	d = start(t, cfg)
	eventually(t, "that the other has everything too", func() bool {
		d.get("/metrics", &metrics)
		return strings.Contains(metrics, `pulltrail_indexer_documents_total{log="journal",sink="elasticsearch"} 2`) &&
			strings.Contains(metrics, `pulltrail_indexer_documents_total{log="journal",sink="opensearch"} 0`)
	})
}

const (
	takes   = `{"create":{"status":201}}`
	refuses = `{"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no"}}}`
)

// cluster is an OpenSearch, or an Elasticsearch, that answers the same for each document.
type cluster struct {
	*httptest.Server
	away atomic.Bool
}

func newCluster(t *testing.T, product, item string) *cluster {
	c := &cluster{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.Header().Set("X-Elastic-Product", product)
		switch {
		case err != nil:
		case c.away.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/":
			_, _ = fmt.Fprint(w, `{"version":{"number":"3.4.0"}}`)
		case r.Method == http.MethodPut:
			_, _ = fmt.Fprint(w, `{"acknowledged":true}`)
		default:
			items := strings.Repeat(","+item, strings.Count(string(body), "\n")/2)
			_, _ = fmt.Fprintf(w, `{"items":[%s]}`, strings.TrimPrefix(items, ","))
		}
	}))
	t.Cleanup(c.Close)
	return c
}
