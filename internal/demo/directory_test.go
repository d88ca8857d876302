package demo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pulltrail/internal/database"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/roster"
)

func topic(r hub.Repository) string { return "demo/" + r.String() }

// fill fills a directory and opens what is in it.
func fill(t *testing.T, path string, now time.Time) (*World, *history.Store, *roster.Store) {
	t.Helper()
	parts := 0
	w, err := Fill(t.Context(), path, now, topic, func(done, total int) {
		if parts++; done != parts || done > total {
			t.Errorf("%d of %d parts after %d", done, total, parts-1)
		}
	})
	if err != nil || parts == 0 {
		t.Fatalf("after %d parts: %v", parts, err)
	}
	db, err := database.Open(t.Context(), filepath.Join(path, "pulltrail.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return w, history.New(db), roster.New(db)
}

// maxGap is how far apart two snapshots may be where none was missed.
const maxGap = 2 * day

// It is the demo that began, also when that is filled again some days later.
func TestFillMakesTwoYearsWithOneGapAlsoWhenItWasCutShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new")
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Fill(ctx, path, began, topic, func(int, int) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Fatalf("the first was not cut short: %v", err)
	}
	w, stored, fates := fill(t, path, began.Add(40*day))
	if !w.began.Equal(began) {
		t.Errorf("the demo began at %s", w.began)
	}
	snapshots := 0
	for _, r := range w.repositories {
		samples, err := stored.Series(t.Context(), r.Repository, time.Time{}, time.Time{}, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		if snapshots += len(samples); len(samples) == 0 {
			t.Fatalf("%s has no history", r)
		}
		gaps := 0
		for i, s := range samples {
			if want := r.pullCount(s.Timestamp); s.PullCount != want {
				t.Errorf("%s at %s: %d pulls stored, %d told", r, s.Timestamp, s.PullCount, want)
			}
			if i > 0 && s.Timestamp.Sub(samples[i-1].Timestamp) > maxGap {
				gaps++
				if missed := int(s.Slot.Sub(samples[i-1].Slot)/day) - 1; missed != gapDays {
					t.Errorf("%s: a gap of %d days at %s", r, missed, s.Slot)
				}
			}
		}
		first, last := samples[0].Timestamp, samples[len(samples)-1].Timestamp
		if gaps != 1 || first.Sub(r.registeredAt()) > day && first.Sub(w.origin) > day {
			t.Errorf("%s: %d samples since %s with %d gaps", r, len(samples), first, gaps)
		}
		if age := began.Sub(last); age < 0 || r.gone == 0 && age > often || r.gone > 0 && age < 10*day {
			t.Errorf("%s: the last sample is of %s", r, last)
		}
	}
	if head, err := stored.Head(t.Context()); err != nil || int(head) != snapshots || snapshots < 8000 {
		t.Errorf("%d snapshots up to position %d, %v", snapshots, head, err)
	}
	entries, err := fates.Entries(t.Context())
	if err != nil || len(entries) != len(w.repositories) {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	for _, e := range entries {
		if gone := e.Repository == named("quarry", "marble"); gone != (e.Absent > 10) || gone != (e.Cause == "not_found") {
			t.Errorf("the roster has %+v", e)
		}
	}
}

func TestFillTouchesNothingElse(t *testing.T) {
	for name, file := range map[string]string{
		"somebody's data directory": "pulltrail.db",
		"any other directory":       "letter.txt",
		"a mark that says nothing":  markName,
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			if err := os.WriteFile(filepath.Join(path, file), []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Fill(t.Context(), path, began, topic, func(int, int) { t.Error("something was stored") })
			if err == nil || errors.Is(err, ErrNoDemo) == (file == markName) {
				t.Errorf("got %v", err)
			}
			content, _ := os.ReadFile(filepath.Join(path, file))
			if entries, err := os.ReadDir(path); err != nil || len(entries) != 1 || string(content) != "mine" {
				t.Errorf("it has %v with %q, %v", entries, content, err)
			}
		})
	}
}
