package trail

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPushes(t *testing.T) {
	a, b, z := at(t, "2025-11-01 10:20:30.123456"), at(t, "2025-11-05"), at(t, "2025-11-09")
	noon := at(t, "2026-01-01 12")
	saw := func(days int, updated *time.Time) Sample {
		return Sample{Time: noon.Add(time.Duration(days) * day), Pulls: 1, LastUpdated: updated}
	}
	seen := func(days int) time.Time { return noon.Add(time.Duration(days) * day) }
	cet := a.In(time.FixedZone("CET", 3600))
	for name, c := range map[string]struct {
		samples []Sample
		want    []Push
	}{
		"no samples":                                 {nil, nil},
		"what the first tells was there before":      {[]Sample{saw(0, &a), saw(1, &a)}, nil},
		"a change is a push at the later value":      {[]Sample{saw(0, &a), saw(1, &b), saw(2, &b), saw(3, &z)}, []Push{{b, seen(1)}, {z, seen(3)}}},
		"the first push of all":                      {[]Sample{saw(0, nil), saw(1, &a)}, []Push{{a, seen(1)}}},
		"one that goes away is none":                 {[]Sample{saw(0, &a), saw(1, nil)}, nil},
		"one that comes back is none":                {[]Sample{saw(0, &a), saw(1, nil), saw(2, &a), saw(3, &b)}, []Push{{b, seen(3)}}},
		"one that goes back is none":                 {[]Sample{saw(0, &b), saw(1, &a), saw(2, &b), saw(3, &z)}, []Push{{z, seen(3)}}},
		"a snapshot that comes late takes its place": {[]Sample{saw(0, &a), saw(3, &b), saw(2, &b), saw(1, &a)}, []Push{{b, seen(2)}}},
		"of two at one moment the later counts":      {[]Sample{saw(0, &a), saw(1, &z), saw(1, &b), saw(2, &z)}, []Push{{z, seen(1)}}},
		"times are in UTC":                           {[]Sample{saw(0, nil), saw(1, &cet)}, []Push{{a, seen(1)}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, New(c.samples).Pushes()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRestatements(t *testing.T) {
	got := curve(t, row{"2026-01-04", 60}, row{"2026-01-01", 100}, row{"2026-01-03", 50}, row{"2026-01-02", 120}, row{"2026-01-05", 0}).Restatements()
	want := []Restatement{{at(t, "2026-01-03"), 120, 50}, {at(t, "2026-01-05"), 60, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
