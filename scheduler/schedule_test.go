package scheduler_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the same zones on every machine

	"pulltrail/scheduler"
)

func TestSlotsFollowTheSpec(t *testing.T) {
	tests := []struct {
		name, spec, zone, from string
		want                   []string
	}{
		{"a daily spec, across a month's end", "0 1 * * *", "", "2026-01-30T01:00:00Z",
			[]string{"2026-01-31T01:00:00Z", "2026-02-01T01:00:00Z"}},
		{"fields are meant in the time zone", "30 6 * * *", "Asia/Kathmandu", "2026-01-01T00:00:00Z",
			[]string{"2026-01-01T00:45:00Z", "2026-01-02T00:45:00Z"}},
		{"lists, ranges, steps and names", "0,30 8-9 */15 jan,Feb *", "UTC", "2026-01-31T08:59:59Z",
			[]string{"2026-01-31T09:00:00Z", "2026-01-31T09:30:00Z", "2026-02-01T08:00:00Z"}},
		{"days of month and week are an or", "0 0 13 * fri", "UTC", "2026-02-12T00:00:00Z",
			[]string{"2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z"}},
		{"29 February", "0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z",
			[]string{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}},
		{"29 February across a century that is no leap year", "0 0 29 2 *", "UTC", "2096-02-29T00:00:00Z",
			[]string{"2104-02-29T00:00:00Z"}},
		{"@hourly", "@hourly", "UTC", "2026-01-01T00:00:00Z",
			[]string{"2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"}},
		{"@daily", "@daily", "Europe/Berlin", "2026-01-01T00:00:00Z",
			[]string{"2026-01-01T23:00:00Z", "2026-01-02T23:00:00Z"}},
		{"@weekly is Sunday", "@weekly", "UTC", "2026-01-01T00:00:00Z",
			[]string{"2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z"}},
		{"@monthly", "@monthly", "UTC", "2026-01-01T00:00:00Z",
			[]string{"2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"}},
		{"@yearly", "@yearly", "UTC", "2026-01-01T00:00:00Z",
			[]string{"2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"}},
		{"@every is aligned to 1970", "@every 7h", "Europe/Berlin", "1970-01-01T00:00:00Z",
			[]string{"1970-01-01T07:00:00Z", "1970-01-01T14:00:00Z", "1970-01-01T21:00:00Z", "1970-01-02T04:00:00Z"}},
		{"@every from between its slots", "@every 1h30m", "UTC", "2026-01-01T00:10:00.5Z",
			[]string{"2026-01-01T01:30:00Z", "2026-01-01T03:00:00Z"}},
		{"@every before 1970", "@every 10s", "UTC", "1969-12-31T23:59:45.5Z",
			[]string{"1969-12-31T23:59:50Z", "1970-01-01T00:00:00Z"}},
		{"spaces do not matter", "  0   1 * *\t* ", "UTC", "2026-01-01T00:00:00Z",
			[]string{"2026-01-01T01:00:00Z"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			checkSlots(t, parse(t, test.spec, test.zone), at(t, test.from), test.want)
		})
	}
}

