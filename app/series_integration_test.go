//go:build integration

package app_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pulltrail/indexer"
	"pulltrail/internal/hubtest"
)

// point is one sample of the recorded series.
type point struct {
	at      time.Time
	pulls   int64
	stars   int64
	updated string
}

// recordedSeries is a real counter over three years, taken when something had changed.
func recordedSeries(t *testing.T) []point {
	t.Helper()
	dir := os.Getenv("PULLTRAIL_RECORDED")
	if dir == "" {
		t.Skip("PULLTRAIL_RECORDED does not name a folder of recorded answers, beside which the series are")
	}
	files, err := filepath.Glob(filepath.Join(dir, "..", "series", "*.csv"))
	if err != nil || len(files) != 1 {
		t.Fatalf("series: %v, %v", files, err)
	}
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var points []point
	for _, row := range rows[1:] {
		at, err := time.Parse(time.RFC3339, row[0])
		if err != nil {
			t.Fatal(err)
		}
		pulls, err1 := strconv.ParseInt(row[1], 10, 64)
		stars, err2 := strconv.ParseInt(row[2], 10, 64)
		if err1 != nil || err2 != nil {
			t.Fatal(row, err1, err2)
		}
		points = append(points, point{at.UTC(), pulls, stars, row[3]})
	}
	return points
}

// wire is the point as the tutorial's job publishes it: with a timestamp and no slot.
func (p point) wire() []byte {
	return fmt.Appendf(nil, `{"user":"datasetteproject","name":"datasette","namespace":"datasetteproject","pull_count":%d,"star_count":%d,"last_updated":%q,"timestamp":%q}`,
		p.pulls, p.stars, p.updated, p.at.Format(time.RFC3339))
}

// TestARecordedSeriesIsTheSameEverywhere replays it through the broker: history and
// OpenSearch agree with it sample by sample.
func TestARecordedSeriesIsTheSameEverywhere(t *testing.T) {
	points := recordedSeries(t)
	hub := hubtest.New(t)
	cfg, index := chain(t, hub, "a/b")
	cfg.Indexer.Routes = []indexer.Route{{Topic: cfg.MQTT.Topic + "/#", Kind: indexer.KindSnapshot, Index: index + "-{Y}"}}
	d := start(t, cfg)
	var ready string
	eventually(t, "readiness", func() bool {
		return d.get("/-/ready", &ready) == http.StatusOK && !strings.Contains(ready, "not subscribed")
	})
	want := map[string]point{}
	var payloads [][]byte
	for _, p := range points {
		key := p.at.Format(time.RFC3339)
		if _, twice := want[key]; twice {
			continue // the first of a moment wins
		}
		want[key] = p
		payloads = append(payloads, p.wire())
	}
	publish(t, cfg.MQTT.URL, cfg.MQTT.Topic+"/datasetteproject/datasette", payloads...)

	type sample struct {
		Timestamp   time.Time
		PullCount   int64  `json:"pull_count"`
		StarCount   int64  `json:"star_count"`
		LastUpdated string `json:"last_updated"`
	}
	var kept struct{ Samples []sample }
	eventually(t, "the series in history", func() bool {
		d.get("/api/v1/repositories/datasetteproject/datasette/series", &kept)
		return len(kept.Samples) == len(want)
	})
	check := func(where string, s sample) {
		p, ok := want[s.Timestamp.UTC().Format(time.RFC3339)]
		updated, err := time.Parse(time.RFC3339Nano, s.LastUpdated)
		recorded, err2 := time.Parse(time.RFC3339Nano, p.updated)
		if !ok || s.PullCount != p.pulls || s.StarCount != p.stars || err != nil || err2 != nil || !updated.Equal(recorded) {
			t.Errorf("%s has %+v, recorded was %+v", where, s, p)
		}
	}
	for _, s := range kept.Samples {
		check("history", s)
	}
	search := elastic{t: t, base: cfg.Indexer.OpenSearch.URLs[0]}
	var stored map[string]json.RawMessage
	eventually(t, "the series in OpenSearch", func() bool {
		stored = search.documents(index + "-*")
		return len(stored) == len(want)
	})
	for id, source := range stored {
		var s sample
		if err := json.Unmarshal(source, &s); err != nil {
			t.Fatal(err)
		}
		if id != "datasetteproject/datasette@"+s.Timestamp.UTC().Format(time.RFC3339) {
			t.Errorf("the id %s of %s", id, source)
		}
		check("OpenSearch", s)
	}
	t.Logf("%d samples, from %s to %s", len(want), points[0].at, points[len(points)-1].at)
}
