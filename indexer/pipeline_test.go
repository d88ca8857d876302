package indexer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pulltrail/internal/document"
)

// held is a sink whose writes wait until they are let go, by the first id in them.
type held struct {
	*memorySink
	mu    sync.Mutex
	waits map[string]chan struct{}
}

func (h *held) Write(ctx context.Context, docs []document.Document) ([]error, error) {
	h.mu.Lock()
	wait := h.waits[docs[0].ID]
	h.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return h.memorySink.Write(ctx, docs)
}

func hold(b *bench, ids ...string) *held {
	h := &held{memorySink: b.sink, waits: map[string]chan struct{}{}}
	for _, id := range ids {
		h.waits[id] = make(chan struct{})
	}
	b.wrap = h
	return h
}

func TestTheCursorDoesNotPassABatchThatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *held
		b := follow(t, func(b *bench) {
			b.concurrency = 3
			h = hold(b, "log-1", "log-7")
			b.log.append("s", objects(12)...)
		})
		quiet()
		b.expectStored(t, 4, 5, 6) // 10 to 12 wait for the window of three batches
		b.expectCursor(t, 0)
		close(h.waits["log-1"])
		quiet()
		b.expectStored(t, 4, 5, 6, 1, 2, 3, 10, 11, 12)
		b.expectCursor(t, 6)
		close(h.waits["log-7"])
		quiet()
		b.expectCursor(t, 12)
		b.stop()
	})
}

func TestEntriesGatherWhileBatchesLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) { b.log.append("s", objects(1)...) })
		synctest.Wait()
		b.expectStored(t, 1) // the first after a quiet moment does not wait
		b.log.append("s", `{"n":2}`)
		synctest.Wait()
		b.expectStored(t, 1)
		b.log.append("s", `{"n":3}`)
		time.Sleep(gather)
		synctest.Wait()
		b.expectStored(t, 1, 2, 3)
		b.log.append("s", `{"n":4}`, `{"n":5}`, `{"n":6}`)
		synctest.Wait()
		b.expectStored(t, 1, 2, 3, 4, 5, 6) // a full batch does not wait either
		if got := b.sink.tries(); got != 3 {
			t.Errorf("%d batches, want 3", got)
		}
		b.stop()
	})
}

func TestRequestsUnderWayMayEndAfterTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *held
		b := follow(t, func(b *bench) {
			h = hold(b, "log-1")
			b.log.append("s", objects(3)...)
		})
		synctest.Wait()
		go func() {
			time.Sleep(drainTimeout / 2)
			close(h.waits["log-1"])
		}()
		b.stop()
		b.expectStored(t, 1, 2, 3)
		b.expectCursor(t, 3)
	})
}

func TestARequestThatDoesNotEndIsGivenUpAtTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) {
			hold(b, "log-1")
			b.log.append("s", objects(3)...)
		})
		synctest.Wait()
		began := time.Now()
		b.stop()
		if took := time.Since(began); took != drainTimeout {
			t.Errorf("the stop took %v", took)
		}
		b.expectStored(t)
		b.expectCursor(t, 0)
	})
}

func TestOneTroubleOfSeveralIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) {
			b.concurrency = 3
			b.sink.down = errors.New("away")
			b.log.append("s", objects(9)...)
		})
		time.Sleep(time.Minute)
		if s := b.follower.State(); s.OK {
			t.Errorf("state %+v", s)
		}
		b.sink.set(func(s *memorySink) { s.down = nil })
		time.Sleep(time.Minute)
		synctest.Wait()
		stored := b.sink.stored()
		slices.Sort(stored)
		if !slices.Equal(stored, ids(1, 2, 3, 4, 5, 6, 7, 8, 9)) {
			t.Errorf("stored %v", stored)
		}
		b.expectCursor(t, 9)
		b.stop()
		if got := countLines(b.lines.String()); got != 2 {
			t.Errorf("%d lines, want one when it begins to wait and one when it goes on:\n%s", got, b.lines)
		}
	})
}

func countLines(text string) (n int) {
	for _, c := range text {
		if c == '\n' {
			n++
		}
	}
	return n
}
