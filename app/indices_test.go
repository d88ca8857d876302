package app_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pulltrail/indexer"
	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/datadir"
	"pulltrail/internal/hubtest"
)

// away is a cluster that is not there.
func away(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	return s.URL
}

func TestIndicesAreDeletedByAgeOnlyWhereARouteSaysSo(t *testing.T) {
	hub := hubtest.New(t)
	for _, tt := range []struct {
		name, mode, keep string
		want             []string // the jobs
	}{
		{"off by default", config.ModeBoth, "", []string{"collect"}},
		{"beside collecting", config.ModeBoth, "90d", []string{"collect", "retention"}},
		{"without collecting", config.ModeIndexer, "90d", []string{"retention"}},
		{"neither", config.ModeIndexer, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := half(t, tt.mode, meeting(t), hub)
			cfg.Collector.RunOnStart = false
			cfg.Indexer.OpenSearch.URLs = []string{away(t)}
			cfg.Indexer.Routes = []indexer.Route{{Topic: "s/{room}", Kind: indexer.KindDocument, Index: "s-{Y}", Keep: tt.keep}}
			d := start(t, cfg)
			defer func() {
				if err := d.stop(); err != nil {
					t.Error(err)
				}
			}()
			var metrics, page string
			d.get("/metrics", &metrics)
			var jobs []string
			for _, job := range []string{"collect", "retention"} {
				if strings.Contains(metrics, `pulltrail_scheduler_next_slot_timestamp_seconds{name="`+job+`"}`) {
					jobs = append(jobs, job)
				}
			}
			if strings.Join(jobs, " ") != strings.Join(tt.want, " ") {
				t.Errorf("jobs %v, want %v", jobs, tt.want)
			}
			if d.get("/", &page); !strings.Contains(page, "<html") {
				t.Errorf("the page is %.200s", page)
			}
			client := control.NewClient(datadir.ControlSocket(cfg.DataDir))
			if err := client.ForgetIndices(t.Context(), "opensearch", []string{"s-2026"}); err != nil {
				t.Error(err)
			}
		})
	}
}
