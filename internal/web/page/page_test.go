package page

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
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

var update = flag.Bool("update", false, "write the golden files anew")

// letters are DeadLetters in memory.
type letters struct {
	n   int
	err error
}

func (l *letters) Len(context.Context) (int, error) { return l.n, l.err }

// runs is a Runs that stands still.
type runs struct {
	run  *Run
	next time.Time
}

func (r runs) Next() time.Time { return r.next }

func noted(r *Run, notes ...string) *Run {
	r.Notes = notes
	return r
}

// retried is r, to be resumed in a while.
func retried(r *Run, in time.Duration) *Run {
	r.Retry = now.Add(in)
	return r
}

// inOutbox is r with the newest snapshots of repositories in the outbox.
func inOutbox(r *Run, repositories ...string) *Run {
	r.Outbox = all(repositories...)
	return r
}

func (r runs) LastRun(context.Context) (Run, bool, error) {
	if r.run == nil {
		return Run{Notes: []string{"not to be read"}}, false, nil
	}
	return *r.run, true, nil
}

var (
	now      = time.Date(2026, 11, 23, 4, 20, 0, 0, time.UTC)
	slot     = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	tomorrow = slot.Add(24 * time.Hour)
)

func named(s string) hub.Repository {
	namespace, name, _ := strings.Cut(s, "/")
	return hub.Repository{Namespace: namespace, Name: name}
}

// stored is a repository whose newest snapshot was decoded from Docker Hub's members.
func stored(t testing.TB, repository, members string) history.Repository {
	t.Helper()
	r := named(repository)
	s, err := hub.Decode([]byte(`{"namespace":"`+r.Namespace+`","name":"`+r.Name+`",`+members+`}`), slot.Add(2*time.Second), slot)
	if err != nil {
		t.Fatal(err)
	}
	return history.Repository{Repository: s.Repository, Private: s.Private, Newest: s}
}

func nginx(t *testing.T) history.Repository {
	return stored(t, "library/nginx", `"pull_count":12916987208,"star_count":21119,"storage_size":488723114800,"last_updated":"2026-11-20T02:04:05.678901Z","description":"Official build of Nginx."`)
}

func podinfo(t *testing.T) history.Repository {
	return stored(t, "stefanprodan/podinfo", `"pull_count":842,"star_count":0,"last_updated":null`)
}

// ended is a run that took what is named and failed for the rest.
func ended(took []string, failed ...Outcome) *Run {
	r := &Run{Slot: slot, Started: slot, Finished: slot.Add(4 * time.Second), Outcomes: failed}
	for _, s := range took {
		r.Outcomes = append(r.Outcomes, Outcome{Repository: named(s)})
	}
	return r
}

func all(s ...string) []hub.Repository {
	list := make([]hub.Repository, len(s))
	for i := range s {
		list[i] = named(s[i])
	}
	return list
}

type scene struct {
	stored  []history.Repository
	samples map[hub.Repository][]history.Sample
	query   string
	runs    runs
	tracked []hub.Repository
	sinks   []Sink
}

func handlerOf(t *testing.T, s scene) http.Handler {
	t.Helper()
	return handlerWith(t, s, &letters{})
}

