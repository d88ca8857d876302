package collector_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pulltrail/collector"
	"pulltrail/internal/hubtest"
	"pulltrail/internal/secret"
)

func signedIn(c *collector.Config) {
	c.Username, c.Password = "team", secret.New("dckr_pat_x")
	c.Repositories, c.Rate = []string{"team/*", "team/hidden"}, 100
}

func TestALoginShowsPrivateRepositoriesAndLiftsTheCap(t *testing.T) {
	within(t, signedIn, func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.AddUser("team", "dckr_pat_x")
		h.Set("team/open", 1)
		h.SetPrivate("team/hidden", 2)
		h.SetPrivate("team/secret", 3)
		h.CapAnonymousPages(1)
		summary := r.all(t, slot)
		if summary.Succeeded != 3 || h.Logins() != 1 {
			t.Errorf("%d succeeded, %d logins: %v", summary.Succeeded, h.Logins(), r.store.ids())
		}
		for _, s := range r.store.snapshots {
			if s.Private != (s.Name != "open") {
				t.Errorf("%s is private: %t", s.ID(), s.Private)
			}
		}
	})
}

func TestATokenIsRenewedByItsEndAndWhenItIsRevoked(t *testing.T) {
	within(t, signedIn, func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.AddUser("team", "dckr_pat_x")
		h.TokenLife(10 * time.Minute)
		h.SetPrivate("team/hidden", 2)
		for n, want := range []int{1, 1, 2, 3} {
			at := slot.Add(time.Duration(n) * time.Hour)
			if summary := r.all(t, at); summary.Succeeded != 1 || h.Logins() != want {
				t.Errorf("run %d: %d succeeded, %d logins, want %d", n, summary.Succeeded, h.Logins(), want)
			}
			switch n {
			case 0:
				time.Sleep(8 * time.Minute)
			case 1:
				time.Sleep(8 * time.Minute)
			case 2:
				h.RevokeTokens()
			}
		}
		if h.FailedLogins() != 0 {
			t.Errorf("%d logins failed", h.FailedLogins())
		}
	})
}

func TestTwoRefusedLoginsAreTheLast(t *testing.T) {
	within(t, signedIn, func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.AddUser("team", "another")
		h.Set("team/open", 1)
		h.SetPrivate("team/hidden", 2)
		for n, want := range []string{`refuses the login of "team" (401)`, "no further login is tried", "no further login is tried", "no further login is tried"} {
			at := slot.Add(time.Duration(n) * time.Hour)
			summary := r.all(t, at)
			if !r.has("team/open", at) || summary.Results[0].Cause != collector.Unauthorized {
				t.Errorf("run %d: %+v", n, summary)
			}
			if state := r.State(); !strings.Contains(state.Detail, want) || strings.Contains(state.Detail, "dckr_pat_x") {
				t.Errorf("run %d: %+v", n, state)
			}
		}
		if h.FailedLogins() != 2 || h.Locked("team") {
			t.Errorf("%d logins were refused", h.FailedLogins())
		}
	})
}

func TestALoginThatIsAwayFailsNothingForGood(t *testing.T) {
	within(t, signedIn, func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.AddUser("team", "dckr_pat_x")
		h.SetPrivate("team/hidden", 2)
		h.FailLogin(hubtest.Status(503))
		summary := r.all(t, slot)
		if summary.Results[0].Cause != collector.ServerError || summary.Again == 0 {
			t.Errorf("%+v", summary)
		}
		if e := r.roster.entries[summary.Results[0].Repository]; e == nil || e.absent != 0 {
			t.Errorf("it counts as absent: %+v", e)
		}
		h.FailLogin(nil)
		if summary := r.all(t, slot); summary.Succeeded != 1 || summary.Again != 0 {
			t.Errorf("%+v", summary)
		}
	})
}

func TestTheTokenStaysWithItsHost(t *testing.T) {
	h, other := hubtest.New(t), hubtest.New(t)
	h.AddUser("team", "dckr_pat_x")
	h.SetPrivate("team/hidden", 1)
	h.Fail("team/hidden", hubtest.Redirect(other.URL))
	r := newRig(t, h.URL, signedIn, nil)
	result := collectOne(t, r, "team/hidden")
	if result.Cause != collector.UnexpectedStatus || other.Requests() != 0 || other.Tokens() != 0 || h.Tokens() == 0 {
		t.Errorf("%+v; %d requests and %d tokens elsewhere", result, other.Requests(), other.Tokens())
	}
}

func TestTheSecretIsInNoLog(t *testing.T) {
	within(t, signedIn, func(t *testing.T, h *hubtest.Hub, _ *rig) {
		var sent string
		r := newRig(t, h.URL, signedIn, transport(func(request *http.Request) (*http.Response, error) {
			sent += request.URL.String()
			return h.RoundTripper().RoundTrip(request)
		}))
		r.all(t, slot)
		if log := r.log.buf.String(); strings.Contains(log+sent, "dckr_pat_x") {
			t.Errorf("the secret is in %s or %s", log, sent)
		}
	})
}

func TestALoginThatIsNotFoundIsNoAbsenceOfARepository(t *testing.T) {
	within(t, signedIn, func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.AddUser("team", "dckr_pat_x")
		h.SetPrivate("team/hidden", 2)
		h.FailLogin(hubtest.NotFound)
		if summary := r.all(t, slot); summary.Results[0].Cause != collector.UnexpectedStatus {
			t.Errorf("%+v", summary.Results)
		}
	})
}
