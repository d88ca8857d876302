package scheduler_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pulltrail/scheduler"
)

func TestALedgerThatCannotBeWrittenIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{failures: -1}
		f := start(t, l, nil)
		sleepTo(2*time.Hour + 10*time.Minute)
		if got := f.slots(); !slices.Equal(got, []float64{1, 2}) {
			t.Errorf("slots = %v: the runs must go on", got)
		}
		l.set(func(l *ledger) { l.failures = 0 })
		sleepTo(2*time.Hour + 12*time.Minute)
		if got := l.last(); !got.Equal(epoch.Add(2 * time.Hour)) {
			t.Errorf("the ledger holds %v", got)
		}
		if a, b := f.logs.count("slot ledger not available"), f.logs.count("slot ledger available again"); a != 1 || b != 1 {
			t.Errorf("%d lines about the failure, %d about its end", a, b)
		}
		before := l.writes
		sleepTo(2*time.Hour + 50*time.Minute)
		if l.writes != before {
			t.Errorf("%d writes although nothing was owed", l.writes-before)
		}
	})
}

func TestWhatIsOwedIsWrittenAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{failures: 2} // the baseline, and the run of 01:00
		f := start(t, l, nil)
		l.set(func(l *ledger) { l.failures = -1 })
		sleepTo(time.Hour)
		l.set(func(l *ledger) { l.failures = 0 })
		f.stop()
		if got := l.last(); !got.Equal(epoch.Add(time.Hour)) {
			t.Errorf("the ledger holds %v", got)
		}
	})
}

func TestALedgerThatCannotBeReadIsAskedAgain(t *testing.T) {
	tests := []struct {
		name     string
		failures int
		want     []float64
	}{
		{"until it answers: then the missed slot is caught up", 5, []float64{6, 7}},
		{"until the next slot, which makes the question idle", 40, []float64{7}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &ledger{failReads: test.failures, slots: map[string]time.Time{"collect": epoch}}
				sleepTo(6*time.Hour + 30*time.Minute)
				f := start(t, l, nil)
				sleepTo(7*time.Hour + 50*time.Minute)
				if got := f.slots(); !slices.Equal(got, test.want) {
					t.Errorf("slots = %v, want %v", got, test.want)
				}
				if n := f.logs.count("slot ledger not available"); n != 1 {
					t.Errorf("%d lines about the failure", n)
				}
			})
		})
	}
}

// A slow ledger keeps the loop from its clock just as a machine that sleeps does.
func TestOfSlotsThatWentByUnnoticedTheNewestIsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{delay: 4*time.Hour + time.Minute}
		f := start(t, l, func(_ *fixture, s *scheduler.Spec) { s.Jitter = time.Second })
		sleepTo(4*time.Hour + 2*time.Minute)
		if got := f.slots(); !slices.Equal(got, []float64{4}) {
			t.Errorf("slots = %v, want the one of 04:00", got)
		}
		if n := f.logs.count("slots missed"); n != 1 {
			t.Errorf("%d lines about it", n)
		}
		l.set(func(l *ledger) { l.delay = 0 })
		sleepTo(9*time.Hour + time.Minute)
		if got := f.slots(); !slices.Equal(got, []float64{4, 9}) {
			t.Errorf("slots = %v: 05:00 to 08:00 came during the run of 04:00", got)
		}
	})
}
