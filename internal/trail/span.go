package trail

import "time"

// Span is the pulls of a time.
type Span struct {
	// From and To are what was asked for, in UTC.
	From, To time.Time
	// Pulls are those of the part that is covered; what lies between snapshots that are
	// far apart is spread evenly.
	Pulls int64
	// Covered is how much of the time lies between the first snapshot and the newest;
	// zero when nothing is known.
	Covered time.Duration
}

// Whole reports whether the pulls are those of all the time from From to To.
func (s Span) Whole() bool { return s.Covered > 0 && s.Covered == s.To.Sub(s.From) }

// Between is the pulls of from <= time < to. Nothing is known where from is not
// before to.
func (c Curve) Between(from, to time.Time) Span {
	span := Span{From: from.UTC().Truncate(time.Microsecond), To: to.UTC().Truncate(time.Microsecond)}
	if start, end, ok := c.known(from.UnixMicro(), to.UnixMicro()); ok {
		span.Pulls = c.pulls(start, end)
		span.Covered = moment(end).Sub(moment(start))
	}
	return span
}

// fewPulls is where a percentage of them begins to say something.
const fewPulls = 20

// Change is the pulls of a time beside those of the time before, equally long.
type Change struct {
	Now, Before Span
	// Percent is the change from Before to Now; -3 is three percent less.
	Percent float64
	// Known says that there is such a percentage: both times are known as a whole, and
	// Before has 20 pulls or more. Where it has fewer, say the counts.
	Known bool
}

// Compare is the pulls of from <= time < to beside those of as long before.
//
// A time that ends now is never whole, as the newest snapshot is older: Recent is for
// that.
func (c Curve) Compare(from, to time.Time) Change {
	return change(c.Between(from, to), c.Between(from.Add(-to.Sub(from)), from))
}

// Recent is the pulls of the last length, such as 24 hours or 30 days, beside those
// of as long before. It ends at the newest snapshot, because nothing is known of the
// time since; where the newest is older than maxGap at the time now, nothing is known
// of the last length at all, and the change is zero. A maxGap of zero has no bound.
func (c Curve) Recent(length time.Duration, now time.Time, maxGap time.Duration) Change {
	newest, ok := c.Newest()
	if !ok || maxGap > 0 && now.Sub(newest.Time) > maxGap {
		return Change{}
	}
	return c.Compare(newest.Time.Add(-length), newest.Time)
}

// Together is the change of many: of those alone of which both times are known as a
// whole, since a repository of which there is no before would look like growth. Its
// From and To are those of the first of them.
func Together(changes []Change) Change {
	var now, before Span
	for _, c := range changes {
		switch {
		case !c.Now.Whole() || !c.Before.Whole():
		case now.Covered == 0:
			now, before = c.Now, c.Before
		default:
			now.Pulls = sum(now.Pulls, c.Now.Pulls)
			before.Pulls = sum(before.Pulls, c.Before.Pulls)
		}
	}
	return change(now, before)
}

func change(now, before Span) Change {
	c := Change{Now: now, Before: before}
	if now.Whole() && before.Whole() && before.Pulls >= fewPulls {
		c.Known = true
		c.Percent = (float64(now.Pulls) - float64(before.Pulls)) / float64(before.Pulls) * 100
	}
	return c
}
