package state_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

func TestABrokerWithoutMQTT5IsRememberedUntilItIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	s := open(t, path)
	is := func(url string, want time.Time) {
		t.Helper()
		if got, err := s.MQTT5Rejected(t.Context(), url); !got.Equal(want) || got.IsZero() != want.IsZero() || err != nil {
			t.Errorf("%s: %v, %v; want %v", url, got, err, want)
		}
	}
	set := func(url string, at time.Time) {
		t.Helper()
		if err := s.SetMQTT5Rejected(t.Context(), url, at); err != nil {
			t.Fatal(err)
		}
	}
	is("mqtt://a:1883", time.Time{})
	set("mqtt://a:1883", slot)
	set("mqtt://b:1883", time.Unix(0, 0))
	set("mqtt://a:1883", slot.Add(time.Hour))
	s = open(t, path)
	is("mqtt://a:1883", slot.Add(time.Hour))
	is("mqtt://b:1883", time.Unix(0, 0))
	set("mqtt://a:1883", time.Time{})
	set("mqtt://never:1883", time.Time{})
	is("mqtt://a:1883", time.Time{})
	is("mqtt://b:1883", time.Unix(0, 0))
}

func TestTheBrokersThatWereCheckedLastAreKept(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "test.db"))
	for i := range 40 {
		if err := s.SetMQTT5Rejected(t.Context(), fmt.Sprint("mqtt://", i), slot); err != nil {
			t.Fatal(err)
		}
	}
	for url, want := range map[string]bool{"mqtt://7": false, "mqtt://8": true, "mqtt://39": true} {
		if at, err := s.MQTT5Rejected(t.Context(), url); at.IsZero() == want || err != nil {
			t.Errorf("%s: %v, %v", url, at, err)
		}
	}
}
