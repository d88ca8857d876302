package outbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
	redis = hub.Repository{Namespace: "library", Name: "redis"}
	zebra = hub.Repository{Namespace: "a", Name: "zebra"}
)

func TestASnapshotIsPendingUntilItIsConfirmed(t *testing.T) {
	o := open(t)
	s := snapshot(t, nginx, start, 1)
	appendAll(t, o, s)
	want := []document.Pending{{
		ID: "library/nginx@2026-01-31T01:00:00Z", Namespace: "library", Name: "nginx", Slot: start,
		Payload: s.Encode(), NewestOfRepository: true, NewestOfAll: true,
	}}
	if diff := cmp.Diff(want, pending(t, o)); diff != "" {
		t.Error(diff)
	}
	if !has(t, o, nginx, start) || has(t, o, redis, start) || has(t, o, nginx, start.Add(time.Second)) || length(t, o) != 1 {
		t.Error("the outbox does not know what it has")
	}
	if err := o.Confirm(t.Context(), []string{s.ID()}); err != nil {
		t.Fatal(err)
	}
	if left := pending(t, o); len(left) != 0 || has(t, o, nginx, start) || length(t, o) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestPendingIsOldestSlotFirst(t *testing.T) {
	o := open(t)
	next := start.Add(time.Hour)
	appendAll(t, o, snapshot(t, redis, next, 1), snapshot(t, redis, start, 1), snapshot(t, nginx, start, 1))
	appendAll(t, o, snapshot(t, zebra, next, 1), snapshot(t, nginx, start.Add(-time.Hour), 1))
	want := []string{
		"library/nginx@2026-01-31T00:00:00Z",
		"library/nginx@2026-01-31T01:00:00Z newest of its repository",
		"library/redis@2026-01-31T01:00:00Z",
		"a/zebra@2026-01-31T02:00:00Z newest of its repository newest of all",
		"library/redis@2026-01-31T02:00:00Z newest of its repository newest of all",
	}
	if diff := cmp.Diff(want, described(pending(t, o))); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNewestStaysSoAfterItHasArrived(t *testing.T) {
	o := open(t)
	next := start.Add(time.Hour)
	appendAll(t, o, snapshot(t, nginx, next, 1), snapshot(t, redis, start, 1))
	if err := o.Confirm(t.Context(), []string{hub.ID(nginx, next)}); err != nil {
		t.Fatal(err)
	}
	appendAll(t, o, snapshot(t, nginx, start, 1)) // comes late
	want := []string{
		"library/nginx@2026-01-31T01:00:00Z",
		"library/redis@2026-01-31T01:00:00Z newest of its repository",
	}
	if diff := cmp.Diff(want, described(pending(t, o))); diff != "" {
		t.Error(diff)
	}
}

func TestARepositoryIsHeldWhileItsNewestSnapshotWaits(t *testing.T) {
	o := open(t)
	holds := func(want bool) {
		t.Helper()
		for r, want := range map[hub.Repository]bool{nginx: want, redis: true, zebra: false} {
			if got, err := o.Holds(t.Context(), r); err != nil || got != want {
				t.Errorf("%s: %t, %v, want %t", r, got, err, want)
			}
		}
	}
	next := start.Add(time.Hour)
	appendAll(t, o, snapshot(t, nginx, start, 1), snapshot(t, nginx, next, 1), snapshot(t, redis, start, 1))
	holds(true)
	if err := o.Confirm(t.Context(), []string{hub.ID(nginx, start), hub.ID(nginx, next)}); err != nil {
		t.Fatal(err)
	}
	holds(false)
}

func TestTheFirstOfOneIdentityStays(t *testing.T) {
	o := open(t)
	first := snapshot(t, nginx, start, 1)
	appendAll(t, o, first, snapshot(t, nginx, start, 2))
	appendAll(t, o, snapshot(t, nginx, start, 3))
	if p := pending(t, o); len(p) != 1 || string(p[0].Payload) != string(first.Encode()) {
		t.Errorf("pending: %v", p)
	}
}

func TestRepositoriesAreThoseWhoseNewestSnapshotIsPending(t *testing.T) {
	o := open(t)
	next := start.Add(time.Hour)
	appendAll(t, o, snapshot(t, nginx, start, 1), snapshot(t, nginx, next, 2), snapshot(t, redis, start, 3), snapshot(t, redis, next, 4), snapshot(t, zebra, start, 5))
	if err := o.Confirm(t.Context(), []string{hub.ID(redis, next)}); err != nil { // an older one is still pending
		t.Fatal(err)
	}
	got, err := o.Repositories(t.Context())
	if diff := cmp.Diff([]hub.Repository{zebra, nginx}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	payloads, err := o.Newest(t.Context())
	want := [][]byte{snapshot(t, zebra, start, 5).Encode(), snapshot(t, nginx, next, 2).Encode()}
	if diff := cmp.Diff(want, payloads); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestPendingAndConfirmAreBounded(t *testing.T) {
	const more = 2500
	o := open(t)
	var snapshots []hub.Snapshot
	var ids []string
	for i := range more {
		s := snapshot(t, nginx, start.Add(time.Duration(i)*time.Minute), i)
		snapshots, ids = append(snapshots, s), append(ids, s.ID())
	}
	appendAll(t, o, snapshots...)
	p := pending(t, o)
	if len(p) != maxPending || !p[0].Slot.Equal(start) || p[maxPending-1].NewestOfRepository || length(t, o) != more {
		t.Errorf("%d of %d pending", len(p), length(t, o))
	}
	if err := o.Confirm(t.Context(), ids[1:]); err != nil {
		t.Fatal(err)
	}
	if p := pending(t, o); len(p) != 1 || p[0].ID != ids[0] {
		t.Errorf("left: %v", described(p))
	}
}

func TestConfirmTakesIDsThatAreNotThere(t *testing.T) {
	o := open(t)
	appendAll(t, o, snapshot(t, nginx, start, 1))
	unknown := []string{hub.ID(redis, start), hub.ID(nginx, start.Add(time.Hour)), hub.ID(nginx, start), hub.ID(nginx, start)}
	if err := o.Confirm(t.Context(), unknown); err != nil {
		t.Error(err)
	}
	if err := o.Confirm(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if length(t, o) != 0 {
		t.Error("the one that was there is there still")
	}
}

func TestConfirmRefusesWhatIsNoID(t *testing.T) {
	o := open(t)
	s := snapshot(t, nginx, start, 1)
	appendAll(t, o, s)
	err := o.Confirm(t.Context(), []string{s.ID(), "nginx"})
	if !document.IsPermanent(err) || !strings.Contains(err.Error(), `"nginx"`) || length(t, o) != 1 {
		t.Errorf("Confirm: %v, %d left", err, length(t, o))
	}
}

func TestASlotWithNanosecondsIsConfirmedByItsID(t *testing.T) {
	o := open(t)
	s := snapshot(t, nginx, start.Add(1234), 1)
	appendAll(t, o, s)
	if err := o.Confirm(t.Context(), []string{s.ID()}); err != nil || length(t, o) != 0 {
		t.Errorf("Confirm: %v, %d left", err, length(t, o))
	}
}

func TestAppendsThatNobodyHasSeenAreOneSignal(t *testing.T) {
	o := open(t)
	signalled := func() bool {
		select {
		case <-o.Notify():
			return true
		default:
			return false
		}
	}
	appendAll(t, o)
	if signalled() {
		t.Error("a signal for nothing")
	}
	appendAll(t, o, snapshot(t, nginx, start, 1))
	appendAll(t, o, snapshot(t, redis, start, 1))
	if !signalled() || signalled() {
		t.Error("not one signal")
	}
	appendAll(t, o, snapshot(t, zebra, start, 1))
	if !signalled() {
		t.Error("no signal after the first was taken")
	}
}

func TestWhatWasAppendedSurvivesAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	o := openAt(t, path)
	appendAll(t, o, snapshot(t, nginx, start, 1), snapshot(t, redis, start, 2))
	if err := o.Confirm(t.Context(), []string{hub.ID(nginx, start)}); err != nil {
		t.Fatal(err)
	}
	again := openAt(t, crashed(t, path))
	if diff := cmp.Diff(pending(t, o), pending(t, again)); diff != "" || length(t, again) != 1 {
		t.Error(diff)
	}
}

func TestACancelledContextStoresNothingAndHarmsNothing(t *testing.T) {
	o := open(t)
	s := snapshot(t, nginx, start, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.Append(ctx, s); err == nil {
		t.Error("Append went on")
	}
	select {
	case <-o.Notify():
		t.Error("a signal for nothing")
	default:
	}
	if _, err := o.Pending(ctx, document.Pending{}); err == nil {
		t.Error("Pending went on")
	}
	if _, err := o.Has(ctx, nginx, start); err == nil {
		t.Error("Has went on")
	}
	if _, err := o.Len(ctx); err == nil {
		t.Error("Len went on")
	}
	appendAll(t, o, s)
	if err := o.Confirm(ctx, []string{s.ID()}); err == nil || length(t, o) != 1 {
		t.Errorf("Confirm: %v, %d left", err, length(t, o))
	}
}

func TestAppendAndConfirmDoNotHinderOneAnother(t *testing.T) {
	const writers, each = 4, 25
	o := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for w := range writers {
		var snapshots []hub.Snapshot
		for i := range each {
			r := hub.Repository{Namespace: "n", Name: fmt.Sprintf("r%d", w)}
			snapshots = append(snapshots, snapshot(t, r, start.Add(time.Duration(i)*time.Hour), i))
		}
		wg.Go(func() {
			for _, s := range snapshots {
				if err := o.Append(ctx, s); err != nil {
					t.Error(err)
				}
			}
		})
	}
	confirmed := map[string]bool{}
	for len(confirmed) < writers*each {
		select {
		case <-o.Notify():
		case <-ctx.Done():
			t.Fatalf("%d confirmed: %v", len(confirmed), ctx.Err())
		}
		var ids []string
		for _, p := range pending(t, o) {
			if confirmed[p.ID] {
				t.Errorf("%s is back", p.ID)
			}
			ids, confirmed[p.ID] = append(ids, p.ID), true
		}
		if err := o.Confirm(ctx, ids); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if n := length(t, o); n != 0 {
		t.Errorf("%d left", n)
	}
}

func TestPagesFollowOneAnother(t *testing.T) {
	o := open(t)
	later := start.Add(time.Hour)
	appendAll(t, o, snapshot(t, nginx, start, 1), snapshot(t, redis, start, 2), snapshot(t, nginx, later, 3), snapshot(t, redis, later, 4))
	all := pending(t, o)
	for i, after := range all {
		rest, err := o.Pending(t.Context(), after)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(described(all[i+1:]), described(rest)); diff != "" {
			t.Errorf("after %s: %s", after.ID, diff)
		}
	}
}

// An outbox that has grown for weeks is still read by the thousand.
func TestPendingReadsTheOutboxInItsOrder(t *testing.T) {
	o := open(t)
	rows, err := o.db.Reader().Query("EXPLAIN QUERY PLAN "+selectPending, 0, "", "", maxPending)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // Err tells
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(detail + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if p := plan.String(); !strings.Contains(p, "SEARCH o USING INDEX") || strings.Contains(p, "TEMP B-TREE") {
		t.Errorf("the plan is\n%s", p)
	}
}

func snapshot(t *testing.T, r hub.Repository, slot time.Time, pulls int) hub.Snapshot {
	t.Helper()
	s, err := hub.Decode(fmt.Appendf(nil, `{"namespace":%q,"name":%q,"pull_count":%d}`, r.Namespace, r.Name, pulls), slot.Add(time.Second), slot)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func described(pending []document.Pending) []string {
	var out []string
	for _, p := range pending {
		s := p.ID
		if p.NewestOfRepository {
			s += " newest of its repository"
		}
		if p.NewestOfAll {
			s += " newest of all"
		}
		out = append(out, s)
	}
	return out
}

func appendAll(t *testing.T, o *Outbox, snapshots ...hub.Snapshot) {
	t.Helper()
	if err := o.Append(t.Context(), snapshots...); err != nil {
		t.Fatal(err)
	}
}

func pending(t *testing.T, o *Outbox) []document.Pending {
	t.Helper()
	p, err := o.Pending(t.Context(), document.Pending{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func has(t *testing.T, o *Outbox, r hub.Repository, slot time.Time) bool {
	t.Helper()
	there, err := o.Has(t.Context(), r, slot)
	if err != nil {
		t.Fatal(err)
	}
	return there
}

func length(t *testing.T, o *Outbox) int {
	t.Helper()
	n, err := o.Len(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func open(t *testing.T) *Outbox {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "test.db"))
}

func openAt(t *testing.T, path string) *Outbox {
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
	return New(db)
}

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
