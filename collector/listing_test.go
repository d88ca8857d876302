package collector_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"pulltrail/collector"
	"pulltrail/internal/hub"
	"pulltrail/internal/hubtest"
)

func tracking(patterns ...string) func(*collector.Config) {
	return func(c *collector.Config) { c.Repositories, c.Rate = patterns, 100 }
}

// all collects everything that is configured.
func (r *rig) all(t *testing.T, slot time.Time) collector.Summary {
	t.Helper()
	summary, err := r.CollectAll(t.Context(), slot, nil)
	if err != nil {
		t.Error(err)
	}
	return summary
}

func (r *rig) has(name string, slot time.Time) bool {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	return r.store.known[name+"@"+slot.UTC().Format(time.RFC3339Nano)]
}

func TestANamespaceTakesOneRequestForAHundredRepositories(t *testing.T) {
	within(t, tracking("ns-000/*", "ns-001/*", "ns-000/*", "library/nginx", "ns-000/repo-00007"), func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.Populate(3, 250)
		h.Set("library/nginx", 1)
		summary := r.all(t, slot)
		if summary.Succeeded != 501 || summary.Failed != 0 || summary.Requests != 3+3+2 || len(summary.Results) != 2 || len(summary.Listings) != 2 {
			t.Errorf("%d succeeded, %d failed, %d requests, %d results, listings %+v", summary.Succeeded, summary.Failed, summary.Requests, len(summary.Results), summary.Listings)
		}
		if l := summary.Listings[0]; l.Namespace != "ns-000" || l.Total != 250 || l.Rows != 250 || l.Err != nil {
			t.Errorf("%+v", l)
		}
		for _, s := range r.store.snapshots {
			if s.PullCount != pulls(h, s) {
				t.Errorf("%s has %d pulls, want %d", s.ID(), s.PullCount, pulls(h, s))
			}
			if !strings.Contains(string(s.Encode()), `"user":"`+s.Namespace+`"`) {
				t.Fatalf("%s has no user: %s", s.ID(), s.Encode())
			}
		}
		// again for the same slot: nothing is asked for
		if summary := r.all(t, slot); summary.Requests != 0 {
			t.Errorf("again: %d requests", summary.Requests)
		}
	})
}

func pulls(h *hubtest.Hub, s hub.Snapshot) int64 {
	if s.Namespace == "library" {
		return 1
	}
	return h.Pulls(s.String())
}

func TestPatternsTakeWhatTheyNameAndExcludesDoNot(t *testing.T) {
	change := func(c *collector.Config) {
		tracking("a/foo-*", "a/?x")(c)
		c.Exclude = []string{"a/foo-secret*", "b/*"}
	}
	within(t, change, func(t *testing.T, h *hubtest.Hub, r *rig) {
		for i, name := range []string{"a/foo-1", "a/foo-2", "a/foo", "a/foo-secret-1", "a/yx", "a/yyx"} {
			h.Set(name, int64(i))
		}
		if got := strings.Join(r.ids(t), " "); got != "a/foo-1 a/foo-2 a/yx" {
			t.Errorf("taken: %s", got)
		}
	})
}

// ids collects everything and returns the names of what was taken.
func (r *rig) ids(t *testing.T) []string {
	t.Helper()
	r.all(t, slot)
	var names []string
	for _, id := range r.store.ids() {
		name, _, _ := strings.Cut(id, "@")
		names = append(names, name)
	}
	return names
}

