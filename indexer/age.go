package indexer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Age is how old something may get, in the units that people use for it. The zero value
// is no bound at all.
type Age struct {
	months, days int
	rest         time.Duration
}

const (
	minAge = 24 * time.Hour
	// maxAgeYears bounds an age, so that no date comes near the end of what there is.
	maxAgeYears = 1000
)

// ageUnits are those of whole numbers, the longer names before what they begin with.
var ageUnits = []struct {
	name  string
	scale Age
}{
	{"mo", Age{months: 1}}, {"y", Age{months: 12}}, {"w", Age{days: 7}}, {"d", Age{days: 1}},
}

// ParseAge reads 90d, 8w, 6mo or 2y, or a duration such as 720h; empty and 0 are no bound.
func ParseAge(text string) (Age, error) {
	if text == "" || text == "0" {
		return Age{}, nil
	}
	age, ok := wholeAge(text)
	if !ok {
		d, err := time.ParseDuration(text)
		switch {
		case err == nil:
			age = Age{rest: d}
		case strings.Trim(text, "0123456789") == "":
			return Age{}, fmt.Errorf("has no unit: write %sd for days, or %sw, %smo, %sy", text, text, text, text)
		default:
			return Age{}, errors.New("is no age: write a number of days, weeks, months or years, such as 90d, 8w, 6mo or 2y, or 0 for no bound")
		}
	}
	if age.days < 1 && age.months < 1 && age.rest < minAge {
		return Age{}, errors.New("is too short: write 1d or more, or 0 for no bound")
	}
	if age.months > 12*maxAgeYears || age.days > 366*maxAgeYears {
		return Age{}, fmt.Errorf("is too long: write %dy or less, or 0 for no bound", maxAgeYears)
	}
	return age, nil
}

func wholeAge(text string) (Age, bool) {
	for _, unit := range ageUnits {
		number, found := strings.CutSuffix(text, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 24) // so that no product overflows
		return Age{months: int(n) * unit.scale.months, days: int(n) * unit.scale.days}, err == nil
	}
	return Age{}, false
}

// IsZero reports whether there is no bound.
func (a Age) IsZero() bool { return a == Age{} }

// Before is the time of that age at now. Months end with their last day: one before
// the 31st of March is the last of February.
func (a Age) Before(now time.Time) time.Time {
	now = now.UTC()
	year, month, day := now.Date()
	first := time.Date(year, month-time.Month(a.months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	t := first.AddDate(0, 0, min(day, last)-1-a.days)
	return t.Add(now.Sub(time.Date(year, month, day, 0, 0, 0, 0, time.UTC)) - a.rest)
}
