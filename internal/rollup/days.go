package rollup

import (
	"math"
	"time"

	"pulltrail/internal/trail"
)

const daySeconds = 24 * 60 * 60

// Days are the pulls of consecutive UTC days, in their order: every day of which
// something is known. The zero value has none.
type Days struct {
	first int64 // the number of the first day since 1970
	pulls []int64
	marks []mark
}

// mark is what a day is besides its pulls.
type mark uint8

const (
	gap mark = 1 << iota
	partial
)

func packed(periods []trail.Period) Days {
	if len(periods) == 0 {
		return Days{}
	}
	d := Days{first: number(periods[0].Start), pulls: make([]int64, len(periods)), marks: make([]mark, len(periods))}
	for i, p := range periods {
		d.pulls[i], d.marks[i] = p.Pulls, marked(p.Gap, p.Partial)
	}
	return d
}

func marked(isGap, isPartial bool) (m mark) {
	if isGap {
		m |= gap
	}
	if isPartial {
		m |= partial
	}
	return m
}

// number is which day since 1970 has t.
func number(t time.Time) int64 {
	return trail.Day.Floor(t).Unix() / daySeconds
}

// beginning is when the day with a number begins.
func beginning(number int64) time.Time { return time.Unix(number*daySeconds, 0).UTC() }

// Len is how many days there are.
func (d Days) Len() int { return len(d.pulls) }

// At is one of them, from 0.
func (d Days) At(i int) trail.Period {
	return trail.Period{
		Start: beginning(d.first + int64(i)), Pulls: d.pulls[i],
		Gap: d.marks[i]&gap != 0, Partial: d.marks[i]&partial != 0,
	}
}

// Between are those that the time from <= time < to touches. A zero time leaves that
// end open.
func (d Days) Between(from, to time.Time) []trail.Period {
	part := d.between(from, to)
	out := make([]trail.Period, part.Len())
	for i := range out {
		out[i] = part.At(i)
	}
	return out
}

func (d Days) between(from, to time.Time) Days {
	start, end := int64(0), int64(len(d.pulls))
	if !from.IsZero() {
		start = min(max(number(from)-d.first, 0), end)
	}
	if !to.IsZero() {
		end = max(min(number(to.Add(-time.Nanosecond))+1-d.first, end), start)
	}
	return Days{first: d.first + start, pulls: d.pulls[start:end], marks: d.marks[start:end]}
}

// Pulls are those of the days that the time from <= time < to touches.
func (d Days) Pulls(from, to time.Time) int64 {
	var sum int64
	for _, n := range d.between(from, to).pulls {
		sum = added(sum, n)
	}
	return sum
}

// Span is what is known of the days that the time from <= time < to touches, which are
// whole where from and to are midnights. A day that is known in part has its pulls in it,
// and counts as covered only where there is no other.
func (d Days) Span(from, to time.Time) trail.Span {
	part := d.between(from, to)
	s := trail.Span{From: from, To: to, Pulls: d.Pulls(from, to)}
	for _, m := range part.marks {
		if m&partial == 0 {
			s.Covered += day
		}
	}
	if s.Covered == 0 && len(part.marks) > 0 {
		s.Covered = 1
	}
	return s
}

// added is a+b of two that are not negative, or the largest int64.
func added(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
