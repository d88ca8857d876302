//go:build integration

package app_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pulltrail/indexer"
	"pulltrail/internal/hubtest"
)

// observed is a daemon whose history and OpenSearch have what pushes, gaps and a counter
// that Docker Hub has restated look like, and which has a dead letter.
type observed struct {
	*daemon
	search elastic
	index  string // pattern of the indices
	all    []observation
}

// observation is a snapshot as the API gives it.
type observation struct {
	Namespace, Name string
	Timestamp       time.Time
	PullCount       int64     `json:"pull_count"`
	StarCount       int64     `json:"star_count"`
	StorageSize     int64     `json:"storage_size"`
	LastUpdated     time.Time `json:"last_updated"`
}

// observedDays is how long ago its history begins.
const observedDays = 12

func observe(t *testing.T) *observed {
	t.Helper()
	hub := hubtest.New(t)
	hub.Set("team/app", 5_000_009_000)
	hub.Set("team/tool", 900)
	hub.Set("other/app", 177) // the same name in another namespace
	cfg, index := chain(t, hub, "team/app", "team/tool", "other/app")
	documents := strings.TrimSuffix(cfg.MQTT.Topic, "metrics") + "documents/"
	cfg.Indexer.Routes = append(cfg.Indexer.Routes, indexer.Route{Topic: documents + "#", Kind: indexer.KindDocument, Index: "documents-" + index})
	o := &observed{daemon: start(t, cfg), search: elastic{t: t, base: cfg.Indexer.OpenSearch.URLs[0]}, index: index + "-*"}
	eventually(t, "the first snapshots", func() bool { return len(o.totals()) == 3 })
	sent := 3
	for _, r := range []struct {
		namespace, name string
		total, step     int64
	}{{"team", "app", 5_000_000_000, 50}, {"team", "tool", 300, 7}, {"other", "app", 10, 1}} {
		payloads := past(r.namespace, r.name, r.total, r.step)
		publish(t, cfg.MQTT.URL, cfg.MQTT.Topic+"/"+r.namespace+"/"+r.name, payloads...)
		sent += len(payloads)
	}
	publish(t, cfg.MQTT.URL, documents+"odd", []byte("no JSON"))
	eventually(t, "a dead letter", func() bool { return strings.Contains(o.metrics(), "pulltrail_deadletters{") })
	eventually(t, "all of it in history", func() bool { o.read(); return len(o.all) == sent })
	eventually(t, "all of it in OpenSearch", func() bool { return len(o.search.documents(o.index)) == sent })
	return o
}

// past are snapshots of the days before today, as the tutorial's job sends them: two on
// some days, none on another, one with a total below the one before, and two pushes.
func past(namespace, name string, total, step int64) (payloads [][]byte) {
	today := time.Now().UTC().Truncate(24 * time.Hour)
	pushed := today.AddDate(0, 0, -20)
	for day := observedDays; day >= 1; day-- {
		at := today.AddDate(0, 0, -day).Add(time.Hour)
		switch {
		case day == 7 && name == "tool":
			total -= 4 * step
		case day == 5:
			continue
		case day == 9, day == 3:
			pushed = at.Add(-20 * time.Minute)
		}
		for i := range 1 + day%2 {
			total += step * int64(1+day%3)
			payloads = append(payloads, fmt.Appendf(nil, `{"user":%q,"namespace":%q,"name":%q,"pull_count":%d,"star_count":%d,"storage_size":%d,"last_updated":%q,"is_private":false,"timestamp":%q}`,
				namespace, namespace, name, total, 12-day, 1000+day, pushed.Format(time.RFC3339), at.Add(time.Duration(i)*11*time.Hour).Format(time.RFC3339)))
		}
	}
	return payloads
}

// metrics is what the daemon answers.
func (o *observed) metrics() string {
	o.t.Helper()
	var text string
	if status := o.get("/metrics", &text); status != http.StatusOK {
		o.t.Fatalf("/metrics answered %d", status)
	}
	return text
}

