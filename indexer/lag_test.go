package indexer

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func (b *bench) expectLag(t *testing.T, seconds float64) {
	t.Helper()
	b.expectMetrics(t, fmt.Sprintf(`
# HELP pulltrail_indexer_lag_seconds Time since the receipt of the oldest entry that is not settled; 0 when there is none.
# TYPE pulltrail_indexer_lag_seconds gauge
pulltrail_indexer_lag_seconds{log="journal",sink="memory"} %v
`, seconds), "pulltrail_indexer_lag_seconds")
}

func TestTheLagGrowsWhileTheSinkIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) { b.sink.down = errors.New("away") })
		b.expectLag(t, 0)
		b.log.append("s", objects(5)...)
		time.Sleep(time.Hour)
		b.log.append("s", objects(1)...)
		time.Sleep(4 * time.Hour)
		reads := b.log.reads
		b.expectLag(t, 5*3600)
		if b.log.reads != reads {
			t.Errorf("the log was read %d times for it", b.log.reads-reads)
		}
		b.sink.set(func(s *memorySink) { s.down = nil })
		time.Sleep(time.Minute)
		synctest.Wait()
		b.expectLag(t, 0)
		b.stop()
	})
}

func TestTheLagIsThatOfTheFirstBatchThatIsNotSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *held
		b := follow(t, func(b *bench) {
			b.concurrency = 3
			h = hold(b, "log-1", "log-7")
		})
		for range 3 {
			b.log.append("s", objects(3)...)
			time.Sleep(10 * time.Second)
		}
		synctest.Wait()
		b.expectLag(t, 30)
		close(h.waits["log-1"])
		synctest.Wait()
		b.expectLag(t, 10) // the second one is settled too
		close(h.waits["log-7"])
		synctest.Wait()
		b.expectLag(t, 0)
		b.stop()
	})
}

func TestAnEntryThatIsNotInFlightIsReadForItsLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, nil)
		b.log.append("s", `{"n":1}`)
		synctest.Wait()
		b.log.append("s", `{"n":2}`)
		time.Sleep(gather / 2)
		synctest.Wait()
		b.expectLag(t, (gather / 2).Seconds())
		quiet()
		b.expectLag(t, 0)
		b.stop()
	})
}

func TestALogThatCannotBeReadHasALagSinceThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) {
			b.log.append("s", objects(2)...)
			b.log.fail = errors.New("damaged")
		})
		synctest.Wait()
		b.expectLag(t, 0)
		time.Sleep(time.Hour)
		b.expectLag(t, 3600)
		b.stop()
	})
}

func TestTheLagIsNeverNegativeAndGrowsWhateverTheClockDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) {
			b.sink.down = errors.New("away")
			b.log.appendAt(time.Now().Add(time.Hour), "s", `{"n":1}`) // the clock was set back since
		})
		synctest.Wait()
		b.expectLag(t, 0)
		time.Sleep(time.Minute)
		b.expectLag(t, 60)
		b.stop()
	})
}
