package api

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"pgregory.net/rapid"

	"pulltrail/internal/web/access"
)

// described is openapi.yaml as the handler answers with it.
func described(t *testing.T) (*openapi3.T, routers.Router) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(ask(handlerOf(&memory{}), http.MethodGet, "/api/v1/openapi.json").Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil { // examples included
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return doc, router
}

func TestTheDescriptionHasEveryRouteAndNoOther(t *testing.T) {
	doc, _ := described(t)
	served := map[string]bool{}
	for _, r := range newHandler(optionsFor(&memory{}, slog.New(slog.DiscardHandler))).routes() {
		served[r.method+" "+r.path] = true
	}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			if !served[method+" "+path] {
				t.Errorf("%s %s is described but not served", method, path)
			}
			delete(served, method+" "+path)
		}
	}
	for route := range served {
		t.Errorf("%s is served but not described", route)
	}
}

// TestParametersAreDescribed asks for each described parameter, which must be known, and
// finds in the error for one that is unknown those that are.
func TestParametersAreDescribed(t *testing.T) {
	doc, _ := described(t)
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			target := strings.NewReplacer("{namespace}", "library", "{name}", "nginx").Replace(path)
			w := httptest.NewRecorder()
			r := httptest.NewRequest(method, target+"?no_such", nil)
			handlerOf(sampleMemory(t)).ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Visitor{MayAct: true})))
			var names []string
			for _, p := range operation.Parameters {
				names = append(names, p.Value.Name)
			}
			if says := "is unknown: there " + are(names) + "."; w.Code != 400 || len(names) > 0 && !strings.Contains(w.Body.String(), says) {
				t.Errorf("%s: got %s, want %q", path, w.Body, says)
			}
		}
	}
}

// TestEveryOperationListsWhatTheServerAroundItAnswers is about what package access, the check
// of the Host header and a restart answer in place of the API.
func TestEveryOperationListsWhatTheServerAroundItAnswers(t *testing.T) {
	doc, _ := described(t)
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for _, status := range []int{401, 421, 429, 500, 503} {
				if operation.Responses.Status(status) == nil {
					t.Errorf("%s %s: %d is not described", method, path, status)
				}
			}
		}
	}
	if s := doc.Components.SecuritySchemes["basic"]; s == nil || s.Value.Type != "http" || s.Value.Scheme != "basic" {
		t.Errorf("the security scheme is %+v", s)
	}
	if len(doc.Security) != 2 || len(doc.Security[0]) != 0 {
		t.Errorf("security is %v: want none, or basic", doc.Security)
	}
}

// texts are the parameters whose values the description bounds by a pattern, each with a
// path that takes it.
var texts = map[string]string{
	"q": "/repositories", "namespace": "/repositories", "repository": "/curves", "from": "/repositories/library/nginx/daily", "to": "/curves",
}

// pattern is that of a text parameter.
func pattern(t *testing.T, doc *openapi3.T, name string) string {
	t.Helper()
	for _, p := range doc.Paths.Value("/api/v1" + strings.NewReplacer("library", "{namespace}", "nginx", "{name}").Replace(texts[name])).Get.Parameters {
		if p.Value.Name == name {
			if items := p.Value.Schema.Value.Items; items != nil {
				return items.Value.Pattern
			}
			return p.Value.Schema.Value.Pattern
		}
	}
	t.Fatalf("no parameter %s", name)
	return ""
}

// An alias of YAML that is not resolved becomes null, which Go's reader takes for absent.
func TestTheDescriptionHasNoNulls(t *testing.T) {
	body := ask(handlerOf(&memory{}), http.MethodGet, "/api/v1/openapi.json").Body.String()
	for _, key := range []string{"pattern", "type", "schema", "enum", "required"} {
		if strings.Contains(body, `"`+key+`":null`) || strings.Contains(body, `"`+key+`": null`) {
			t.Errorf("a %s is null", key)
		}
	}
}

func TestWhatTheDescriptionAllowsIsNeverAMistake(t *testing.T) {
	doc, _ := described(t)
	h := handlerOf(sampleMemory(t))
	for name, path := range texts {
		allowed := rapid.StringMatching(pattern(t, doc, name)).Filter(func(s string) bool { return utf8.RuneCountInString(s) <= maxText })
		rapid.Check(t, func(t *rapid.T) {
			value := allowed.Draw(t, name)
			target := "/api/v1" + path + "?" + url.Values{name: {value}}.Encode()
			if got := ask(h, http.MethodGet, target); got.Code != http.StatusOK && (got.Code != http.StatusNotFound || name != "repository") {
				t.Fatalf("%s=%q: got %d %s", name, value, got.Code, got.Body)
			}
		})
	}
}

