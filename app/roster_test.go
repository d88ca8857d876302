package app

import (
	"path/filepath"
	"testing"
	"time"

	"pulltrail/collector"
	"pulltrail/internal/database"
	"pulltrail/internal/hub"
	"pulltrail/internal/roster"
)

func TestWhatIsNotConfiguredAnyMoreIsForgotten(t *testing.T) {
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, slot := roster.New(db), time.Now().UTC().Truncate(time.Second)
	repository := func(namespace, name string) hub.Repository { return hub.Repository{Namespace: namespace, Name: name} }
	err = store.Report(t.Context(), slot,
		roster.Report{Repository: repository("a", "kept"), Listed: true}, roster.Report{Repository: repository("a", "excluded"), Listed: true},
		roster.Report{Repository: repository("b", "left"), Listed: true}, roster.Report{Repository: repository("library", "nginx")})
	if err != nil {
		t.Fatal(err)
	}
	for _, namespace := range []string{"a", "b"} {
		if err := store.SetListing(t.Context(), roster.Listing{Namespace: namespace, Slot: slot}); err != nil {
			t.Fatal(err)
		}
	}
	cfg := collector.DefaultConfig()
	cfg.Repositories, cfg.Exclude = []string{"a/*", "nginx"}, []string{"a/excluded"}
	if err := (tracked{store: store, plan: cfg.Plan(), goneAfter: 3}).tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, err := store.Entries(t.Context())
	if err != nil || len(entries) != 2 || entries[0].Name != "kept" || entries[1].Name != "nginx" {
		t.Errorf("%+v, %v", entries, err)
	}
	listings, err := store.Listings(t.Context())
	if err != nil || len(listings) != 1 || listings[0].Namespace != "a" {
		t.Errorf("%+v, %v", listings, err)
	}
}
