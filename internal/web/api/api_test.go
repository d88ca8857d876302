package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/web/access"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ History = (*history.Store)(nil)

// memory is a History in memory.
type memory struct {
	repositories []history.Repository
	samples      []history.Sample
	err          error

	from, to time.Time // what Series or Around was asked for
}

func (s *memory) Repositories(context.Context) ([]history.Repository, error) {
	return s.repositories, s.err
}

func (s *memory) Repository(_ context.Context, r hub.Repository) (history.Repository, bool, error) {
	for _, known := range s.repositories {
		if known.Repository == r {
			return known, true, s.err
		}
	}
	return history.Repository{}, false, s.err
}

func (s *memory) Series(_ context.Context, _ hub.Repository, from, to time.Time, limit int) ([]history.Sample, error) {
	s.from, s.to = from, to
	return s.samples[:min(limit, len(s.samples))], s.err
}

func (s *memory) Around(_ context.Context, _ hub.Repository, from, to time.Time, limit int) ([]history.Sample, error) {
	s.from, s.to = from, to
	return s.samples[:min(limit, len(s.samples))], s.err
}

func (s *memory) Updates(_ context.Context, _ hub.Repository, limit int) ([]history.Sample, error) {
	return s.samples[:min(limit, len(s.samples))], s.err
}

var slot = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)

// stored is a repository whose newest snapshot was decoded from Docker Hub's members.
func stored(t *testing.T, members string) history.Repository {
	t.Helper()
	s, err := hub.Decode([]byte("{"+members+"}"), slot.Add(1500*time.Millisecond), slot)
	if err != nil {
		t.Fatal(err)
	}
	return history.Repository{Repository: s.Repository, Private: s.Private, Newest: s}
}

func sampleMemory(t *testing.T) *memory {
	t.Helper()
	stars, pushed := int64(21119), time.Date(2026, 11, 20, 3, 4, 5, 678901000, time.FixedZone("CET", 3600))
	return &memory{
		repositories: []history.Repository{
			stored(t, `"namespace":"library","name":"nginx","pull_count":12916987208,"star_count":21119,"storage_size":488723114800,"last_updated":"2026-11-20T02:04:05.678901Z","description":"Official <b> & more"`),
			stored(t, `"namespace":"hidden","name":"plans","pull_count":3,"is_private":true`),
			stored(t, `"namespace":"a","name":"largest","pull_count":9223372036854775807,"last_updated":null,"description":null`),
		},
		samples: []history.Sample{
			{Timestamp: slot.Add(-24 * time.Hour), Slot: slot.Add(-24 * time.Hour), PullCount: 9007199254740993},
			{Timestamp: slot.Add(1500 * time.Millisecond), Slot: slot, PullCount: 12916987208, StarCount: &stars, StorageSize: new(int64), LastUpdated: &pushed},
		},
	}
}

func optionsFor(h History, log *slog.Logger, tracked ...hub.Repository) Options {
	return Options{
		History: h, Roster: fates(tracked),
		MaxGap: func() time.Duration { return 48 * time.Hour }, Log: log,
	}
}

func handlerOf(h History, tracked ...hub.Repository) http.Handler {
	return New(optionsFor(h, slog.New(slog.DiscardHandler), tracked...))
}