func handlerWith(t *testing.T, s scene, refused *letters) http.Handler {
	t.Helper()
	h, err := New(Options{
		Curves: curves(&past{newest: s.stored, samples: s.samples}), Operations: &engine{sinks: s.sinks}, DeadLetters: refused, Runs: s.runs, Tracked: func(context.Context) ([]hub.Repository, error) { return s.tracked, nil },
		Version: "1.2.3", Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

// scenes are the states that the page is designed for, by the name of their golden file.
func scenes(t *testing.T) map[string]scene {
	hostile := stored(t, "evil/"+strings.Repeat("x", 255), `"pull_count":9223372036854775807,"description":"<script>alert(1)</script>\" onclick=\"x"`)
	private := stored(t, "hidden/plans", `"pull_count":777777,"star_count":777777,"is_private":true`)
	both := all("library/nginx", "stefanprodan/podinfo")
	return map[string]scene{
		"ordinary": {
			stored: []history.Repository{nginx(t), podinfo(t)}, tracked: both,
			runs: runs{ended([]string{"library/nginx", "stefanprodan/podinfo"}), tomorrow},
		},
		"failing": {
			stored: []history.Repository{nginx(t), podinfo(t)}, tracked: append(all("me/gone", "me/added"), both...),
			runs: runs{ended([]string{"library/nginx"},
				Outcome{Repository: named("stefanprodan/podinfo"), Cause: "rate_limited", Message: "answered 429: \"slow\" & <down>"},
				Outcome{Repository: named("me/gone"), Cause: "not_found", Message: "answered 404"}), tomorrow},
		},
		"truncated": {
			stored: []history.Repository{nginx(t)}, tracked: all("library/nginx", "me/gone"),
			runs: runs{noted(ended(nil, Outcome{Repository: named("library/nginx")}, Outcome{Repository: named("me/gone"), Cause: "not_found", Message: "absent", Gone: true}),
				"truncated: Docker Hub lists 200 of the 350 repositories of me without a login."), tomorrow},
		},
		"first run":     {tracked: both, runs: runs{&Run{Running: true}, tomorrow}},
		"before a run":  {tracked: both, runs: runs{nil, tomorrow}},
		"none tracked":  {runs: runs{nil, tomorrow}},
		"after restart": {stored: []history.Repository{nginx(t)}, tracked: all("library/nginx"), runs: runs{nil, tomorrow}},
		"unreachable": {
			tracked: both,
			runs: runs{retried(ended(nil,
				Outcome{Repository: named("library/nginx"), Cause: "connection", Message: "no complete answer: dial tcp: lookup hub.docker.com on 127.0.0.53:53: no such host"},
				Outcome{Repository: named("stefanprodan/podinfo"), Cause: "connection", Message: "no complete answer: dial tcp: lookup hub.docker.com on 127.0.0.53:53: no such host"}), 5*time.Minute), tomorrow},
		},
		"broker away": {
			stored: []history.Repository{nginx(t)}, tracked: append(all("me/added"), both...),
			runs: runs{inOutbox(ended([]string{"library/nginx", "stefanprodan/podinfo"}), "stefanprodan/podinfo"), tomorrow},
		},
		"hostile": {
			stored:  []history.Repository{hostile},
			tracked: all("evil/" + strings.Repeat("x", 255)),
			runs:    runs{ended(nil, Outcome{Repository: hostile.Repository, Cause: "<img src=x>", Message: `"><script>alert(2)</script>`}), tomorrow},
		},
		"private": {
			stored: []history.Repository{private, nginx(t)}, tracked: all("hidden/plans", "library/nginx"),
			runs: runs{ended([]string{"library/nginx"}, Outcome{Repository: private.Repository, Cause: "not_found", Message: "hidden/plans is absent"}), tomorrow},
		},
	}
}

// grown are scenes with curves: of 120 days, of which one has a gap.
func grown(t *testing.T) map[string]scene {
	image, other, third := nginx(t), podinfo(t), stored(t, "stefanprodan/tool", `"pull_count":90210,"star_count":7,"last_updated":"2026-11-20T02:04:05Z"`)
	s := scene{
		stored: []history.Repository{image, other, third}, tracked: all("library/nginx", "stefanprodan/podinfo", "stefanprodan/tool", "me/added"),
		runs: runs{ended([]string{"library/nginx", "stefanprodan/podinfo", "stefanprodan/tool"}), tomorrow},
	}
	s.grow(&image, 120, 3_000_000)
	s.grow(&other, 120, 2)
	s.grow(&third, 40, 900)
	s.samples[image.Repository] = without(s.samples[image.Repository], 100, 106)
	scenes := make(map[string]scene)
	for name, query := range map[string]string{
		"history":          "",
		"all in total":     "?range=all&metric=total&scale=log",
		"picked":           "?range=7d&pick=stefanprodan%2Ftool&pick=library%2Fnginx&q=tool&view=sum",
		"grouped":          "?range=7d&group=namespace&open=stefanprodan&view=stacked",
		"sorted":           "?range=7d&sort=month&dir=asc",
		"searched":         "?range=7d&q=POD",
		"found nothing":    "?q=no+such",
		"a namespace":      "?range=7d&ns=stefanprodan&hide=stefanprodan%2Ftool",
		"between two days": "?from=2026-11-01&to=2026-11-07",
		"before anything":  "?to=2020-11-07",
		"bad query":        "?range=forever&from=2026-13-01&sort=%3Cb%3E&page=-1&pick=a%2Fb&pick=%2F&metric=pulls",
	} {
		s.query = query
		scenes[name] = s
	}
	return scenes
}

func many(t *testing.T, n int) scene {
	var s scene
	for i := range n {
		r := podinfo(t)
		r.Name, r.Newest.PullCount = fmt.Sprintf("n%03d", i), int64(i)
		r.Newest.Repository = r.Repository
		s.stored = append(s.stored, r)
	}
	return s
}

func TestThePageIsAsInItsGoldenFile(t *testing.T) {
	all := scenes(t)
	maps.Copy(all, grown(t))
	second := many(t, 102)
	second.query = "?page=2"
	all["page 2"] = second
	for name, s := range all {
		t.Run(name, func(t *testing.T) {
			golden(t, name, ask(handlerOf(t, s), http.MethodGet, "/"+s.query), http.StatusOK)
		})
	}
	golden(t, "dead letters", ask(handlerWith(t, scenes(t)["ordinary"], &letters{n: 1204}), http.MethodGet, "/"), http.StatusOK)
	golden(t, "not found", ask(handlerOf(t, scene{}), http.MethodGet, "/such/a/path"), http.StatusNotFound)
}

var hash = regexp.MustCompile(`\?v=[0-9a-f]{16}`)

func golden(t *testing.T, name string, got *httptest.ResponseRecorder, status int) {
	t.Helper()
	if got.Code != status || got.Header().Get("Content-Type") != "text/html; charset=utf-8" || got.Header().Get("Cache-Control") != "private, no-cache" {
		t.Errorf("got %d %v", got.Code, got.Header())
	}
	html := hash.ReplaceAllString(got.Body.String(), "?v=HASH")
	for _, inline := range []string{"<script>", "<style", "style=", "javascript:", " onclick=\""} {
		if strings.Contains(html, inline) {
			t.Errorf("there is %q in it, which the security policy forbids", inline)
		}
	}
	file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".html")
	if *update {
		if err := os.WriteFile(file, []byte(html), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), html); diff != "" {
		t.Errorf("run the test with -update and look at what changes:\n%s", diff)
	}
}

func TestWhatIsPrivateIsOnThePageOfItsOwnerAlone(t *testing.T) {
	h := handlerOf(t, scenes(t)["private"])
	for _, v := range []access.Visitor{{}, {MayRead: true, MayAct: true}} {
		page := askAs(h, v, "/").Body.String()
		for _, secret := range []string{"hidden/", "plans", "777", "fail", "1 of 2", "never"} {
			if strings.Contains(page, secret) {
				t.Errorf("%q is on the page of %+v", secret, v)
			}
		}
	}
	if page := askAs(h, access.Visitor{Authenticated: true}, "/").Body.String(); !strings.Contains(page, "hidden/<b>plans") || !strings.Contains(page, "1 of 2 failed") {
		t.Errorf("it is not on the page of its owner: %s", page)
	}
}

func TestThoseWhoAreAuthenticatedSeeWhatIsPrivate(t *testing.T) {
	h := handlerOf(t, scenes(t)["private"])
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Visitor{Name: "me", Authenticated: true})))
	if page := w.Body.String(); !strings.Contains(page, `href="/r/hidden/plans"`) || !strings.Contains(page, `title="777,777"`) {
		t.Error("hidden/plans is not on the page")
	}
}

