package access

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/argon2"

	"pulltrail/internal/secret"
)

const (
	user     = "me"
	password = "correct horse: ü"
)

// cheap is a hash of password that costs next to nothing.
var cheap = secret.New("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$" +
	base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(password), []byte("somesalt"), 1, 8, 1, 32)))

var (
	nobody    = Config{}
	public    = Config{Public: true}
	protected = Config{Username: user, PasswordHash: cheap}
	both      = Config{Public: true, Username: user, PasswordHash: cheap}
)

// shows answers with what the visitor may, and knows no /login.
var shows = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == loginPath {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	v := Of(r.Context())
	for word, is := range map[string]bool{"read ": v.MayRead, "act ": v.MayAct, "private ": v.Authenticated, "name ": v.Name == user} {
		if is {
			_, _ = io.WriteString(w, word)
		}
	}
})

func handlerOf(t *testing.T, o Options) http.Handler {
	t.Helper()
	if o.Log == nil {
		o.Log = new(logged).logger()
	}
	wrap, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return wrap(shows)
}

// request is such as "GET /path".
func request(line string, change ...func(*http.Request)) *http.Request {
	method, path, _ := strings.Cut(line, " ")
	r := httptest.NewRequest(method, path, nil)
	for _, c := range change {
		c(r)
	}
	return r
}

func as(name, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(name, password) }
}

func with(header, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(header, value) }
}

func from(address string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = address }
}

