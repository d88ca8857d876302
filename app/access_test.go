package app_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"pulltrail/internal/config"
	"pulltrail/internal/hubtest"
	"pulltrail/internal/passhash"
	"pulltrail/internal/secret"
)

const visitorsPassword = "correct horse"

// team is a hub with a public and a private repository, and a configuration that
// follows both with a login and has a user for the page.
func team(t *testing.T) config.Config {
	t.Helper()
	hub := hubtest.New(t)
	hub.Set("team/open", 1)
	hub.SetPrivate("team/plans", 777777)
	hub.SetPrivate("team/hidden", 888888)
	hub.AddUser("team", "token")
	cfg := settings(t, hub, "team/open", "team/plans", "team/h*")
	cfg.Collector.Username, cfg.Collector.Password = "team", secret.New("token")
	cfg.Web.Username, cfg.Web.PasswordHash = "me", secret.New(passhash.Make(visitorsPassword))
	return cfg
}

// ask sends a request, with the user's password or without.
func (d *daemon) ask(method, path string, signedIn bool) (int, string) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, "http://"+d.Web+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	if signedIn {
		r.SetBasicAuth("me", visitorsPassword)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func (d *daemon) wantOwnerToSeeAll() {
	d.t.Helper()
	eventually(d.t, "the private repositories in the API", func() bool {
		_, all := d.ask("GET", "/api/v1/repositories", true)
		return strings.Contains(all, "777777") && strings.Contains(all, "888888")
	})
	for _, path := range []string{"/", "/login", "/api/v1/repositories/team/plans", "/api/v1/repositories/team/plans/series", "/api/v1/repositories/team/hidden/daily", "/api/v1/repositories/team/hidden/pushes"} {
		if status, body := d.ask("GET", path, true); status != 200 || !strings.Contains(body, "hidden") && !strings.Contains(body, "plans") {
			d.t.Errorf("%s for the owner: %d %s", path, status, body)
		}
	}
}

func TestAUserIsAskedForEverythingButHealth(t *testing.T) {
	d := start(t, team(t))
	d.wantOwnerToSeeAll()
	for _, path := range []string{"/", "/metrics", "/login", "/style.css", "/api/v1/repositories", "/api/v1/repositories/team/open"} {
		for _, method := range []string{"GET", "POST"} {
			if status, body := d.ask(method, path, false); status != 401 || strings.Contains(body, "team") {
				t.Errorf("%s %s for a stranger: %d %s", method, path, status, body)
			}
		}
	}
	eventually(t, "readiness", func() bool { status, _ := d.ask("GET", "/-/ready", true); return status == 200 })
	if status, body := d.ask("GET", "/-/ready", false); status != 200 || body != "{\n  \"ready\": true\n}\n" {
		t.Errorf("ready for a stranger: %d %s", status, body)
	}
	if _, body := d.ask("GET", "/-/ready", true); !strings.Contains(body, "publisher") {
		t.Errorf("ready for the owner: %s", body)
	}
	if status, body := d.ask("GET", "/metrics", true); status != 200 || !strings.Contains(body, "pulltrail_build_info") || !strings.Contains(body, `"plans"`) {
		t.Errorf("metrics for the owner: %d", status)
	}
}

func TestAPublicServerShowsWhatIsNotPrivate(t *testing.T) {
	cfg := team(t)
	cfg.Web.Public = true
	d := start(t, cfg)
	d.wantOwnerToSeeAll()
	for path, want := range map[string]int{
		"/": 200, "/metrics": 200, "/-/ready": 200, "/api/v1/repositories": 200, "/api/v1/repositories/team/open": 200, "/login": 401,
		"/api/v1/repositories/team/plans": 404, "/api/v1/repositories/team/plans/series": 404, "/api/v1/repositories/team/hidden": 404,
		"/api/v1/repositories/team/hidden/daily": 404, "/api/v1/repositories/team/hidden/pushes": 404,
	} {
		eventually(t, path, func() bool { status, _ := d.ask("GET", path, false); return status == want })
		if _, body := d.ask("GET", path, false); strings.Contains(body, "plans") || strings.Contains(body, "hidden/") || strings.Contains(body, "777777") || strings.Contains(body, "888888") {
			t.Errorf("%s shows something private: %s", path, body)
		}
		if status, _ := d.ask("POST", path, false); status != 403 && path != "/login" {
			t.Errorf("POST %s: %d", path, status)
		}
	}
}

// A snapshot says whether its repository is private. Until history has it, nobody knows.
func TestWhatMayBePrivateIsNotShownBeforeItIsKnown(t *testing.T) {
	cfg := team(t)
	cfg.MQTT.URL = "mqtt://127.0.0.1:1" // nothing arrives
	cfg.Web.Public = true
	d := start(t, cfg)
	eventually(t, "the listed repository for its owner", func() bool {
		_, all := d.ask("GET", "/api/v1/repositories", true)
		return strings.Contains(all, `"name":"hidden"`)
	})
	for _, path := range []string{"/", "/api/v1/repositories", "/api/v1/repositories/team/hidden", "/api/v1/repositories/team/plans"} {
		if _, body := d.ask("GET", path, false); strings.Contains(body, "plans") || strings.Contains(body, "team/hidden") || strings.Contains(body, `"hidden"`) {
			t.Errorf("%s shows what may be private: %s", path, body)
		}
	}
}
