package share

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
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

var update = flag.Bool("update", false, "write the golden files anew")

// slot is of the newest snapshot; the clock of the tests is two hours later.
var slot = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// memory is a history whose repositories have a snapshot a day, with these totals.
type memory struct {
	totals map[string][]int64 // by namespace/name; the names of private ones end in "private"
	err    error
}

func (m *memory) Head(context.Context) (document.Position, error) { return 1, m.err }
func (m *memory) Notify() <-chan struct{}                         { return nil }

func (m *memory) Changed(context.Context, document.Position) (all []hub.Repository, head document.Position, err error) {
	for name := range m.totals {
		namespace, name, _ := strings.Cut(name, "/")
		all = append(all, hub.Repository{Namespace: namespace, Name: name})
	}
	return all, 1, m.err
}

func (m *memory) Repository(_ context.Context, r hub.Repository) (history.Repository, bool, error) {
	totals := m.totals[r.String()]
	s, err := hub.Decode(fmt.Appendf(nil, `{"namespace":%q,"name":%q,"pull_count":%d,"is_private":%t}`, r.Namespace, r.Name, totals[len(totals)-1], strings.HasSuffix(r.Name, "private")), slot, slot)
	return history.Repository{Repository: r, Private: s.Private, Newest: s}, true, err
}

func (m *memory) Series(_ context.Context, r hub.Repository, _, _ time.Time, _ int) ([]history.Sample, error) {
	totals := m.totals[r.String()]
	var samples []history.Sample
	for i, n := range totals {
		at := slot.Add(time.Duration(i+1-len(totals)) * day)
		if n < 0 {
			continue // a day without a snapshot
		}
		pushed := at.Truncate(9 * day)
		samples = append(samples, history.Sample{Timestamp: at, Slot: at, PullCount: n, LastUpdated: &pushed})
	}
	return samples, nil
}

func sample() *memory {
	grown := make([]int64, 70)
	for i := range grown {
		grown[i] = 12_900_000_000 + int64(i)*4_000_000 + int64(i*i%13)*300_000
		if i >= 50 && i < 55 {
			grown[i] = -1
		}
	}
	return &memory{totals: map[string][]int64{
		"library/nginx": grown, "a/one": {5}, "a/two": {1000, 1234}, "a/dotted.svg": {7, 7}, "a/v1.2.json": {9}, "a/the-private": {1, 2},
	}}
}

func handlerOf(m *memory, log *slog.Logger) http.Handler {
	curves := rollup.New(rollup.Options{History: m, MaxGap: func() time.Duration { return 49 * time.Hour }, Log: log})
	return New(Options{Curves: curves, Log: log, Now: func() time.Time { return slot.Add(2 * time.Hour) }})
}

func ask(target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handlerOf(sample(), slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w
}

// words are what a picture says.
func words(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var all []string
	for d := xml.NewDecoder(bytes.NewReader(w.Body.Bytes())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return strings.Join(all, "|")
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, w.Body)
		}
		if text, ok := token.(xml.CharData); ok && strings.TrimSpace(string(text)) != "" {
			all = append(all, strings.ReplaceAll(string(text), "\u00a0", " "))
		}
	}
}

func TestPicturesAreThoseOfTheGoldenFiles(t *testing.T) {
	for file, target := range map[string]string{
		"badge.svg":        "/badge/library/nginx.svg",
		"badge-day.svg":    "/badge/library/nginx.svg?metric=day&label=nginx&color=green",
		"badge-week.json":  "/badge/library/nginx.json?metric=week&color=0a0",
		"badge-month.svg":  "/badge/library/nginx.svg?metric=month&label=&color=%23ff0000",
		"unknown.svg":      "/badge/no/such.svg",
		"unknown.json":     "/badge/no/such.json",
		"chart.svg":        "/chart/library/nginx.svg",
		"chart-total.svg":  "/chart/library/nginx.svg?metric=total&range=90d&theme=light&width=600&height=240",
		"chart-log.svg":    "/chart/library/nginx.svg?range=all&log=1&theme=dark",
		"chart-one.svg":    "/chart/a/one.svg?range=7d",
		"chart-no-one.svg": "/chart/no/such.svg?range=7d",
	} {
		t.Run(file, func(t *testing.T) {
			got := ask(target).Body.Bytes()
			golden := filepath.Join("testdata", file)
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("not as in %s (go test -update writes it anew): %s", golden, diff)
			}
		})
	}
}

