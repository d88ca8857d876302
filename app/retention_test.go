package app

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/indexer"
	"pulltrail/internal/config"
	"pulltrail/scheduler"
)

func TestTheJobDeletesWhatIsTooOld(t *testing.T) {
	year := time.Now().UTC().Year()
	deleted := make(chan string, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodDelete:
			deleted <- r.URL.Path
			_, _ = fmt.Fprint(w, `{"acknowledged":true}`)
		case strings.HasPrefix(r.URL.Path, "/_cat/health"):
			_, _ = fmt.Fprintf(w, `[{"epoch":"%d"}]`, time.Now().Unix())
		default:
			var indices []string
			for y := year - 3; y <= year; y++ {
				indices = append(indices, fmt.Sprintf(`"s-%d":{"settings":{"index.creation_date":"1767225600000"}}`, y))
			}
			_, _ = fmt.Fprintf(w, "{%s}", strings.Join(indices, ","))
		}
	}))
	defer s.Close()
	cfg := config.Default()
	cfg.Indexer.OpenSearch.URLs = []string{s.URL}
	cfg.Indexer.Routes = []indexer.Route{{Topic: "s/#", Kind: indexer.KindDocument, Index: "s-{Y}", Keep: "2y"}}
	sink, err := cfg.Indexer.Clusters()[0].Open(indexer.ClusterOptions{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	in := &intake{clusters: []*indexer.Cluster{sink}, log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry()}
	jobs, err := in.retention(cfg)
	if err != nil || len(jobs) != 1 || jobs[0].RunOnStart {
		t.Fatalf("%+v, %v", jobs, err)
	}
	if _, err := scheduler.New(scheduler.Options{Log: in.log, Registerer: in.registry}, jobs...); err != nil {
		t.Error(err)
	}
	if err := jobs[0].Job(t.Context(), scheduler.Run{}); err != nil {
		t.Error(err)
	}
	close(deleted)
	var gone []string
	for path := range deleted {
		gone = append(gone, path)
	}
	if !slices.Equal(gone, []string{fmt.Sprintf("/s-%d", year-3)}) {
		t.Errorf("deleted %v", gone)
	}
	if err := sink.Close(); err != nil {
		t.Error(err)
	}
}