func TestAnAddressCannotTellWhetherThereIsAPrivateRepository(t *testing.T) {
	h := handlerOf(t, scenes(t)["private"])
	there := ask(h, http.MethodGet, "/?pick=hidden%2Fplans&ns=hidden&q=plans").Body.String()
	not := ask(h, http.MethodGet, "/?pick=nobody%2Fplans&ns=nobody&q=plans").Body.String()
	if diff := cmp.Diff(strings.ReplaceAll(not, "nobody", "hidden"), there); diff != "" {
		t.Error(diff)
	}
}

func TestTheStatusLine(t *testing.T) {
	gone := Outcome{Repository: named("me/gone"), Cause: "not_found", Message: ""}
	slow := Outcome{Repository: named("library/nginx"), Cause: "timeout", Message: ""}
	old := nginx(t)
	old.Newest.Slot = slot.Add(-24 * time.Hour)
	there := []history.Repository{nginx(t)}
	under := *ended([]string{"library/nginx"})
	under.Running = true
	for name, c := range map[string]struct {
		scene
		level, want string
	}{
		"all is well":                    {scene{there, nil, "", runs{ended([]string{"library/nginx"}), tomorrow}, nil, nil}, levelOK, "Collected 3 h ago, next in 21 h"},
		"nothing is scheduled":           {scene{there, nil, "", runs{ended([]string{"library/nginx"}), time.Time{}}, nil, nil}, levelOK, "Collected 3 h ago"},
		"a failure that may pass":        {scene{there, nil, "", runs{ended([]string{"a/b"}, slow), tomorrow}, nil, nil}, levelWarn, "Collected 3 h ago, 1 of 2 failed, next in 21 h"},
		"a failure that needs a person":  {scene{there, nil, "", runs{ended([]string{"library/nginx"}, gone), tomorrow}, all("me/gone"), nil}, levelBad, "Collected 3 h ago, 1 of 2 failed, next in 21 h"},
		"the only one failed":            {scene{there, nil, "", runs{ended(nil, slow), tomorrow}, nil, nil}, levelWarn, "The run 3 h ago failed, next in 21 h"},
		"all of several failed":          {scene{there, nil, "", runs{ended(nil, slow, gone), tomorrow}, nil, nil}, levelWarn, "The run 3 h ago failed for all 2, next in 21 h"},
		"a run is under way":             {scene{there, nil, "", runs{&under, tomorrow}, nil, nil}, levelBusy, "Collecting now, last collected 3 h ago"},
		"the first run is under way":     {scene{nil, nil, "", runs{&Run{Running: true}, tomorrow}, all("a/b"), nil}, levelBusy, "Collecting for the first time"},
		"the snapshot has not arrived":   {scene{[]history.Repository{old}, nil, "", runs{ended([]string{"library/nginx"}), tomorrow}, nil, nil}, levelWarn, "Collected 3 h ago, not stored yet, next in 21 h"},
		"an unfinished run is retried":   {scene{there, nil, "", runs{retried(ended(nil, slow), 5*time.Minute), tomorrow}, nil, nil}, levelWarn, "The run 3 h ago failed, retry in 5 min"},
		"the next run is before a retry": {scene{there, nil, "", runs{retried(ended(nil, slow), 48*time.Hour), tomorrow}, nil, nil}, levelWarn, "The run 3 h ago failed, next in 21 h"},
		"a first snapshot is not stored": {scene{nil, nil, "", runs{inOutbox(&Run{}, "a/b"), tomorrow}, all("a/b"), nil}, levelWarn, "Collected, not stored yet"},
		"no run since the process began": {scene{there, nil, "", runs{nil, tomorrow}, nil, nil}, levelOK, "Collected 3 h ago, next in 21 h"},
		"no run ever":                    {scene{nil, nil, "", runs{nil, tomorrow}, all("a/b"), nil}, levelIdle, "Nothing collected yet, first run in 21 h"},
		"no run ever and none to come":   {scene{nil, nil, "", runs{}, all("a/b"), nil}, levelIdle, "Nothing collected yet"},
		"nothing to collect":             {scene{nil, nil, "", runs{nil, tomorrow}, nil, nil}, levelIdle, "Nothing collected yet"},
		"the next run is late":           {scene{there, nil, "", runs{ended([]string{"library/nginx"}), slot}, nil, nil}, levelOK, "Collected 3 h ago, next due now"},
		"a run that had nothing to do":   {scene{there, nil, "", runs{ended(nil), tomorrow}, nil, nil}, levelOK, "Collected 3 h ago, next in 21 h"},
	} {
		t.Run(name, func(t *testing.T) {
			run, _, _ := c.runs.LastRun(t.Context())
			if c.runs.run == nil {
				run = Run{}
			}
			v := newView(frame{}, facts{now: now, trails: trailsIn(t, c.scene), tracked: c.tracked, run: run, next: c.runs.next})
			if got := strings.ReplaceAll(v.Status.Text, space, " "); got != c.want || v.Status.Level != c.level {
				t.Errorf("got %s %q", v.Status.Level, got)
			}
		})
	}
}

