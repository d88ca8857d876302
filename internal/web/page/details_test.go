package page

import (
	"context"
	"errors"
	"html"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/document"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
	"pulltrail/internal/web/access"
)

var _ Snapshots = (*history.Store)(nil)

// memory is history in memory: what Snapshots and rollup.History ask for.
type memory struct {
	repositories map[hub.Repository]history.Repository
	samples      map[hub.Repository][]history.Sample // in the order of time
	err          error
}

// Latest makes it Snapshots.
func (m *memory) Latest(_ context.Context, r hub.Repository, since time.Time, skip, limit int) ([]history.Sample, error) {
	all := slices.Clone(m.samples[r])
	slices.Reverse(all)
	all = slices.DeleteFunc(all, func(s history.Sample) bool { return s.Timestamp.Before(since) })
	all = all[min(skip, len(all)):]
	return all[:min(limit, len(all))], m.err
}

// taken are a total and the time of each sample of a repository, with members of its
// newest snapshot besides.
func (m *memory) taken(t *testing.T, repository, members string, samples ...history.Sample) {
	t.Helper()
	last := samples[len(samples)-1]
	updated := ""
	if last.LastUpdated != nil {
		updated = `,"last_updated":` + string(hub.FormatTime(*last.LastUpdated))
	}
	r := named(repository)
	body := `{"namespace":"` + r.Namespace + `","name":"` + r.Name + `","pull_count":` + strconv.FormatInt(last.PullCount, 10) + updated + members + `}`
	s, err := hub.Decode([]byte(body), last.Timestamp, last.Slot)
	if err != nil {
		t.Fatal(err)
	}
	m.repositories[r] = history.Repository{Repository: r, Private: s.Private, Newest: s}
	m.samples[r] = samples
}

func newMemory() *memory {
	return &memory{repositories: map[hub.Repository]history.Repository{}, samples: map[hub.Repository][]history.Sample{}}
}

// curves are the trails as a rollup makes them.
func (m *memory) curves(t *testing.T) *rollup.Rollup {
	t.Helper()
	return rollup.New(rollup.Options{History: rolled{m}, MaxGap: func() time.Duration { return curvesGap }, Log: slog.New(slog.DiscardHandler)})
}

// rolled is a memory as a rollup reads it.
type rolled struct{ *memory }

func (m rolled) Head(context.Context) (document.Position, error) { return 1, m.err }

func (m rolled) Changed(_ context.Context, after document.Position) ([]hub.Repository, document.Position, error) {
	if after > 0 {
		return nil, 1, m.err
	}
	return slices.Collect(maps.Keys(m.repositories)), 1, m.err
}

func (m rolled) Repository(_ context.Context, r hub.Repository) (history.Repository, bool, error) {
	found, ok := m.repositories[r]
	return found, ok, m.err
}

func (m rolled) Series(_ context.Context, r hub.Repository, _, _ time.Time, _ int) ([]history.Sample, error) {
	return m.samples[r], m.err
}

func (rolled) Notify() <-chan struct{} { return nil }

// daily are samples a day apart, the last of them at slot, with the pulls of each day.
func daily(first int64, pulls ...int64) []history.Sample {
	var samples []history.Sample
	total := first
	for i := 0; i <= len(pulls); i++ {
		at := slot.Add(2*time.Second).AddDate(0, 0, i-len(pulls))
		samples = append(samples, history.Sample{Timestamp: at, Slot: at.Truncate(time.Minute), PullCount: total})
		if i < len(pulls) {
			total += pulls[i]
		}
	}
	return samples
}

// ever are as many pulls on each of n days.
func ever(n int, pulls int64) []int64 { return slices.Repeat([]int64{pulls}, n) }

// pushed has a push so many days before the newest sample.
func pushed(samples []history.Sample, daysAgo ...int) []history.Sample {
	newest := samples[len(samples)-1].Timestamp
	for _, days := range daysAgo {
		at := newest.AddDate(0, 0, -days)
		for i := range samples {
			if !samples[i].Timestamp.Before(at) {
				samples[i].LastUpdated = &at
			}
		}
	}
	return samples
}

