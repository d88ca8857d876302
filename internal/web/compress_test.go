package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"pulltrail/internal/web/reply"
)

// asked is the answer to a request with these headers, as many pairs as there are.
func asked(h http.Handler, method string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://localhost/", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func answering(body string) http.Handler {
	return guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply.Whole(w, r, "application/json", []byte(body))
	}), true, new(logged).logger())
}

func TestLongAnswersAreCompressedForThoseWhoTakeIt(t *testing.T) {
	long, short := strings.Repeat("pulls ", 1000), strings.Repeat("p", leastCompressed-1)
	for name, c := range map[string]struct {
		body, accept string
		compressed   bool
	}{
		"a long one":               {long, "gzip, deflate, br, zstd", true},
		"who says nothing":         {long, "", false},
		"who refuses it":           {long, "gzip;q=0", false},
		"a short one":              {short, "gzip", false},
		"who takes another coding": {long, "br", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := asked(answering(c.body), http.MethodGet, "Accept-Encoding", c.accept)
			var body io.Reader = got.Body
			if coded := got.Header().Get("Content-Encoding") == "gzip"; coded != c.compressed {
				t.Fatalf("got %v", got.Header())
			} else if coded {
				zipped, err := gzip.NewReader(got.Body)
				if err != nil {
					t.Fatal(err)
				}
				body = zipped
			}
			if plain, err := io.ReadAll(body); err != nil || string(plain) != c.body {
				t.Errorf("got %d bytes, %v", len(plain), err)
			}
			if strings.HasSuffix(got.Header().Get("ETag"), tagSuffix+`"`) != c.compressed || !slices.Contains(got.Header().Values("Vary"), "Accept-Encoding") {
				t.Errorf("got %v", got.Header())
			}
		})
	}
}

func TestATagHoldsForTheCodingItWasGivenWith(t *testing.T) {
	h := answering(strings.Repeat("pulls ", 1000))
	plain := asked(h, http.MethodGet).Header().Get("ETag")
	zipped := asked(h, http.MethodGet, "Accept-Encoding", "gzip").Header().Get("ETag")
	if plain == zipped || plain == "" {
		t.Fatalf("the tags are %s and %s", plain, zipped)
	}
	for _, tag := range []string{plain, zipped} {
		for _, accept := range []string{"gzip", ""} {
			got := asked(h, http.MethodGet, "If-None-Match", `"other", W/`+tag, "Accept-Encoding", accept)
			if got.Code != http.StatusNotModified || got.Body.Len() > 0 || got.Header().Get("ETag") != tag {
				t.Errorf("%s: got %d %v", tag, got.Code, got.Header())
			}
		}
	}
	if got := asked(h, http.MethodGet, "If-None-Match", `"other-gzip"`, "Accept-Encoding", "gzip"); got.Code != http.StatusOK || got.Header().Get("ETag") != zipped {
		t.Errorf("another tag: got %d %v", got.Code, got.Header())
	}
}

func TestAPanicBehindGzipIsStillA500(t *testing.T) {
	h := guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") }), true, new(logged).logger())
	if got := asked(h, http.MethodGet, "Accept-Encoding", "gzip"); got.Code != http.StatusInternalServerError || got.Header().Get("Content-Encoding") != "" {
		t.Errorf("got %d %v", got.Code, got.Header())
	}
}
