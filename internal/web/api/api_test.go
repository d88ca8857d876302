package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"pulltrail/internal/document"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
	"pulltrail/internal/web/access"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	_ History = (*history.Store)(nil)
	_ Curves  = (*rollup.Rollup)(nil)
)

// memory is a history in memory. The samples are those of library/nginx; another
// repository has one, its newest snapshot.
type memory struct {
	repositories []history.Repository
	samples      []history.Sample
	err          error

	from, to time.Time // what Series was asked for the last time
}

func (s *memory) Head(context.Context) (document.Position, error) { return 1, s.err }

func (s *memory) Changed(context.Context, document.Position) (all []hub.Repository, head document.Position, err error) {
	for _, r := range s.repositories {
		all = append(all, r.Repository)
	}
	return all, 1, s.err
}

func (s *memory) Notify() <-chan struct{} { return nil }

func (s *memory) Repository(_ context.Context, r hub.Repository) (history.Repository, bool, error) {
	for _, known := range s.repositories {
		if known.Repository == r {
			return known, true, s.err
		}
	}
	return history.Repository{}, false, s.err
}

func (s *memory) Series(ctx context.Context, r hub.Repository, from, to time.Time, limit int) ([]history.Sample, error) {
	s.from, s.to = from, to
	samples := s.samples
	if r.Name != "nginx" {
		known, found, err := s.Repository(ctx, r)
		if !found || err != nil {
			return nil, err
		}
		samples = []history.Sample{{Timestamp: known.Newest.Timestamp, Slot: known.Newest.Slot, PullCount: known.Newest.PullCount}}
	}
	if limit < 0 {
		limit = len(samples)
	}
	return samples[:min(limit, len(samples))], s.err
}

var slot = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)

// stored is a repository whose newest snapshot was decoded from Docker Hub's members.
func stored(t testing.TB, members string) history.Repository {
	t.Helper()
	s, err := hub.Decode([]byte("{"+members+"}"), slot.Add(1500*time.Millisecond), slot)
	if err != nil {
		t.Fatal(err)
	}
	return history.Repository{Repository: s.Repository, Private: s.Private, Newest: s}
}

func sampleMemory(t testing.TB) *memory {
	t.Helper()
	stars, pushed := int64(21119), time.Date(2026, 11, 20, 3, 4, 5, 678901000, time.FixedZone("CET", 3600))
	return &memory{
		repositories: []history.Repository{
			stored(t, `"namespace":"library","name":"nginx","pull_count":12916987208,"star_count":21119,"storage_size":488723114800,"last_updated":"2026-11-20T02:04:05.678901Z","date_registered":"2014-06-05T19:14:45Z","description":"Official <b> & more"`),
			stored(t, `"namespace":"hidden","name":"plans","pull_count":3,"is_private":true`),
			stored(t, `"namespace":"a","name":"largest","pull_count":9223372036854775807,"last_updated":null,"description":null`),
		},
		samples: []history.Sample{
			{Timestamp: slot.Add(-24 * time.Hour), Slot: slot.Add(-24 * time.Hour), PullCount: 12915999983},
			{Timestamp: slot.Add(1500 * time.Millisecond), Slot: slot, PullCount: 12916987208, StarCount: &stars, StorageSize: new(int64), LastUpdated: &pushed},
		},
	}
}

func optionsFor(s *memory, log *slog.Logger, tracked ...hub.Repository) Options {
	return Options{
		History: s, Roster: fates(tracked), Log: log, Now: func() time.Time { return slot.Add(time.Hour) },
		Curves:     rollup.New(rollup.Options{History: s, MaxGap: func() time.Duration { return 48 * time.Hour }, Log: log}),
		Operations: &operations{},
	}
}

func handlerOf(s *memory, tracked ...hub.Repository) http.Handler {
	return New(optionsFor(s, slog.New(slog.DiscardHandler), tracked...))
}

