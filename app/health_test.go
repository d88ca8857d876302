package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/control"
	"pulltrail/internal/datadir"
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
	hub := hubtest.New(t)
	hub.Set("library/nginx", 3)
	cfg := settings(t, hub, "nginx")
	cfg.Collector.RunOnStart = false
	cfg.Indexer.OpenSearch.URLs = []string{refusing(t)}
	d := start(t, cfg)
	summary, err := control.NewClient(datadir.ControlSocket(cfg.DataDir)).Collect(t.Context(), nil, patience, func(control.Result) {})
	if err != nil || summary.Succeeded != 1 || !strings.Contains(summary.Undelivered, "opensearch has refused 1 ") {
		t.Errorf("collect: %+v, %v", summary, err)
	}
	var ready readiness
	d.get("/-/ready", &ready)
	if ok, detail := ready.part("opensearch after history"); !ok || !strings.Contains(detail, "1 have become dead letters") {
		t.Errorf("opensearch: %v, %q", ok, detail)
	}
}

// refusing is an OpenSearch that takes no document for its content.
func refusing(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		switch {
		case err != nil:
		case r.URL.Path == "/":
			_, _ = fmt.Fprint(w, `{"version":{"number":"3.4.0"}}`)
		case r.Method == http.MethodPut:
			_, _ = fmt.Fprint(w, `{"acknowledged":true}`)
		default:
			const item = `{"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no"}}}`
			items := strings.Repeat(","+item, strings.Count(string(body), "\n")/2)
			_, _ = fmt.Fprintf(w, `{"errors":true,"items":[%s]}`, strings.TrimPrefix(items, ","))
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}