func TestASnapshotIsGivenAMinuteToArrive(t *testing.T) {
	f := facts{run: *ended([]string{"a/b"})}
	for after, want := range map[time.Duration]string{time.Second: stateNever, 2 * time.Minute: stateOnItsWay} {
		f.now = f.run.Finished.Add(after)
		if got := f.state(hub.Repository{}, nil, &f.run.Outcomes[0], true); got.Text != want {
			t.Errorf("after %v: got %q", after, got.Text)
		}
	}
}

func TestTheTableHasAHundredRowsAPageAndTheSumsAreOfAll(t *testing.T) {
	f := facts{now: now, trails: trailsIn(t, many(t, 205))}
	for page, want := range map[string]struct {
		rows  int
		first string
		text  string
	}{
		"": {100, "204", "1 – 100 of 205"}, "page=3": {5, "4", "201 – 205 of 205"}, "page=77": {5, "4", "201 – 205 of 205"},
	} {
		f.ask = asked(t, page)
		v := newView(frame{}, f)
		rows := v.Table.Groups[0].Rows
		if len(rows) != want.rows || rows[0].Pulls.Short != want.first || v.Table.Pager.Text != want.text || v.Table.Sum.Pulls.Exact != "20,910" {
			t.Errorf("%s: %d rows, the first %v, %q, sum %v", page, len(rows), rows[0].Pulls, v.Table.Pager.Text, v.Table.Sum.Pulls)
		}
	}
}