// read takes from history what it has.
func (o *observed) read() {
	o.t.Helper()
	o.all = nil
	for _, r := range [][2]string{{"team", "app"}, {"team", "tool"}, {"other", "app"}} {
		var series struct{ Samples []observation }
		if o.get("/api/v1/repositories/"+r[0]+"/"+r[1]+"/series", &series) != http.StatusOK {
			continue
		}
		for _, s := range series.Samples {
			s.Namespace, s.Name = r[0], r[1]
			o.all = append(o.all, s)
		}
	}
	slices.SortStableFunc(o.all, func(a, b observation) int { return a.Timestamp.Compare(b.Timestamp) })
}

// repositories are all "namespace/name".
func (o *observed) repositories() []string {
	var all []string
	for _, s := range o.all {
		all = append(all, s.Namespace+"/"+s.Name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// totalAt is the total of the newest snapshot of a repository at a time.
func (o *observed) totalAt(repository string, at time.Time) (total int64, known bool) {
	for _, s := range o.all {
		if s.Namespace+"/"+s.Name == repository && !s.Timestamp.After(at) {
			total, known = s.PullCount, true
		}
	}
	return total, known
}

// newest is the newest snapshot of a repository.
func (o *observed) newest(repository string) (newest observation) {
	for _, s := range o.all {
		if s.Namespace+"/"+s.Name == repository {
			newest = s
		}
	}
	return newest
}

// dashboard is what the tests look at in one of Grafana.
type dashboard struct {
	UID           string
	SchemaVersion int
	Templating    struct {
		List []struct {
			Name, Type, Definition, AllValue string
			Query                            json.RawMessage
		}
	}
	Annotations struct{ List []annotation }
	Panels      []dashboardPanel
}

type dashboardPanel struct {
	ID                       int
	Type, Title, Description string
	Datasource               source
	GridPos                  struct{ H, W, X, Y int }
	Targets                  []panelTarget
}

type source struct{ Type, UID string }

type annotation struct {
	Name, Query, TimeField, TextField, TagsField, Expr string
	Datasource                                         source
}

// panelTarget is one query, of either data source.
type panelTarget struct {
	RefID, Query, TimeField, QueryType, Expr string
	Datasource                               source
	Metrics                                  []metricAgg
	BucketAggs                               []bucketAgg
	Instant                                  bool
}

type metricAgg struct {
	ID, Type, Field string
	Settings        map[string]any
}

type bucketAgg struct {
	ID, Type, Field string
	Settings        map[string]string
}

const grafana = "../deploy/grafana/"

func readDashboard(t *testing.T, name string) dashboard {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(grafana, "dashboards", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if d.UID != name || len(d.Panels) == 0 || len(d.Annotations.List) == 0 {
		t.Fatalf("%s: read %+v", name, d)
	}
	return d
}

// fields are the columns that a sample has for a field of the documents.
func (s observation) field(t *testing.T, name string) float64 {
	t.Helper()
	switch name {
	case "pull_count":
		return float64(s.PullCount)
	case "star_count":
		return float64(s.StarCount)
	case "storage_size":
		return float64(s.StorageSize)
	case "timestamp":
		return float64(s.Timestamp.UnixMilli())
	case "last_updated":
		return float64(s.LastUpdated.UnixMilli())
	}
	t.Fatalf("history has no field %q", name)
	return 0
}

// reduced is what an aggregation makes of the samples.
func reduced(t *testing.T, kind, field string, samples []observation) float64 {
	t.Helper()
	least := func(a, b observation) int { return cmp.Compare(a.field(t, field), b.field(t, field)) }
	switch kind {
	case "max":
		return slices.MaxFunc(samples, least).field(t, field)
	case "min":
		return slices.MinFunc(samples, least).field(t, field)
	}
	t.Fatalf("an aggregation %q that the test does not know", kind)
	return 0
}

// chosen replaces what Grafana replaces in a query.
func chosen(query string, values map[string]string) string {
	for name, value := range values {
		query = strings.ReplaceAll(query, "$"+name, value)
	}
	return query
}
