package scheduler

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// examples are the valid specs that errors end with.
const examples = `write one such as "0 1 * * *" (at 01:00 each day), "*/15 * * * *", "@daily" or "@every 6h"`

// Schedule says when slots are. All slots are whole seconds in UTC.
type Schedule interface {
	// Next is the first slot after t.
	Next(t time.Time) time.Time
	// Latest is the newest slot at or before t.
	Latest(t time.Time) time.Time
}

// ParseSchedule reads a cron spec of five fields (minute, hour, day of month,
// month, day of week), a descriptor (@hourly, @daily, @weekly, @monthly, @yearly),
// or "@every" with a duration of whole seconds. The fields are meant in timezone,
// an IANA name; empty is UTC. An error says what is wrong and what to write.
func ParseSchedule(spec, timezone string) (Schedule, error) {
	location, err := loadLocation(timezone)
	if err != nil {
		return nil, err
	}
	schedule, err := parseSpec(strings.TrimSpace(spec), location)
	if err != nil {
		return nil, fmt.Errorf("schedule %q: %w", spec, err)
	}
	return schedule, nil
}

// loadLocation refuses "Local": two daemons on one schedule must agree on its
// slots, wherever they run.
func loadLocation(name string) (*time.Location, error) {
	const remedy = "write an IANA name such as Europe/Berlin or UTC"
	if strings.EqualFold(name, "local") {
		return nil, fmt.Errorf("time zone %q depends on the machine: %s", name, remedy)
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("time zone %q is not known: %s (%w)", name, remedy, err)
	}
	return location, nil
}

func parseSpec(spec string, location *time.Location) (Schedule, error) {
	upper := strings.ToUpper(spec)
	switch {
	case spec == "":
		return nil, errors.New("is empty: " + examples)
	case strings.HasPrefix(upper, "TZ=") || strings.HasPrefix(upper, "CRON_TZ="):
		return nil, errors.New("must not name a time zone: use collector.timezone")
	case spec == "@reboot":
		return nil, errors.New("is not a time: use collector.run_on_start")
	case strings.HasPrefix(spec, "@every"):
		return parseEvery(strings.TrimPrefix(spec, "@every"))
	}
	return parseCron(spec, location)
}

// parseEvery is stricter than the library, which takes whatever is below a second
// for one second.
func parseEvery(duration string) (Schedule, error) {
	const remedy = `write whole seconds, minutes or hours, such as "@every 90s", "@every 15m" or "@every 24h"`
	d, err := time.ParseDuration(strings.TrimSpace(duration))
	switch {
	case err != nil:
		return nil, fmt.Errorf("has no valid duration after @every: %s (%w)", remedy, err)
	case strings.TrimLeft(duration, " \t") == duration:
		return nil, errors.New("needs a space after @every: " + remedy)
	case d < time.Second:
		return nil, fmt.Errorf("is shorter than a second (%s): %s", d, remedy)
	case d%time.Second != 0:
		return nil, fmt.Errorf("has a fraction of a second (%s): %s", d, remedy)
	}
	return interval{seconds: int64(d / time.Second)}, nil
}

func parseCron(spec string, location *time.Location) (Schedule, error) {
	if !strings.HasPrefix(spec, "@") {
		if err := checkFields(strings.Fields(spec)); err != nil {
			return nil, err
		}
	}
	parsed, err := parser().Parse(spec)
	if err != nil {
		return nil, fmt.Errorf("is not valid (%w): %s", err, examples)
	}
	fields, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("is of a kind that is not supported (%T): %s", parsed, examples)
	}
	clock := newWallClock(fields, location)
	if clock.match(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, errors.New("never comes: there is no such date; " + examples)
	}
	return clock, nil
}

func parser() cron.Parser {
	return cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
}

// element is one member of a field's list. The library takes more, such as "*-5"
// or "1,,2", and makes something surprising of it.
var element = regexp.MustCompile(`^(\*|\?|[0-9A-Za-z]+(-[0-9A-Za-z]+)?)(/[0-9]+)?$`)

// checkFields finds the field that is wrong, which the library does not name.
func checkFields(fields []string) error {
	names := [...]string{"minute", "hour", "day of month", "month", "day of week"}
	if len(fields) != len(names) {
		return fmt.Errorf("must have five fields (%s), has %d: %s", strings.Join(names[:], ", "), len(fields), examples)
	}
	for i, field := range fields {
		alone := []string{"*", "*", "*", "*", "*"}
		alone[i] = field
		_, err := parser().Parse(strings.Join(alone, " "))
		for e := range strings.SplitSeq(field, ",") {
			if err == nil && !element.MatchString(e) {
				err = fmt.Errorf("%q is no number, name, range, * or */step", e)
			}
		}
		if err != nil {
			return fmt.Errorf("has a wrong %s %q (%w): %s", names[i], field, err, examples)
		}
	}
	return nil
}

// interval has its slots at the multiples of a duration since 1970-01-01T00:00:00Z,
// so that daemons share them however they were started.
type interval struct{ seconds int64 }

func (i interval) Next(t time.Time) time.Time {
	return i.Latest(t).Add(time.Duration(i.seconds) * time.Second)
}

func (i interval) Latest(t time.Time) time.Time {
	into := t.Unix() % i.seconds
	if into < 0 { // before 1970
		into += i.seconds
	}
	return time.Unix(t.Unix()-into, 0).UTC()
}