// What a listing names is hostile until it was checked: it would be asked for by itself, stored and shown.
func TestNamesThatDockerHubDoesNotHaveAreNeitherStoredNorShown(t *testing.T) {
	hostile := []string{"..", ".", "", "a/b", "new\nline", "nul\x00", "esc\x1b[2J", "\u202ertl", "<b>", "UPPER", "a:1", strings.Repeat("x", 5000)}
	var rows []json.RawMessage
	for _, name := range hostile {
		for _, row := range []map[string]any{
			{"namespace": "a", "name": name, "pull_count": 1},
			{"namespace": "a", "name": name}, // no statistic either
			{"namespace": name, "name": "b", "pull_count": 1},
		} {
			encoded, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, encoded)
		}
	}
	rows = append(rows, json.RawMessage(`{"namespace":"a","name":"good","pull_count":7}`), json.RawMessage(`{"namespace":"a","name":"bad"}`), json.RawMessage(`7`))
	body, err := json.Marshal(map[string]any{"count": len(rows), "next": nil, "results": rows})
	if err != nil {
		t.Fatal(err)
	}
	within(t, func(c *collector.Config) { tracking("a/*")(c); c.Exclude = []string{"a/none*"} }, func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.AddNamespace("a")
		h.FailListing("a", func(w http.ResponseWriter, _ *http.Request, _ []byte) { _, _ = w.Write(body) })
		var shown []string
		summary, err := r.CollectAll(t.Context(), slot, func(result collector.Result) { shown = append(shown, result.Repository.String()) })
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(shown, " "); got != "a/bad a/good" && got != "a/good a/bad" {
			t.Errorf("shown: %q", shown)
		}
		if got := strings.Join(r.store.ids(), " "); got != hub.ID(hub.Repository{Namespace: "a", Name: "good"}, slot) {
			t.Errorf("stored: %s", got)
		}
		for entry := range r.roster.entries {
			if entry.String() != "a/good" && entry.String() != "a/bad" {
				t.Errorf("in the roster: %.80q", entry)
			}
		}
		if l := summary.Listings[0]; l.Rows != len(rows) || l.Err != nil {
			t.Errorf("%+v", l)
		}
		rejected := 0
		for _, line := range r.log.lines(t, slog.LevelWarn) {
			if line["msg"] != "rows of a listing rejected" {
				continue
			}
			rejected++
			text := fmt.Sprint(line["err"])
			if line["namespace"] != "a" || line["rows"] != float64(len(rows)-2) || len(text) > 400 || strings.ContainsAny(text, "\x00\x1b\u202e\n") {
				t.Errorf("%v", line)
			}
		}
		if rejected != 1 {
			t.Errorf("logged %d times", rejected)
		}
	})
}

func TestDetailsOfListedRepositoriesWhereAskedFor(t *testing.T) {
	within(t, func(c *collector.Config) { tracking("a/*")(c); c.Detail = collector.DetailAlways }, func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.Set("a/b", 1)
		h.Set("a/c", 2)
		if summary := r.all(t, slot); summary.Succeeded != 2 || summary.Requests != 3 || h.RequestsFor("a/c") != 1 {
			t.Errorf("%+v", summary)
		}
	})
}

func TestNewRepositoriesAppearAndVanishedOnesAreRemembered(t *testing.T) {
	within(t, tracking("a/*"), func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.Set("a/stays", 1)
		h.Set("a/goes", 2)
		r.all(t, slot)
		h.Remove("a/goes")
		h.Set("a/comes", 3)
		for n := 1; n <= 4; n++ {
			at := slot.Add(time.Duration(n) * time.Hour)
			summary := r.all(t, at)
			if !r.has("a/comes", at) || !r.has("a/stays", at) {
				t.Errorf("slot %d: %v", n, r.store.ids())
			}
			// it is looked for three times, then it is gone
			if want := map[bool]int{true: 1, false: 0}[n <= 3]; summary.Failed != want || h.RequestsFor("a/goes") != min(n, 3) {
				t.Errorf("slot %d: %d failed after %d requests", n, summary.Failed, h.RequestsFor("a/goes"))
			}
		}
		if e := r.roster.entries[hub.Repository{Namespace: "a", Name: "goes"}]; e.absent != 3 || e.Cause != string(collector.NotFound) {
			t.Errorf("%+v", e)
		}
		h.Set("a/goes", 5)
		at := slot.Add(9 * time.Hour)
		r.all(t, at)
		if !r.has("a/goes", at) {
			t.Error("it has come back and was not taken")
		}
	})
}