func ask(h http.Handler, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

const (
	nginx   = `{"namespace":"library","name":"nginx","pull_count":12916987208,"star_count":21119,"storage_size":488723114800,"last_updated":"2026-11-20T02:04:05.678901Z","timestamp":"2026-11-23T01:00:01.5Z","slot":"2026-11-23T01:00:00Z","description":"Official \u003cb\u003e \u0026 more","tracked":true,"cause":null,"message":null,"gone":false}`
	largest = `{"namespace":"a","name":"largest","pull_count":9223372036854775807,"star_count":null,"storage_size":null,"last_updated":null,"timestamp":"2026-11-23T01:00:01.5Z","slot":"2026-11-23T01:00:00Z","description":null,"tracked":false,"cause":null,"message":null,"gone":false}`
	unseen  = `{"namespace":"b","name":"unseen","pull_count":null,"star_count":null,"storage_size":null,"last_updated":null,"timestamp":null,"slot":null,"description":null,"tracked":true,"cause":null,"message":null,"gone":false}`
)

func TestAnswers(t *testing.T) {
	tracked := []hub.Repository{{Namespace: "library", Name: "nginx"}, {Namespace: "b", Name: "unseen"}, {Namespace: "hidden", Name: "plans"}, {Namespace: "b", Name: "unseen"}}
	for name, c := range map[string]struct{ target, want string }{
		"the list is sorted, has what is tracked but not seen, and nothing private": {
			"/api/v1/repositories", `{"repositories":[` + largest + `,` + unseen + `,` + nginx + `],"listings":[]}`,
		},
		"one repository is as in the list":         {"/api/v1/repositories/library/nginx", nginx},
		"a tracked one that was never seen is one": {"/api/v1/repositories/b/unseen", unseen},
		"a series has every digit, and null for what is not known": {
			"/api/v1/repositories/library/nginx/series?from=2026-11-01&to=2026-12-01T00:00:00%2B02:00",
			`{"namespace":"library","name":"nginx","from":"2026-11-01T00:00:00Z","to":"2026-11-30T22:00:00Z","samples":[` +
				`{"timestamp":"2026-11-22T01:00:00Z","slot":"2026-11-22T01:00:00Z","pull_count":9007199254740993,"star_count":null,"storage_size":null,"last_updated":null},` +
				`{"timestamp":"2026-11-23T01:00:01.5Z","slot":"2026-11-23T01:00:00Z","pull_count":12916987208,"star_count":21119,"storage_size":0,"last_updated":"2026-11-20T02:04:05.678901Z"}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(handlerOf(sampleMemory(t), tracked...), http.MethodGet, c.target)
			if diff := cmp.Diff(c.want+"\n", got.Body.String()); diff != "" {
				t.Error(diff)
			}
			if got.Code != http.StatusOK || got.Header().Get("Content-Type") != "application/json" || got.Header().Get("Cache-Control") != "no-cache" {
				t.Errorf("got %d %v", got.Code, got.Header())
			}
		})
	}
}

func TestNothingIsAnEmptyListRatherThanNull(t *testing.T) {
	if got := ask(handlerOf(&memory{}), http.MethodGet, "/api/v1/repositories"); got.Body.String() != "{\"repositories\":[],\"listings\":[]}\n" {
		t.Errorf("got %s", got.Body)
	}
	got := ask(handlerOf(&memory{}, hub.Repository{Namespace: "b", Name: "unseen"}), http.MethodGet, "/api/v1/repositories/b/unseen/series?from=&to=")
	if want := `{"namespace":"b","name":"unseen","from":null,"to":null,"samples":[]}` + "\n"; got.Body.String() != want {
		t.Errorf("got %s", got.Body)
	}
}

func TestAPrivateRepositoryIsLikeOneThatNeverWas(t *testing.T) {
	private := hub.Repository{Namespace: "hidden", Name: "plans"}
	byHistory := stored(t, `"namespace":"hidden","name":"plans","pull_count":3`)
	byHistory.Private = true
	for name, r := range map[string]history.Repository{
		"by its snapshot": stored(t, `"namespace":"hidden","name":"plans","pull_count":3,"is_private":true`),
		"by history":      byHistory,
	} {
		t.Run(name, func(t *testing.T) {
			h := handlerOf(&memory{repositories: []history.Repository{r}, samples: make([]history.Sample, 3)}, private)
			if got := ask(h, http.MethodGet, "/api/v1/repositories"); strings.Contains(got.Body.String(), "plans") {
				t.Errorf("it is in the list: %s", got.Body)
			}
			for _, rest := range []string{"", "/series", "/series?from=nonsense", "/daily", "/daily?from=nonsense", "/pushes", "/pushes?from=nonsense"} {
				got := ask(h, http.MethodGet, "/api/v1/repositories/hidden/plans"+rest)
				never := ask(h, http.MethodGet, "/api/v1/repositories/hidden/other"+rest)
				if got.Code != http.StatusNotFound || got.Body.String() != never.Body.String() || !cmp.Equal(got.Header(), never.Header()) {
					t.Errorf("%q: got %d %s, and for one that never was %d %s", rest, got.Code, got.Body, never.Code, never.Body)
				}
			}
		})
	}
}

func TestAPrivateRepositoryIsThereForTheAuthenticated(t *testing.T) {
	h := handlerOf(sampleMemory(t), hub.Repository{Namespace: "hidden", Name: "plans"})
	for _, c := range []struct {
		visitor access.Visitor
		status  int
	}{
		{access.Visitor{}, 404},
		{access.Visitor{MayRead: true}, 404},
		{access.Visitor{MayRead: true, MayAct: true}, 404}, // the owner of the machine, who did not say who it is
		{access.Visitor{Name: "me", Authenticated: true, MayRead: true, MayAct: true}, 200},
	} {
		for _, path := range []string{"", "/hidden/plans", "/hidden/plans/series", "/hidden/plans/daily", "/hidden/plans/pushes"} {
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/api/v1/repositories"+path, nil)
			h.ServeHTTP(w, r.WithContext(access.With(r.Context(), c.visitor)))
			shown, status := strings.Contains(w.Body.String(), "plans"), c.status
			if path == "" {
				status = 200
			}
			if w.Code != status || shown != (c.status == 200) {
				t.Errorf("%+v, %q: got %d %s", c.visitor, path, w.Code, w.Body)
			}
		}
	}
}

func TestProblems(t *testing.T) {
	series, daily := "/api/v1/repositories/library/nginx/series?", "/api/v1/repositories/library/nginx/daily?"
	for name, c := range map[string]struct {
		target string
		status int
		says   string
	}{
		"an unknown repository":              {"/api/v1/repositories/no/such", 404, "known here"},
		"a series of an unknown repository":  {"/api/v1/repositories/no/such/series", 404, "known here"},
		"days of an unknown repository":      {"/api/v1/repositories/no/such/daily", 404, "known here"},
		"pushes of an unknown repository":    {"/api/v1/repositories/no/such/pushes", 404, "known here"},
		"days from a time that is none":      {daily + "from=yesterday", 400, `"yesterday"`},
		"days from after to":                 {daily + "from=2026-02-02&to=2026-02-01", 400, "must be before to"},
		"days with an unknown parameter":     {daily + "days=3", 400, `"days" is unknown`},
		"pushes with a parameter":            {"/api/v1/repositories/library/nginx/pushes?from=2026-02-02", 400, "no parameters"},
		"what cannot be a name":              {"/api/v1/repositories/UPPER/%3Cscript%3E", 404, "known here"},
		"an unknown path":                    {"/api/v2/repositories", 404, "/api/v1/repositories"},
		"a trailing slash":                   {"/api/v1/repositories/", 404, "/api/v1/repositories"},
		"a time that is none":                {series + "from=yesterday", 400, `"yesterday"`},
		"a day that does not exist":          {series + "to=2026-02-30", 400, `"2026-02-30"`},
		"a time without a zone":              {series + "to=2026-02-03T01:00:00", 400, "2026-01-31T01:00:00Z"},
		"a year before there was Docker Hub": {series + "from=1969-12-31", 400, "1970"},
		"a year too large in UTC":            {series + "to=9999-12-31T23:59:59-05:00", 400, "9999"},
		"an endless value":                   {series + "to=" + strings.Repeat("9", 5000), 400, `"9999999999999999999999999999999999999999"`},
		"from after to":                      {series + "from=2026-02-02&to=2026-02-01", 400, "from (2026-02-02T00:00:00Z) must be before to (2026-02-01T00:00:00Z)"},
		"from equal to to":                   {series + "from=2026-02-02&to=2026-02-02T01:00:00%2B01:00", 400, "empty"},
		"a parameter with a typing error":    {series + "form=2026-02-02", 400, `"form" is unknown`},
		"a parameter that is given twice":    {series + "from=2026-02-02&from=2026-02-03", 400, "2 times"},
		"a query that cannot be read":        {series + "from=%zz", 400, "?from="},
	} {
		t.Run(name, func(t *testing.T) {
			wantProblem(t, ask(handlerOf(sampleMemory(t)), http.MethodGet, c.target), c.status, c.says)
		})
	}
}

func wantProblem(t *testing.T, got *httptest.ResponseRecorder, status int, says string) {
	t.Helper()
	prefix := fmt.Sprintf(`{"type":"about:blank","title":%q,"status":%d,"detail":"`, http.StatusText(status), status)
	plain := strings.ReplaceAll(got.Body.String(), `\"`, `"`)
	if got.Code != status || got.Header().Get("Content-Type") != "application/problem+json" ||
		!strings.HasPrefix(plain, prefix) || !strings.Contains(plain, says) || len(plain) > 400 {
		t.Errorf("got %d %v %s", got.Code, got.Header(), got.Body)
	}
}

func TestRanges(t *testing.T) {
	at := func(s string) time.Time {
		parsed, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for name, c := range map[string]struct {
		query    string
		from, to time.Time
	}{
		"nothing is everything":                     {"", time.Time{}, time.Time{}},
		"empty is open":                             {"from=&to=", time.Time{}, time.Time{}},
		"a day begins at midnight UTC":              {"from=2026-01-31&to=2026-02-01", at("2026-01-31T00:00:00Z"), at("2026-02-01T00:00:00Z")},
		"a time may have a fraction":                {"from=2026-01-31T01:00:00.123456Z", at("2026-01-31T01:00:00.123456Z"), time.Time{}},
		"an offset is converted":                    {"to=2026-01-31T01:00:00%2B05:30", time.Time{}, at("2026-01-30T19:30:00Z")},
		"the plus of an offset may stand unescaped": {"to=2026-01-31T01:00:00+05:30", time.Time{}, at("2026-01-30T19:30:00Z")},
	} {
		t.Run(name, func(t *testing.T) {
			s := sampleMemory(t)
			if got := ask(handlerOf(s), http.MethodGet, "/api/v1/repositories/library/nginx/series?"+c.query); got.Code != http.StatusOK {
				t.Fatalf("got %d %s", got.Code, got.Body)
			}
			if !s.from.Equal(c.from) || !s.to.Equal(c.to) {
				t.Errorf("history was asked for %v to %v", s.from, s.to)
			}
		})
	}
}

func TestASeriesIsWholeOrRefused(t *testing.T) {
	s := sampleMemory(t)
	s.samples = make([]history.Sample, maxSamples)
	if got := ask(handlerOf(s), http.MethodGet, "/api/v1/repositories/library/nginx/series"); got.Code != http.StatusOK ||
		strings.Count(got.Body.String(), `"pull_count"`) != maxSamples {
		t.Errorf("at the bound: got %d", got.Code)
	}
	s.samples = make([]history.Sample, 2*maxSamples)
	wantProblem(t, ask(handlerOf(s), http.MethodGet, "/api/v1/repositories/library/nginx/series"), 400, "more than 200000 samples")
}

func TestAFullHouseWaitsForItsTurn(t *testing.T) {
	h := &handler{Options: optionsFor(sampleMemory(t), slog.New(slog.DiscardHandler)), turns: make(chan struct{}, 1)}
	h.turns <- struct{}{}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	r.SetPathValue("namespace", "library")
	r.SetPathValue("name", "nginx")
	w := httptest.NewRecorder()
	h.series(w, r) // returns although the turn never comes
	if w.Body.Len() > 0 {
		t.Errorf("got %s", w.Body)
	}
	<-h.turns
	h.series(w, r.WithContext(t.Context()))
	if !strings.Contains(w.Body.String(), "12916987208") || len(h.turns) != 0 {
		t.Errorf("got %s, and %d turns are taken", w.Body, len(h.turns))
	}
}

func TestAHistoryThatCannotBeReadIsLoggedWhenThatChanges(t *testing.T) {
	var log bytes.Buffer
	s := sampleMemory(t)
	h := New(optionsFor(s, slog.New(slog.NewTextHandler(&log, nil))))
	s.err = errors.New("the disk at /var/lib is gone")
	for _, path := range []string{"", "/library/nginx", "/library/nginx/series", "/library/nginx/daily", "/library/nginx/pushes"} {
		got := ask(h, http.MethodGet, "/api/v1/repositories"+path)
		wantProblem(t, got, 500, "log")
		if strings.Contains(got.Body.String(), "/var/lib") {
			t.Errorf("the answer has the inner error: %s", got.Body)
		}
	}
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "/var/lib") {
		t.Errorf("logged %q", &log)
	}
	s.err = nil
	ask(h, http.MethodGet, "/api/v1/repositories")
	ask(h, http.MethodGet, "/api/v1/repositories")
	if strings.Count(log.String(), "\n") != 2 {
		t.Errorf("logged %q", &log)
	}
}

func TestAReaderThatGoesIsNoFailureOfHistory(t *testing.T) {
	var log bytes.Buffer
	h := New(optionsFor(&memory{err: context.Canceled}, slog.New(slog.NewTextHandler(&log, nil))))
	ctx, leave := context.WithCancel(t.Context())
	leave()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/repositories", nil))
	if log.Len() > 0 {
		t.Errorf("logged %q", &log)
	}
}

func TestOnlyReadingIsAllowed(t *testing.T) {
	h := handlerOf(sampleMemory(t))
	for _, path := range []string{"/api/v1/repositories", "/api/v1/repositories/library/nginx", "/api/v1/repositories/library/nginx/series", "/api/v1/repositories/library/nginx/daily", "/api/v1/repositories/library/nginx/pushes"} {
		if got := ask(h, http.MethodHead, path); got.Code != http.StatusOK {
			t.Errorf("HEAD %s: got %d", path, got.Code)
		}
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			got := ask(h, method, path)
			wantProblem(t, got, 405, "GET or HEAD")
			if got.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: headers %v", method, path, got.Header())
			}
		}
	}
}

// fates are tracked repositories without a failure.
type fates []hub.Repository

func (f fates) Fates(context.Context) (map[hub.Repository]Fate, error) {
	all := make(map[hub.Repository]Fate, len(f))
	for _, r := range f {
		all[r] = Fate{}
	}
	return all, nil
}

func (fates) Listings(context.Context) ([]Listing, error) { return []Listing{}, nil }

// failing is a roster with something to say of everything.
type failing struct{ fates }

func (f failing) Fates(ctx context.Context) (map[hub.Repository]Fate, error) {
	all, err := f.fates.Fates(ctx)
	for r := range all {
		all[r] = Fate{Cause: "not_found", Message: "absent", Gone: true}
	}
	return all, err
}

func (failing) Listings(context.Context) ([]Listing, error) {
	return []Listing{{Namespace: "a", Rows: 200, Total: 350, Truncated: true, Message: "sign in to see all 350"}}, nil
}

func TestTheAPISaysHowRepositoriesAndListingsFare(t *testing.T) {
	h := New(Options{History: &memory{}, Roster: failing{fates{{Namespace: "a", Name: "b"}}}, Log: slog.New(slog.DiscardHandler)})
	for path, want := range map[string][]string{
		"/api/v1/repositories":     {`"cause":"not_found","message":"absent","gone":true`, `"tracked":true`, `"truncated":true,"message":"sign in to see all 350"`},
		"/api/v1/repositories/a/b": {`"cause":"not_found","message":"absent","gone":true`},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		for _, text := range want {
			if w.Code != 200 || !strings.Contains(w.Body.String(), text) {
				t.Errorf("%s: %d %s, want %s", path, w.Code, w.Body, text)
			}
		}
	}
}
