package demo

import (
	"math"
	"math/rand/v2"
	"time"
)

const (
	// halving is in how many days the interest in an abandoned repository halves.
	halving = 50
	// fading is in how many days the rush after a push falls to a third.
	fading = 3.0
	noise  = 0.07 // how far days are from what they should be, as a part of it
)

// random is a generator of its own for each thing that happens to the repository.
func (r *repository) random(of uint64) *rand.Rand {
	return rand.New(rand.NewPCG(r.key, of)) //nolint:gosec // it has to be the same each time
}

func (r *repository) chance(of uint64) float64 { return r.random(of).Float64() }

// pulls are those of day d as a whole.
func (r *repository) pulls(d int) int64 {
	start := r.origin.Add(time.Duration(d) * day)
	ahead := past - d // days until the demo begins
	if ahead >= r.registered || r.silent > 0 && ahead <= r.silent {
		return 0
	}
	rate := r.daily * math.Pow(r.growth, float64(d)/365)
	if weekday := start.Weekday(); weekday == time.Saturday || weekday == time.Sunday {
		rate *= r.weekend
	}
	if start.Month() == time.December && start.Day() >= 23 {
		rate *= 0.75 // holidays
	}
	if left := r.abandoned - ahead; r.abandoned > 0 && left > 0 {
		rate *= math.Pow(0.5, float64(left)/halving)
	}
	rate *= 1 + r.rush*r.freshness(start.Add(day))
	return int64(rate * math.Exp(noise*r.random(uint64(d)).NormFloat64())) //nolint:gosec // d is not negative
}

// freshness is 1 at a push and falls from day to day.
func (r *repository) freshness(at time.Time) float64 {
	_, pushed := r.lastPush(at)
	return math.Exp(-at.Sub(pushed).Hours() / 24 / fading)
}

// lastPush is the last push up to a time, and how many there were since day 0 or the
// registration. Where there was none yet, it is the one with which it was registered.
func (r *repository) lastPush(at time.Time) (int, time.Time) {
	if end := r.before(r.abandoned); r.abandoned > 0 && at.After(end) {
		at = end
	}
	d, _ := r.dayOf(at)
	first := (past - r.registered) / r.pushEvery // the period with the registration; negative for old ones
	for n := d / r.pushEvery; n > first; n-- {
		if pushed := r.push(n); !pushed.After(at) {
			return n - max(first, -1), pushed
		}
	}
	return 0, r.registeredAt().Add(20 * time.Minute)
}

// push is the one of period n: once in pushEvery days, in their first half and on a
// working day. Nightly builds know no weekend.
func (r *repository) push(n int) time.Time {
	chance := r.random(1<<32 + uint64(n)) //nolint:gosec // it may wrap
	if r.pushEvery == 1 {
		return r.origin.Add(time.Duration(n)*day + 3*time.Hour + time.Duration(chance.Float64()*float64(20*time.Minute))).Truncate(time.Microsecond)
	}
	pushed := r.origin.Add(time.Duration(n*r.pushEvery+chance.IntN(r.pushEvery/2)) * day)
	switch pushed.Weekday() {
	case time.Saturday:
		pushed = pushed.Add(2 * day)
	case time.Sunday:
		pushed = pushed.Add(day)
	}
	hours := 8 + 9*chance.Float64()
	return pushed.Add(time.Duration(hours * float64(time.Hour))).Truncate(time.Microsecond)
}

// storageSize grows with each push, by more or less.
func (r *repository) storageSize(at time.Time) int64 {
	n, _ := r.lastPush(at)
	size := r.size + int64(n)*r.sizeEachPush
	return size + int64(r.chance(1<<33+uint64(n))*float64(r.sizeEachPush)/2) //nolint:gosec // n is not negative
}
