package hub

import (
	"strings"
	"testing"
	"time"
)

func TestParseIDReadsWhatIDWrites(t *testing.T) {
	for _, at := range []time.Time{
		slot,
		time.Date(2026, 1, 31, 2, 0, 7, 123456000, time.FixedZone("", 3600)),
		time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
	} {
		want := Repository{Namespace: "a-b", Name: "c_d.e"}
		r, got, err := ParseID(ID(want, at))
		if err != nil || r != want || !got.Equal(at) || got.Location() != time.UTC {
			t.Errorf("ParseID(%s) = %v, %v, %v", ID(want, at), r, got, err)
		}
	}
}

func TestParseIDRefusesWhatIDWouldNotHaveWritten(t *testing.T) {
	for name, id := range map[string]string{
		"nothing":             "",
		"no slot":             "a/b",
		"an empty slot":       "a/b@",
		"a bare name":         "b@2026-01-31T01:00:00Z",
		"no namespace":        "/b@2026-01-31T01:00:00Z",
		"a hostile name":      "a/../b@2026-01-31T01:00:00Z",
		"another time zone":   "a/b@2026-01-31T02:00:00+01:00",
		"a zero too many":     "a/b@2026-01-31T01:00:00.50Z",
		"a date":              "a/b@2026-01-31",
		"two slots":           "a/b@2026-01-31T01:00:00Z@2026-01-31T01:00:00Z",
		"a space in front":    " a/b@2026-01-31T01:00:00Z",
		"an upper-case name":  "A/b@2026-01-31T01:00:00Z",
		"a comma in the time": "a/b@2026-01-31T01:00:00,5Z",
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := ParseID(id); err == nil || !strings.Contains(err.Error(), "is not the id of a snapshot") {
				t.Errorf("ParseID(%q): %v", id, err)
			}
		})
	}
}
