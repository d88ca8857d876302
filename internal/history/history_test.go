package history

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"pulltrail/internal/database"
	"pulltrail/internal/document"
	"pulltrail/internal/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	start = time.Date(2026, 1, 31, 1, 0, 0, 0, time.UTC)
	nginx = hub.Repository{Namespace: "library", Name: "nginx"}
)

const (
	day       = 24 * time.Hour
	unlimited = 1 << 30
)

func TestWhatIsAppendedCanBeFollowed(t *testing.T) {
	s := open(t)
	woken := s.Notify()
	outcomes := appendAll(t, s, message(nginx, start, 1), message(nginx, start.Add(day), 2))
	if diff := cmp.Diff([]document.Outcome{{ID: hub.ID(nginx, start)}, {ID: hub.ID(nginx, start.Add(day))}}, outcomes); diff != "" {
		t.Error(diff)
	}
	select {
	case <-woken:
	default:
		t.Error("the follower was not woken")
	}
	want := []document.Entry{
		{Message: message(nginx, start, 1), Position: 1},
		{Message: message(nginx, start.Add(day), 2), Position: 2},
	}
	if diff := cmp.Diff(want, read(t, s, 0)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[1:], read(t, s, 1)); diff != "" {
		t.Error(diff)
	}
	if entries := read(t, s, 2); len(entries) != 0 {
		t.Errorf("behind the head there is %v", entries)
	}
	if head, err := s.Head(t.Context()); head != 2 || err != nil {
		t.Errorf("Head = %d, %v", head, err)
	}
}

func TestAnEmptyHistoryHasNothing(t *testing.T) {
	s := open(t)
	if head, err := s.Head(t.Context()); head != 0 || err != nil {
		t.Errorf("Head = %d, %v", head, err)
	}
	if entries := read(t, s, 0); len(entries) != 0 {
		t.Errorf("Read = %v", entries)
	}
	if found, err := s.Repositories(t.Context()); len(found) != 0 || err != nil {
		t.Errorf("Repositories = %v, %v", found, err)
	}
	if _, ok, err := s.Repository(t.Context(), nginx); ok || err != nil {
		t.Errorf("Repository = %v, %v", ok, err)
	}
	if samples, err := s.Series(t.Context(), nginx, time.Time{}, time.Time{}, 1000); len(samples) != 0 || err != nil {
		t.Errorf("Series = %v, %v", samples, err)
	}
	if outcomes, err := s.Append(t.Context(), nil); len(outcomes) != 0 || err != nil {
		t.Errorf("Append = %v, %v", outcomes, err)
	}
}

func TestAReadKeepsToItsLimits(t *testing.T) {
	s := open(t)
	for i := range 5 {
		appendAll(t, s, message(nginx, start.Add(time.Duration(i)*day), i))
	}
	size := int64(len(message(nginx, start, 1).Payload))
	for name, c := range map[string]struct {
		limit    int
		maxBytes int64
		want     int
	}{
		"a limit of entries":            {3, unlimited, 3},
		"a limit above what there is":   {9, unlimited, 5},
		"exactly two payloads":          {9, 2 * size, 2},
		"a byte short of two payloads":  {9, 2*size - 1, 1},
		"less than the first payload":   {9, 1, 1},
		"no bytes at all, but progress": {9, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			entries, err := s.Read(t.Context(), 0, c.limit, c.maxBytes)
			if err != nil || len(entries) != c.want {
				t.Errorf("%d entries, %v, want %d", len(entries), err, c.want)
			}
		})
	}
}

func TestHasKnowsWhatHasArrived(t *testing.T) {
	s := open(t)
	appendAll(t, s, message(nginx, start, 1))
	for name, c := range map[string]struct {
		repository hub.Repository
		slot       time.Time
		want       bool
	}{
		"there":                   {nginx, start, true},
		"there, in another zone":  {nginx, start.In(time.FixedZone("", 3600)), true},
		"another slot":            {nginx, start.Add(time.Second), false},
		"another name":            {hub.Repository{Namespace: "library", Name: "redis"}, start, false},
		"another namespace":       {hub.Repository{Namespace: "nginx", Name: "nginx"}, start, false},
		"no repository":           {hub.Repository{}, start, false},
		"before anything existed": {nginx, time.Time{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := s.Has(t.Context(), c.repository, c.slot); got != c.want || err != nil {
				t.Errorf("Has = %v, %v", got, err)
			}
		})
	}
}

func TestWhatWasAppendedSurvivesAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	s := openAt(t, path)
	appendAll(t, s, message(nginx, start, 1), message(nginx, start.Add(day), 2))
	again := openAt(t, crashed(t, path))
	if diff := cmp.Diff(read(t, s, 0), read(t, again, 0)); diff != "" {
		t.Error(diff)
	}
	appendAll(t, again, message(nginx, start, 1), message(nginx, start.Add(2*day), 3))
	if entries := read(t, again, 2); len(entries) != 1 || entries[0].Position != 3 {
		t.Errorf("after the restart there is %v", entries)
	}
}

func TestACancelledContextStoresNothingAndHarmsNothing(t *testing.T) {
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if outcomes, err := s.Append(ctx, []document.Message{message(nginx, start, 1)}); err == nil || outcomes != nil || document.IsPermanent(err) {
		t.Errorf("Append = %v, %v", outcomes, err)
	}
	if _, err := s.Read(ctx, 0, 1, unlimited); err == nil {
		t.Error("Read went on")
	}
	if _, err := s.Head(ctx); err == nil {
		t.Error("Head went on")
	}
	if _, err := s.Series(ctx, nginx, time.Time{}, time.Time{}, 1000); err == nil {
		t.Error("Series went on")
	}
	appendAll(t, s, message(nginx, start, 1))
	if entries := read(t, s, 0); len(entries) != 1 || entries[0].Position != 1 {
		t.Errorf("afterwards there is %v", entries)
	}
}

func TestFollowersSeeEveryEntryOnceAndInOrderWhileOthersAppend(t *testing.T) {
	const writers, each = 4, 30
	s := open(t)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			r := hub.Repository{Namespace: "n", Name: fmt.Sprintf("r%d", w)}
			for i := range each {
				// Every snapshot comes twice, as it does from a broker that repeats itself.
				m := message(r, start.Add(time.Duration(i)*day), i)
				if _, err := s.Append(t.Context(), []document.Message{m, m}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			if seen := follow(ctx, t, s, writers*each); len(seen) != writers*each {
				t.Errorf("a follower has seen %d different payloads", len(seen))
			}
		})
	}
	wg.Wait()
	if head, err := s.Head(t.Context()); err != nil || head < writers*each {
		t.Errorf("Head = %d, %v", head, err)
	}
}

// follow reads n entries as a sink does.
func follow(ctx context.Context, t *testing.T, s *Store, n int) map[string]bool {
	seen := map[string]bool{}
	var last document.Position
	for read := 0; read < n; {
		appended := s.Notify()
		entries, err := s.Read(ctx, last, 7, unlimited)
		if err != nil {
			t.Error(err)
			return seen
		}
		for _, e := range entries {
			if e.Position <= last {
				t.Errorf("position %d came behind %d", e.Position, last)
			}
			last, seen[string(e.Payload)] = e.Position, true
		}
		read += len(entries)
		if len(entries) > 0 {
			continue
		}
		select {
		case <-appended:
		case <-ctx.Done():
			t.Errorf("nothing came behind %d: %v", last, ctx.Err())
			return seen
		}
	}
	return seen
}

// message is a snapshot of r as the broker passes it on, taken three seconds after
// its slot.
func message(r hub.Repository, slot time.Time, pulls int) document.Message {
	return document.Message{
		Topic: "dockerhub/" + r.String(),
		Payload: fmt.Appendf(nil, `{"user":%q,"name":%q,"namespace":%q,"status":1,"is_private":false,"star_count":21244,"pull_count":%d,`+
			`"last_updated":"2026-01-30T04:52:59.85304Z","categories":[{"name":"Web","slug":"web"}],"timestamp":%s,"slot":%s}`,
			r.Namespace, r.Name, r.Namespace, pulls, hub.FormatTime(slot.Add(3*time.Second)), hub.FormatTime(slot)),
		Received: slot.Add(4 * time.Second),
	}
}

func appendAll(t testing.TB, s *Store, batch ...document.Message) []document.Outcome {
	t.Helper()
	outcomes, err := s.Append(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	if len(outcomes) != len(batch) {
		t.Fatalf("%d outcomes for %d messages", len(outcomes), len(batch))
	}
	return outcomes
}

func read(t testing.TB, s *Store, after document.Position) []document.Entry {
	t.Helper()
	entries, err := s.Read(t.Context(), after, unlimited, unlimited)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func open(t testing.TB) *Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "test.db"))
}

func openAt(t testing.TB, path string) *Store {
	t.Helper()
	db, err := database.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	s := New(db)
	s.now = endOfTime
	return s
}

// endOfTime lets tests have snapshots of any date.
func endOfTime() time.Time { return time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }

// crashed is a copy of the files as a kill would leave them: the database is open,
// and its newest transactions are in the write-ahead log alone.
func crashed(t *testing.T, path string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "crashed.db")
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return copied
}
