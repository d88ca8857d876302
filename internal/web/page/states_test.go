package page

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/web/access"
)

// running is an engine with something to say of everything.
func running() *engine {
	waiting, bytes := 3, int64(48_300_000)
	return &engine{report: Report{
		Started:  now.Add(-50 * time.Hour),
		Schedule: Schedule{Spec: "0 1 * * *", Timezone: "Europe/Berlin", Next: tomorrow, Retry: now.Add(10 * time.Minute), Skipped: 2},
		Last: &LastRun{
			Slot: slot, Started: slot.Add(time.Second), Finished: slot.Add(5 * time.Second), Succeeded: 5, Skipped: 1, Failed: 9, Requests: 7,
			Unfinished: "asked of hidden/plans too late", Err: "a token of hidden/plans",
		},
		Listings: []Listing{
			{Namespace: "hidden", Rows: 200, Total: 350, Slot: slot, Truncated: true, Message: "hidden/plans and others are not listed"},
			{Namespace: "me", Rows: 12, Total: 12, Slot: slot},
			{Namespace: "you", Rows: 10, Total: 12, Slot: slot, Message: "page 2 of hidden/plans timed out"},
		},
		Limits: &Limits{Limit: 180, Remaining: 35, Reset: now.Add(40 * time.Second)},
		Parts: []Part{
			{Name: "history", OK: true, Since: now.Add(-time.Hour), Detail: "position 1234"},
			{Name: "publisher", Since: now.Add(-3 * time.Minute), Detail: "cannot reach mqtt://user:hidden@broker"},
			{Name: "opensearch after history", Optional: true, Detail: "hidden: connection refused"},
		},
		Sinks:    []Sink{{Name: "opensearch", Log: "history", Behind: 12_345, Lag: 90 * time.Minute, Refused: 1}, {Name: "opensearch", Log: "journal", OK: true}},
		Outbox:   &waiting,
		Letters:  map[string]int{"opensearch": 1204, "history": 1, "none": 0},
		Database: &bytes,
	}}
}

// troubled has repositories that fail, one of them in private.
func troubled(t *testing.T) detailed {
	t.Helper()
	return detailed{memory: two(t), engine: running(), tracked: all("library/nginx", "hidden/plans", "me/gone", "me/added"), runs: runs{ended([]string{"me/fine"},
		Outcome{Repository: named("hidden/plans"), Cause: "unauthorized", Message: "the login of hidden/plans is refused"},
		Outcome{Repository: named("library/nginx"), Cause: "rate_limited", Message: "answered 429: \"slow\" & <down>"},
		Outcome{Repository: named("me/gone"), Cause: "not_found", Message: "answered 404", Gone: true},
		Outcome{Repository: named("me/added"), Cause: "not_found", Message: "answered 404"}), tomorrow}}
}

func TestTheStatusPageIsAsInItsGoldenFile(t *testing.T) {
	h := troubled(t).handler(t)
	golden(t, "status stranger", askAs(h, stranger, "/status"), http.StatusOK)
	golden(t, "status local", askAs(h, local, "/status"), http.StatusOK)
	golden(t, "status owner", askAs(h, owner, "/status"), http.StatusOK)
	calm := detailed{memory: newMemory(), engine: &engine{report: Report{Started: now, Schedule: Schedule{Spec: "@daily", Timezone: "UTC", Next: tomorrow}}}, runs: runs{nil, tomorrow}}
	golden(t, "status first minute", askAs(calm.handler(t), local, "/status"), http.StatusOK)
}

func TestStrangersAreToldNothingThatIsHidden(t *testing.T) {
	h := troubled(t).handler(t)
	page := askAs(h, stranger, "/status").Body.String()
	wantNoText(t, page, "hidden/", ":hidden", "plans", "gone</b>", "needs a login", "token", "position", "post", "Collect now", "Requests sent")
	wantText(t, page, "not found", "2 more that are not named", "nginx", "200 of 350", "12,345", "<dt>Collected</dt><dd>1</dd>", "<dt>Failed</dt><dd>3</dd>")
	page = askAs(h, local, "/status").Body.String()
	wantNoText(t, page, "the login of hidden/plans") // it may act, but did not say who it is
	wantText(t, page, "gone</b>", "answered 404", "<dt>Collected</dt><dd>1</dd>", "a token of", "position 1234", `<form method="post" action="/collect">`)
	wantText(t, askAs(h, owner, "/status").Body.String(), "the login of hidden/plans", "needs a login", "<dt>Collected</dt><dd>5 <small>1 was there already</small></dd>", "<dt>Requests sent</dt><dd>7</dd>")
}

