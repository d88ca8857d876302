package page

import (
	"context"
	"math"
	"slices"
	"time"

	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
	"pulltrail/internal/trail"
)

const (
	maxPushes = 50
	// around is how long before and after a push pulls are counted.
	around = 7 * day
	// margin has the snapshot before, with any schedule that people have.
	margin = 32 * day
	// maxRead bounds the samples that are read for that; the older of the pushes are then
	// shown without numbers.
	maxRead = 100_000
)

// Snapshots are what history has of one repository. They may be read by any number of
// requests at the same time; an error means that history cannot be read now.
type Snapshots interface {
	// Latest are samples of r with since <= timestamp, the newest first: after the first
	// skip of them, at most limit. A zero since leaves that end open.
	Latest(ctx context.Context, r hub.Repository, since time.Time, skip, limit int) ([]history.Sample, error)
}

// push is a row of the table of pushes.
type push struct {
	At            value
	Before, After value // pulls; none where the time is not known as a whole
	Change        string
}

// shownPushes are the newest, the newest first.
func shownPushes(t *rollup.Trail) []trail.Push {
	all := slices.Clone(t.Pushes[max(0, len(t.Pushes)-maxPushes):])
	slices.Reverse(all)
	return all
}

// readPushes gives the pushes that are shown their numbers.
func (h *handler) readPushes(ctx context.Context, t *rollup.Trail) ([]push, error) {
	list := shownPushes(t)
	if len(list) == 0 {
		return nil, nil
	}
	oldest := slices.MinFunc(list, func(a, b trail.Push) int { return a.At.Compare(b.At) })
	samples, err := h.Snapshots.Latest(ctx, t.Repository, oldest.At.Add(-around-margin), 0, maxRead)
	if err != nil {
		return nil, err
	}
	return compared(list, trail.New(rollup.Samples(samples)), t.Days), nil
}

// compared has the pulls before and after each push, where they are more than estimates.
func compared(list []trail.Push, curve trail.Curve, days rollup.Days) []push {
	out := make([]push, len(list))
	for i, p := range list {
		c := curve.Compare(p.At, p.At.Add(around))
		out[i] = push{At: clock(p.At), Before: wholly(c.Before, days), After: wholly(c.Now, days)}
		if !out[i].Before.None() && !out[i].After.None() {
			out[i].Change = inWords(c)
		}
	}
	return out
}

// wholly is the pulls of a time that is known as a whole and has no gap.
func wholly(s trail.Span, days rollup.Days) value {
	isGap := func(p trail.Period) bool { return p.Gap }
	if !s.Whole() || slices.ContainsFunc(days.Between(s.From, s.To), isGap) {
		return number(nil)
	}
	return number(&s.Pulls)
}

// inWords is a change that is known: +12 %, or where there were few pulls, +3.
func inWords(c trail.Change) string {
	if c.Known {
		return percent(c.Percent)
	}
	return signed(c.Now.Pulls - c.Before.Pulls)
}

// signed is a difference, which says its sign.
func signed(n int64) string {
	switch {
	case n > 0:
		return "+" + grouped(n)
	case n < 0:
		return "−" + grouped(-max(n, -math.MaxInt64))
	}
	return "±0"
}
