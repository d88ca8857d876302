package api

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pulltrail/internal/web/access"
)

func TestAbsurdParametersAreNamed(t *testing.T) {
	for target, says := range map[string]string{
		"/repositories?limit=0":                                  "parameter limit",
		"/repositories?limit=10001":                              "from 1 to 10000",
		"/repositories?limit=1e3":                                "parameter limit",
		"/repositories?limit=99999999999999999999":               "parameter limit",
		"/repositories?offset=-1":                                "parameter offset",
		"/repositories?sort=size":                                `parameter sort is "size"`,
		"/repositories?order=up":                                 "parameter order",
		"/repositories?q=%00":                                    "parameter q",
		"/repositories?q=a%0ab":                                  "no text",
		"/repositories?q=%ff":                                    "no text",
		"/repositories?q=" + strings.Repeat("a", 256):            "255 characters",
		"/repositories?q=" + strings.Repeat("a", 40_000):         "32000",
		"/repositories?%00=1":                                    "is unknown",
		"/repositories?a;b":                                      "cannot be read",
		"/repositories?namespace=a&namespace=b":                  "parameter namespace is given 2 times",
		"/repositories?sort=":                                    "parameter sort",
		"/repositories?order=":                                   "asc or desc",
		"/repositories?limit=":                                   "parameter limit",
		"/repositories?namespace=&q=":                            "",
		"/curves?format=&from=":                                  "parameter format",
		"/curves?top=0":                                          "parameter top",
		"/curves?top=101":                                        "from 1 to 100",
		"/curves?metric=pull":                                    "pulls or total",
		"/curves?format=xml":                                     "json or csv",
		"/curves?repository=UPPER":                               "parameter repository",
		"/curves?repository=":                                    "parameter repository",
		"/curves?" + strings.Repeat("repository=a/b&", 101):      "101 times",
		"/curves?from=2026-01-02&to=2026-01-02":                  "",
		"/repositories/library/nginx/series?format=CSV":          "parameter format",
		"/repositories/library/nginx/daily?from=0001-01-01":      "1970",
		"/repositories/library/nginx?limit=1":                    "there are none",
		"/summary?" + strings.Repeat("x", 40_000):                "32000",
		"/repositories/library/nginx/series?to=2026-02-03%00":    "parameter to",
		"/repositories/library/nginx/series?to=10000-02-03":      "parameter to",
		"/repositories/library/nginx/series?from=2026-W05":       "parameter from",
		"/repositories/library/nginx/pushes?format=csv&format=x": "2 times",
	} {
		got := ask(handlerOf(sampleMemory(t)), http.MethodGet, "/api/v1"+target)
		if says == "" {
			if got.Code != http.StatusOK {
				t.Errorf("%s: got %d %s", target, got.Code, got.Body)
			}
			continue
		}
		if wantProblem(t, got, 400, says); t.Failed() {
			t.Fatal(target)
		}
	}
}

func TestHostileNamesAreUnknown(t *testing.T) {
	for _, name := range []string{"..", "%2e%2e%2f", "a%00b", "%F0%9F%92%A9", "%ff", "<script>", "a%2Fb", "nginx:latest", "nginx@sha256", strings.Repeat("a", 300), "%20", "%E2%80%AEevil"} {
		for _, rest := range []string{"", "/series", "/daily", "/pushes"} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.URL = &url.URL{Path: "/api/v1/repositories/library/x" + rest}
			if decoded, err := url.PathUnescape(name); err == nil && decoded != ".." && decoded != "../" {
				r.URL.Path = "/api/v1/repositories/library/" + decoded + rest
				r.URL.RawPath = "/api/v1/repositories/library/" + name + rest
			}
			w := httptest.NewRecorder()
			handlerOf(sampleMemory(t)).ServeHTTP(w, r)
			wantProblem(t, w, 404, "known here")
		}
	}
}

// FuzzQueries holds what is true of every query: it is answered, or refused as a mistake
// of the one who asked, in a few words.
func FuzzQueries(f *testing.F) {
	for _, s := range []string{
		"", "from=2026-01-01&to=2026-02-01", "q=%00", "limit=-1", "sort=pulls_24h&order=asc", "repository=a/b&repository=library/nginx", "metric=total&top=3",
		"format=csv", "from=2026-01-31T01:00:00+05:30", "%zz", "a;b", "from=9999-12-31T23:59:59.999999999Z", "from=1970-01-01&to=9999-12-31", "top=100&q=%e2%80%ae",
	} {
		f.Add(s)
	}
	h := handlerOf(sampleMemory(f))
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{"/repositories", "/curves", "/summary", "/repositories/library/nginx", "/repositories/library/nginx/series", "/repositories/library/nginx/daily", "/repositories/library/nginx/pushes"} {
			r := httptest.NewRequest(http.MethodGet, "/api/v1"+path, nil)
			r.URL.RawQuery = query
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Visitor{})))
			switch {
			case w.Code == http.StatusOK && w.Header().Get("ETag") != "":
			case w.Code == http.StatusBadRequest && w.Body.Len() < 2000:
			case w.Code == http.StatusNotFound && path == "/curves" && strings.Contains(query, "repository"):
			default:
				t.Errorf("%s?%s: got %d %.300s", path, query, w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), "plans") && !strings.Contains(query, "plans") {
				t.Errorf("%s?%s shows what is private: %s", path, query, w.Body)
			}
		}
	})
}
