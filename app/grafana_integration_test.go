//go:build integration

package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"pulltrail/internal/config"
)

// everything is what the variables are when all is chosen; some is a choice of two.
var (
	everything = map[string]string{"namespace": "*", "repository": "*"}
	some       = map[string]string{"namespace": `("team" OR "nobody")`, "repository": `("app" OR "tool")`}
)

// aggregation is the body of one, or of those below it.
type aggregation = map[string]any

// searchBody is what Grafana's data source for OpenSearch sends for a target.
func searchBody(t *testing.T, target panelTarget, from, to time.Time, variables map[string]string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"size": 0,
		"query": aggregation{"bool": aggregation{"filter": []any{
			aggregation{"range": aggregation{target.TimeField: aggregation{"gte": from.UnixMilli(), "lte": to.UnixMilli(), "format": "epoch_millis"}}},
			aggregation{"query_string": aggregation{"analyze_wildcard": true, "query": chosen(target.Query, variables)}},
		}}},
		"aggs": nested(t, target, from, to, target.BucketAggs),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// nested are the buckets, each within the one before, and the metrics in the last.
func nested(t *testing.T, target panelTarget, from, to time.Time, buckets []bucketAgg) aggregation {
	t.Helper()
	if len(buckets) == 0 {
		return metricsOf(target)
	}
	b := buckets[0]
	number := func(key string) int {
		n, err := strconv.Atoi(b.Settings[key])
		if err != nil {
			t.Fatalf("%s of %s: %v", key, b.Field, err)
		}
		return n
	}
	inner := aggregation{"aggs": nested(t, target, from, to, buckets[1:])}
	switch b.Type {
	case "terms":
		inner["terms"] = aggregation{
			"field": b.Field, "size": number("size"), "min_doc_count": number("min_doc_count"),
			"order": aggregation{b.Settings["orderBy"]: b.Settings["order"]},
		}
	case "date_histogram":
		inner["date_histogram"] = aggregation{
			"field": b.Field, "interval": b.Settings["interval"], "min_doc_count": number("min_doc_count"), "format": "epoch_millis",
			"extended_bounds": aggregation{"min": from.UnixMilli(), "max": to.UnixMilli()},
		}
	default:
		t.Fatalf("buckets %q that the test does not know", b.Type)
	}
	return aggregation{b.ID: inner}
}

func metricsOf(target panelTarget) aggregation {
	all := aggregation{}
	for _, m := range target.Metrics {
		what := aggregation{"field": m.Field}
		if m.overBuckets() {
			what = aggregation{"buckets_path": m.Field}
		}
		maps.Copy(what, m.Settings)
		all[m.ID] = aggregation{m.Type: what}
	}
	return all
}

// bucket is one of the innermost ones: the keys that lead to it, and its metrics.
type bucket struct {
	keys   []any
	values map[string]float64 // by metric; without those that are null
}

// leaves flattens the aggregations of an answer.
func leaves(t *testing.T, target panelTarget, within map[string]json.RawMessage, keys []any) []bucket {
	t.Helper()
	if len(keys) == len(target.BucketAggs) {
		b := bucket{keys: keys, values: map[string]float64{}}
		for _, m := range target.Metrics {
			var v struct{ Value *float64 }
			if raw, ok := within[m.ID]; ok && json.Unmarshal(raw, &v) == nil && v.Value != nil {
				b.values[m.ID] = *v.Value
			}
		}
		return []bucket{b}
	}
	var level struct{ Buckets []map[string]json.RawMessage }
	if err := json.Unmarshal(within[target.BucketAggs[len(keys)].ID], &level); err != nil {
		t.Fatal(err)
	}
	var all []bucket
	for _, b := range level.Buckets {
		var key any
		if err := json.Unmarshal(b["key"], &key); err != nil {
			t.Fatal(err)
		}
		all = append(all, leaves(t, target, b, append(slices.Clone(keys), key))...)
	}
	return all
}

// run asks OpenSearch what a panel shows.
func (o *observed) run(target panelTarget, from, to time.Time, variables map[string]string) []bucket {
	o.t.Helper()
	body := searchBody(o.t, target, from, to, variables)
	status, answer := o.search.do(http.MethodPost, "/"+o.index+"/_search", body)
	var found struct {
		Aggregations map[string]json.RawMessage
	}
	if err := json.Unmarshal(answer, &found); err != nil || status != http.StatusOK {
		o.t.Fatalf("%s answered %d %s: %v", body, status, answer, err)
	}
	return leaves(o.t, target, found.Aggregations, nil)
}

// within are the samples of history that a bucket must have been made of.
func (o *observed) within(target panelTarget, b bucket, samples []observation) []observation {
	o.t.Helper()
	return slices.DeleteFunc(slices.Clone(samples), func(s observation) bool {
		for i, agg := range target.BucketAggs {
			switch agg.Field {
			case "namespace":
				if b.keys[i] != s.Namespace {
					return true
				}
			case "name":
				if b.keys[i] != s.Name {
					return true
				}
			case "last_updated":
				if b.keys[i] != s.field(o.t, agg.Field) {
					return true
				}
			case "timestamp":
				if b.keys[i] != float64(s.Timestamp.Truncate(24*time.Hour).UnixMilli()) {
					return true
				}
			default:
				o.t.Fatalf("buckets of %q that the test does not know", agg.Field)
			}
		}
		return false
	})
}

// check compares what a panel shows with what history has; it returns how many numbers.
func (o *observed) check(title string, target panelTarget, from, to time.Time, variables map[string]string, takes func(observation) bool) int {
	o.t.Helper()
	samples := slices.DeleteFunc(slices.Clone(o.all), func(s observation) bool { return s.Timestamp.Before(from) || s.Timestamp.After(to) || !takes(s) })
	numbers, seen := 0, 0
	before := map[string]float64{} // what was in the bucket before, by what is in front of the day
	for _, b := range o.run(target, from, to, variables) {
		mine := o.within(target, b, samples)
		seen += len(mine)
		for _, m := range target.Metrics {
			got, shown := b.values[m.ID]
			var want float64
			known := len(mine) > 0
			switch {
			case m.overBuckets():
				want, known = o.difference(before, target, b, m, mine)
			case known:
				want = reduced(o.t, m.Type, m.Field, mine)
			}
			if shown != known || got != want {
				o.t.Errorf("%s, %v: %s %s is %v (%t), history has %v (%t)", title, b.keys, m.Type, m.Field, got, shown, want, known)
			}
			if shown {
				numbers++
			}
		}
	}
	if seen != len(samples) {
		o.t.Errorf("%s shows %d snapshots, history has %d", title, seen, len(samples))
	}
	return numbers
}

// overBuckets says that it is made of another metric of several buckets.
func (m metricAgg) overBuckets() bool { return m.Type == "derivative" || m.Type == "moving_fn" }

// difference is what history has grown by from the bucket before to b. Empty buckets are
// passed over, except that OpenSearch knows no derivative behind one.
func (o *observed) difference(before map[string]float64, target panelTarget, b bucket, m metricAgg, mine []observation) (want float64, known bool) {
	o.t.Helper()
	path := fmt.Sprint(b.keys[:len(b.keys)-1])
	last, known := before[path]
	if len(mine) == 0 {
		if m.Type == "derivative" {
			delete(before, path)
		}
		return 0, false
	}
	of := target.Metrics[slices.IndexFunc(target.Metrics, func(other metricAgg) bool { return other.ID == m.Field })]
	before[path] = reduced(o.t, of.Type, of.Field, mine)
	if !known {
		return 0, false
	}
	return before[path] - last, true
}

func TestThePanelsForOpenSearchShowWhatHistoryHas(t *testing.T) {
	o := observe(t)
	d := readDashboard(t, "pulltrail-opensearch")
	to := time.Now()
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			for name, from := range map[string]time.Time{"a month": to.AddDate(0, 0, -30), "four days": to.AddDate(0, 0, -4)} {
				title := fmt.Sprintf("%q of %s", p.Title, name)
				if o.check(title, target, from, to, everything, func(observation) bool { return true }) == 0 {
					t.Errorf("%s shows nothing", title)
				}
				o.check(title+" of a team", target, from, to, some, func(s observation) bool { return s.Namespace == "team" })
			}
		}
	}
	o.checkDays(d, to)
	o.checkPushes(d, to)
	o.checkVariables(d)
}