// curvesGap is what a memory's curves bridge.
const curvesGap = 49 * time.Hour

// engine are Operations that stand still.
type engine struct {
	report  Report
	err     error
	pressed int
	sinks   []Sink
}

func (e *engine) Report(context.Context) (Report, error) { return e.report, e.err }
func (e *engine) Collect()                               { e.pressed++ }
func (e *engine) Sinks() []Sink                          { return e.sinks }

// detailed is what the pages of details are made of.
type detailed struct {
	memory  *memory
	engine  *engine
	runs    runs
	tracked []hub.Repository
	log     io.Writer
}

func (d detailed) handler(t *testing.T) http.Handler {
	t.Helper()
	if d.engine == nil {
		d.engine = &engine{}
	}
	if d.log == nil {
		d.log = io.Discard
	}
	h, err := New(Options{
		Curves: d.memory.curves(t), Snapshots: d.memory, Operations: d.engine, DeadLetters: &letters{}, Runs: d.runs,
		Tracked: func(context.Context) ([]hub.Repository, error) { return d.tracked, nil },
		Version: "1.2.3", Log: slog.New(slog.NewTextHandler(d.log, nil)), Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

var (
	stranger = access.Visitor{}
	owner    = access.Visitor{Name: "me", Authenticated: true, MayAct: true}
	local    = access.Visitor{MayAct: true} // on loopback, without users
)

func askAs(h http.Handler, v access.Visitor, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = "pulls.example.org"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(access.With(r.Context(), v)))
	return w
}

// wantText checks that everything is in an answer, as it is read.
func wantText(t *testing.T, got string, want ...string) {
	t.Helper()
	got = html.UnescapeString(strings.ReplaceAll(got, space, " "))
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("there is no %q in\n%s", w, got)
		}
	}
}

// wantNoText checks that nothing is in an answer.
func wantNoText(t *testing.T, got string, unwanted ...string) {
	t.Helper()
	for _, u := range unwanted {
		if strings.Contains(got, u) {
			t.Errorf("there is %q in\n%s", u, got)
		}
	}
}

// two are a repository of everybody and one that is private.
func two(t *testing.T) *memory {
	t.Helper()
	m := newMemory()
	m.taken(t, "library/nginx", `,"star_count":21119,"storage_size":488723114800,"description":"Official build of Nginx.","date_registered":"2014-06-05T19:14:45Z"`,
		pushed(daily(12_900_000_000, append(ever(20, 10_000_000), ever(20, 12_000_000)...)...), 20, 3)...)
	m.taken(t, "hidden/plans", `,"is_private":true`, daily(777_000, ever(10, 77)...)...)
	return m
}

func TestTheRepositoryPageIsAsInItsGoldenFile(t *testing.T) {
	d := detailed{memory: two(t), tracked: all("library/nginx", "me/added"), runs: runs{ended([]string{"library/nginx"}), tomorrow}}
	h := d.handler(t)
	for name, path := range map[string]string{
		"repository":         "/r/library/nginx",
		"repository choices": "/r/library/nginx?range=7d&metric=total&scale=log&badge=week&snapshots=1",
		"repository added":   "/r/me/added",
	} {
		golden(t, name, askAs(h, stranger, path), http.StatusOK)
	}
	golden(t, "repository unknown", askAs(h, stranger, "/r/library/ngnix"), http.StatusNotFound)
	first := newMemory()
	first.taken(t, "library/nginx", `,"date_registered":"2026-11-03T01:00:00Z"`, daily(2000)...)
	golden(t, "repository first minute", askAs(detailed{memory: first, tracked: all("library/nginx")}.handler(t), stranger, "/r/library/nginx"), http.StatusOK)
}

