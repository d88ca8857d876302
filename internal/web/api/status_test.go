package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/web/access"
)

// operations is a process that does what a test says.
type operations struct {
	status Status
	err    error
	begun  int
}

func (o *operations) Status(context.Context) (Status, error) {
	if o.status.Causes == nil {
		o.status.Causes, o.status.DeadLetters, o.status.Sinks = map[string]int{}, map[string]int{}, []Sink{}
	}
	return o.status, o.err
}

func (o *operations) Collect(context.Context) error {
	if o.err == nil {
		o.begun++
	}
	return o.err
}

// busy has something of everything.
func busy() *operations {
	next := slot.Add(24 * time.Hour)
	return &operations{status: Status{
		Version: "v1.2.3", Running: true, Next: &next, Tracked: 3, Causes: map[string]int{"not_found": 2},
		Last:      &Run{Slot: slot, Started: slot, Finished: slot.Add(time.Second), Succeeded: 1, Failed: 2, Requests: 3},
		DockerHub: &Limits{Limit: 180, Remaining: 177, Reset: slot.Add(time.Minute)}, DeadLetters: map[string]int{"opensearch": 4},
		Sinks: []Sink{{Sink: "opensearch", Log: "history", Since: slot, Behind: 7, LagSeconds: 1.5}},
	}}
}

func TestStatus(t *testing.T) {
	opts := optionsFor(&memory{}, slog.New(slog.DiscardHandler))
	const idle = `{"version":"","running":false,"next":null,"last":null,"tracked":0,"causes":{},"docker_hub":null,"dead_letters":{},"sinks":[]}`
	for want, o := range map[string]*operations{
		idle: {},
		`{"version":"v1.2.3","running":true,"next":"2026-11-24T01:00:00Z","last":{"slot":"2026-11-23T01:00:00Z","started":"2026-11-23T01:00:00Z","finished":"2026-11-23T01:00:01Z","succeeded":1,"skipped":0,"failed":2,"requests":3},` +
			`"tracked":3,"causes":{"not_found":2},"docker_hub":{"limit":180,"remaining":177,"reset":"2026-11-23T01:01:00Z"},"dead_letters":{"opensearch":4},` +
			`"sinks":[{"sink":"opensearch","log":"history","ok":false,"since":"2026-11-23T01:00:00Z","behind":7,"lag_seconds":1.5}]}`: busy(),
	} {
		opts.Operations = o
		if diff := cmp.Diff(want+"\n", ask(New(opts), http.MethodGet, "/api/v1/status").Body.String()); diff != "" {
			t.Error(diff)
		}
	}
	opts.Operations = &operations{err: errors.New("secret")}
	wantProblem(t, ask(New(opts), http.MethodGet, "/api/v1/status"), 500, "log")
}

func TestCollect(t *testing.T) {
	may, mayNot := access.Visitor{MayAct: true}, access.Visitor{Authenticated: true}
	for name, c := range map[string]struct {
		visitor access.Visitor
		site    string // Sec-Fetch-Site
		err     error
		status  int
		says    string
	}{
		"a run begins":                               {visitor: may, status: 202, says: `{"running":true}`},
		"also from the own page":                     {visitor: may, site: "same-origin", status: 202, says: `{"running":true}`},
		"who may only read is refused":               {visitor: mayNot, status: 403, says: "sign in"},
		"a stranger is refused":                      {status: 403, says: "sign in"},
		"another site is refused":                    {visitor: may, site: "cross-site", status: 403, says: "another site"},
		"a sibling is another site":                  {visitor: may, site: "same-site", status: 403, says: "another site"},
		"one run at a time":                          {visitor: may, err: ErrRunning, status: 409, says: "under way"},
		"what fails is in the log and in no answer":  {visitor: may, err: errors.New("secret"), status: 500, says: "log"},
		"who may only read does not learn of a run ": {visitor: mayNot, err: ErrRunning, status: 403, says: "sign in"},
	} {
		t.Run(name, func(t *testing.T) {
			opts := optionsFor(&memory{}, slog.New(slog.DiscardHandler))
			o := &operations{err: c.err}
			opts.Operations = o
			r := httptest.NewRequest(http.MethodPost, "/api/v1/collect", nil)
			r.Header.Set("Sec-Fetch-Site", c.site)
			w := httptest.NewRecorder()
			New(opts).ServeHTTP(w, r.WithContext(access.With(r.Context(), c.visitor)))
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			if begun := o.begun == 1; begun != (c.status == 202) {
				t.Errorf("%d runs have begun", o.begun)
			}
		})
	}
}
