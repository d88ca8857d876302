package state_test

import (
	"fmt"
	"path/filepath"
	"testing"
)

func TestAPlaceIsKeptUntilItIsForgotten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	s := open(t, path)
	is := func(source, want string) {
		t.Helper()
		if got, ok, err := s.Place(t.Context(), source); got != want || ok != (want != "") || err != nil {
			t.Errorf("%s is at %q, %v, %v; want %q", source, got, ok, err, want)
		}
	}
	is("a", "")
	for _, set := range [][2]string{{"a", "1"}, {"b", "7"}, {"a", "2"}} {
		if err := s.SetPlace(t.Context(), set[0], set[1]); err != nil {
			t.Fatal(err)
		}
	}
	is("a", "2")
	is("b", "7")
	s = open(t, path)
	if err := s.ForgetPlace(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := s.ForgetPlace(t.Context(), "never"); err != nil {
		t.Error(err)
	}
	is("a", "")
	is("b", "7")
}

func TestThePlacesThatWereSetLastAreKept(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "test.db"))
	for i := range 40 {
		if err := s.SetPlace(t.Context(), fmt.Sprint("source ", i), "x"); err != nil {
			t.Fatal(err)
		}
		if err := s.SetPlace(t.Context(), "old but used", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for source, want := range map[string]bool{"source 8": false, "source 9": true, "source 39": true, "old but used": true} {
		if _, ok, err := s.Place(t.Context(), source); ok != want || err != nil {
			t.Errorf("%s is kept: %t, %v", source, ok, err)
		}
	}
}