func TestThePageLeavesWhatItWasGivenAlone(t *testing.T) {
	s := scenes(t)["private"]
	before := len(s.stored)
	ask(handlerOf(t, s), http.MethodGet, "/")
	if len(s.stored) != before || s.stored[0].Name != "plans" || s.tracked[0].Name != "plans" || len(s.runs.run.Outcomes) != 2 ||
		s.runs.run.Outcomes[0].Cause != "not_found" {
		t.Errorf("changed: %v %v %v", s.stored, s.tracked, s.runs.run)
	}
}

func TestAHistoryThatCannotBeReadIsA500AndLoggedWhenThatChanges(t *testing.T) {
	var log bytes.Buffer
	source := &past{err: errors.New("the disk at /var/lib is gone")}
	h, err := New(Options{Curves: curves(source), Operations: &engine{}, DeadLetters: &letters{}, Runs: runs{}, Tracked: func(context.Context) ([]hub.Repository, error) { return nil, nil }, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got := ask(h, http.MethodGet, "/")
		if got.Code != http.StatusInternalServerError || strings.Contains(got.Body.String(), "/var/lib") || !strings.Contains(got.Body.String(), "History cannot be read") {
			t.Errorf("got %d %s", got.Code, got.Body)
		}
	}
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "/var/lib") {
		t.Errorf("logged %q", &log)
	}
	source.err = nil
	ask(h, http.MethodGet, "/")
	ask(h, http.MethodGet, "/")
	if strings.Count(log.String(), "\n") != 2 {
		t.Errorf("logged %q", &log)
	}
}

