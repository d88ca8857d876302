package scheduler_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pulltrail/scheduler"
)

// zones have changes by an hour, by half an hour and by two, at midnight, at odd
// minutes, twice a year for a month of fasting, once for a whole day, and never.
var zones = []string{
	"UTC", "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/St_Johns", "America/Sao_Paulo",
	"America/Havana", "America/Nuuk", "Asia/Beirut", "Asia/Kathmandu", "Africa/Casablanca", "Africa/Cairo",
	"Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia", "Pacific/Chatham", "Atlantic/Azores",
}

var (
	minutes = []string{"0", "30", "15,45", "*/7", "*", "59"}
	hours   = []string{"*", "0", "1", "2", "3", "23", "*/2", "1-3", "0,12", "22-23"}
	days    = []string{"*", "*", "*", "1", "29", "25-31", "*/10"}
	months  = []string{"*", "*", "*", "3,4,9-11", "2"}
	weekday = []string{"*", "*", "*", "sun", "MON-FRI", "6"}
)

func drawSchedule(t *rapid.T) (spec, zone string) {
	draw := func(name string, of []string) string { return rapid.SampledFrom(of).Draw(t, name) }
	zone = draw("zone", zones)
	if rapid.IntRange(0, 9).Draw(t, "kind") == 0 {
		return fmt.Sprintf("@every %ds", rapid.IntRange(1, 90*86400).Draw(t, "seconds")), zone
	}
	return fmt.Sprintf("%s %s %s %s %s", draw("minute", minutes), draw("hour", hours), draw("day", days),
		draw("month", months), draw("weekday", weekday)), zone
}

// drawMoment prefers moments around a change of the clocks.
func drawMoment(t *rapid.T, zone string) time.Time {
	moment := time.Unix(rapid.Int64Range(40_000_000, 4_000_000_000).Draw(t, "moment"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
	if rapid.IntRange(0, 3).Draw(t, "anywhere") == 0 {
		return moment
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	_, change := moment.In(location).ZoneBounds()
	if change.IsZero() {
		return moment
	}
	return change.Add(time.Duration(rapid.Int64Range(-6*3600, 6*3600).Draw(t, "from the change")) * time.Second)
}

func TestNextAndLatestAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec, zone := drawSchedule(t)
		moment := drawMoment(t, zone)
		s, err := scheduler.ParseSchedule(spec, zone)
		if err != nil {
			t.Fatal(err)
		}
		next, latest := s.Next(moment), s.Latest(moment)
		if !next.After(moment) {
			t.Fatalf("Next(%v) = %v", moment, next)
		}
		if latest.After(moment) {
			t.Fatalf("Latest(%v) = %v", moment, latest)
		}
		for _, slot := range []time.Time{next, latest} {
			if !s.Latest(slot).Equal(slot) {
				t.Fatalf("Latest(%v) = %v, but it is a slot", slot, s.Latest(slot))
			}
			if slot.Nanosecond() != 0 || slot.Location() != time.UTC {
				t.Fatalf("%v is no whole second in UTC", slot)
			}
		}
		if after := s.Next(latest); !after.Equal(next) {
			t.Fatalf("between %v and %v there is %v", latest, next, after)
		}
		within := latest.Add(time.Duration(rapid.Int64Range(0, int64(next.Sub(latest))-1).Draw(t, "within")))
		if n, l := s.Next(within), s.Latest(within); !n.Equal(next) || !l.Equal(latest) {
			t.Fatalf("at %v the slots are %v and %v, want %v and %v", within, l, n, latest, next)
		}
	})
}