func TestWhatBadgesSay(t *testing.T) {
	for target, want := range map[string]string{
		"/badge/library/nginx.svg":                     "pulls: 13.2 B|pulls|13.2 B",
		"/badge/library/nginx.svg?metric=total&label=": "13.2 B|13.2 B",
		"/badge/a/two.svg?metric=day":                  "pulls: 234/day|pulls|234/day",
		"/badge/a/two.svg?metric=week":                 "pulls: not known yet|pulls|not known yet",
		"/badge/a/one.svg?metric=day":                  "pulls: not known yet|pulls|not known yet",
		"/badge/a/one.svg":                             "pulls: 5|pulls|5",
		"/badge/a/one.svg?label=%3Cb%3E%26":            "<b>&: 5|<b>&|5",
		"/badge/a/dotted.svg.svg":                      "pulls: 7|pulls|7",
		"/badge/a/v1.2.json.svg":                       "pulls: 9|pulls|9",
	} {
		got := ask(target)
		if said := words(t, got); said != want || got.Code != http.StatusOK {
			t.Errorf("%s: got %d %s, want %s", target, got.Code, said, want)
		}
		h := got.Header()
		if h.Get("Content-Type") != typeSVG || h.Get("Cache-Control") != "public, max-age=300" || h.Get("ETag") == "" || h.Get("Content-Security-Policy") != contentSecurityPolicy {
			t.Errorf("%s: headers %v", target, h)
		}
	}
}

func TestAnEndpointBadgeIsAsShieldsWantsIt(t *testing.T) {
	for target, want := range map[string]shield{
		"/badge/library/nginx.json":                               {1, "pulls", "13.2\u00a0B", "blue", 300, false},
		"/badge/a/two.json?metric=day&label=me&color=brightgreen": {1, "me", "234/day", "brightgreen", 300, false},
		"/badge/a/two.json?metric=month":                          {1, "pulls", "not known yet", "lightgrey", 300, false},
		"/badge/a/v1.2.json.json":                                 {1, "pulls", "9", "blue", 300, false},
		"/badge/a/none.json":                                      {1, "pulls", "unknown repository", "lightgrey", 300, true},
		"/badge/a/two.json?metric=year":                           {1, "pulls", `metric="year" is unknown: write total, day, week or month`, "lightgrey", 300, true},
	} {
		var got shield
		w := ask(target)
		d := json.NewDecoder(w.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(&got); err != nil || got != want || w.Header().Get("Content-Type") != typeJSON {
			t.Errorf("%s: got %+v %v, want %+v", target, got, err, want)
		}
	}
}

func TestMistakesAndUnknownsAreShownAsPictures(t *testing.T) {
	for target, c := range map[string]struct {
		status int
		says   string
	}{
		"/badge/no/such.svg":                                {404, "unknown repository"},
		"/chart/no/such.svg":                                {404, "unknown repository"},
		"/badge/a/the-private.svg":                          {404, "unknown repository"},
		"/chart/a/the-private.svg?range=x":                  {404, "unknown repository"},
		"/badge/a/UPPER.svg":                                {404, "unknown repository"},
		"/badge/a/%00.svg":                                  {404, "unknown repository"},
		"/badge/a/%3Cscript%3E.svg":                         {404, "unknown repository"},
		"/badge/a/..%2Fb.svg":                               {404, "unknown repository"},
		"/badge/a/.svg":                                     {404, "unknown repository"},
		"/badge/a/" + strings.Repeat("a", 300) + ".svg":     {404, "unknown repository"},
		"/badge/a/one":                                      {404, "no such picture"},
		"/badge/a/one.png":                                  {404, "no such picture"},
		"/chart/a/one.json":                                 {404, "no such picture"},
		"/badge/a":                                          {404, "no such picture"},
		"/badge/a/dotted.svg":                               {404, "unknown repository"},
		"/badge/a/one.svg?metric=year":                      {400, `metric="year" is unknown`},
		"/badge/a/one.svg?color=reddish":                    {400, "color"},
		"/badge/a/one.svg?color=%22%3E%3Cscript":            {400, "color"},
		"/badge/a/one.svg?label=%00":                        {400, "parameter label is no text"},
		"/badge/a/one.svg?label=%ff":                        {400, "parameter label is no text"},
		"/badge/a/one.svg?label=a&label=b":                  {400, "parameter label is given twice"},
		"/badge/a/one.svg?label=" + strings.Repeat("a", 65): {400, "parameter label is too long"},
		"/badge/a/one.svg?q=" + strings.Repeat("a", 10_000): {400, "query"},
		"/badge/a/one.svg?range=7d":                         {400, "unknown parameter"},
		"/badge/a/one.svg?%zz":                              {400, "query"},
		"/chart/a/one.svg?range=2y":                         {400, `range="2y" is unknown: write 7d, 30d, 90d, 1y or all`},
		"/chart/a/one.svg?range=2w":                         {400, `range="2w" is unknown: write 7d, 30d, 90d, 1y or all`},
		"/chart/a/one.svg?width=199":                        {400, "from 200 to 2000"},
		"/chart/a/one.svg?width=99999999999999999999":       {400, "from 200 to 2000"},
		"/chart/a/one.svg?height=1001":                      {400, "from 200 to 1000"},
		"/chart/a/one.svg?log=yes":                          {400, `log="yes" is unknown`},
		"/chart/a/one.svg?theme=black":                      {400, `theme="black" is unknown`},
		"/chart/a/one.svg?label=x":                          {400, "unknown parameter"},
	} {
		got := ask(target)
		if said := words(t, got); got.Code != c.status || !strings.Contains(said, c.says) {
			t.Errorf("%.80s: got %d %s, want %s", target, got.Code, said, c.says)
		}
		h := got.Header()
		if h.Get("Content-Type") != typeSVG || h.Get("Cache-Control") != "no-store" || h.Get("Content-Security-Policy") != contentSecurityPolicy {
			t.Errorf("%.80s: headers %v", target, h)
		}
	}
}

func TestAPrivateRepositoryIsShownToTheAuthenticatedAlone(t *testing.T) {
	h := handlerOf(sample(), slog.New(slog.DiscardHandler))
	for _, target := range []string{"/badge/a/the-private.svg", "/badge/a/the-private.json", "/chart/a/the-private.svg"} {
		for _, v := range []access.Visitor{{}, {Name: "x", MayAct: true}, {Authenticated: true}} {
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, target, nil)
			h.ServeHTTP(w, r.WithContext(access.With(r.Context(), v)))
			never := ask(strings.Replace(target, "the-private", "never-was", 1))
			if v.Authenticated {
				if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "private, no-cache" {
					t.Errorf("%s: got %d %v", target, w.Code, w.Header())
				}
			} else if w.Code != http.StatusNotFound || w.Body.String() != never.Body.String() || !cmp.Equal(w.Header(), never.Header()) {
				t.Errorf("%s: %+v got %d %s", target, v, w.Code, w.Body)
			}
		}
	}
}