func TestDeadLettersThatCannotBeCountedAreLeftOutAndLoggedWhenThatChanges(t *testing.T) {
	var log bytes.Buffer
	source := &letters{n: 3, err: errors.New("the disk at /var/lib is gone")}
	h, err := New(Options{
		Curves: curves(&past{newest: []history.Repository{nginx(t)}}), Operations: &engine{}, DeadLetters: source, Runs: runs{},
		Tracked: func(context.Context) ([]hub.Repository, error) { return nil, nil }, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got := ask(h, http.MethodGet, "/")
		if page := got.Body.String(); got.Code != http.StatusOK || !strings.Contains(page, "nginx") || strings.Contains(page, "dead letter") || strings.Contains(page, "/var/lib") {
			t.Errorf("got %d %s", got.Code, page)
		}
	}
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "cannot count the dead letters") {
		t.Errorf("logged %q", &log)
	}
	source.err = nil
	for range 2 {
		if page := ask(h, http.MethodGet, "/").Body.String(); !strings.Contains(page, "3 dead letters") {
			t.Errorf("got %s", page)
		}
	}
	if strings.Count(log.String(), "\n") != 2 {
		t.Errorf("logged %q", &log)
	}
}

func TestOneDeadLetterIsNotSeveral(t *testing.T) {
	page := ask(handlerWith(t, scene{}, &letters{n: 1}), http.MethodGet, "/").Body.String()
	if !strings.Contains(page, "1 dead letter<") {
		t.Error(page)
	}
}

func TestABrokenTemplateIsACleanError(t *testing.T) {
	var log bytes.Buffer
	h := &handler{Options: Options{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	h.templates = map[string]*template.Template{"index.html": template.Must(template.New("layout").Parse("half a page {{.Nothing}}"))}
	w := httptest.NewRecorder()
	h.render(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, "index.html", struct{}{})
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "half") || !strings.Contains(log.String(), "Nothing") {
		t.Errorf("got %d %s, logged %q", w.Code, w.Body, &log)
	}
}

func TestOnlyReadingIsAllowed(t *testing.T) {
	h := handlerOf(t, scene{})
	for path, status := range map[string]int{"/": 200, stylePath: 200, iconPath: 200, scriptPath: 200, plotPath: 200, licencePath: 200, "/nothing": 404} {
		if got := ask(h, http.MethodHead, path); got.Code != status {
			t.Errorf("HEAD %s: got %d", path, got.Code)
		}
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			if got := ask(h, method, path); got.Code != http.StatusMethodNotAllowed || got.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: got %d %v", method, path, got.Code, got.Header())
			}
		}
	}
}

func TestAssetsMayBeKeptUnderTheirHash(t *testing.T) {
	h := handlerOf(t, scene{})
	page := ask(h, http.MethodGet, "/").Body.String()
	for path, contentType := range map[string]string{stylePath: "text/css; charset=utf-8", iconPath: "image/svg+xml", scriptPath: "text/javascript; charset=utf-8", licencePath: "text/plain; charset=utf-8"} {
		_, after, _ := strings.Cut(page, path)
		url := path + hash.FindString(after)
		got := ask(h, http.MethodGet, url)
		if got.Code != http.StatusOK || got.Header().Get("Content-Type") != contentType || !strings.Contains(got.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: got %d %v", url, got.Code, got.Header())
		}
		if got := ask(h, http.MethodGet, path+"?v=older"); got.Code != http.StatusOK || got.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s with another hash: got %d %v", path, got.Code, got.Header())
		}
		again := httptest.NewRequest(http.MethodGet, path, nil)
		again.Header.Set("If-None-Match", got.Header().Get("ETag"))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, again)
		if w.Code != http.StatusNotModified {
			t.Errorf("%s with its ETag: got %d", path, w.Code)
		}
	}
}

