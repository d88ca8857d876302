package page

import (
	"math"
	"strconv"
	"time"
)

// unknown stands where there is no value.
const unknown = "–"

// space does not break, so that a number and its unit stay together.
const space = "\u00a0"

// value is a number or a time as it is shown.
type value struct {
	Short string
	// Exact is for the tooltip; empty where Short says it all.
	Exact string
	// Machine is a time for programs; empty for a number.
	Machine string
}

// None reports whether there is no value.
func (v value) None() bool { return v.Short == unknown }

// number is a count: 842, 9,999, 12.3 k, 3.1 M, 12.9 B.
func number(n *int64) value {
	if n == nil {
		return value{Short: unknown}
	}
	v := value{Short: short(*n, 10_000, []string{"", "k", "M", "B", "T"})}
	if *n >= 10_000 {
		v.Exact = grouped(*n)
	}
	return v
}

// size is a number of bytes in Docker Hub's own (decimal) units.
func size(n *int64) value {
	if n == nil {
		return value{Short: unknown}
	}
	return value{Short: short(*n, 1000, []string{"B", "kB", "MB", "GB", "TB", "PB"}), Exact: grouped(*n) + space + "bytes"}
}

// short gives one decimal and the largest unit that keeps a digit before the point;
// below whole the number stays as it is.
func short(n, whole int64, units []string) string {
	if n < whole {
		if units[0] == "" {
			return grouped(n)
		}
		return grouped(n) + space + units[0]
	}
	tenth := int64(1)
	for i := range units {
		if i == 0 {
			tenth = 100
			continue
		}
		tenths := n / tenth
		if n%tenth >= tenth/2 {
			tenths++
		}
		if tenths < 10_000 || i == len(units)-1 {
			return grouped(tenths/10) + "." + strconv.FormatInt(tenths%10, 10) + space + units[i]
		}
		tenth *= 1000
	}
	return grouped(n)
}

// grouped writes n with commas: 12,916,987,208.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var out []byte
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			out = append(out, ',')
		}
		out = append(out, digits[i])
	}
	return string(out)
}

// sum adds up what is known; nil while nothing is. It stops at the largest int64.
type sum struct{ total *int64 }

func (s *sum) add(n *int64) {
	switch {
	case n == nil:
	case s.total == nil:
		first := *n
		s.total = &first
	case *n > math.MaxInt64-*s.total:
		*s.total = math.MaxInt64
	default:
		*s.total += *n
	}
}

// moment is a time that has passed, as seen from now.
func moment(now time.Time, t *time.Time) value {
	if t == nil || t.IsZero() {
		return value{Short: unknown}
	}
	return value{Short: ago(now.Sub(*t)), Exact: exactTime(*t), Machine: t.UTC().Format(time.RFC3339)}
}

func exactTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// ago never rounds up: what is not yet 3 h old is 2 h old.
func ago(d time.Duration) string {
	if d < time.Minute {
		return justNow
	}
	return span(d) + agoSuffix
}

// until rounds to the nearest, so that "3 h ago, next in 21 h" makes a day.
func until(d time.Duration) string {
	switch {
	case d <= 0:
		return dueNow
	case d < time.Minute:
		return withinAMinute
	case d < time.Hour:
		d += 30 * time.Second
	case d < 2*day:
		d += 30 * time.Minute
	default:
		d += day / 2
	}
	return inPrefix + span(d)
}

const (
	day   = 24 * time.Hour
	month = 30*day + 10*time.Hour
	year  = 365*day + 6*time.Hour
)

// span is a length of time in its largest sensible unit, rounded down.
func span(d time.Duration) string {
	in := func(unit time.Duration, name string) string {
		return strconv.FormatInt(int64(d/unit), 10) + space + name
	}
	switch {
	case d < time.Hour:
		return in(time.Minute, "min")
	case d < 2*day:
		return in(time.Hour, "h")
	case d < 2*month:
		return in(day, "d")
	case d < 2*year:
		return in(month, "mo")
	}
	return in(year, "y")
}