// checkDays holds the panel of pulls per day against differences that are made by hand.
func (o *observed) checkDays(d dashboard, to time.Time) {
	o.t.Helper()
	i := slices.IndexFunc(d.Panels, func(p dashboardPanel) bool { return p.Title == "Pulls per day" })
	if i < 0 {
		o.t.Fatal("no panel of pulls per day")
	}
	shown := map[string]float64{}
	for _, b := range o.run(d.Panels[i].Targets[0], to.AddDate(0, 0, -30), to, everything) {
		shown[fmt.Sprintf("%s/%s", b.keys[0], b.keys[1])] += b.values["2"]
	}
	for _, r := range o.repositories() {
		first, newest := o.firstDay(r), o.newest(r).PullCount
		if shown[r] != float64(newest-first) || shown[r] == 0 {
			o.t.Errorf("%s: the days add up to %v, history to %d", r, shown[r], newest-first)
		}
	}
}

// firstDay is the greatest total of a repository on its first day.
func (o *observed) firstDay(repository string) (total int64) {
	var day time.Time
	for _, s := range o.all {
		if s.Namespace+"/"+s.Name != repository {
			continue
		}
		if of := s.Timestamp.UTC().Truncate(24 * time.Hour); day.IsZero() || of.Equal(day) {
			day, total = of, max(total, s.PullCount)
		}
	}
	return total
}

