package scheduler

import (
	"time"

	"github.com/robfig/cron/v3"
)

// wallClock has its slots where the local clock shows what a cron spec asks for.
//
// The spec is only ever matched against wall time, a local clock's reading written
// as if it were UTC, because the library skips and doubles slots when it meets a
// change of the clocks itself. Here the change is met in one of two ways:
//
// A spec with fixed hours means each of its readings once: its slot is the first
// instant at which the local clock has come so far. So a reading that comes twice
// counts the first time, and one that is jumped over counts at the jump.
//
// A spec for every hour means every hour that passes: a reading that comes twice
// counts twice, an hour that is jumped over is left out, and when only the
// beginning of an hour is jumped over (half-hour changes), what would have been in
// it counts at the jump.
type wallClock struct {
	fields    *cron.SpecSchedule
	location  *time.Location
	everyHour bool
}

func newWallClock(fields *cron.SpecSchedule, location *time.Location) wallClock {
	const allHours = 1<<24 - 1
	fields.Location = time.UTC
	return wallClock{fields: fields, location: location, everyHour: fields.Hour&allHours == allHours}
}

// match is the first reading after wall that the spec asks for; zero if there is
// none at all.
func (c wallClock) match(wall time.Time) time.Time {
	if w := c.fields.Next(wall); !w.IsZero() {
		return w
	}
	// The library looks five years ahead, but there are eight between the leap days
	// around a year such as 2100.
	return c.fields.Next(time.Date(wall.Year()+5, 1, 1, 0, 0, 0, -1, time.UTC))
}

func (c wallClock) Next(t time.Time) time.Time {
	t = t.Round(0).UTC() // without its monotonic reading, which slots must not inherit
	if c.everyHour {
		return c.nextPassing(t)
	}
	return c.firstShowing(c.match(c.farthest(t)))
}

// Latest searches backwards with Next, as the library knows no other direction: in
// steps that double until there is a slot, then by halving.
func (c wallClock) Latest(t time.Time) time.Time {
	t = t.Round(0).UTC()
	step := time.Minute
	slot := c.Next(t.Add(-step))
	for slot.After(t) { // ends, as a spec without any slot is refused
		step *= 2
		slot = c.Next(t.Add(-step))
	}
	for end := t; end.Sub(slot) >= time.Second; { // there is no slot in (end, t]
		middle := slot.Add(end.Sub(slot) / 2)
		if next := c.Next(middle); next.After(t) {
			end = middle
		} else {
			slot = next
		}
	}
	return slot
}

// farthest is the highest reading that the local clock has ever shown up to t: more
// than it shows now when it was put back.
func (c wallClock) farthest(t time.Time) time.Time {
	p := c.period(t)
	shown := p.wall(t)
	for !p.start.IsZero() && t.Sub(p.start) <= maxChange {
		before := c.period(p.start.Add(-1))
		// It came up to the reading at its end, which itself was not shown any more.
		shown = later(shown, before.wall(p.start).Add(-1))
		p = before
	}
	return shown
}

// firstShowing is the first instant at which the local clock shows wall or more.
func (c wallClock) firstShowing(wall time.Time) time.Time {
	p := c.period(wall.Add(-maxChange)) // no clock is that far ahead of UTC
	for !p.comesTo(wall) {
		p = c.following(p)
	}
	return later(p.start, p.instant(wall))
}

// nextPassing is the first instant after t whose reading the spec asks for.
func (c wallClock) nextPassing(t time.Time) time.Time {
	p := c.period(t)
	wall := c.match(p.wall(t))
	for !p.comesTo(wall) {
		next := c.following(p)
		wall = c.match(resume(p, next).Add(-1))
		p = next
	}
	return later(p.start, p.instant(wall))
}

// resume is the reading from which on a spec for every hour is matched after a
// change of the clocks.
func resume(before, after period) time.Time {
	ended, begins := before.wall(before.end), after.wall(after.start)
	if !begins.After(ended) {
		return begins
	}
	return later(ended, begins.Truncate(time.Hour))
}

// maxChange is more than any two offsets from UTC differ.
const maxChange = 48 * time.Hour

// period is a stretch of time in which the local clock keeps one offset from UTC.
// The next one may have the same.
type period struct {
	start, end time.Time // end is outside; zero where there is no bound
	offset     time.Duration
}

// period is the one that t lies in.
func (c wallClock) period(t time.Time) period {
	local := t.In(c.location)
	_, seconds := local.Zone()
	start, end := local.ZoneBounds()
	if !end.IsZero() && !end.After(t) {
		// Beyond the changes that a zone lists, package time takes every year for one
		// of 365 days, so that on the last day of a leap year the end lies behind.
		end = t.Truncate(24 * time.Hour).Add(24 * time.Hour)
	}
	return period{start: start.UTC(), end: end.UTC(), offset: time.Duration(seconds) * time.Second}
}

// following is the period after p, which has an end. It begins there, whatever
// package time thinks of a year's last day.
func (c wallClock) following(p period) period {
	next := c.period(p.end)
	next.start = p.end
	return next
}

// wall is what the local clock of p shows at t.
func (p period) wall(t time.Time) time.Time { return t.UTC().Add(p.offset) }

// instant is when the local clock of p shows wall, were p without bounds.
func (p period) instant(wall time.Time) time.Time { return wall.Add(-p.offset) }

// comesTo reports whether the clock has come to wall before p ends.
func (p period) comesTo(wall time.Time) bool {
	return p.end.IsZero() || p.instant(wall).Before(p.end)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
