package state_test

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pulltrail/internal/database"
	"pulltrail/internal/document"
	"pulltrail/internal/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var slot = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)

func TestTheSlotLedgerNeverMovesBackwards(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "test.db"))
	if got, ok, err := s.LastSlot(t.Context(), "collect"); ok || err != nil || !got.IsZero() {
		t.Fatalf("LastSlot of an unknown job = %v, %v, %v", got, ok, err)
	}
	steps := []struct {
		name         string
		record, want time.Time
	}{
		{"the first slot is kept", slot, slot},
		{"a newer one replaces it", slot.Add(time.Hour), slot.Add(time.Hour)},
		{"an older one changes nothing", slot, slot.Add(time.Hour)},
		{"the same one changes nothing", slot.Add(time.Hour), slot.Add(time.Hour)},
		{"a slot before 1970 changes nothing", time.Unix(-1, 0), slot.Add(time.Hour)},
	}
	for _, step := range steps {
		if err := s.RecordSlot(t.Context(), "collect", step.record); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		got, ok, err := s.LastSlot(t.Context(), "collect")
		if !got.Equal(step.want) || !ok || err != nil {
			t.Errorf("%s: LastSlot = %v, %v, %v; want %v", step.name, got, ok, err, step.want)
		}
		if got.Location() != time.UTC {
			t.Errorf("%s: the slot is in %v, want UTC", step.name, got.Location())
		}
	}
	if _, ok, err := s.LastSlot(t.Context(), "Collect"); ok || err != nil {
		t.Errorf("another job has a slot: %v, %v", ok, err)
	}
}

func TestASlotOfAnotherZoneIsTheSameInstant(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "test.db"))
	if err := s.RecordSlot(t.Context(), "collect", slot.In(time.FixedZone("there", 5*3600))); err != nil {
		t.Fatal(err)
	}
	if got, _, err := s.LastSlot(t.Context(), "collect"); !got.Equal(slot) || err != nil {
		t.Errorf("LastSlot = %v, %v; want %v", got, err, slot)
	}
}

func TestEachSinkHasACursorInEachLog(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "test.db"))
	type key struct{ sink, log string }
	want := map[key]document.Position{
		{"opensearch", "history"}: 7,
		{"opensearch", "journal"}: math.MaxInt64,
		{"other", "history"}:      0,
	}
	for k, p := range want {
		for _, p := range []document.Position{p / 2, p} {
			if err := s.SetCursor(t.Context(), k.sink, k.log, p); err != nil {
				t.Fatal(err)
			}
		}
	}
	want[key{"other", "journal"}] = 0 // never set: before the first entry
	for k, p := range want {
		if got, err := s.Cursor(t.Context(), k.sink, k.log); got != p || err != nil {
			t.Errorf("Cursor(%v) = %d, %v; want %d", k, got, err, p)
		}
	}
	if err := s.SetCursor(t.Context(), "opensearch", "history", 3); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Cursor(t.Context(), "opensearch", "history"); got != 3 || err != nil {
		t.Errorf("a cursor that was set back stands at %d, %v", got, err)
	}
}

func TestAPositionThatCannotBeStoredIsRefused(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "test.db"))
	err := s.SetCursor(t.Context(), "opensearch", "history", math.MaxInt64+1)
	if err == nil || !strings.Contains(err.Error(), "9223372036854775808") {
		t.Errorf("SetCursor = %v", err)
	}
	if got, err := s.Cursor(t.Context(), "opensearch", "history"); got != 0 || err != nil {
		t.Errorf("Cursor = %d, %v", got, err)
	}
}

func TestTheFirstMetaValueWins(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "test.db"))
	if value, ok, err := s.Meta(t.Context(), "client_id"); value != "" || ok || err != nil {
		t.Fatalf("Meta of an unknown key = %q, %v, %v", value, ok, err)
	}
	const writers = 8
	stands := make([]string, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			var err error
			if stands[i], err = s.SetMetaOnce(t.Context(), "client_id", fmt.Sprint("writer ", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	value, ok, err := s.Meta(t.Context(), "client_id")
	if !ok || err != nil {
		t.Fatalf("Meta = %q, %v, %v", value, ok, err)
	}
	for i, v := range stands {
		if v != value {
			t.Errorf("writer %d was told %q, but %q stands", i, v, value)
		}
	}
}

func TestAnEmptyMetaValueIsAValue(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "test.db"))
	for _, value := range []string{"", "later"} {
		if got, err := s.SetMetaOnce(t.Context(), "note", value); got != "" || err != nil {
			t.Errorf("SetMetaOnce(%q) = %q, %v", value, got, err)
		}
	}
	if got, ok, err := s.Meta(t.Context(), "note"); got != "" || !ok || err != nil {
		t.Errorf("Meta = %q, %v, %v", got, ok, err)
	}
}

func TestEverythingIsThereAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	t.Run("written", func(t *testing.T) {
		s := open(t, path)
		if err := s.RecordSlot(t.Context(), "collect", slot); err != nil {
			t.Error(err)
		}
		if err := s.SetCursor(t.Context(), "opensearch", "history", 42); err != nil {
			t.Error(err)
		}
		if _, err := s.SetMetaOnce(t.Context(), "client_id", "one"); err != nil {
			t.Error(err)
		}
	})
	s := open(t, path)
	if got, _, err := s.LastSlot(t.Context(), "collect"); !got.Equal(slot) || err != nil {
		t.Errorf("LastSlot = %v, %v", got, err)
	}
	if got, err := s.Cursor(t.Context(), "opensearch", "history"); got != 42 || err != nil {
		t.Errorf("Cursor = %d, %v", got, err)
	}
	if got, err := s.SetMetaOnce(t.Context(), "client_id", "two"); got != "one" || err != nil {
		t.Errorf("SetMetaOnce = %q, %v", got, err)
	}
}

func TestErrorsSayWhatWasTried(t *testing.T) {
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := state.New(db)
	_, _, lastSlot := s.LastSlot(t.Context(), "collect")
	_, cursor := s.Cursor(t.Context(), "opensearch", "history")
	_, _, meta := s.Meta(t.Context(), "client_id")
	_, metaOnce := s.SetMetaOnce(t.Context(), "client_id", "one")
	_, announced := s.Announced(t.Context())
	tests := []struct {
		err  error
		want string
	}{
		{announced, `read what was announced: `},
		{s.Announce(t.Context(), "a", "b"), `note 2 topics as announced: `},
		{s.Withdraw(t.Context(), "a"), `forget that 1 topics were announced: `},
		{lastSlot, `read the last slot of job "collect": `},
		{s.RecordSlot(t.Context(), "collect", slot), `record slot 2026-11-23T01:00:00Z of job "collect": `},
		{cursor, `read the cursor of sink "opensearch" in log "history": `},
		{s.SetCursor(t.Context(), "opensearch", "history", 5), `set the cursor of sink "opensearch" in log "history" to 5: `},
		{meta, `read the meta value "client_id": `},
		{metaOnce, `set the meta value "client_id": `},
	}
	for _, test := range tests {
		if test.err == nil || !strings.HasPrefix(test.err.Error(), test.want) {
			t.Errorf("error = %v, want %q in front", test.err, test.want)
		}
	}
}

func open(t *testing.T, path string) *state.Store {
	t.Helper()
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return state.New(db)
}