// checkPushes runs the annotations: one hit for each snapshot that tells of a push.
func (o *observed) checkPushes(d dashboard, to time.Time) {
	o.t.Helper()
	a := d.Annotations.List[0]
	from := to.AddDate(0, 0, -30)
	body, err := json.Marshal(aggregation{"size": 10000, "query": aggregation{"bool": aggregation{"filter": []any{
		aggregation{"bool": aggregation{"minimum_should_match": 1, "should": []any{
			aggregation{"range": aggregation{a.TimeField: aggregation{"from": from.UnixMilli(), "to": to.UnixMilli(), "format": "epoch_millis"}}},
		}}},
		aggregation{"query_string": aggregation{"query": chosen(a.Query, everything)}},
	}}}})
	if err != nil {
		o.t.Fatal(err)
	}
	status, answer := o.search.do(http.MethodPost, "/"+o.index+"/_search", string(body))
	var found struct {
		Hits struct {
			Hits []struct {
				Source map[string]any `json:"_source"`
			}
		}
	}
	if err := json.Unmarshal(answer, &found); err != nil || status != http.StatusOK {
		o.t.Fatalf("the annotations: %d %s: %v", status, answer, err)
	}
	shown, want := map[string]bool{}, map[string]bool{}
	for _, hit := range found.Hits.Hits {
		at, err := time.Parse(time.RFC3339, fmt.Sprint(hit.Source[a.TimeField]))
		if err != nil {
			o.t.Fatal(err)
		}
		shown[fmt.Sprint(hit.Source[a.TagsField], "/", hit.Source[a.TextField], at.UTC())] = true
	}
	for _, s := range o.all {
		if s.LastUpdated.After(from) {
			want[fmt.Sprint(s.Namespace, "/", s.Name, s.LastUpdated.UTC())] = true
		}
	}
	if len(want) < 9 || !maps.Equal(shown, want) {
		o.t.Errorf("the pushes %v, history has %v", shown, want)
	}
}

// checkVariables asks for the values as Grafana does.
func (o *observed) checkVariables(d dashboard) {
	o.t.Helper()
	want := map[string][]string{"namespace": {"other", "team"}, "repository": {"app", "tool"}}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		var text string
		var find struct{ Find, Field, Query string }
		if err := json.Unmarshal(v.Query, &text); err != nil {
			o.t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), &find); err != nil || find.Find != "terms" || v.AllValue != everything[v.Name] {
			o.t.Fatalf("%s: %s: %v", v.Name, text, err)
		}
		target := panelTarget{TimeField: "timestamp", Query: find.Query, BucketAggs: []bucketAgg{
			{ID: "1", Type: "terms", Field: find.Field, Settings: map[string]string{"size": "1000", "min_doc_count": "1", "orderBy": "_key", "order": "asc"}},
		}}
		var got []string
		for _, b := range o.run(target, time.Now().AddDate(0, 0, -30), time.Now(), everything) {
			got = append(got, fmt.Sprint(b.keys[0]))
		}
		if !slices.Equal(got, want[v.Name]) {
			o.t.Errorf("the variable %s has %q, want %q", v.Name, got, want[v.Name])
		}
	}
}

