package hubtest

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestALoginSeesThePrivateRepositoriesOfItsNamespaces(t *testing.T) {
	h := NewInProcess(t)
	h.Set("org/open", 1)
	h.SetPrivate("org/secret", 2)
	h.SetPrivate("other/secret", 3)
	h.AddUser("someone", "password", "org")
	h.AddUser("org", "organisation access token")
	anonymous := ask(t, h)
	for name, c := range map[string]struct {
		who    asker
		listed []string
		status int // of org/secret
	}{
		"nobody":       {anonymous, []string{"org/open"}, http.StatusNotFound},
		"a member":     {anonymous.as("someone", "password"), []string{"org/open", "org/secret"}, http.StatusOK},
		"organisation": {anonymous.as("org", "organisation access token"), []string{"org/open", "org/secret"}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.listed, c.who.walk("/v2/repositories/org/")); diff != "" {
				t.Error(diff)
			}
			if g := c.who.get("/v2/repositories/org/secret"); g.status != c.status || (c.status == http.StatusOK) != strings.Contains(g.body, `"is_private":true`) {
				t.Errorf("%d %s", g.status, g.body)
			}
			if g := c.who.get("/v2/repositories/other/secret"); g.status != http.StatusNotFound || !strings.Contains(g.body, `"errinfo":{"namespace":"other","repository":"secret"}`) {
				t.Errorf("of another namespace: %d %s", g.status, g.body)
			}
		})
	}
	if h.Logins() != 2 || h.FailedLogins() != 0 || h.Tokens() != 6 || h.Requests() != 11 {
		t.Errorf("%d logins, %d failed, %d tokens in %d requests", h.Logins(), h.FailedLogins(), h.Tokens(), h.Requests())
	}
}

func TestATokenExpires(t *testing.T) {
	h := NewInProcess(t)
	h.Set("a/b", 1)
	h.AddUser("someone", "password")
	h.TokenLife(90 * time.Second)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(500 * time.Millisecond)
		status, token := ask(t, h).login("someone", "password")
		exp, err := expiry(token)
		if status != http.StatusOK || err != nil || exp != time.Now().Add(90*time.Second).Unix() {
			t.Fatalf("%d, expires %d, %v", status, exp, err)
		}
		login := ask(t, h).with("Authorization", "Bearer "+token)
		time.Sleep(time.Until(time.Unix(exp, 0)) - 1)
		if g := login.get("/v2/repositories/a/b"); g.status != http.StatusOK {
			t.Errorf("before its end: %d", g.status)
		}
		time.Sleep(time.Nanosecond)
		if g := login.get("/v2/repositories/a/b"); g.status != http.StatusUnauthorized {
			t.Errorf("after its end: %d", g.status)
		}
		if status, again := login.login("someone", "password"); status != http.StatusOK || again == token {
			t.Errorf("a login with the old token: %d", status)
		}
	})
}

func TestATokenThatIsNone(t *testing.T) {
	h := NewInProcess(t)
	h.Set("a/b", 1)
	h.AddUser("someone", "password")
	a := ask(t, h)
	_, token := a.login("someone", "password")
	for header, want := range map[string]int{
		"Bearer " + token: http.StatusOK,
		"JWT " + token:    http.StatusOK,
		"Basic " + token:  http.StatusUnauthorized,
		token:             http.StatusUnauthorized,
		"Bearer a.b.c":    http.StatusUnauthorized,
		"Bearer x.y.":     http.StatusUnauthorized,
	} {
		if g := a.with("Authorization", header).get("/v2/repositories/a/b"); g.status != want {
			t.Errorf("%q: %d", header, g.status)
		}
	}
	h.RevokeTokens()
	if g := a.with("Authorization", "Bearer "+token).get("/v2/repositories/a/b"); g.status != http.StatusUnauthorized || !strings.Contains(g.body, "credentials") {
		t.Errorf("revoked: %d %s", g.status, g.body)
	}
	if h.Tokens() != 7 {
		t.Errorf("%d tokens", h.Tokens())
	}
}

func TestFiveFailuresLockAnAccount(t *testing.T) {
	h := NewInProcess(t)
	h.AddUser("someone", "password")
	synctest.Test(t, func(t *testing.T) {
		a := ask(t, h)
		try := func(secret string, want int) {
			t.Helper()
			if status, _ := a.login("someone", secret); status != want {
				t.Errorf("login with %q: %d, want %d", secret, status, want)
			}
		}
		for range 4 {
			try("wrong", http.StatusUnauthorized)
		}
		try("password", http.StatusOK) // and the count starts anew
		for range 5 {
			try("wrong", http.StatusUnauthorized)
		}
		if !h.Locked("someone") {
			t.Error("five failures have locked nothing")
		}
		time.Sleep(10*time.Minute - 1)
		if g := a.do(http.MethodPost, "/v2/auth/token", `{"identifier":"someone","secret":"password"}`); g.status != http.StatusUnauthorized || !strings.Contains(g.body, "locked") {
			t.Errorf("while locked: %d %s", g.status, g.body)
		}
		time.Sleep(time.Nanosecond)
		try("password", http.StatusOK)
		if h.Locked("someone") || h.Logins() != 12 || h.FailedLogins() != 10 {
			t.Errorf("%d logins, %d failed", h.Logins(), h.FailedLogins())
		}
	})
}

func TestALoginWithoutItsParts(t *testing.T) {
	h := NewInProcess(t)
	a := ask(t, h)
	for body, want := range map[string]int{
		"":                                     http.StatusBadRequest,
		"identifier=a&secret=b":                http.StatusBadRequest,
		`{"identifier":"a"}`:                   http.StatusBadRequest,
		`{"secret":"a"}`:                       http.StatusBadRequest,
		`{"username":"someone"}`:               http.StatusBadRequest,
		`{"identifier":"nobody","secret":"x"}`: http.StatusUnauthorized,
	} {
		if g := a.do(http.MethodPost, "/v2/auth/token", body); g.status != want {
			t.Errorf("%s: %d %s", body, g.status, g.body)
		}
	}
	if g := a.get("/v2/auth/token"); g.status != http.StatusNotFound {
		t.Errorf("GET: %d", g.status)
	}
	if h.Logins() != 6 || h.FailedLogins() != 6 {
		t.Errorf("%d logins, %d failed", h.Logins(), h.FailedLogins())
	}
}

func TestALoginThatMisbehaves(t *testing.T) {
	h := NewInProcess(t)
	h.AddUser("someone", "password")
	a := ask(t, h)
	h.FailLogin(Burst(http.StatusServiceUnavailable, 1))
	for _, want := range []int{http.StatusServiceUnavailable, http.StatusOK} {
		if status, _ := a.login("someone", "password"); status != want {
			t.Errorf("%d, want %d", status, want)
		}
	}
	if status, _ := a.login("someone", "wrong"); status != http.StatusUnauthorized {
		t.Errorf("a wrong secret after the burst: %d", status)
	}
}
