package mqttio

import (
	"context"
	"math/rand/v2"
	"time"
)

// pace is how long a session waits before it tries something again.
type pace struct {
	// least and most bound the pauses between attempts to connect that the broker rejects,
	// or to subscribe.
	least, most time.Duration
	// away is the longest pause while nobody is reached at the broker's address, for the first
	// quickTries, and then four times as much. It is short, because a broker that comes
	// back without our session keeps nothing for us until we are there; and such an
	// attempt costs next to nothing.
	away time.Duration
	// short and shortMost bound the pauses after connections that ended within atOnce, because
	// a broker that accepts and drops would be called several times a second. shortMost is
	// also the longest pause after an attempt without an answer, as from a broker that starts
	// or a proxy in front of one; so both are connected to within 5 s.
	short, shortMost time.Duration
	// hasty bounds the wait for the answer to the first MQTT 5 attempts, when it is not known
	// whether the broker supports MQTT 5.
	hasty time.Duration
	// check bounds a check whether a broker in MQTT 3.1.1 supports MQTT 5 by now.
	check time.Duration
	// takenOver bounds the pause after another client has taken over the session,
	// from below; and settled is how long a connection must then stand until the two
	// are believed to have parted.
	takenOver, settled time.Duration
	// refused is the pause before a refused filter is subscribed again.
	refused time.Duration
	// store and storeMost bound the pauses of a store that fails.
	store, storeMost time.Duration
	// publish is the pause before an unconfirmed snapshot is published again, and
	// doubles up to publishMost.
	publish, publishMost time.Duration
	// answer bounds the wait for the answer to one packet.
	answer time.Duration
	// drain bounds how long a subscriber goes on storing after it was told to stop.
	drain time.Duration
}

// quickTries take about a minute.
const quickTries = 250

func defaultPace() pace {
	return pace{
		least: 200 * time.Millisecond, most: time.Minute, away: 250 * time.Millisecond,
		short: time.Second, shortMost: 4 * time.Second, hasty: 5 * time.Second, check: connectTimeout,
		takenOver: 30 * time.Second, settled: 5 * time.Minute,
		refused: time.Minute,
		store:   100 * time.Millisecond, storeMost: 30 * time.Second,
		publish: 30 * time.Second, publishMost: time.Hour,
		answer: 30 * time.Second,
		drain:  5 * time.Second,
	}
}

// jittered is the pause before attempt n, from 0: at least least, about twice as long
// each time up to most, and spread so that many clients do not come back at once.
func jittered(least, most time.Duration, n int) time.Duration {
	low := max(least, most/2)
	if n < 16 { // far enough for any pair of bounds, and far from an overflow
		low = min(least<<n, low)
	}
	return min(low+rand.N(max(low, 1)), max(least, most)) //nolint:gosec // spreads load, hides nothing
}

// sleep waits; false when ctx was done first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
