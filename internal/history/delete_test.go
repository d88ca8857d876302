package history

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/document"
	"pulltrail/internal/hub"
)

// private is a snapshot of a private repository.
func private(r hub.Repository, slot time.Time, pulls int) document.Message {
	m := message(r, slot, pulls)
	m.Payload = bytes.Replace(m.Payload, []byte(`"is_private":false`), []byte(`"is_private":true`), 1)
	return m
}

func TestDeletedSnapshotsAreGoneAndPositionsStay(t *testing.T) {
	s := open(t)
	other := hub.Repository{Namespace: "a", Name: "b"}
	appendAll(t, s, message(nginx, start, 1), message(other, start, 2), message(nginx, start.Add(day), 3), message(nginx, start.Add(2*day), 4))
	from, to := start.Add(day), start.Add(2*day+time.Minute)
	want := Deletion{2, start.Add(day + 3*time.Second), start.Add(2*day + 3*time.Second)}
	if d, err := s.Deletable(t.Context(), nginx, from, to); d != want || err != nil || s.Deletions() != 0 {
		t.Errorf("Deletable = %+v, %v", d, err)
	}
	if n := len(read(t, s, 0)); n != 4 {
		t.Fatalf("%d entries after a dry run", n)
	}
	woken := s.Notify()
	if d, err := s.Delete(t.Context(), nginx, from, to); d != want || err != nil || s.Deletions() != 1 {
		t.Errorf("Delete = %+v, %v", d, err)
	}
	select {
	case <-woken:
	default:
		t.Error("whoever shows history was not woken")
	}
	// The newest positions are gone. A cursor at 4 is not ahead of the log, and 4 is not used again.
	if head, err := s.Head(t.Context()); head != 4 || err != nil {
		t.Errorf("Head = %d, %v", head, err)
	}
	appendAll(t, s, message(nginx, start.Add(day), 5))
	var positions []document.Position
	for _, e := range read(t, s, 0) {
		positions = append(positions, e.Position)
	}
	if diff := cmp.Diff([]document.Position{1, 2, 5}, positions); diff != "" {
		t.Error(diff)
	}
	if behind := read(t, s, 4); len(behind) != 1 || string(behind[0].Payload) != string(message(nginx, start.Add(day), 5).Payload) {
		t.Errorf("behind the cursor there is %v", behind)
	}
	if d, err := s.Delete(t.Context(), hub.Repository{Namespace: "no", Name: "such"}, time.Time{}, time.Time{}); d != (Deletion{}) || err != nil || s.Deletions() != 1 {
		t.Errorf("of an unknown repository: %+v, %v", d, err)
	}
}

func TestARepositoryIsAsPrivateAsTheNewestSnapshotThatIsLeft(t *testing.T) {
	for name, c := range map[string]struct {
		first, second document.Message
		want          bool
	}{
		"public again":  {message(nginx, start, 1), private(nginx, start.Add(day), 2), false},
		"private again": {private(nginx, start, 1), message(nginx, start.Add(day), 2), true},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			appendAll(t, s, c.first, c.second)
			if _, err := s.Delete(t.Context(), nginx, start.Add(day), time.Time{}); err != nil {
				t.Fatal(err)
			}
			if r, found, err := s.Repository(t.Context(), nginx); r.Private != c.want || !found || err != nil {
				t.Errorf("%+v, %v, %v", r, found, err)
			}
		})
	}
}

func TestNothingIsLeftOfARepositoryWithoutSnapshots(t *testing.T) {
	s := open(t)
	appendAll(t, s, message(nginx, start, 1), message(nginx, start.Add(day), 2))
	if _, err := s.Delete(t.Context(), nginx, time.Time{}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"repositories", "snapshots", "bodies", "topics"} {
		var n int
		if err := s.db.Reader().QueryRow("SELECT count(*) FROM " + table).Scan(&n); n != 0 || err != nil {
			t.Errorf("%d rows in %s, %v", n, table, err)
		}
	}
	appendAll(t, s, message(nginx, start, 3))
	if entries := read(t, s, 0); len(entries) != 1 || entries[0].Position != 3 {
		t.Errorf("it came again as %v", entries)
	}
}

func TestASnapshotDatedInTheFutureIsRejectedUnlessItIsOurOwn(t *testing.T) {
	s := open(t)
	s.now = func() time.Time { return start.Add(3 * time.Second) } // when the snapshots of that slot are taken
	soon, later := message(nginx, start.Add(hub.FutureTolerance), 1), message(nginx, start.Add(time.Hour), 2)
	outcomes := appendAll(t, s, later, soon)
	if o := outcomes[0]; o.ID != "" || o.Already || !document.IsPermanent(o.Err) {
		t.Errorf("one hour ahead: %+v", o)
	}
	if o := outcomes[1]; o.ID == "" || o.Err != nil {
		t.Errorf("as clocks differ: %+v", o)
	}
	// The clock is set back: what is there stays, and what this process took still comes in.
	s.now = func() time.Time { return start.Add(-day) }
	if o := appendAll(t, s, soon)[0]; !o.Already || o.Err != nil {
		t.Errorf("one that is there already: %+v", o)
	}
	s.Trust(func(_ context.Context, r hub.Repository, slot time.Time) (bool, error) {
		return r == nginx && slot.Equal(start.Add(time.Hour)), nil
	})
	outcomes = appendAll(t, s, later, message(nginx, start.Add(2*time.Hour), 3))
	if outcomes[0].Err != nil || outcomes[0].Already || outcomes[1].Err == nil {
		t.Errorf("our own, and another: %+v", outcomes)
	}
	if n := len(read(t, s, 0)); n != 2 {
		t.Errorf("%d entries", n)
	}
}