func TestAListingThatIsCapedIsReportedAsTruncated(t *testing.T) {
	within(t, tracking("ns-000/*"), func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.Populate(1, 350)
		h.CapAnonymousPages(2)
		summary := r.all(t, slot)
		l := summary.Listings[0]
		const want = "truncated: Docker Hub lists 200 of the 350 repositories of ns-000 without a login; sign in (collector.username, collector.password_file) to see all 350"
		if summary.Succeeded != 200 || !l.Truncated || l.Cause != collector.Truncated || l.Err.Error() != want || summary.Again != 0 {
			t.Errorf("%d succeeded, %+v", summary.Succeeded, l)
		}
		if state := r.State(); !state.OK || state.Detail != want {
			t.Errorf("%+v", state)
		}
		if warnings := r.log.lines(t, slog.LevelWarn); len(warnings) != 1 || warnings[0]["msg"] != "namespace listed incompletely" || warnings[0]["err"] != want {
			t.Errorf("%v", warnings)
		}
		if again := r.all(t, slot); !again.Listings[0].Truncated {
			t.Errorf("again: %+v", again.Listings)
		}
	})
}

func TestARowThatMovesBetweenPagesIsNotLost(t *testing.T) {
	within(t, tracking("ns-000/*"), func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.Populate(1, 250)
		r.all(t, slot)
		h.ShiftListing()
		next := slot.Add(time.Hour)
		summary := r.all(t, next)
		if summary.Succeeded != 250 || summary.Failed != 0 || summary.Requests != 4 {
			t.Errorf("%d succeeded, %d failed, %d requests", summary.Succeeded, summary.Failed, summary.Requests)
		}
	})
}

func TestABadRowIsTheFailureOfItsRepository(t *testing.T) {
	within(t, tracking("a/*"), func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.Set("a/good", 1)
		h.Set("a/null", 2)
		h.Set("a/foreign", 3)
		h.FailRow("a/null", hubtest.NullPullCount)
		h.FailRow("a/foreign", hubtest.WrongRepository)
		summary := r.all(t, slot)
		if summary.Succeeded != 1 || summary.Failed != 2 {
			t.Errorf("%+v", summary)
		}
		for _, line := range r.log.lines(t, slog.LevelWarn) {
			if line["cause"] != "invalid" && line["cause"] != "wrong_repository" {
				t.Errorf("%v", line)
			}
		}
	})
}

func TestAListingGoesOnWhereItWasCut(t *testing.T) {
	within(t, func(c *collector.Config) { tracking("ns-000/*", "ns-001/*")(c); c.Budget, c.Concurrency = 4, 1 }, func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.Populate(2, 500)
		var requests int
		for n := range 4 {
			summary := r.all(t, slot)
			requests += summary.Requests
			if (summary.Again == 0) != (n >= 2) {
				t.Errorf("part %d: again after %v, %+v", n, summary.Again, summary.Listings)
			}
		}
		if requests != 10 || len(r.store.ids()) != 1000 {
			t.Errorf("%d requests for %d repositories", requests, len(r.store.ids()))
		}
	})
}

func TestAListingThatFailsSaysSoForEachRepository(t *testing.T) {
	within(t, tracking("a/*"), func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.Set("a/b", 1)
		h.Set("a/c", 2)
		r.all(t, slot)
		h.FailListing("a", hubtest.Status(500))
		next := slot.Add(time.Hour)
		summary := r.all(t, next)
		if summary.Failed != 2 || summary.Again == 0 || summary.Listings[0].Cause != collector.ServerError {
			t.Errorf("%+v", summary)
		}
		if lines := r.log.lines(t, slog.LevelWarn); len(lines) != 1 || lines[0]["msg"] != "namespace listed incompletely" {
			t.Errorf("it is one thing that has happened, and the log has %v", lines)
		}
		h.FailListing("a", nil)
		if summary := r.all(t, next); summary.Succeeded != 2 || summary.Again != 0 {
			t.Errorf("%+v", summary)
		}
	})
}

func TestAnUnknownNamespaceIsOneClearSentence(t *testing.T) {
	within(t, tracking("nobody/*"), func(t *testing.T, h *hubtest.Hub, r *rig) {
		l := r.all(t, slot).Listings[0]
		if l.Cause != collector.NotFound || !strings.Contains(l.Err.Error(), "the namespace nobody has no public repository") {
			t.Errorf("%+v", l)
		}
	})
}

