package indexer

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pulltrail/internal/document"
	"pulltrail/internal/search"
)

// A cluster that takes writes again is found out by one document, and all batches that
// waited are sent then.
func TestTheBacklogIsSentAsSoonAsOneDocumentIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) {
			b.concurrency = 4
			b.sink.down = caused{errors.New("429"), "overloaded"}
			b.log.append("s", objects(120)...)
		})
		time.Sleep(time.Hour)
		back := time.Now()
		b.sink.set(func(s *memorySink) { s.down = nil; s.batches = nil })
		for len(b.sink.stored()) == 0 {
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
		}
		if waited := time.Since(back); waited > time.Second {
			t.Errorf("the first document came %s after the sink was back", waited)
		}
		for len(b.sink.stored()) < 120 {
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
		}
		if waited := time.Since(back); waited > 5*time.Second {
			t.Errorf("the last document came %s after the sink was back", waited)
		}
		b.stop()
		if probe := b.sink.batches[0]; len(probe) != 1 {
			t.Errorf("the probe has %d documents", len(probe))
		}
		b.expectCursor(t, 120)
	})
}

func TestOneBatchAtATimeProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) {
			b.concurrency = 4
			b.sink.down = errors.New("away")
			b.log.append("s", objects(12)...)
		})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		// Four batches, then one probe every 0.5 s and not four.
		if got := b.sink.tries(); got > 4+30 {
			t.Errorf("%d tries in 10 seconds", got)
		}
		b.stop()
	})
}

// Many wrong passwords lock an account.
func TestAWrongPasswordIsTriedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) {
			b.concurrency = 4
			b.sink.down = &search.Error{Class: search.Unidentified}
			b.log.append("s", objects(12)...)
		})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if got := b.sink.tries(); got > 70 {
			t.Errorf("%d tries in 10 minutes", got)
		}
		b.stop()
	})
}

func TestASinkThatIsIdleAndAwayIsAskedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) { b.sink.ping = errors.New("away") })
		time.Sleep(10 * time.Minute)
		b.sink.set(func(s *memorySink) { s.ping = nil })
		time.Sleep(awayPing)
		synctest.Wait()
		if s := b.follower.State(); !s.OK {
			t.Errorf("state %+v", s)
		}
		b.stop()
	})
}

// redSink has indices that take no writes, or are let go of.
type redSink struct {
	*memorySink
	red map[string]bool
}

func (r *redSink) Write(ctx context.Context, docs []document.Document) ([]error, error) {
	results, err := r.memorySink.Write(ctx, slices.DeleteFunc(slices.Clone(docs), func(d document.Document) bool { return r.isRed(d) }))
	if err != nil {
		return nil, err
	}
	all := make([]error, len(docs))
	for i, d := range docs {
		if r.isRed(d) {
			all[i] = caused{ErrUnavailable, "unavailable"}
			continue
		}
		all[i], results = results[0], results[1:]
	}
	return all, nil
}

func (r *redSink) isRed(d document.Document) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.red[d.Index]
}

// followTwo follows topics "a" and "b", which go to indices of their names; "b" is red.
func followTwo(t *testing.T, prepare func(*bench)) (*bench, *redSink) {
	t.Helper()
	var red *redSink
	b := follow(t, func(b *bench) {
		b.routes = []Route{{Topic: "a", Kind: KindDocument, Index: "a"}, {Topic: "b", Kind: KindDocument, Index: "b"}}
		b.concurrency = 2
		prepare(b)
		red = &redSink{b.sink, map[string]bool{"b": true}}
		b.wrap = red
	})
	return b, red
}

func TestARedIndexDoesNotHoldUpTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var want []int
		b, red := followTwo(t, func(b *bench) {
			for i := range 300 {
				topic := "a"
				if i%3 == 1 {
					topic = "b"
				} else {
					want = append(want, i+1)
				}
				b.log.append(topic, `{"n":1}`)
			}
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		stored := b.sink.stored()
		slices.Sort(stored)
		healthy := ids(want...)
		slices.Sort(healthy)
		if !slices.Equal(stored, healthy) {
			t.Errorf("%d documents of the healthy index are stored, want %d", len(stored), len(healthy))
		}
		b.expectCursor(t, 0) // before the batch with the first that waits
		if s := b.follower.State(); s.OK || s.Behind() != 300 {
			t.Errorf("state %+v", s)
		}
		b.log.append("a", `{"n":2}`)
		quiet()
		if got := len(b.sink.stored()); got != 201 {
			t.Errorf("%d documents after another of the healthy index", got)
		}
		red.mu.Lock()
		red.red = nil
		red.mu.Unlock()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		b.expectCursor(t, 301)
		if s := b.follower.State(); !s.OK || len(b.sink.stored()) != 301 {
			t.Errorf("%d documents stored, state %+v", len(b.sink.stored()), s)
		}
		if got := countLines(b.lines.String()); got != 2 {
			t.Errorf("%d lines:\n%s", got, b.lines)
		}
		b.stop()
	})
}

// What waits is read from the log again, after a restart as well.
func TestWhatWaitsForARedIndexSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := followTwo(t, func(b *bench) {
			b.log.append("b", objects(5)...)
			b.log.append("a", objects(5)...)
		})
		quiet()
		b.stop()
		b.expectStored(t, 6, 7, 8, 9, 10)
		b.expectCursor(t, 0)
		again, red := followTwo(t, func(n *bench) { n.log, n.sink, n.cursors = b.log, b.sink, b.cursors })
		quiet()
		red.mu.Lock()
		red.red = nil
		red.mu.Unlock()
		quiet()
		again.expectCursor(t, 10)
		again.stop()
		if got := len(b.sink.stored()); got != 10 {
			t.Errorf("%d documents stored", got)
		}
	})
}