func ask(h http.Handler, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

const (
	unknownChange = `{"pulls":null,"before":null,"percent":null,"whole":false}`
	nginx         = `{"namespace":"library","name":"nginx","pull_count":12916987208,"star_count":21119,"storage_size":488723114800,"last_updated":"2026-11-20T02:04:05.678901Z","timestamp":"2026-11-23T01:00:01.5Z","slot":"2026-11-23T01:00:00Z","description":"Official \u003cb\u003e \u0026 more","tracked":true,"cause":null,"message":null,"gone":false,` +
		`"pulls_24h":{"pulls":987208,"before":null,"percent":null,"whole":true},"pulls_7d":{"pulls":987225,"before":null,"percent":null,"whole":false},"pulls_30d":{"pulls":987225,"before":null,"percent":null,"whole":false},"pushes":1,"first":"2026-11-22T01:00:00Z","snapshots":2}`
	largest = `{"namespace":"a","name":"largest","pull_count":9223372036854775807,"star_count":null,"storage_size":null,"last_updated":null,"timestamp":"2026-11-23T01:00:01.5Z","slot":"2026-11-23T01:00:00Z","description":null,"tracked":false,"cause":null,"message":null,"gone":false,` +
		`"pulls_24h":` + unknownChange + `,"pulls_7d":` + unknownChange + `,"pulls_30d":` + unknownChange + `,"pushes":0,"first":"2026-11-23T01:00:01.5Z","snapshots":1}`
	unseen = `{"namespace":"b","name":"unseen","pull_count":null,"star_count":null,"storage_size":null,"last_updated":null,"timestamp":null,"slot":null,"description":null,"tracked":true,"cause":null,"message":null,"gone":false,` +
		`"pulls_24h":` + unknownChange + `,"pulls_7d":` + unknownChange + `,"pulls_30d":` + unknownChange + `,"pushes":null,"first":null,"snapshots":0}`
)

func TestAnswers(t *testing.T) {
	tracked := []hub.Repository{{Namespace: "library", Name: "nginx"}, {Namespace: "b", Name: "unseen"}, {Namespace: "hidden", Name: "plans"}, {Namespace: "b", Name: "unseen"}}
	for name, c := range map[string]struct{ target, want string }{
		"the list is sorted, has what is tracked but not seen, and nothing private": {
			"/api/v1/repositories", `{"repositories":[` + largest + `,` + unseen + `,` + nginx + `],"total":3,"listings":[]}`,
		},
		"one repository is as in the list, with more": {
			"/api/v1/repositories/library/nginx", strings.TrimSuffix(nginx, "}") + `,"pulls_90d":{"pulls":987225,"before":null,"percent":null,"whole":false},"pulls_1y":{"pulls":987225,"before":null,"percent":null,"whole":false},` +
				`"since_registered":{"date_registered":"2014-06-05T19:14:45Z","pulls_per_day":2836878.3214299437},` +
				`"records":{"day":null,"week":null,"month":null,"milestones":[],"next":{"pull_count":20000000000,"estimate":null}},"restatements":[],` +
				`"document":{"namespace":"library","name":"nginx","pull_count":12916987208,"star_count":21119,"storage_size":488723114800,"last_updated":"2026-11-20T02:04:05.678901Z","date_registered":"2014-06-05T19:14:45Z","description":"Official \u003cb\u003e \u0026 more","timestamp":"2026-11-23T01:00:01.5Z","slot":"2026-11-23T01:00:00Z"}}`,
		},
		"a tracked one that was never seen is one": {
			"/api/v1/repositories/b/unseen", strings.TrimSuffix(unseen, "}") + `,"pulls_90d":` + unknownChange + `,"pulls_1y":` + unknownChange + `,"since_registered":null,` +
				`"records":{"day":null,"week":null,"month":null,"milestones":[],"next":null},"restatements":[],"document":null}`,
		},
		"a series has every digit, and null for what is not known": {
			"/api/v1/repositories/library/nginx/series?from=2026-11-01&to=2026-12-01T00:00:00%2B02:00",
			`{"namespace":"library","name":"nginx","from":"2026-11-01T00:00:00Z","to":"2026-11-30T22:00:00Z","samples":[` +
				`{"timestamp":"2026-11-22T01:00:00Z","slot":"2026-11-22T01:00:00Z","pull_count":12915999983,"star_count":null,"storage_size":null,"last_updated":null},` +
				`{"timestamp":"2026-11-23T01:00:01.5Z","slot":"2026-11-23T01:00:00Z","pull_count":12916987208,"star_count":21119,"storage_size":0,"last_updated":"2026-11-20T02:04:05.678901Z"}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(handlerOf(sampleMemory(t), tracked...), http.MethodGet, c.target)
			if diff := cmp.Diff(c.want+"\n", got.Body.String()); diff != "" {
				t.Error(diff)
			}
			if got.Code != http.StatusOK || got.Header().Get("Content-Type") != "application/json" || got.Header().Get("Cache-Control") != "private, no-cache" {
				t.Errorf("got %d %v", got.Code, got.Header())
			}
		})
	}
}

func TestNothingIsAnEmptyListRatherThanNull(t *testing.T) {
	if got := ask(handlerOf(&memory{}), http.MethodGet, "/api/v1/repositories"); got.Body.String() != "{\"repositories\":[],\"total\":0,\"listings\":[]}\n" {
		t.Errorf("got %s", got.Body)
	}
	got := ask(handlerOf(&memory{}, hub.Repository{Namespace: "b", Name: "unseen"}), http.MethodGet, "/api/v1/repositories/b/unseen/series?from=&to=")
	if want := `{"namespace":"b","name":"unseen","from":null,"to":null,"samples":[]}` + "\n"; got.Body.String() != want {
		t.Errorf("got %s", got.Body)
	}
}

// privacy are the paths at which something of hidden/plans could show.
var privacy = []string{
	"/repositories", "/repositories?q=plans", "/repositories?namespace=hidden", "/summary", "/curves", "/curves?top=1", "/curves?repository=hidden/plans", "/curves?namespace=hidden",
	"/repositories/hidden/plans", "/repositories/hidden/plan", "/repositories/plans/plans",
	"/repositories/hidden/plans/series", "/repositories/hidden/plans/series?from=nonsense", "/repositories/hidden/plans/series?format=csv",
	"/repositories/hidden/plans/daily", "/repositories/hidden/plans/daily?from=nonsense", "/repositories/hidden/plans/pushes", "/repositories/hidden/plans/pushes?from=nonsense",
}

func TestAPrivateRepositoryIsLikeOneThatNeverWas(t *testing.T) {
	private := hub.Repository{Namespace: "hidden", Name: "plans"}
	byHistory := stored(t, `"namespace":"hidden","name":"plans","pull_count":3`)
	byHistory.Private = true
	never := sampleMemory(t)
	never.repositories = slices.DeleteFunc(never.repositories, func(r history.Repository) bool { return r.Repository == private })
	for name, r := range map[string]history.Repository{
		"by its snapshot": stored(t, `"namespace":"hidden","name":"plans","pull_count":3,"is_private":true`),
		"by history":      byHistory,
	} {
		t.Run(name, func(t *testing.T) {
			with := &memory{repositories: append(slices.Clone(never.repositories), r), samples: never.samples}
			for _, path := range privacy {
				got := ask(handlerOf(with, private), http.MethodGet, "/api/v1"+path)
				want := ask(handlerOf(never), http.MethodGet, "/api/v1"+path)
				if got.Code != want.Code || got.Body.String() != want.Body.String() || !cmp.Equal(got.Header(), want.Header()) {
					t.Errorf("%s: got %d %s, and if it never was %d %s", path, got.Code, got.Body, want.Code, want.Body)
				}
			}
		})
	}
}

func TestAPrivateRepositoryIsThereForTheAuthenticated(t *testing.T) {
	h := handlerOf(sampleMemory(t))
	for _, path := range privacy {
		r := httptest.NewRequest(http.MethodGet, "/api/v1"+path, nil)
		shown := map[bool]string{}
		for _, authenticated := range []bool{false, true} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Visitor{MayAct: true, Authenticated: authenticated})))
			shown[authenticated] = w.Body.String()
		}
		if shown[false] == shown[true] || strings.Contains(shown[false], "plans") {
			t.Errorf("%s: a stranger gets %s, the user %s", path, shown[false], shown[true])
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
		"days with an unknown parameter":     {daily + "days=3", 400, `"days" is unknown`},
		"pushes with a parameter":            {"/api/v1/repositories/library/nginx/pushes?from=2026-02-02", 400, "there is format"},
		"what cannot be a name":              {"/api/v1/repositories/UPPER/%3Cscript%3E", 404, "known here"},
		"an unknown path":                    {"/api/v2/repositories", 404, "/api/v1/repositories"},
		"a trailing slash":                   {"/api/v1/repositories/", 404, "/api/v1/repositories"},
		"a time that is none":                {series + "from=yesterday", 400, `"yesterday"`},
		"a day that does not exist":          {series + "to=2026-02-30", 400, `"2026-02-30"`},
		"a time without a zone":              {series + "to=2026-02-03T01:00:00", 400, "2026-01-31T01:00:00Z"},
		"a year before there was Docker Hub": {series + "from=1969-12-31", 400, "1970"},
		"an endless value":                   {series + "to=" + strings.Repeat("9", 5000), 400, `to is "9999999999999999999999999999999999999999" and more`},
		"a namespace that is none":           {"/api/v1/repositories?namespace=UPPER", 400, `namespace is "UPPER"`},
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
		"an offset may lead out of the years":       {"from=1970-01-01T00:00:00%2B01:00&to=9999-12-31T23:59:59-05:00", at("1970-01-01T00:00:00Z"), at("9999-12-31T23:59:59.999999999Z")},
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
	s.samples = endless(maxSamples)
	if got := ask(handlerOf(s), http.MethodGet, "/api/v1/repositories/library/nginx/series"); got.Code != http.StatusOK ||
		strings.Count(got.Body.String(), `"pull_count"`) != maxSamples {
		t.Errorf("at the bound: got %d", got.Code)
	}
	s.samples = endless(2 * maxSamples)
	wantProblem(t, ask(handlerOf(s), http.MethodGet, "/api/v1/repositories/library/nginx/series"), 422, "more than 200000 samples")
}

func TestAFullHouseWaitsForItsTurn(t *testing.T) {
	h := newHandler(optionsFor(sampleMemory(t), slog.New(slog.DiscardHandler)))
	h.turns = make(chan struct{}, 1)
	if _, err := h.Curves.Trails(t.Context()); err != nil {
		t.Fatal(err)
	}
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
	for _, path := range []string{"/repositories", "/repositories/library/nginx", "/repositories/library/nginx/series", "/repositories/library/nginx/daily", "/repositories/library/nginx/pushes", "/curves", "/summary"} {
		got := ask(h, http.MethodGet, "/api/v1"+path)
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

func TestOtherMethodsAreRefused(t *testing.T) {
	h := newHandler(optionsFor(sampleMemory(t), slog.New(slog.DiscardHandler)))
	for _, route := range h.routes() {
		path := strings.NewReplacer("{namespace}", "library", "{name}", "nginx").Replace(route.path)
		allow, use := "GET, HEAD", "GET or HEAD"
		if route.method == http.MethodPost {
			allow, use = "POST", "use POST"
		} else if got := ask(h.mux(), http.MethodHead, path); got.Code != http.StatusOK {
			t.Errorf("HEAD %s: got %d", path, got.Code)
		}
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
			if method == route.method {
				continue
			}
			got := ask(h.mux(), method, path)
			wantProblem(t, got, 405, use)
			if got.Header().Get("Allow") != allow {
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
	opts := optionsFor(&memory{}, slog.New(slog.DiscardHandler))
	opts.Roster = failing{fates{{Namespace: "a", Name: "b"}}}
	h := New(opts)
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