func TestMemoryDoesNotGrowWithResults(t *testing.T) {
	within(t, tracking("ns-000/*"), func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.Populate(1, 1000)
		told := 0
		summary, err := r.CollectAll(t.Context(), slot, func(collector.Result) { told++ })
		if err != nil || told != 1000 || len(summary.Results) != 0 {
			t.Errorf("%d told, %d kept, %v", told, len(summary.Results), err)
		}
	})
}

func TestTheEndOfARunCutsAListingAndItGoesOn(t *testing.T) {
	within(t, func(c *collector.Config) { tracking("ns-000/*")(c); c.Rate = 1 }, func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.Populate(1, 600)
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		summary, err := r.CollectAll(ctx, slot, nil)
		if err == nil || !strings.Contains(err.Error(), "namespaces not listed whole: 1") || summary.Succeeded != 300 {
			t.Errorf("%d succeeded, %v", summary.Succeeded, err)
		}
		if summary := r.all(t, slot); summary.Requests != 3 || summary.Succeeded != 300 {
			t.Errorf("%d requests, %d succeeded", summary.Requests, summary.Succeeded)
		}
	})
}

func TestAPlanTracksWhatItTakes(t *testing.T) {
	cfg := collector.DefaultConfig()
	cfg.Repositories, cfg.Exclude = []string{"nginx", "a/foo-*"}, []string{"a/foo-bar"}
	plan := cfg.Plan()
	for name, want := range map[string]bool{"library/nginx": true, "library/httpd": false, "a/foo-x": true, "a/foo-bar": false, "a/x": false} {
		namespace, short, _ := strings.Cut(name, "/")
		if got := plan.Tracks(hub.Repository{Namespace: namespace, Name: short}); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
	cfg.Exclude = append(cfg.Exclude, "nginx")
	if mistakes := cfg.Validate(); len(mistakes) != 1 || mistakes[0].Key != "exclude[1]" {
		t.Errorf("%v", mistakes)
	}
}

// TestWhatWasLookedForInVainIsLookedForAgain lets the last page be read and the requests
// for those that are not in it any more fail.
func TestWhatWasLookedForInVainIsLookedForAgain(t *testing.T) {
	for name, change := range map[string]func(*collector.Config){
		"no connection": func(*collector.Config) {}, "no budget": func(c *collector.Config) { c.Budget = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func(c *collector.Config) { tracking("a/*")(c); change(c) }, func(t *testing.T, h *hubtest.Hub, r *rig) {
				for _, name := range []string{"a/x", "a/y"} {
					h.Set(name, 1)
				}
				r.all(t, slot)
				h.Remove("a/y")
				h.Fail("a/y", hubtest.Reset)
				next := slot.Add(time.Hour)
				if summary := r.all(t, next); summary.Again == 0 || summary.Failed != 1 {
					t.Errorf("%+v", summary)
				}
				h.Fail("a/y", nil)
				h.Set("a/y", 2)
				if summary := r.all(t, next); summary.Again != 0 || !r.has("a/y", next) || summary.Requests != 1 {
					t.Errorf("later: %+v, %v", summary, r.store.ids())
				}
			})
		})
	}
}

// Whoever mistypes a name by hand has it on the page for ever otherwise, and polled.
func TestAPatternTracksNoTypingMistakes(t *testing.T) {
	within(t, tracking("a/*", "a/named"), func(t *testing.T, h *hubtest.Hub, r *rig) {
		h.Set("a/b", 1)
		for _, name := range []string{"a/mistyped", "a/named"} {
			if summary, err := r.Collect(t.Context(), slot, repositories(t, name), nil); err != nil || summary.Failed != 1 {
				t.Errorf("%+v, %v", summary, err)
			}
		}
		if mistyped, named := r.roster.entries[hub.Repository{Namespace: "a", Name: "mistyped"}], r.roster.entries[hub.Repository{Namespace: "a", Name: "named"}]; mistyped != nil || named == nil {
			t.Errorf("the roster has %v and %v", mistyped, named)
		}
	})
}
