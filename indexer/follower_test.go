package indexer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"pulltrail/internal/document"
)

// bench is a follower with all that it needs, in memory.
type bench struct {
	log      *memoryLog
	sink     *memorySink
	cursors  *memoryCursors
	letters  *memoryLetters
	registry *prometheus.Registry
	lines    *bytes.Buffer // what it logs
	advances []document.Position
	follower *Follower
	stop     func()
	// wrap, where set, stands between the follower and the sink.
	wrap        Sink
	concurrency int
	routes      []Route // nil: topic "s" goes to index "i"
}

// follow starts a follower within a synctest bubble; stop ends it.
func follow(t *testing.T, prepare func(*bench)) *bench {
	t.Helper()
	b := &bench{
		log: &memoryLog{}, sink: newMemorySink(), cursors: &memoryCursors{}, letters: &memoryLetters{},
		registry: prometheus.NewRegistry(), lines: &bytes.Buffer{},
	}
	if prepare != nil {
		prepare(b)
	}
	if b.routes == nil {
		b.routes = []Route{{Topic: "s", Kind: KindDocument, Index: "i"}}
	}
	var sink Sink = b.sink
	if b.wrap != nil {
		sink = b.wrap
	}
	b.follower = NewFollower(FollowerOptions{
		Name: "journal", LogID: func(document.Position) string { return "log" }, Log: b.log, Sink: sink, Cursors: b.cursors, DeadLetters: b.letters,
		Router:    newTestRouter(t, b.routes...),
		BatchSize: 3, BatchBytes: 1000, Concurrency: b.concurrency,
		Logger:     slog.New(slog.NewTextHandler(b.lines, nil)),
		Registerer: b.registry,
		OnAdvance:  func(p document.Position) { b.advances = append(b.advances, p) },
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.follower.Run(ctx) }()
	b.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	return b
}

// quiet lets the time pass in which entries are gathered and the cursor is saved.
func quiet() {
	time.Sleep(2 * saveEvery)
	synctest.Wait()
}

func objects(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`{"n":%d}`, i+1)
	}
	return out
}

func ids(numbers ...int) []string {
	out := make([]string, len(numbers))
	for i, n := range numbers {
		out[i] = fmt.Sprintf("log-%d", n)
	}
	return out
}

func (b *bench) expectStored(t *testing.T, want ...int) {
	t.Helper()
	if got := b.sink.stored(); !slices.Equal(got, ids(want...)) {
		t.Errorf("stored %v, want %v", got, ids(want...))
	}
}

func (b *bench) expectCursor(t *testing.T, want document.Position) {
	t.Helper()
	got, _ := b.cursors.Cursor(t.Context(), "memory", "journal")
	if got != want || b.follower.State().Position != want {
		t.Errorf("cursor %d, state %d, want %d", got, b.follower.State().Position, want)
	}
}

func TestAFollowerStoresWhatIsThereAndWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) { b.log.append("s", objects(7)...) })
		quiet()
		b.expectStored(t, 1, 2, 3, 4, 5, 6, 7)
		b.expectCursor(t, 7)
		if got := b.sink.tries(); got != 3 {
			t.Errorf("%d batches, want 3", got)
		}
		b.log.append("s", `{"n":8}`)
		quiet()
		b.expectStored(t, 1, 2, 3, 4, 5, 6, 7, 8)
		if !slices.Equal(b.advances, []document.Position{0, 3, 7, 8}) {
			t.Errorf("advances %v", b.advances)
		}
		if s := b.follower.State(); !s.OK || s.Head != 8 || s.Err != "" {
			t.Errorf("state %+v", s)
		}
		b.stop()
		if b.lines.Len() > 0 {
			t.Errorf("it logs when all is well: %s", b.lines)
		}
	})
}

func TestAFollowerGoesOnWhereItsCursorStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) {
			b.log.append("s", objects(4)...)
			_ = b.cursors.SetCursor(t.Context(), "memory", "journal", 2)
		})
		synctest.Wait()
		b.expectStored(t, 3, 4)
		b.stop()
	})
}

func TestACursorAheadOfTheLogBeginsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) {
			b.log.append("s", objects(2)...)
			_ = b.cursors.SetCursor(t.Context(), "memory", "journal", 9)
		})
		synctest.Wait()
		b.expectStored(t, 1, 2)
		b.expectCursor(t, 2)
		b.stop()
		if !strings.Contains(b.lines.String(), "ahead of the log") {
			t.Errorf("log: %s", b.lines)
		}
	})
}

func TestASinkThatIsAwayIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) {
			b.log.append("s", objects(2)...)
			b.sink.down = caused{errors.New("connection refused"), "unreachable"}
		})
		start := time.Now()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		b.expectStored(t)
		b.expectCursor(t, 0)
		if s := b.follower.State(); s.OK || s.Err != "connection refused" || s.Since.Sub(start) > time.Second {
			t.Errorf("state %+v", s)
		}
		// A probe every 0.5 s, give or take a fifth, of one document.
		if got := b.sink.tries(); got < 1000 || got > 1600 {
			t.Errorf("%d tries in 10 minutes", got)
		}
		for _, probe := range b.sink.batches[1:] {
			if len(probe) != 1 {
				t.Fatalf("%d documents are sent to a sink that is away", len(probe))
			}
		}
		if n := strings.Count(b.lines.String(), "\n"); n != 1 {
			t.Errorf("%d lines logged:\n%s", n, b.lines)
		}
		b.sink.set(func(s *memorySink) { s.down = nil })
		time.Sleep(time.Minute)
		synctest.Wait()
		b.expectStored(t, 1, 2)
		b.expectCursor(t, 2)
		if s := b.follower.State(); !s.OK || s.Err != "" {
			t.Errorf("state %+v", s)
		}
		if n := strings.Count(b.lines.String(), "\n"); n != 2 {
			t.Errorf("%d lines logged:\n%s", n, b.lines)
		}
		b.stop()
	})
}

func TestOnlyWhatFailedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := caused{errors.New("429"), "overloaded"}
		b := follow(t, func(b *bench) {
			b.sink.refuse["log-2"] = []error{busy, busy}
			b.log.append("s", objects(5)...)
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		b.expectStored(t, 1, 3, 2, 4, 5)
		b.expectCursor(t, 5)
		want := [][]string{ids(1, 2, 3), ids(2), ids(2), ids(4, 5)}
		if !slices.EqualFunc(b.sink.batches, want, slices.Equal) {
			t.Errorf("batches %v", b.sink.batches)
		}
		b.stop()
	})
}

func TestWhatIsRefusedBecomesADeadLetterBeforeTheCursorMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no room")
		b := follow(t, func(b *bench) {
			b.letters.full = full
			b.sink.refuse["log-1"] = []error{document.Permanent(errors.New("wrong type"))}
			b.sink.refuse["log-4"] = slices.Repeat([]error{fmt.Errorf("%w: no", ErrForbidden)}, 100)
			b.log.append("s", `{"n":1}`, `not json`, `{"n":3}`, `{"n":4}`)
			b.log.append("elsewhere", `{}`)
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		b.expectCursor(t, 0)
		if s := b.follower.State(); s.OK || !strings.Contains(s.Err, "no room") {
			t.Errorf("state %+v", s)
		}
		b.letters.mu.Lock()
		b.letters.full = nil
		b.letters.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		b.stop()
		b.expectCursor(t, 5)
		var got []string
		for _, l := range b.letters.all() {
			if l.Sink != "memory" || l.Log != "journal" || l.At.IsZero() || l.Received.IsZero() {
				t.Errorf("letter %+v", l)
			}
			got = append(got, fmt.Sprintf("%d %s %v %s", l.Position, l.Payload, l.Forbidden, l.Reason))
		}
		slices.Sort(got)
		want := []string{
			`1 {"n":1} false wrong type`,
			`2 not json false the payload is not JSON: invalid character 'o' in literal null (expecting 'u')`,
			`4 {"n":4} true a permission is missing: no`,
			`5 {} false no route matches topic elsewhere`,
		}
		if !slices.Equal(got, want) {
			t.Errorf("letters\n%s", strings.Join(got, "\n"))
		}
		b.expectMetrics(t, `
# HELP pulltrail_indexer_dead_letters_total Documents that became dead letters, by cause.
# TYPE pulltrail_indexer_dead_letters_total counter
pulltrail_indexer_dead_letters_total{cause="forbidden",log="journal",sink="memory"} 1
pulltrail_indexer_dead_letters_total{cause="refused",log="journal",sink="memory"} 1
pulltrail_indexer_dead_letters_total{cause="unreadable",log="journal",sink="memory"} 2
`, "pulltrail_indexer_dead_letters_total")
	})
}

func TestForbiddenLettersAreTriedAgainByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		no := fmt.Errorf("%w: no", ErrForbidden)
		b := follow(t, func(b *bench) {
			b.sink.refuse["log-1"] = slices.Repeat([]error{no}, 5)
			b.sink.refuse["log-2"] = []error{no, document.Permanent(errors.New("wrong type"))}
			b.sink.refuse["log-3"] = []error{document.Permanent(errors.New("wrong type"))}
			b.log.append("s", objects(4)...)
			_ = b.letters.Put(t.Context(), document.DeadLetter{Sink: "memory", Log: "history", Position: 1, Forbidden: true})
		})
		quiet()
		b.expectStored(t, 4)
		b.expectCursor(t, 4)
		time.Sleep(time.Hour)
		synctest.Wait()
		b.stop()
		// 2 was refused for good in the first round: it is not tried again.
		if got := b.sink.stored(); !slices.Equal(got, ids(4, 1)) {
			t.Errorf("stored %v", got)
		}
		var left []string
		for _, l := range b.letters.all() {
			left = append(left, fmt.Sprintf("%s %d %v %s", l.Log, l.Position, l.Forbidden, l.Reason))
		}
		if !slices.Equal(left, []string{"history 1 true ", "journal 2 false wrong type", "journal 3 false wrong type"}) {
			t.Errorf("left %v", left)
		}
		if got := testutil.ToFloat64(b.follower.metrics.redelivered); got != 1 {
			t.Errorf("redelivered %v", got)
		}
	})
}

func TestReplaysAreCountedAndPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) {
			b.log.append("s", objects(2)...)
			b.log.entries[0].Retained = true
		})
		synctest.Wait()
		b.stop()
		b.expectStored(t, 2)
		b.expectCursor(t, 2)
		if got := testutil.ToFloat64(b.follower.metrics.skipped); got != 1 {
			t.Errorf("skipped %v", got)
		}
	})
}

func TestALogOrCursorsThatFailAreWaitedFor(t *testing.T) {
	broken := errors.New("disk I/O error")
	for name, fault := range map[string]func(*bench, error){
		"log":     func(b *bench, err error) { b.log.mu.Lock(); b.log.fail = err; b.log.mu.Unlock() },
		"cursors": func(b *bench, err error) { b.cursors.mu.Lock(); b.cursors.fail = err; b.cursors.mu.Unlock() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := follow(t, func(b *bench) {
					b.log.append("s", objects(2)...)
					fault(b, broken)
				})
				time.Sleep(time.Minute)
				if s := b.follower.State(); s.OK || s.Err != broken.Error() {
					t.Errorf("state %+v", s)
				}
				fault(b, nil)
				time.Sleep(time.Minute)
				synctest.Wait()
				b.expectStored(t, 1, 2)
				if s := b.follower.State(); !s.OK {
					t.Errorf("state %+v", s)
				}
				b.stop()
			})
		})
	}
}

func TestAnIdleFollowerTellsOfASinkThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) { b.sink.ping = errors.New("away") })
		synctest.Wait()
		if s := b.follower.State(); s.OK || s.Err != "away" {
			t.Errorf("state at start %+v", s)
		}
		b.sink.set(func(s *memorySink) { s.ping = nil })
		time.Sleep(idlePing + time.Second)
		synctest.Wait()
		if s := b.follower.State(); !s.OK {
			t.Errorf("state later %+v", s)
		}
		b.stop()
	})
}

func TestAFollowerEndsWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) {
			b.log.append("s", objects(1)...)
			b.sink.down = errors.New("away")
		})
		time.Sleep(time.Minute)
		start := time.Now()
		b.stop()
		if waited := time.Since(start); waited > 0 {
			t.Errorf("it took %s to end", waited)
		}
		b.expectCursor(t, 0)
	})
}

func TestASinkThatLeavesAnswersOutIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, func(b *bench) { b.wrap = mute{b.sink} })
		b.log.append("s", objects(1)...)
		synctest.Wait()
		if s := b.follower.State(); s.OK || !strings.Contains(s.Err, "0 documents, not of 1") {
			t.Errorf("state %+v", s)
		}
		b.stop()
		b.expectCursor(t, 0)
	})
}

type mute struct{ *memorySink }

func (mute) Write(context.Context, []document.Document) ([]error, error) { return nil, nil }

// idle is a follower that does not run.
func idle(name string, registry *prometheus.Registry) *Follower {
	return NewFollower(FollowerOptions{
		Name: name, Log: &memoryLog{}, Sink: newMemorySink(), Router: &Router{}, Cursors: &memoryCursors{},
		DeadLetters: &memoryLetters{}, Logger: discard(), Registerer: registry,
	})
}

func TestTwoFollowersShareARegistry(t *testing.T) {
	registry := prometheus.NewRegistry()
	for _, name := range []string{"history", "journal"} {
		idle(name, registry)
	}
	if _, err := registry.Gather(); err != nil {
		t.Error(err)
	}
}
