package hubtest

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestALimitIsEnforcedInWindowsOfAMinute(t *testing.T) {
	h := NewInProcess(t)
	h.Set("a/b", 1)
	h.AddUser("someone", "password")
	synctest.Test(t, func(t *testing.T) {
		anonymous := ask(t, h)
		login := anonymous.as("someone", "password")
		h.Limit(2)
		if diff := cmp.Diff([]int{200, 200, 429}, statuses(anonymous, 3)); diff != "" {
			t.Error(diff)
		}
		time.Sleep(time.Minute - 1)
		if diff := cmp.Diff([]int{429}, statuses(anonymous, 1)); diff != "" {
			t.Errorf("before the window's end: %s", diff)
		}
		time.Sleep(time.Nanosecond)
		if diff := cmp.Diff([]int{200, 200, 429}, statuses(anonymous, 3)); diff != "" {
			t.Errorf("in the next window: %s", diff)
		}
		if diff := cmp.Diff([]int{200, 200, 200, 200, 200, 200, 200, 200, 429}, statuses(login, 9)); diff != "" {
			t.Errorf("with a login: %s", diff)
		}
		h.LoginLimit(10)
		if diff := cmp.Diff([]int{200, 429}, statuses(login, 2)); diff != "" {
			t.Errorf("with a login and a limit of its own: %s", diff)
		}
		if h.Refused() != 5 {
			t.Errorf("%d were refused", h.Refused())
		}
		h.Limit(0)
		if diff := cmp.Diff([]int{200, 200, 200}, statuses(anonymous, 3)); diff != "" {
			t.Errorf("without a limit: %s", diff)
		}
	})
}

func TestEveryAnswerShowsTheLimit(t *testing.T) {
	h := NewInProcess(t)
	h.Set("a/b", 1)
	h.AddUser("someone", "password")
	a := ask(t, h)
	login := a.as("someone", "password")
	for name, c := range map[string]struct {
		who   asker
		path  string
		limit string
	}{
		"a repository": {a, "/v2/repositories/a/b", "180"},
		"a listing":    {a, "/v2/repositories/a/", "180"},
		"a 404":        {a, "/v2/elsewhere", "180"},
		"a 401":        {a.with("Authorization", "Bearer x"), "/v2/repositories/a/b", "180"},
		"a login":      {login, "/v2/repositories/a/b", "600"},
	} {
		t.Run(name, func(t *testing.T) {
			header := c.who.get(c.path).header
			if header.Get("x-ratelimit-limit") != c.limit || header.Get("x-ratelimit-remaining") == "" || header.Get("x-ratelimit-reset") == "" {
				t.Errorf("%v", header)
			}
		})
	}
	h.Limit(2)
	for _, want := range []string{"1", "0", "0"} {
		if header := a.get("/v2/repositories/a/b").header; header.Get("x-ratelimit-remaining") != want || header.Get("x-ratelimit-limit") != "2" {
			t.Errorf("remaining %s, want %s", header.Get("x-ratelimit-remaining"), want)
		}
	}
}

func TestTheFormsOfRetryAfter(t *testing.T) {
	for name, c := range map[string]struct {
		form RetryForm
		want func(reset time.Time) string
	}{
		"seconds":   {Seconds, func(time.Time) string { return "50" }},
		"epoch":     {Epoch, func(reset time.Time) string { return strconv.FormatInt(reset.Unix(), 10) }},
		"HTTP date": {HTTPDate, func(reset time.Time) string { return reset.UTC().Format(http.TimeFormat) }},
		"absent":    {Absent, func(time.Time) string { return "" }},
		"absurd":    {Absurd, func(time.Time) string { return "31536000" }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := NewInProcess(t)
				h.Limit(1)
				h.RetryAfter(c.form)
				a := ask(t, h)
				reset := time.Now().Add(time.Minute)
				a.get("/")
				time.Sleep(10*time.Second + time.Millisecond)
				g := a.get("/")
				if g.status != http.StatusTooManyRequests || g.header.Get("Retry-After") != c.want(reset) ||
					g.header.Get("x-ratelimit-reset") != strconv.FormatInt(reset.Unix(), 10) || !strings.Contains(g.body, `"detail":"Rate limit exceeded"`) {
					t.Errorf("%d %v %s", g.status, g.header, g.body)
				}
			})
		})
	}
}

func TestTheEdgeLimitsEverybodyTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewInProcess(t)
		h.Set("a/b", 1)
		h.AddUser("someone", "password")
		anonymous := ask(t, h)
		login := anonymous.as("someone", "password")
		h.EdgeLimit(2)
		statuses(anonymous, 1)
		statuses(login, 1)
		g := login.get("/v2/repositories/a/b")
		if g.status != http.StatusTooManyRequests || g.body != "Too Many Requests (HAP429).\n" || g.header.Get("Retry-After") != "60" ||
			!strings.HasPrefix(g.header.Get("Content-Type"), "text/plain") || g.header.Get("x-ratelimit-limit") != "" {
			t.Errorf("%d %v %q", g.status, g.header, g.body)
		}
		time.Sleep(time.Second)
		if diff := cmp.Diff([]int{200, 200, 429}, statuses(anonymous, 3)); diff != "" {
			t.Error(diff)
		}
		h.EdgeLimit(0)
		if diff := cmp.Diff([]int{200}, statuses(anonymous, 1)); diff != "" {
			t.Error(diff)
		}
		if h.Refused() != 2 {
			t.Errorf("%d were refused", h.Refused())
		}
	})
}
