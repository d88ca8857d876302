package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/datadir"
	"pulltrail/internal/hub"
)

// withArchive calls do with the archive of a new data directory.
func withArchive(t *testing.T, do func(*testing.T, *archive)) {
	t.Helper()
	cfg := config.Default()
	cfg.DataDir = filepath.Join(t.TempDir(), "data")
	err := WithArchive(t.Context(), cfg, func(ctx context.Context, via control.History) error {
		again := WithArchive(ctx, cfg, func(context.Context, control.History) error { return nil })
		if !errors.Is(again, datadir.ErrInUse) {
			t.Errorf("a second one: %v", again)
		}
		do(t, via.(*archive))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func pulled(repository string, day, pulls int, more string) []byte {
	r, err := hub.ParseRepository(repository)
	if err != nil {
		panic(err)
	}
	return fmt.Appendf(nil, `{"namespace":%q,"name":%q,"pull_count":%d,%s"timestamp":"2026-01-%02dT00:00:00Z"}`, r.Namespace, r.Name, pulls, more, day)
}

func TestABatchIsStoredAsIfItHadComeByMQTT(t *testing.T) {
	withArchive(t, func(t *testing.T, a *archive) {
		batch := control.Batch{Source: "file x", Place: "7", Snapshots: [][]byte{
			pulled("me/app", 1, 5, ""), []byte("<html>"), pulled("me/app", 2, 6, ""), pulled("me/app", 1, 9, ""),
		}}
		got, err := a.Import(t.Context(), batch)
		want := control.Imported{New: 2, There: 1, Refused: []control.RefusedSnapshot{{Index: 1, Reason: "not a snapshot: not JSON: invalid character '<' looking for beginning of value"}}}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
		entries, err := a.history.Read(t.Context(), 0, 10, 1<<20)
		if err != nil || len(entries) != 2 || entries[0].Topic != "com/docker/hub/repositories/metrics/me/app" || string(entries[0].Payload) != string(batch.Snapshots[0]) {
			t.Errorf("history has %v, %v", entries, err)
		}
		if place, err := a.Place(t.Context(), "file x"); place != "7" || err != nil {
			t.Errorf("at %q, %v", place, err)
		}
		if _, err := a.Import(t.Context(), control.Batch{Source: "file x", Done: true}); err != nil {
			t.Error(err)
		}
		if place, err := a.Place(t.Context(), "file x"); place != "" || err != nil {
			t.Errorf("in the end at %q, %v", place, err)
		}
	})
}

// A number from outside, which says nothing of that, makes no hidden repository public.
func TestAPrivateRepositoryStaysPrivate(t *testing.T) {
	const private, public = `"is_private":true,`, `"is_private":false,`
	for name, c := range map[string]struct {
		batches [][][]byte
		want    bool
	}{
		"by what history knows":    {[][][]byte{{pulled("me/app", 1, 5, private)}, {pulled("me/app", 2, 6, "")}}, true},
		"by the same batch":        {[][][]byte{{pulled("me/app", 1, 5, private), pulled("me/app", 2, 6, "")}}, true},
		"unless it says otherwise": {[][][]byte{{pulled("me/app", 1, 5, private)}, {pulled("me/app", 2, 6, public)}}, false},
		"and others are not":       {[][][]byte{{pulled("me/other", 1, 5, private), pulled("me/app", 2, 6, "")}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			withArchive(t, func(t *testing.T, a *archive) {
				for _, b := range c.batches {
					if _, err := a.Import(t.Context(), control.Batch{Snapshots: b}); err != nil {
						t.Fatal(err)
					}
				}
				found, ok, err := a.history.Repository(t.Context(), hub.Repository{Namespace: "me", Name: "app"})
				if err != nil || !ok || found.Private != c.want {
					t.Errorf("private: %t, %v", found.Private, err)
				}
			})
		})
	}
}

func TestWhatIsExportedHasTheOrderOfNamesAndTimes(t *testing.T) {
	withArchive(t, func(t *testing.T, a *archive) {
		snapshots := [][]byte{pulled("me/app", 3, 7, ""), pulled("a/b", 2, 6, `"x":[1.0],`), pulled("me/app", 1, 5, "")}
		if _, err := a.Import(t.Context(), control.Batch{Snapshots: snapshots}); err != nil {
			t.Fatal(err)
		}
		export := func(which control.Range) (text []string, exported control.Exported, err error) {
			exported, err = a.Export(t.Context(), which, func(page [][]byte) {
				for _, b := range page {
					text = append(text, string(b))
				}
			})
			return text, exported, err
		}
		text, exported, err := export(control.Range{})
		want := []string{string(snapshots[1]), string(snapshots[2]), string(snapshots[0])}
		if diff := cmp.Diff(want, text); diff != "" || err != nil || exported != (control.Exported{Repositories: 2, Count: 3}) {
			t.Errorf("%+v, %v\n%s", exported, err, diff)
		}
		me := hub.Repository{Namespace: "me", Name: "app"}
		text, exported, err = export(control.Range{Repositories: []hub.Repository{me, me}, From: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)})
		if diff := cmp.Diff([]string{string(snapshots[0])}, text); diff != "" || err != nil || exported != (control.Exported{Repositories: 1, Count: 1}) {
			t.Errorf("%+v, %v\n%s", exported, err, diff)
		}
		text, _, err = export(control.Range{Repositories: []hub.Repository{me, {Namespace: "no", Name: "such"}, {Namespace: "nor", Name: "this"}}})
		if err == nil || err.Error() != "history has nothing of no/such\nhistory has nothing of nor/this" || text != nil {
			t.Errorf("%v, %v", text, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := a.Export(ctx, control.Range{}, func([][]byte) { t.Error("a page") }); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

func TestDaysAreThoseThatTheRangeTouches(t *testing.T) {
	withArchive(t, func(t *testing.T, a *archive) {
		var snapshots [][]byte
		for day := 1; day <= 5; day++ {
			snapshots = append(snapshots, pulled("me/app", day, 100*day, ""))
		}
		snapshots = append(snapshots, pulled("me/app", 20, 2000, ""), pulled("a/once", 1, 1, ""))
		if _, err := a.Import(t.Context(), control.Batch{Snapshots: snapshots}); err != nil {
			t.Fatal(err)
		}
		daily := func(from, to time.Time) string {
			var days []control.Day
			exported, err := a.Daily(t.Context(), control.Range{From: from, To: to}, func(page []control.Day) { days = append(days, page...) })
			if err != nil || exported.Count != len(days) {
				t.Errorf("%+v, %v", exported, err)
			}
			text, err := json.Marshal(days)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		at := func(day, hour int) time.Time { return time.Date(2026, 1, day, hour, 0, 0, 0, time.UTC) }
		const of = `{"namespace":"me","name":"app",`
		if got, want := daily(at(2, 13), at(3, 1)), "["+of+`"date":"2026-01-02","pulls":100,"gap":false,"partial":false},`+of+`"date":"2026-01-03","pulls":100,"gap":false,"partial":false}]`; got != want {
			t.Errorf("got %s", got)
		}
		if got := daily(at(10, 0), at(11, 0)); got != "["+of+`"date":"2026-01-10","pulls":100,"gap":true,"partial":false}]` {
			t.Errorf("got %s", got)
		}
		if got := daily(time.Time{}, time.Time{}); strings.Count(got, "date") != 19 {
			t.Errorf("got %s", got)
		}
		// One from long before makes more days than anybody means, as does one of a clock that was wrong.
		a.history.Trust(func(context.Context, hub.Repository, time.Time) (bool, error) { return true, nil })
		old := []byte(`{"namespace":"me","name":"app","pull_count":1,"timestamp":"1970-01-01T00:00:00Z"}`)
		late := []byte(`{"namespace":"me","name":"app","pull_count":1,"timestamp":"2199-01-01T00:00:00Z"}`)
		if _, err := a.Import(t.Context(), control.Batch{Snapshots: [][]byte{old, late}}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Daily(t.Context(), control.Range{}, func([]control.Day) {}); err == nil || !strings.Contains(err.Error(), "narrow it with --from and --to") {
			t.Errorf("error %v", err)
		}
		if got := daily(at(2, 0), at(3, 0)); strings.Count(got, "date") != 1 {
			t.Errorf("got %s", got)
		}
	})
}
