package state_test

import (
	"path/filepath"
	"slices"
	"testing"
)

func TestWhatWasAnnouncedIsKnownUntilItIsWithdrawn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	s := open(t, path)
	are := func(want ...string) {
		t.Helper()
		if got, err := s.Announced(t.Context()); !slices.Equal(got, want) || err != nil {
			t.Errorf("announced are %q, %v; want %q", got, err, want)
		}
	}
	are()
	for _, topics := range [][]string{{"c", "a"}, {}, {"b", "a"}} {
		if err := s.Announce(t.Context(), topics...); err != nil {
			t.Fatal(err)
		}
	}
	are("a", "b", "c")
	s = open(t, path)
	for _, topics := range [][]string{{"b", "never"}, {}} {
		if err := s.Withdraw(t.Context(), topics...); err != nil {
			t.Fatal(err)
		}
	}
	are("a", "c")
}
