package app

import (
	"strings"
	"testing"
	"time"

	"pulltrail/collector"
)

func TestTheLongestTimeWithoutAGapFollowsTheSchedule(t *testing.T) {
	// A Tuesday, before the clocks of Berlin go back on 25 October.
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		schedule, zone string
		twice          time.Duration
	}{
		"each day":                      {"0 1 * * *", "", 48 * time.Hour},
		"each day, where clocks change": {"@daily", "Europe/Berlin", 50 * time.Hour},
		"every six hours":               {"@every 6h", "", 48 * time.Hour},
		"on working days":               {"0 1 * * mon-fri", "", 2 * 72 * time.Hour},
		"each minute of working hours":  {"* 8-17 * * mon-fri", "", 2 * (62*time.Hour + time.Minute)}, // Friday 17:59 to Monday 8:00
		"each second":                   {"@every 1s", "", 48 * time.Hour},
		"each month":                    {"@monthly", "", 2 * 31 * 24 * time.Hour},
		"on 29 February":                {"0 0 29 2 *", "", 2 * (4*365 + 1) * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := maxGap(collector.Config{Schedule: c.schedule, Timezone: c.zone, Jitter: time.Minute, Deadline: 30 * time.Minute}, now)
			if want := c.twice + 31*time.Minute; got != want || err != nil {
				t.Errorf("got %v, want %v (%v)", got, want, err)
			}
		})
	}
	if _, err := maxGap(collector.Config{Schedule: "sometimes"}, now); err == nil || !strings.Contains(err.Error(), "sometimes") {
		t.Errorf("got %v", err)
	}
}