func answer(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// answers are those to every kind of request: the status, and what the visitor may.
type answers struct{ page, api, metrics, ready, login, post, options string }

func (a answers) each(f func(line, want string)) {
	f("GET /", a.page)
	f("HEAD /", a.page)
	f("GET /api/v1/repositories", a.api)
	f("GET /metrics", a.metrics)
	f("GET /-/ready", a.ready)
	f("HEAD /-/ready", a.ready)
	f("GET /-/healthy", a.ready)
	f("GET /login", a.login)
	f("POST /", a.post)
	f("POST /api/v1/collect", a.post)
	f("POST /-/ready", a.post)
	f("DELETE /metrics", a.post)
	f("OPTIONS /", a.options)
}

func TestWhoMayDoWhatWhere(t *testing.T) {
	all := func(s string) answers { return answers{s, s, s, s, s, s, s} }
	owner := answers{"200 read act", "200 read act", "200 read act", "200 read act", "404", "200 read act", "200 read act"}
	reader := answers{"200 read", "200 read", "200 read", "200 read", "404", "403", "403"}
	stranger := answers{"401", "401", "401", "200", "401", "401", "401"}
	guest := reader
	guest.login = "401"
	known := all("200 read act private name")
	known.login = "303"
	for name, c := range map[string]struct {
		config             Config
		loopback           []bool
		none, right, wrong answers
	}{
		"without a user on loopback, whoever can reach it owns the machine": {nobody, []bool{true}, owner, owner, owner},
		"public without a user, all can read":                               {public, []bool{true, false}, reader, reader, reader},
		"with a user, others see the health alone":                          {protected, []bool{true, false}, stranger, known, all("401")},
		"public with a user, others can read":                               {both, []bool{true, false}, guest, known, all("401")},
	} {
		for _, loopback := range c.loopback {
			for who, a := range map[string]struct {
				answers
				credentials func(*http.Request)
			}{
				"none":                         {c.none, func(*http.Request) {}},
				"right":                        {c.right, as(user, password)},
				"a wrong password":             {c.wrong, as(user, "battery staple")},
				"a wrong user":                 {c.wrong, as("you", password)},
				"the user in another spelling": {c.wrong, as("Me", password)},
				"no password":                  {c.wrong, as(user, "")},
				"no user":                      {c.wrong, as("", password)},
				"credentials of another kind":  {c.wrong, with("Authorization", "Bearer x")},
			} {
				a.each(func(line, want string) {
					got := answer(handlerOf(t, Options{Config: c.config, Loopback: loopback}), request(line, a.credentials))
					status := strconv.Itoa(got.Code)
					if got.Code == 200 {
						for _, word := range []string{"read ", "act ", "private ", "name "} {
							if strings.Contains(got.Body.String(), word) {
								status += " " + strings.TrimSpace(word)
							}
						}
					}
					if status != want {
						t.Errorf("%s (loopback %t), %s with %s: got %q %s, want %q", name, loopback, line, who, status, got.Body, want)
					}
				})
			}
		}
	}
}

func TestAServerThatOthersReachNeedsADecision(t *testing.T) {
	for name, c := range map[string]struct {
		o    Options
		says string
	}{
		"reachable without a decision": {Options{}, "web.listen: others can reach this address: write web.username and web.password_hash, or web.public: true"},
		"a user without a hash":        {Options{Config: Config{Username: user}, Loopback: true}, "web.password_hash: "},
		"a hash without a user":        {Options{Config: Config{PasswordHash: cheap}, Loopback: true}, "web.username: "},
		"a hash that is a password":    {Options{Config: Config{Username: user, PasswordHash: secret.New("hunter2")}}, "pulltrail hash-password"},
	} {
		_, err := New(c.o)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnotherSiteCannotAct(t *testing.T) {
	for name, o := range map[string]Options{
		"without a user": {Config: nobody, Loopback: true}, "with a user": {Config: protected}, "public with a user": {Config: both},
	} {
		h := handlerOf(t, o)
		for _, c := range []struct {
			header, value string
			want          int
		}{
			{"Sec-Fetch-Site", "cross-site", 403},
			{"Sec-Fetch-Site", "same-site", 403},
			{"Origin", "https://evil.example", 403},
			{"Origin", "null", 403},
			{"Sec-Fetch-Site", "same-origin", 200},
			{"Sec-Fetch-Site", "none", 200},
			{"Origin", "http://example.com", 200}, // that is us
		} {
			for _, path := range []string{"/", "/api/v1/collect"} {
				got := answer(h, request("POST "+path, as(user, password), with(c.header, c.value)))
				if got.Code != c.want {
					t.Errorf("%s, POST %s with %s %q: got %d %s", name, path, c.header, c.value, got.Code, got.Body)
				}
				for header := range got.Header() {
					if strings.HasPrefix(header, "Access-Control-") {
						t.Errorf("there is a header of CORS: %s", header)
					}
				}
			}
		}
		// The link to the page may stand anywhere.
		if got := answer(h, request("GET /", as(user, password), with("Sec-Fetch-Site", "cross-site"))); got.Code != 200 {
			t.Errorf("%s: GET from a link: got %d", name, got.Code)
		}
	}
}

func TestARefusalIsForPeopleOrPrograms(t *testing.T) {
	h := handlerOf(t, Options{Config: protected})
	people, programs := answer(h, request("GET /")), answer(h, request("GET /api/v1/repositories"))
	if people.Header().Get("Content-Type") != "text/plain; charset=utf-8" || people.Body.String() != "A user name and a password are needed here.\n" {
		t.Errorf("got %v %s", people.Header(), people.Body)
	}
	want := `{"type":"about:blank","title":"Unauthorized","status":401,"detail":"A user name and a password are needed here."}` + "\n"
	if programs.Header().Get("Content-Type") != "application/problem+json" || programs.Body.String() != want {
		t.Errorf("got %v %s", programs.Header(), programs.Body)
	}
	for _, got := range []http.Header{people.Header(), programs.Header()} {
		if got.Get("WWW-Authenticate") != `Basic realm="Pulltrail", charset="UTF-8"` || got.Get("Cache-Control") != "no-store" || got.Get("Vary") != "Authorization" {
			t.Errorf("got %v", got)
		}
	}
	if got := answer(handlerOf(t, Options{Config: public}), request("POST /api/v1/collect")); got.Code != 403 || got.Header().Get("WWW-Authenticate") != "" ||
		!strings.HasPrefix(got.Body.String(), `{"type":"about:blank","title":"Forbidden","status":403,`) {
		t.Errorf("got %d %v %s", got.Code, got.Header(), got.Body)
	}
}

func TestSigningInLeadsToThePage(t *testing.T) {
	h := handlerOf(t, Options{Config: both})
	got := answer(h, request("GET /login", as(user, password)))
	if got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/" || got.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %v", got.Code, got.Header())
	}
	got = answer(h, request("POST /login", as(user, password)))
	if got.Code != http.StatusMethodNotAllowed || got.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: got %d %v", got.Code, got.Header())
	}
}

func TestAStrangerIsWhoNobodyHasLookedAt(t *testing.T) {
	if got := Of(t.Context()); got != (Visitor{}) {
		t.Errorf("got %+v", got)
	}
	want := Visitor{Name: user, Authenticated: true}
	if got := Of(With(t.Context(), want)); got != want {
		t.Errorf("got %+v", got)
	}
}

func TestManyVisitorsAtOnce(t *testing.T) {
	h := handlerOf(t, Options{Config: both})
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			switch i % 4 {
			case 0:
				if got := answer(h, request("GET /", as(user, password))); got.Code != 200 {
					t.Errorf("right: got %d", got.Code)
				}
			case 1:
				if got := answer(h, request("GET /", as(user, "wrong"), from("192.0.2.9:1"))); got.Code != 401 && got.Code != 429 {
					t.Errorf("wrong: got %d", got.Code)
				}
			default:
				if got := answer(h, request("GET /")); strings.Contains(got.Body.String(), "private") || got.Code != 200 {
					t.Errorf("none: got %d %s", got.Code, got.Body)
				}
			}
		})
	}
	all.Wait()
}
