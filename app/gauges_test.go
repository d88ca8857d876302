package app_test

import (
	"slices"
	"strings"
	"testing"

	"pulltrail/internal/hubtest"
	"pulltrail/internal/secret"
)

// gauges are the lines of /metrics that are about repositories.
func (d *daemon) gauges(signedIn bool) []string {
	d.t.Helper()
	_, body := d.ask("GET", "/metrics", signedIn)
	return slices.DeleteFunc(strings.Split(body, "\n"), func(line string) bool { return !strings.HasPrefix(line, "pulltrail_repositor") })
}

func TestEveryRepositoryHasMetrics(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 12916987208)
	hub.Fail("a/gone", hubtest.NotFound)
	d := start(t, settings(t, hub, "nginx", "a/gone"))
	var got []string
	for _, want := range []string{
		`pulltrail_repositories_left_out 0`,
		`pulltrail_repository_pulls{namespace="library",repository="nginx"} 1.2916987208e+10`,
		`pulltrail_repository_restatements_total{namespace="library",repository="nginx"} 0`,
		`pulltrail_repository_up{namespace="library",repository="nginx"} 1`,
		`pulltrail_repository_up{namespace="a",repository="gone"} 0`,
	} {
		eventually(t, want, func() bool { got = d.gauges(false); return slices.Contains(got, want) })
	}
	for _, name := range []string{"stars", "size_bytes", "last_updated_timestamp_seconds", "last_snapshot_timestamp_seconds"} {
		if !slices.ContainsFunc(got, func(line string) bool {
			return strings.HasPrefix(line, "pulltrail_repository_"+name+`{namespace="library",repository="nginx"} `)
		}) {
			t.Errorf("no %s in %q", name, got)
		}
	}
	if i := slices.IndexFunc(got, func(line string) bool { return strings.Contains(line, `"gone"`) && !strings.Contains(line, "_up{") }); i >= 0 {
		t.Errorf("something is known of what never answered: %s", got[i])
	}
}

func TestThoseWithTheMostPullsHaveMetricsWhereNotAllMay(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("a/some", 20)
	hub.Set("b/most", 300)
	hub.Set("c/few", 1)
	cfg := settings(t, hub, "a/some", "b/most", "c/few")
	cfg.Web.MetricsRepositories = 2
	d := start(t, cfg)
	eventually(t, "three repositories, of which one is left out", func() bool {
		got := d.gauges(false)
		return slices.Contains(got, "pulltrail_repositories_left_out 1") && slices.Contains(got, `pulltrail_repository_pulls{namespace="b",repository="most"} 300`)
	})
	got := strings.Join(d.gauges(false), "\n")
	for name, want := range map[string]bool{`"some"`: true, `"most"`: true, `"few"`: false} {
		if strings.Contains(got, name) != want {
			t.Errorf("%s: want %t in\n%s", name, want, got)
		}
	}
}

func TestPrivateRepositoriesHaveMetricsForTheUserAlone(t *testing.T) {
	cfg := team(t)
	cfg.Web.Public = true
	d := start(t, cfg)
	for _, want := range []string{
		`pulltrail_repository_pulls{namespace="team",repository="open"} 1`,
		`pulltrail_repository_pulls{namespace="team",repository="plans"} 777777`,
		`pulltrail_repository_up{namespace="team",repository="hidden"} 1`,
	} {
		eventually(t, want, func() bool { return slices.Contains(d.gauges(true), want) })
	}
	strangers := strings.Join(d.gauges(false), "\n")
	if !strings.Contains(strangers, `"open"`) || strings.Contains(strangers, "plans") || strings.Contains(strangers, "hidden") {
		t.Errorf("a stranger sees\n%s", strangers)
	}
	if !strings.Contains(strangers, "pulltrail_repositories_left_out 0") {
		t.Errorf("a stranger is told how many there are that it may not see:\n%s", strangers)
	}
}

// Without a user nobody is authenticated, also on loopback where all may act.
func TestWhatMayBePrivateHasNoMetricsBeforeItIsKnown(t *testing.T) {
	cfg := team(t)
	cfg.MQTT.URL = "mqtt://127.0.0.1:1" // nothing arrives
	cfg.Web.Username, cfg.Web.PasswordHash = "", secret.String{}
	d := start(t, cfg)
	eventually(t, "the listed repository in the API", func() bool {
		_, all := d.ask("GET", "/api/v1/repositories", false)
		return strings.Contains(all, `"name":"hidden"`)
	})
	if got := d.gauges(false); len(got) != 1 || got[0] != "pulltrail_repositories_left_out 0" {
		t.Errorf("somebody who is not authenticated sees %q", got)
	}
}
