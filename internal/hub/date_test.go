package hub

import (
	"strings"
	"testing"
	"time"
)

func TestADateMayBeAsFarAheadAsClocksDiffer(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		timestamp, slot time.Time
		want            string
	}{
		"the present":              {now, now, ""},
		"five minutes ahead":       {now.Add(FutureTolerance), now.Add(FutureTolerance), ""},
		"more than that":           {now.Add(FutureTolerance + time.Second), now, "timestamp 2026-03-01T12:05:01Z is in the future: the clock here says 2026-03-01T12:00:00Z"},
		"a slot ahead":             {now, now.AddDate(1, 0, 0), "slot 2027-03-01T12:00:00Z is in the future"},
		"the end of time":          {time.Date(9998, 1, 1, 0, 0, 0, 0, time.UTC), now, "timestamp 9998-01-01T00:00:00Z"},
		"long ago":                 {time.Unix(0, 0), time.Unix(0, 0), ""},
		"a moment in another zone": {now.In(time.FixedZone("", 3600)), now, ""},
	} {
		err := Snapshot{Timestamp: c.timestamp, Slot: c.slot}.CheckDate(now)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
