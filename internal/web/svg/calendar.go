package svg

import (
	"strconv"
	"time"
)

const (
	day = 24 * time.Hour

	// dateLayout is how a date is written out.
	dateLayout = "2 Jan 2006"
)

// stride is the distance of ticks: either a length or a number of months.
type stride struct {
	length time.Duration
	months int
}

// strides are those that people count time in, from the shortest.
var strides = []stride{
	{length: 15 * time.Minute}, {length: time.Hour}, {length: 3 * time.Hour}, {length: 6 * time.Hour}, {length: 12 * time.Hour},
	{length: day}, {length: 2 * day}, {length: 7 * day}, {length: 14 * day},
	{months: 1}, {months: 2}, {months: 3}, {months: 6},
	{months: 12}, {months: 24}, {months: 60}, {months: 120}, {months: 240}, {months: 600},
	{months: 1200}, {months: 6000}, {months: 24000},
}

// most ticks on one axis.
const manyTicks = 40

// approximate is its length in seconds.
func (s stride) approximate() float64 {
	if s.months > 0 {
		return float64(s.months) * 30.4 * day.Seconds()
	}
	return s.length.Seconds()
}

// floor is the last tick that is not after t. Weeks begin on Monday, as Go's zero time
// is one.
func (s stride) floor(t time.Time) time.Time {
	if s.months == 0 {
		return t.Truncate(s.length)
	}
	months := t.Year()*12 + int(t.Month()) - 1
	return time.Date(0, time.Month(months-months%s.months+1), 1, 0, 0, 0, 0, time.UTC)
}

func (s stride) next(t time.Time) time.Time {
	if s.months == 0 {
		return t.Add(s.length)
	}
	return t.AddDate(0, s.months, 0)
}

// ticks are those from first to last, none if there would be too many.
func (s stride) ticks(first, last time.Time) []time.Time {
	if (seconds(last)-seconds(first))/s.approximate() > manyTicks {
		return nil
	}
	var ticks []time.Time
	for t := s.floor(first); !t.After(last); t = s.next(t) {
		if !t.Before(first) {
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// name is the label of a tick. It says of the date what the tick before it, zero for
// the first, does not.
func (s stride) name(t, before time.Time) string {
	newYear := before.IsZero() || t.Year() != before.Year()
	switch {
	case s.months >= 12:
		return strconv.Itoa(t.Year())
	case s.months > 0 && before.IsZero():
		return t.Format("Jan 2006")
	case s.months > 0 && newYear:
		return strconv.Itoa(t.Year())
	case s.months > 0:
		return t.Format("Jan")
	case s.length >= day && newYear:
		return t.Format(dateLayout)
	case s.length >= day:
		return t.Format("2 Jan")
	case t.Equal(t.Truncate(day)) && newYear:
		return t.Format(dateLayout)
	case t.Equal(t.Truncate(day)):
		return t.Format("2 Jan")
	case before.IsZero():
		return t.Format("2 Jan 15:04")
	}
	return t.Format("15:04")
}

// label is a text that is centred, as far as the edges allow.
type label struct {
	text      string
	tick      float64
	left, end float64
}

// apart is the least distance between two labels.
const apart = 14

// timeAxis are the labels of the shortest stride at which they do not come close to
// each other, and that is not shorter than least. Where no stride fits it is the date
// of the beginning.
func timeAxis(first, last time.Time, least time.Duration, x func(time.Time) float64, left, right float64) []label {
	for _, s := range strides {
		if s.approximate() < least.Seconds() {
			continue
		}
		if labels := s.labels(first, last, x, left, right); labels != nil {
			return labels
		}
	}
	return []label{centred(first.Format(dateLayout), x(first), left, right)}
}

// labels are those of the ticks; nil when there are none or they come too close. The
// first, which the edge may have pushed aside and has the most to say, gives way.
func (s stride) labels(first, last time.Time, x func(time.Time) float64, left, right float64) []label {
	var labels []label
	var before time.Time
	for i, t := range s.ticks(first, last) {
		l := centred(s.name(t, before), x(t), left, right)
		if i == 1 && l.left < labels[0].end+apart {
			labels = nil
			l = centred(s.name(t, time.Time{}), x(t), left, right)
		}
		if len(labels) > 0 && l.left < labels[len(labels)-1].end+apart {
			return nil
		}
		labels = append(labels, l)
		before = t
	}
	return labels
}

// centred is a label at x that stays between left and right.
func centred(text string, x, left, right float64) label {
	width := textWidth(text, small)
	start := max(left, min(x-width/2, right-width))
	return label{text: text, tick: x, left: start, end: start + width}
}