func TestReadersAndMethods(t *testing.T) {
	h := handlerOf(sample(), slog.New(slog.DiscardHandler))
	for _, target := range []string{"/badge/a/one.svg", "/badge/a/one.json", "/chart/a/one.svg"} {
		first := ask(target)
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, target, nil)
		r.Header.Set("If-None-Match", first.Header().Get("ETag"))
		if h.ServeHTTP(w, r); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
			t.Errorf("%s: a reader that has it gets %d", target, w.Code)
		}
		w = httptest.NewRecorder()
		if h.ServeHTTP(w, httptest.NewRequest(http.MethodHead, target, nil)); w.Code != http.StatusOK || w.Body.Len() > 0 {
			t.Errorf("HEAD %s: got %d", target, w.Code)
		}
		w = httptest.NewRecorder()
		if h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, target, nil)); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s: got %d %v", target, w.Code, w.Header())
		}
	}
}

func TestAHistoryThatCannotBeReadIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	m := sample()
	m.err = errors.New("the disk at /var/lib is gone")
	h := handlerOf(m, slog.New(slog.NewTextHandler(&log, nil)))
	for range 2 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/badge/a/one.svg", nil))
		if said := words(t, w); w.Code != http.StatusInternalServerError || !strings.Contains(said, "cannot be read") || strings.Contains(said, "/var/lib") {
			t.Errorf("got %d %s", w.Code, said)
		}
	}
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "/var/lib") {
		t.Errorf("logged %s", &log)
	}
}

func TestAStaleRepositorySaysNothingOfToday(t *testing.T) {
	curves := rollup.New(rollup.Options{History: sample(), MaxGap: func() time.Duration { return 49 * time.Hour }, Log: slog.New(slog.DiscardHandler)})
	h := New(Options{Curves: curves, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return slot.Add(40 * day) }})
	for target, want := range map[string]string{
		"/badge/library/nginx.svg?metric=day": wordNotKnown, "/badge/library/nginx.svg": "13.2 B", "/chart/library/nginx.svg": wordNothingInRange,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if said := words(t, w); !strings.Contains(said, want) {
			t.Errorf("%s: got %s", target, said)
		}
	}
}

// FuzzPictures holds what is true of every request: well-formed words and no script.
func FuzzPictures(f *testing.F) {
	for _, s := range [][2]string{
		{"nginx.svg", "metric=day"}, {"one.svg", "label=%3Cscript%3E&color=%23fff"}, {"two.svg", "range=all&log=1&width=300"}, {"the-private.svg", ""},
		{"\x00.svg", "%zz"}, {"a.svg.svg", "theme=dark&metric=total"}, {"\u202e.svg", "label=\u202e"},
	} {
		f.Add(s[0], s[1])
	}
	h := handlerOf(sample(), slog.New(slog.DiscardHandler))
	f.Fuzz(func(t *testing.T, file, query string) {
		for _, path := range []string{"/badge/a/", "/chart/a/", "/badge/library/", "/chart/library/"} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.URL = &url.URL{Path: path + strings.ReplaceAll(file, "/", ""), RawQuery: query}
			if strings.HasPrefix(file, ".") {
				continue // the mux leads elsewhere
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Header().Get("Content-Type") == typeSVG {
				words(t, w)
			}
			if w.Code != 200 && w.Code != 400 && w.Code != 404 || strings.Contains(w.Body.String(), "<script") || w.Body.Len() > 60_000 {
				t.Errorf("got %d %d bytes %.300s", w.Code, w.Body.Len(), w.Body)
			}
		}
	})
}