// The fields of the tutorial's mapping by what a dashboard may do with them.
var tutorialFields = map[string]string{
	"timestamp": "date", "user": "keyword", "name": "keyword", "repository_type": "keyword", "status": "number", "status_description": "keyword",
	"is_private": "boolean", "is_automated": "boolean", "star_count": "number", "pull_count": "number", "last_updated": "date", "last_modified": "date",
	"date_registered": "date", "collaborator_count": "number", "affiliation": "keyword", "hub_user": "keyword", "has_starred": "boolean",
	"immutable_tags": "boolean", "immutable_tags_rules": "keyword", "storage_size": "number",
	"namespace": "keyword",
}

// TestTheTutorialsDashboardWorksOnOurIndices is about "Docker image pulls", 24696.
func TestTheTutorialsDashboardWorksOnOurIndices(t *testing.T) {
	o := observe(t)
	_, answer := o.search.do(http.MethodGet, "/"+o.index+"/_field_caps?fields=*", "")
	var caps struct {
		Fields map[string]map[string]struct{ Searchable, Aggregatable bool }
	}
	if err := json.Unmarshal(answer, &caps); err != nil {
		t.Fatal(err)
	}
	for field, want := range tutorialFields {
		types := slices.Collect(maps.Keys(caps.Fields[field]))
		if len(types) != 1 {
			t.Errorf("%s has the types %v", field, types)
			continue
		}
		is := types[0]
		if is == "long" || is == "integer" {
			is = "number"
		}
		if can := caps.Fields[field][types[0]]; is != want || !can.Aggregatable || !can.Searchable {
			t.Errorf("%s is %s (%+v), want %s", field, types[0], can, want)
		}
	}
	// What the tutorial shows: totals by the name alone, and what they grow by.
	day := bucketAgg{ID: "2", Type: "date_histogram", Field: "timestamp", Settings: map[string]string{"interval": "1d", "min_doc_count": "0"}}
	name := bucketAgg{ID: "3", Type: "terms", Field: "name", Settings: map[string]string{"size": "10", "min_doc_count": "1", "orderBy": "_key", "order": "desc"}}
	to := time.Now()
	for _, field := range []string{"pull_count", "star_count"} {
		target := panelTarget{
			TimeField: "timestamp", Query: "*", BucketAggs: []bucketAgg{name, day},
			Metrics: []metricAgg{{ID: "1", Type: "max", Field: field}, {ID: "4", Type: "derivative", Field: "1"}},
		}
		if o.check("the tutorial's "+field, target, to.AddDate(0, 0, -30), to, everything, func(observation) bool { return true }) == 0 {
			t.Errorf("the tutorial's %s shows nothing", field)
		}
	}
}

func TestGrafanaIsProvisionedForOurIndices(t *testing.T) {
	var provisioned struct {
		Datasources []struct {
			Type     string
			JSONData struct {
				Database  string
				TimeField string `yaml:"timeField"`
			} `yaml:"jsonData"`
		}
	}
	text, err := os.ReadFile(grafana + "provisioning/datasources/pulltrail.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &provisioned); err != nil {
		t.Fatal(err)
	}
	types := map[string]int{}
	for i, s := range provisioned.Datasources {
		types[s.Type] = i
	}
	d := provisioned.Datasources[types["grafana-opensearch-datasource"]]
	if len(types) != 2 || d.JSONData.Database != "dockerhub-repositories-metrics-*" || d.JSONData.TimeField != "timestamp" {
		t.Errorf("the data sources: %+v", provisioned)
	}
	cfg := config.Default()
	for _, r := range cfg.Indexer.EffectiveRoutes(cfg.MQTT.OwnFilter()) {
		if !strings.HasPrefix(r.Index, strings.TrimSuffix(d.JSONData.Database, "*")) {
			t.Errorf("the index %s is not in the pattern %s", r.Index, d.JSONData.Database)
		}
	}
	for _, name := range []string{"pulltrail-opensearch", "pulltrail-prometheus"} {
		readDashboard(t, name).check(t, types)
	}
}

// check looks for what Grafana would not show: panels that overlap or have no source.
func (d dashboard) check(t *testing.T, types map[string]int) {
	t.Helper()
	taken := map[[2]int]string{}
	ids := map[int]bool{}
	for _, p := range d.Panels {
		if _, known := types[p.Datasource.Type]; !known || ids[p.ID] || p.Title == "" || p.Description == "" || len(p.Targets) == 0 {
			t.Errorf("%s: panel %d %q", d.UID, p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s: %q is where %q is", d.UID, p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}