func TestASinkThatIsLateIsRemarkedOn(t *testing.T) {
	s := scenes(t)["ordinary"]
	s.sinks = []Sink{{Name: "opensearch", Behind: 1204, Lag: 3 * time.Hour}, {Name: "elasticsearch", Behind: 3, Lag: time.Minute}, {Name: "third", OK: true}}
	page := plain(ask(handlerOf(t, s), http.MethodGet, "/").Body.String())
	if !strings.Contains(page, "opensearch is behind") || !strings.Contains(page, "1,204 entries wait for it, the oldest for 3 h") || strings.Count(page, "is behind") != 1 {
		t.Errorf("got %s", page)
	}
}

func TestAStrangerIsShownTheWayToSignIn(t *testing.T) {
	h, err := New(Options{
		Curves: curves(&past{}), Operations: &engine{}, DeadLetters: &letters{}, Runs: runs{}, SignIn: true,
		Tracked: func(context.Context) ([]hub.Repository, error) { return nil, nil }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	for v, want := range map[access.Visitor]bool{{}: true, {MayRead: true}: true, {Name: "me", Authenticated: true}: false} {
		if got := strings.Contains(askAs(h, v, "/").Body.String(), `href="/login"`); got != want {
			t.Errorf("%+v: %v", v, got)
		}
	}
}

func TestADemoSaysSoOnEveryPage(t *testing.T) {
	for _, demo := range []bool{true, false} {
		h, err := New(Options{
			Curves: curves(&past{newest: []history.Repository{nginx(t)}}), Operations: &engine{}, DeadLetters: &letters{}, Runs: runs{}, Demo: demo,
			Tracked: func(context.Context) ([]hub.Repository, error) { return nil, nil }, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/", "/nothing", "/r/library/unknown"} {
			page := ask(h, http.MethodGet, path).Body.String()
			if got := strings.Contains(page, `<p class="demo" role="note">`+english().Demo+"</p>"); got != demo {
				t.Errorf("demo %v, %s: %s", demo, path, page)
			}
		}
	}
}

func TestANoticeSaysWhyDockerHubCannotBeReachedAndWhenItIsRetried(t *testing.T) {
	page := ask(handlerOf(t, scenes(t)["unreachable"]), http.MethodGet, "/").Body.String()
	wantText(t, page, "Docker Hub cannot be reached", "DNS does not know the name of its server.", "retries in 5", "HTTPS_PROXY", "pulltrail check --connect", "retry in 5")
	wantNoText(t, page, "next in", "The first numbers")
	for message, want := range map[string]string{
		"dial tcp: lookup hub.docker.com on 127.0.0.53:53: server misbehaving":             "DNS does not answer.",
		"dial tcp: lookup hub.docker.com on 127.0.0.53:53: read udp: i/o timeout":          "DNS does not answer.",
		"proxyconnect tcp: dial tcp 10.0.0.1:3128: connect: connection refused":            "The proxy does not connect to it.",
		"dial tcp 127.0.0.1:9: connect: connection refused":                                "The connection is refused.",
		"tls: failed to verify certificate: x509: certificate signed by unknown authority": "Its certificate is not accepted.",
		"unexpected EOF": "The connection breaks off.",
	} {
		if got := whyUnreachable("connection", "no complete answer: "+message); got != want {
			t.Errorf("%s: got %q", message, got)
		}
	}
	if got := whyUnreachable("timeout", "no complete answer within 30s: context deadline exceeded"); got != "It does not answer in time." {
		t.Errorf("got %q", got)
	}
	some := scenes(t)["failing"]
	wantNoText(t, ask(handlerOf(t, some), http.MethodGet, "/").Body.String(), "cannot be reached")
}

func TestSnapshotsInTheOutboxAreNotNeverCollected(t *testing.T) {
	h := handlerOf(t, scenes(t)["broker away"])
	page := ask(h, http.MethodGet, "/").Body.String()
	wantText(t, page, "A snapshot of 1 repository waits in the outbox", ">waits in the outbox</span>")
	if n := strings.Count(page, ">never collected</span>"); n != 1 { // me/added
		t.Errorf("%d repositories were never collected", n)
	}
	wantText(t, ask(h, http.MethodGet, "/r/stefanprodan/podinfo").Body.String(), "Its first snapshot waits in the outbox", "Nothing is lost")
}