func TestSlotsWhenTheClocksChange(t *testing.T) {
	// Berlin: forward on 29 March 2026 at 01:00Z (02:00 → 03:00), back on 25 October
	// at 01:00Z (03:00 → 02:00). Lord Howe: forward on 4 October 2026 at 15:30Z of the
	// third (02:00 → 02:30), back on 5 April at 15:00Z of the fourth (02:00 → 01:30).
	tests := []struct {
		name, spec, zone, from string
		want                   []string
	}{
		{"a fixed hour that is jumped over fires at the end of the gap", "30 2 * * *", "Europe/Berlin", "2026-03-28T01:30:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		{"all that is jumped over fires once", "*/15 2 * * *", "Europe/Berlin", "2026-03-28T02:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T00:15:00Z"}},
		{"the end of the gap itself fires once", "30 2,3 * * *", "Europe/Berlin", "2026-03-28T03:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"}},
		{"what is jumped over may meet another slot", "0 2,3 * * *", "Europe/Berlin", "2026-03-28T03:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
		{"a fixed hour that comes twice fires the first time", "30 2 * * *", "Europe/Berlin", "2026-10-24T00:30:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		{"also when asked in the hour's repetition", "30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z",
			[]string{"2026-10-26T01:30:00Z"}},
		{"the reading at which clocks are put back comes once", "0 3 * * *", "Europe/Berlin", "2026-10-24T02:00:00Z",
			[]string{"2026-10-25T02:00:00Z", "2026-10-26T02:00:00Z"}},
		{"the first reading that comes twice", "0 2 * * *", "Europe/Berlin", "2026-10-24T23:00:00Z",
			[]string{"2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z"}},
		{"every second hour is fixed hours", "30 */2 * * *", "Europe/Berlin", "2026-10-24T22:30:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-25T03:30:00Z"}},
		{"every hour is every real hour when clocks go back", "30 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"}},
		{"every hour is every real hour when clocks go forward", "30 * * * *", "Europe/Berlin", "2026-03-28T23:30:00Z",
			[]string{"2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"}},
		{"@hourly when clocks go back", "@hourly", "Europe/Berlin", "2026-10-24T23:00:00Z",
			[]string{"2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"}},
		{"@hourly when clocks go forward", "@hourly", "Europe/Berlin", "2026-03-28T23:00:00Z",
			[]string{"2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"}},
		{"a quarter of every hour when clocks go back", "*/30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"}},
		{"every hour of one day only", "0 * 25 10 *", "Europe/Berlin", "2026-10-25T21:00:00Z",
			[]string{"2026-10-25T22:00:00Z", "2027-10-24T22:00:00Z"}},
		{"every hour, written out", "30 0-23 * * *", "Europe/Berlin", "2026-10-24T23:30:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"}},

		{"half an hour forward: a fixed hour", "15 2 * * *", "Australia/Lord_Howe", "2026-10-02T15:45:00Z",
			[]string{"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"}},
		{"half an hour back: a fixed hour that comes twice", "45 1 * * *", "Australia/Lord_Howe", "2026-04-03T14:45:00Z",
			[]string{"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
		{"half an hour back: a fixed hour that comes once", "15 1 * * *", "Australia/Lord_Howe", "2026-04-03T14:15:00Z",
			[]string{"2026-04-04T14:15:00Z", "2026-04-05T14:45:00Z"}},
		{"half an hour forward: an hour without its beginning fires too", "15 * * * *", "Australia/Lord_Howe", "2026-10-03T13:45:00Z",
			[]string{"2026-10-03T14:45:00Z", "2026-10-03T15:30:00Z", "2026-10-03T16:15:00Z"}},
		{"half an hour forward: @hourly", "@hourly", "Australia/Lord_Howe", "2026-10-03T14:30:00Z",
			[]string{"2026-10-03T15:30:00Z", "2026-10-03T16:00:00Z"}},
		{"half an hour forward: what is left of the hour", "45 * * * *", "Australia/Lord_Howe", "2026-10-03T14:15:00Z",
			[]string{"2026-10-03T15:15:00Z", "2026-10-03T15:45:00Z", "2026-10-03T16:45:00Z"}},
		{"half an hour back: what comes twice fires twice", "45 * * * *", "Australia/Lord_Howe", "2026-04-04T13:45:00Z",
			[]string{"2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z", "2026-04-04T16:15:00Z"}},

		// In years that zone files leave to a rule, package time is wrong about this day.
		{"the last day of a leap year", "30 2 * * *", "Europe/Berlin", "2096-12-30T02:00:00Z",
			[]string{"2096-12-31T01:30:00Z", "2097-01-01T01:30:00Z"}},
		{"every hour of the last day of a leap year", "30 * * * *", "Pacific/Chatham", "2096-12-30T23:00:00Z",
			[]string{"2096-12-30T23:45:00Z", "2096-12-31T00:45:00Z", "2096-12-31T01:45:00Z"}},
		{"every hour of a day before the last of a leap year", "15,45 * * * sun", "Pacific/Chatham", "2096-12-30T09:30:00Z",
			[]string{"2096-12-30T10:00:00Z", "2097-01-05T10:30:00Z"}},

		{"midnight that is jumped over", "0 0 * * *", "Asia/Beirut", "2026-03-27T22:00:00Z",
			[]string{"2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"}},
		{"an evening that is jumped over fires at midnight", "30 23 * * *", "America/Nuuk", "2026-03-28T01:30:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		{"a day that is jumped over fires at its end", "0 9 * * *", "Pacific/Apia", "2011-12-29T19:00:00Z",
			[]string{"2011-12-30T10:00:00Z", "2011-12-30T19:00:00Z"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			checkSlots(t, parse(t, test.spec, test.zone), at(t, test.from), test.want)
		})
	}
}