func TestAPrivateRepositoryIsUnknownToStrangers(t *testing.T) {
	d := detailed{memory: two(t), tracked: all("hidden/plans"), runs: runs{ended([]string{"hidden/plans"}), tomorrow}}
	h := d.handler(t)
	for _, v := range []access.Visitor{stranger, local} {
		private, none := askAs(h, v, "/r/hidden/plans"), askAs(h, v, "/r/hidden/plane")
		if private.Code != http.StatusNotFound || none.Code != http.StatusNotFound {
			t.Errorf("got %d and %d", private.Code, none.Code)
		}
		if same := strings.ReplaceAll(private.Body.String(), "plans", "plane"); same != none.Body.String() {
			t.Errorf("they can be told apart:\n%s\n%s", private.Body, none.Body)
		}
	}
	got := askAs(h, owner, "/r/hidden/plans")
	if got.Code != http.StatusOK {
		t.Errorf("the owner got %d", got.Code)
	}
	wantText(t, got.Body.String(), "777,770")
	wantText(t, askAs(h, owner, "/r/hidden/plane").Body.String(), `href="/r/hidden/plans"`)
}

func TestNamesAndDescriptionsOfStrangersAreText(t *testing.T) {
	m := newMemory()
	m.taken(t, "evil/a..b_-c", `,"description":"</script><script>alert(1)</script> \u202egnp.exe 😀 مرحبا","x\"><img src=x>":"</pre><script>alert(2)</script>"`, daily(5, 1, 2)...)
	h := detailed{memory: m}.handler(t)
	got := askAs(h, stranger, "/r/evil/a..b_-c?range=</script>&from=%22%3E%3Cscript%3E&badge=%22onload=&snapshots=-1")
	if got.Code != http.StatusOK {
		t.Fatalf("got %d", got.Code)
	}
	wantText(t, got.Body.String(), "</script><script>alert(1)", "</pre>", `<p class="lead" dir="auto">`, "😀", "مرحبا")
	wantNoText(t, got.Body.String(), "<script>", "<img src=x", `"onload`)
	for _, path := range []string{"/r/%3Cscript%3E/%E2%80%AEx", "/r/a/" + strings.Repeat("%F0%9F%98%80", 2000), "/r/a/%00", "/r/a/%ff"} {
		got := askAs(h, stranger, path)
		if got.Code != http.StatusNotFound {
			t.Errorf("%.40s: got %d", path, got.Code)
		}
		wantNoText(t, got.Body.String(), "<script>")
	}
}

func TestSnapshotsComeInPages(t *testing.T) {
	m := newMemory()
	samples := daily(1000, ever(249, 3)...)
	samples[200].PullCount -= 500 // and back again
	m.taken(t, "a/b", "", samples...)
	h := detailed{memory: m}.handler(t)
	for query, want := range map[string][]string{
		"":                               {"1 to 100 of 250", `href="?snapshots=2#snapshots"`},
		"?snapshots=1&junk=x":            {"1 to 100 of 250", `href="?snapshots=2#snapshots"`, "−497", "counted anew"},
		"?range=90d&snapshots=2":         {"101 to 200 of 250", `href="?range=90d&snapshots=1#snapshots"`, `href="?range=90d&snapshots=3#snapshots"`},
		"?snapshots=3":                   {"201 to 250 of 250", `href="?snapshots=2#snapshots"`},
		"?snapshots=999999999":           {"201 to 250 of 250"},
		"?snapshots=9999999999999999999": {"1 to 100 of 250"},
		"?snapshots=-5":                  {"1 to 100 of 250"},
		"?snapshots=x":                   {"1 to 100 of 250"},
	} {
		got := askAs(h, stranger, "/r/a/b"+query).Body.String()
		wantText(t, got, want...)
		section := got[strings.Index(got, `id="snapshots"`):strings.Index(got, `id="document"`)]
		if n := strings.Count(section, "<tr "); n != 101 && n != 51 {
			t.Errorf("%s: %d rows", query, n)
		}
	}
}