func TestWhatTheDescriptionForbidsIsAMistake(t *testing.T) {
	doc, _ := described(t)
	h := handlerOf(sampleMemory(t))
	for name, values := range map[string][]string{
		"q":          {"a\x00b", "\x7f", "\u0085"},
		"namespace":  {"UPPER", "a/b", ".a", "ä", strings.Repeat("a", 256)},
		"repository": {"UPPER", "/", "a/", "/a", "a/b/c", "a b", "nginx:latest"},
		"from":       {"2026-02-29", "2100-02-29", "2026-04-31", "2026-13-01", "1969-12-31", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "2026-01-01t00:00:00z", "2026-1-1", "now"},
	} {
		allowed := regexp.MustCompile(pattern(t, doc, name))
		for _, value := range values {
			got := ask(h, http.MethodGet, "/api/v1"+texts[name]+"?"+url.Values{name: {value}}.Encode())
			if allowed.MatchString(value) || got.Code != http.StatusBadRequest {
				t.Errorf("%s=%q: got %d %s", name, value, got.Code, got.Body)
			}
		}
	}
	for _, leap := range []string{"2024-02-29", "2000-02-29", "1972-02-29", "9996-02-29", "2400-02-29"} {
		if !regexp.MustCompile(pattern(t, doc, "to")).MatchString(leap) {
			t.Errorf("%s is forbidden", leap)
		}
	}
}

func TestTheLongestRequestThatIsDescribedIsAnswered(t *testing.T) {
	query := url.Values{"q": {strings.Repeat("\U0001F433", maxText)}, "namespace": {strings.Repeat("a", maxText)}, "from": {"2026-11-23T00:00:00.123456789+00:00"}, "to": {"2026-11-23T00:00:00.123456789+00:00"}, "metric": {"pulls"}, "top": {"100"}, "format": {"json"}}
	for range maxTop {
		query.Add("repository", strings.Repeat("a", 127)+"/"+strings.Repeat("b", 127))
	}
	if got := ask(handlerOf(sampleMemory(t)), http.MethodGet, "/api/v1/curves?"+query.Encode()); got.Code != http.StatusNotFound {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
}

// scenes are requests, and what answers them.
var scenes = []struct {
	status  int
	method  string
	targets []string
}{
	{200, http.MethodGet, []string{
		"/repositories", "/repositories?q=NGINX&sort=pulls_24h&limit=1&offset=0", "/repositories?sort=last_updated&order=asc", "/repositories?namespace=none",
		"/repositories/library/nginx", "/repositories/a/largest", "/repositories/b/unseen", "/repositories/grown/nginx",
		"/repositories/library/nginx/series", "/repositories/library/nginx/series?from=2026-11-23", "/repositories/library/nginx/series?format=csv", "/repositories/b/unseen/series",
		"/repositories/library/nginx/daily?to=2026-11-24", "/repositories/library/nginx/daily?format=csv", "/repositories/b/unseen/daily", "/repositories/grown/nginx/daily",
		"/repositories/library/nginx/pushes", "/repositories/library/nginx/pushes?format=csv", "/repositories/b/unseen/pushes",
		"/repositories/library/nginx/series?from=2026-11-24&to=2026-11-23", "/repositories/library/nginx/daily?from=2026-11-23T02:00:00Z&to=2026-11-23T01:00:00Z", "/curves?from=2026-11-23T02:00:00Z&to=2026-11-23T01:00:00Z",
		"/curves", "/curves?metric=total&from=2026-11-01&to=2026-12-01T00:00:00Z&top=1", "/curves?repository=library/nginx&repository=b/unseen", "/curves?q=nothing", "/curves?format=csv",
		"/summary", "/status", "/openapi.json",
	}},
	{202, http.MethodPost, []string{"/collect"}},
	{400, http.MethodGet, []string{
		"/repositories?limit=0", "/repositories?sort=size", "/repositories/library/nginx?x=1", "/repositories/library/nginx/series?from=x", "/repositories/library/nginx/daily?to=x",
		"/repositories/library/nginx/pushes?x=1", "/curves?top=0", "/summary?x=1", "/status?x=1", "/openapi.json?x=1",
	}},
	{404, http.MethodGet, []string{
		"/repositories/library/ngimx", "/repositories/no/such", "/repositories/hidden/plans", "/repositories/no/such/series", "/repositories/no/such/daily", "/repositories/no/such/pushes", "/curves?repository=no/such",
	}},
	{405, http.MethodDelete, []string{
		"/repositories", "/repositories/library/nginx", "/repositories/library/nginx/series", "/repositories/library/nginx/daily", "/repositories/library/nginx/pushes", "/curves", "/summary", "/status", "/collect", "/openapi.json",
	}},
}

// world has of everything something.
func world(t *testing.T, o *operations) http.Handler {
	s := sampleMemory(t)
	grown := stored(t, `"namespace":"grown","name":"nginx","pull_count":2500,"star_count":1,"date_registered":"2026-01-01T00:00:00Z","surprise":[{}]`)
	s.repositories = append(s.repositories, grown)
	s.samples = append(counted(-24*40, 90, -24*39, 100, -24*38, 1200, -24*30, 1100, -24*29, 2000, -24, 2300), s.samples[1])
	pushed := slot.Add(-50 * day)
	s.samples[1].LastUpdated = &pushed
	opts := optionsFor(s, slog.New(slog.DiscardHandler))
	opts.Roster, opts.Operations = failing{fates{{Namespace: "b", Name: "unseen"}, {Namespace: "library", Name: "nginx"}}}, o
	return New(opts)
}

func TestAnswersAreAsDescribed(t *testing.T) {
	_, router := described(t)
	for _, o := range []*operations{{}, busy()} {
		h := world(t, o)
		for _, s := range scenes {
			for _, target := range s.targets {
				w := scene(t, router, h, s.method, target, "", s.status)
				if tag := w.Header().Get("ETag"); tag != "" {
					scene(t, router, h, s.method, target, tag, http.StatusNotModified)
				} else if s.status == http.StatusOK {
					t.Errorf("%s has no ETag", target)
				}
			}
		}
	}
}

func TestFailuresAreAsDescribed(t *testing.T) {
	_, router := described(t)
	opts := optionsFor(&memory{err: io.ErrUnexpectedEOF}, slog.New(slog.DiscardHandler))
	opts.Operations = &operations{err: io.ErrUnexpectedEOF}
	for _, target := range []string{"/repositories", "/repositories/a/b", "/repositories/a/b/series", "/repositories/a/b/daily", "/repositories/a/b/pushes", "/curves", "/summary", "/status"} {
		scene(t, router, New(opts), http.MethodGet, target, "", http.StatusInternalServerError)
	}
	scene(t, router, New(opts), http.MethodPost, "/collect", "", http.StatusInternalServerError)
	opts.Operations = &operations{err: ErrRunning}
	scene(t, router, New(opts), http.MethodPost, "/collect", "", http.StatusConflict)
}

// scene plays a request and holds the answer against the description.
func scene(t *testing.T, router routers.Router, h http.Handler, method, target, tag string, status int) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "/api/v1"+target, nil)
	r = r.WithContext(access.With(r.Context(), access.Visitor{MayAct: true}))
	r.Header.Set("If-None-Match", tag)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != status {
		t.Errorf("%s %s: got %d %s, want %d", method, target, w.Code, w.Body, status)
	}
	if method == http.MethodDelete { // a method that is not described: the answer is that of the one which is
		r.Method = http.MethodGet
		if target == "/collect" {
			r.Method = http.MethodPost
		}
	}
	if err := validate(router, r, w); err != nil {
		t.Errorf("%s %s: %v", method, target, err)
	}
	return w
}