func TestAWrongScheduleIsRefusedWithTheRemedy(t *testing.T) {
	tests := []struct {
		name, spec, zone string
		want             []string // in the message, besides the spec
	}{
		{"nothing", "", "", []string{"is empty", "@daily", "0 1 * * *"}},
		{"only spaces", " \t", "", []string{"is empty"}},
		{"four fields", "0 1 * *", "", []string{"five fields", "has 4", "day of week"}},
		{"six fields", "0 0 1 * * *", "", []string{"five fields", "has 6"}},
		{"an hour too high", "0 25 * * *", "", []string{`wrong hour "25"`, "above maximum (23)", "@every 6h"}},
		{"a minute that is no number", "x 1 * * *", "", []string{`wrong minute "x"`}},
		{"a Sunday that is 7", "0 0 * * 7", "", []string{`wrong day of week "7"`, "maximum (6)"}},
		{"a step of nothing", "*/0 * * * *", "", []string{"wrong minute", "positive"}},
		{"a range with an end only", "*-5 * * * *", "", []string{"wrong minute", "*-5"}},
		{"a list with a hole", "1,,2 * * * *", "", []string{"wrong minute", `""`}},
		{"a sign", "+5 * * * *", "", []string{"wrong minute", "+5"}},
		{"30 February", "0 0 30 2 *", "", []string{"never comes", "no such date"}},
		{"31 of short months", "0 0 31 2,4,6,9,11 *", "", []string{"never comes"}},
		{"a bare zone", "TZ=", "", []string{"use collector.timezone"}},
		{"a zone in front", "CRON_TZ=Europe/Berlin 0 1 * * *", "", []string{"use collector.timezone"}},
		{"a zone in small letters", " tz=UTC 0 1 * * *", "", []string{"use collector.timezone"}},
		{"an unknown descriptor", "@fortnightly", "", []string{"@fortnightly", "@daily"}},
		{"at start", "@reboot", "", []string{"collector.run_on_start"}},
		{"@every without a duration", "@every", "", []string{"@every 15m"}},
		{"@every without a space", "@every6h", "", []string{"space", "@every 15m"}},
		{"@every with a day", "@every 1d", "", []string{`unknown unit "d"`, "@every 24h"}},
		{"@every nothing", "@every 0s", "", []string{"shorter than a second (0s)"}},
		{"@every backwards", "@every -1h", "", []string{"-1h0m0s", "@every 15m"}},
		{"@every below a second", "@every 999ms", "", []string{"999ms"}},
		{"@every with a fraction", "@every 1.5s", "", []string{"fraction of a second (1.5s)"}},
		{"@every beyond what can be counted", "@every 9999999999h", "", []string{"@every 24h"}},
		{"an unknown zone", "@daily", "Europe/Bärlin", []string{"Europe/Bärlin", "not known", "Europe/Berlin"}},
		{"a zone out of a file", "@daily", "../../etc/passwd", []string{"not known"}},
		{"the machine's zone", "@daily", "Local", []string{"depends on the machine", "UTC"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := scheduler.ParseSchedule(test.spec, test.zone)
			if err == nil {
				t.Fatalf("%q is accepted", test.spec)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			t.Log(err)
		})
	}
}

func FuzzNoSpecBreaksTheParser(f *testing.F) {
	for _, spec := range []string{"TZ=", "0 1 * * *", "@every 1h", "@", "*/5 1-2,3 ? jan-mar MON", "@every 9999999h", "0 0 29 2 *", "0 */99999999999999999999 * * *"} {
		f.Add(spec, "Europe/Berlin")
	}
	f.Add("0 2 * * *", "Australia/Lord_Howe")
	now := time.Date(2026, 3, 29, 0, 59, 59, 1, time.UTC)
	f.Fuzz(func(t *testing.T, spec, zone string) {
		s, err := scheduler.ParseSchedule(spec, zone)
		if err != nil {
			return
		}
		next := s.Next(now)
		if !next.After(now) || s.Latest(now).After(now) || !s.Latest(next).Equal(next) {
			t.Errorf("%q in %q: after %v comes %v, before it %v", spec, zone, now, next, s.Latest(now))
		}
	})
}

// checkSlots walks along the slots after from, and back.
func checkSlots(t *testing.T, s scheduler.Schedule, from time.Time, want []string) {
	t.Helper()
	last := from
	for _, w := range want {
		next := s.Next(last)
		if !next.Equal(at(t, w)) {
			t.Fatalf("after %v comes %v, want %s", last, next, w)
		}
		if next.Location() != time.UTC {
			t.Errorf("%v is not in UTC", next)
		}
		for _, moment := range []time.Time{next, next.Add(time.Nanosecond), s.Next(next).Add(-1)} {
			if latest := s.Latest(moment); !latest.Equal(next) {
				t.Errorf("the newest slot at %v is %v, want %v", moment, latest, next)
			}
		}
		last = next
	}
}

func parse(t testing.TB, spec, zone string) scheduler.Schedule {
	t.Helper()
	s, err := scheduler.ParseSchedule(spec, zone)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}