func TestEveryDigitOfTheDocumentStays(t *testing.T) {
	m := newMemory()
	m.taken(t, "a/b", `,"big":9007199254740993123456789,"e":1.50e+3`, daily(9_223_372_036_854_775_000, 807)...)
	got := askAs(detailed{memory: m}.handler(t), stranger, "/r/a/b").Body.String()
	wantText(t, got, "9007199254740993123456789", "1.50e+3", "9223372036854775807")
	long := `,"long":"` + strings.Repeat("x", maxDocument) + `"`
	m.taken(t, "a/b", long, daily(5)...)
	got = askAs(detailed{memory: m}.handler(t), stranger, "/r/a/b").Body.String()
	if !strings.Contains(got, repositoryEnglish().DocumentAll) || len(got) > 2*maxDocument {
		t.Errorf("the page has %d bytes", len(got))
	}
}

func TestWhereTheSnippetsLead(t *testing.T) {
	for host, want := range map[string]string{
		"pulls.example.org": "http://pulls.example.org", "Pulls.Example.org:8080": "http://pulls.example.org:8080",
		"192.0.2.7:8080": "http://192.0.2.7:8080", "[2001:db8::1]:80": "http://[2001:db8::1]:80",
		"localhost:8080": placeholder, "127.0.0.1:8080": placeholder, "[::1]:8080": placeholder, "x.localhost": placeholder, "0.0.0.0": placeholder,
		"": placeholder, `x"><script>`: placeholder, "a b": placeholder, "evil.example/x": placeholder, "user@evil.example": placeholder,
		"[foo](bar)": placeholder, strings.Repeat("a.", 200): placeholder,
	} {
		r := httptest.NewRequest(http.MethodGet, "/r/a/b", nil)
		r.Host = host
		r.Header.Set("X-Forwarded-Proto", "https")
		if got, nowhere := baseOf(r); got != want || nowhere != (want == placeholder) {
			t.Errorf("%q: got %q, %v", host, got, nowhere)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "https://pulls.example.org/r/a/b?badge=week&range=1y", nil)
	e := embedOf(named("a/b.c"), r)
	var got []string
	for _, s := range slices.Concat(e.Snippets, e.Charts) {
		got = append(got, s.Code)
	}
	want := []string{
		"[![Docker pulls in the last 7 days](https://pulls.example.org/badge/a/b.c.svg?metric=week)](https://pulls.example.org/r/a/b.c)",
		`<a href="https://pulls.example.org/r/a/b.c"><img src="https://pulls.example.org/badge/a/b.c.svg?metric=week" alt="Docker pulls in the last 7 days"></a>`,
		".. image:: https://pulls.example.org/badge/a/b.c.svg?metric=week\n   :target: https://pulls.example.org/r/a/b.c\n   :alt: Docker pulls in the last 7 days",
		"image:https://pulls.example.org/badge/a/b.c.svg?metric=week[Docker pulls in the last 7 days,link=https://pulls.example.org/r/a/b.c]",
		"https://img.shields.io/endpoint?url=" + url.QueryEscape("https://pulls.example.org/badge/a/b.c.json?metric=week"),
		"[![Docker pulls of a/b.c](https://pulls.example.org/chart/a/b.c.svg?range=1y)](https://pulls.example.org/r/a/b.c)",
	}
	if !slices.Equal(got[:6], want) {
		t.Errorf("got %q", got)
	}
}

func TestAHistoryThatCannotBeReadIsA500OfTheRepositoryPage(t *testing.T) {
	var log strings.Builder
	m := two(t)
	h := detailed{memory: m, log: &log}.handler(t)
	m.err = errors.New("the disk at /var/lib is gone")
	for range 2 {
		got := askAs(h, stranger, "/r/library/nginx")
		if got.Code != http.StatusInternalServerError {
			t.Errorf("got %d", got.Code)
		}
		wantNoText(t, got.Body.String(), "/var/lib")
	}
	wantText(t, log.String(), "/var/lib")
	m.err = nil
	if got := askAs(h, stranger, "/r/library/nginx"); got.Code != http.StatusOK {
		t.Errorf("got %d", got.Code)
	}
}