func validate(router routers.Router, r *http.Request, w *httptest.ResponseRecorder) error {
	route, params, err := router.FindRoute(r)
	if err != nil {
		return err
	}
	options := &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
	request := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: options}
	if w.Code < 400 {
		if err := openapi3filter.ValidateRequest(r.Context(), request); err != nil {
			return err
		}
	}
	return openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request, Status: w.Code, Header: w.Header(), Options: options,
		Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())),
	})
}

func TestTheContractNoticesWhatIsNotDescribed(t *testing.T) {
	_, router := described(t)
	for target, change := range map[string][2]string{
		"/repositories":                     {`"snapshots":`, `"surprise":1,"snapshots":`},
		"/repositories/library/nginx":       {`"records":`, `"record":`},
		"/repositories/grown/nginx":         {`"star_count":1`, `"star_count":"1"`},
		"/curves":                           {`"gaps":[`, `"holes":[],"gaps":[`},
		"/summary":                          {`"whole":true`, `"whole":null`},
		"/repositories/library/nginx/daily": {`"pulls":`, `"pulls":-`},
		"/status":                           {`"running":true`, `"running":true,"error":"secret"`},
	} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1"+target, nil)
		w := httptest.NewRecorder()
		world(t, busy()).ServeHTTP(w, r)
		changed := strings.Replace(w.Body.String(), change[0], change[1], 1)
		if changed == w.Body.String() {
			t.Fatalf("%s: nothing to change in %s", target, changed)
		}
		w.Body = bytes.NewBufferString(changed)
		if err := validate(router, r, w); err == nil {
			t.Errorf("%s: %s passes", target, change[1])
		}
	}
}
