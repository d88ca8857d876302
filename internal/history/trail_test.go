package history

import (
	"slices"
	"testing"
	"time"

	"pulltrail/internal/document"
	"pulltrail/internal/hub"
)

func TestATrailIsReadInPagesByTime(t *testing.T) {
	s := open(t)
	other := hub.Repository{Namespace: "a", Name: "b"}
	var want []string
	for i := range 25 {
		appendAll(t, s, message(nginx, start.Add(time.Duration(24-i)*day), 100-i), message(other, start.Add(time.Duration(i)*day), i))
		want = append(want, string(message(nginx, start.Add(time.Duration(i)*day), 76+i).Payload))
	}
	for name, c := range map[string]struct {
		from, to time.Time
		want     []string
		limit    int
		maxBytes int64
	}{
		"all":                        {want: want, limit: 1000, maxBytes: 1 << 20},
		"in pages of seven":          {want: want, limit: 7, maxBytes: 1 << 20},
		"in pages of few bytes":      {want: want, limit: 1000, maxBytes: 1},
		"from one moment to another": {from: start.Add(3 * day), to: start.Add(9 * day), want: want[3:9], limit: 4, maxBytes: 1 << 20},
		"of no time":                 {from: start.Add(90 * day), limit: 4, maxBytes: 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			mark := Beginning()
			for {
				var page []document.Entry
				var err error
				page, mark, err = s.Trail(t.Context(), nginx, c.from, c.to, mark, c.limit, c.maxBytes)
				if err != nil || len(page) > c.limit || c.maxBytes == 1 && len(page) > 1 {
					t.Fatalf("a page of %d, %v", len(page), err)
				}
				if len(page) == 0 {
					break
				}
				for _, e := range page {
					got = append(got, string(e.Payload))
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%d snapshots: %s", len(got), got)
			}
		})
	}
}

func TestSnapshotsOfOneMomentAreAllInATrail(t *testing.T) {
	s := open(t)
	for i := range 5 {
		m := message(nginx, start.Add(time.Duration(i)*day), 7)
		snapshot, err := hub.Parse(m.Payload)
		if err != nil {
			t.Fatal(err)
		}
		// the same observation for another slot
		again, err := hub.Decode(m.Payload, start, snapshot.Slot)
		if err != nil {
			t.Fatal(err)
		}
		m.Payload = again.Encode()
		appendAll(t, s, m)
	}
	mark, total := Beginning(), 0
	for range 10 {
		var page []document.Entry
		var err error
		if page, mark, err = s.Trail(t.Context(), nginx, time.Time{}, time.Time{}, mark, 2, 1<<20); err != nil {
			t.Fatal(err)
		}
		total += len(page)
	}
	if total != 5 {
		t.Errorf("%d of 5", total)
	}
}