func TestTheNamesOfWhatFailsAreBounded(t *testing.T) {
	run := *ended(nil)
	for i := range maxNamed + 7 {
		run.Outcomes = append(run.Outcomes, Outcome{Repository: named("a/n" + strconv.Itoa(i)), Cause: []string{"timeout", "not_found"}[i%2], Message: strings.Repeat("x", 2*maxText)})
	}
	f := facts{now: now, run: run}
	got, more := f.failures(true)
	if len(got) != 2 || got[0].What != "not found" || len(got[0].Repositories)+len(got[1].Repositories) != maxNamed || !strings.Contains(more, "7 more") ||
		got[0].Count != "28" || got[1].Count != "29" || len([]rune(got[0].Repositories[0].Message)) != maxText+1 {
		t.Errorf("%d %v, more %q", len(got), got, more)
	}
}

func TestWhatCannotBeReadIsLeftOutOfTheStatusPage(t *testing.T) {
	var log strings.Builder
	d := detailed{memory: newMemory(), engine: &engine{err: errors.New("the disk at /var/lib is gone")}, log: &log}
	h := d.handler(t)
	for range 2 {
		got := askAs(h, owner, "/status")
		if got.Code != http.StatusOK {
			t.Errorf("got %d", got.Code)
		}
		wantText(t, got.Body.String(), statusEnglish().Incomplete)
		wantNoText(t, got.Body.String(), "/var/lib")
	}
	if strings.Count(log.String(), "/var/lib") != 1 {
		t.Errorf("logged %q", log.String())
	}
}

func TestOnlyThoseWhoMayActHaveARunBegin(t *testing.T) {
	for name, c := range map[string]struct {
		method  string
		visitor access.Visitor
		headers map[string]string
		status  int
	}{
		"the owner on the page":           {"POST", owner, map[string]string{"Sec-Fetch-Site": "same-origin"}, 303},
		"on loopback":                     {"POST", local, map[string]string{"Origin": "http://pulls.example.org"}, 303},
		"a program":                       {"POST", owner, nil, 303},
		"a stranger":                      {"POST", stranger, map[string]string{"Sec-Fetch-Site": "same-origin"}, 403},
		"another site":                    {"POST", owner, map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"another host of the site":        {"POST", owner, map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		"another site, by an old browser": {"POST", owner, map[string]string{"Origin": "http://evil.example"}, 403},
		"a page without an origin":        {"POST", owner, map[string]string{"Origin": "null"}, 403},
		"a link":                          {"GET", owner, nil, 405},
		"a link of another site":          {"GET", owner, map[string]string{"Sec-Fetch-Site": "cross-site"}, 405},
		"something else":                  {"PUT", owner, nil, 405},
	} {
		t.Run(name, func(t *testing.T) {
			e := &engine{}
			h := detailed{memory: newMemory(), engine: e}.handler(t)
			r := httptest.NewRequest(c.method, collectPath, nil)
			r.Host = "pulls.example.org"
			for key, value := range c.headers {
				r.Header.Set(key, value)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r.WithContext(access.With(r.Context(), c.visitor)))
			pressed := 0
			if c.status == http.StatusSeeOther {
				pressed = 1
				if w.Header().Get("Location") != "/status" {
					t.Errorf("leads to %q", w.Header().Get("Location"))
				}
			}
			if w.Code != c.status || e.pressed != pressed {
				t.Errorf("got %d, pressed %d times: %s", w.Code, e.pressed, w.Body)
			}
		})
	}
}

func TestTheButtonIsOffWhileARunIsUnderWay(t *testing.T) {
	under := *ended(nil)
	under.Running = true
	h := detailed{memory: newMemory(), engine: running(), runs: runs{&under, tomorrow}}.handler(t)
	page := askAs(h, owner, "/status").Body.String()
	wantText(t, page, "<button disabled>A run is under way", `http-equiv="refresh"`)
	asked := running()
	asked.report.Asked = true
	page = askAs(detailed{memory: newMemory(), engine: asked, runs: runs{ended(nil), tomorrow}}.handler(t), owner, "/status").Body.String()
	wantText(t, page, "<button disabled>A run is under way", `http-equiv="refresh"`)
}

func TestLengthsOfTimeThatMayBeShort(t *testing.T) {
	for d, want := range map[time.Duration]string{-1: "–", 0: "–", time.Millisecond: "less than 1 s", 59 * time.Second: "59 s", time.Minute: "1 min", 50 * time.Hour: "2 d"} {
		if got := strings.ReplaceAll(lag(d), space, " "); got != want {
			t.Errorf("%v: got %q", d, got)
		}
	}
}