// TestSlotsAreThoseOfAClockThatIsWatched compares with an oracle that looks at the
// local clock minute by minute.
func TestSlotsAreThoseOfAClockThatIsWatched(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		minute := rapid.IntRange(0, 59).Draw(t, "minute")
		hour := rapid.IntRange(-1, 23).Draw(t, "hour") // -1 is every hour
		spec := fmt.Sprintf("%d %d * * *", minute, hour)
		if hour < 0 {
			spec = fmt.Sprintf("%d * * * *", minute)
		}
		from := drawMoment(t, zone).Add(-24 * time.Hour).Truncate(time.Minute)
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		s, err := scheduler.ParseSchedule(spec, zone)
		if err != nil {
			t.Fatal(err)
		}
		want := watchFixed(location, from, hour, minute)
		if hour < 0 {
			want = watchEvery(location, from, minute)
		}
		slot := from.Add(watchedBefore)
		for _, w := range want {
			if slot = s.Next(slot); !slot.Equal(w) {
				t.Fatalf("the slots of %q in %s come to %v, the clock to %v", spec, zone, slot, w)
			}
		}
		if slot = s.Next(slot); !slot.After(from.Add(watched)) {
			t.Fatalf("%q in %s has a slot at %v", spec, zone, slot)
		}
	})
}

const (
	watchedBefore = 30 * time.Hour // so that the oracle knows what the clock has shown
	watched       = 120 * time.Hour
)

// reading is what the clock shows, in minutes.
func reading(local time.Time) int {
	_, offset := local.Zone()
	return int((local.Unix() + int64(offset)) / 60)
}

// watchFixed notes the first minutes at which the clock shows hour:minute or more.
func watchFixed(location *time.Location, from time.Time, hour, minute int) []time.Time {
	var slots []time.Time
	farthest := reading(from.In(location))
	for at := from; !at.After(from.Add(watched)); at = at.Add(time.Minute) {
		now, due := reading(at.In(location)), false
		for r := farthest + 1; r <= now; r++ {
			due = due || r%(24*60) == hour*60+minute
		}
		farthest = max(farthest, now)
		if due && at.After(from.Add(watchedBefore)) {
			slots = append(slots, at)
		}
	}
	return slots
}

// watchEvery notes the minutes at which the clock shows minute, and those at which it
// leaps over it into the same hour.
func watchEvery(location *time.Location, from time.Time, minute int) []time.Time {
	var slots []time.Time
	last := reading(from.In(location))
	for at := from.Add(time.Minute); !at.After(from.Add(watched)); at = at.Add(time.Minute) {
		now := reading(at.In(location))
		leapt := now > last+1 && now%60 > minute && now-now%60+minute > last
		if (now%60 == minute || leapt) && at.After(from.Add(watchedBefore)) {
			slots = append(slots, at)
		}
		last = now
	}
	return slots
}

func TestAFixedHourFiresOncePerLocalDate(t *testing.T) {
	// Not in Nuuk, where an evening may be jumped over into the next day, nor in 2011
	// in Apia, which left a day out: both stand in a table of their own.
	for _, zone := range zones {
		if zone == "America/Nuuk" {
			continue
		}
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, clock := range []string{"0 0", "30 0", "0 1", "59 1", "0 2", "30 2", "0 3", "45 2", "30 23", "0 12"} {
			s := parse(t, clock+" * * *", zone)
			for _, year := range []int{1999, 2016, 2025, 2026, 2037, 2050} {
				checkDates(t, s, location, year, clock)
			}
		}
	}
}

func checkDates(t *testing.T, s scheduler.Schedule, location *time.Location, year int, clock string) {
	t.Helper()
	slot := s.Latest(time.Date(year, 1, 1, 0, 0, 0, 0, location).Add(-1))
	for day := 1; ; day++ {
		slot = s.Next(slot)
		want := time.Date(year, 1, day, 12, 0, 0, 0, location)
		if got := slot.In(location); got.Format(time.DateOnly) != want.Format(time.DateOnly) {
			t.Errorf("%q in %v: the slot %v is not on %s", clock, location, got, want.Format(time.DateOnly))
			return
		}
		if want.Year() > year {
			return
		}
	}
}

func BenchmarkLatestOfAYearlySpec(b *testing.B) {
	s := parse(b, "0 * 1 1 *", "Europe/Berlin")
	moment := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for b.Loop() {
		s.Latest(moment)
	}
}
