package history

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/document"
	"pulltrail/internal/hub"
)

func TestRepositoriesAreSortedAndHaveTheSnapshotThatWasObservedLast(t *testing.T) {
	s := open(t)
	redis := hub.Repository{Namespace: "library", Name: "redis"}
	early := hub.Repository{Namespace: "a", Name: "z"}
	appendAll(t, s,
		message(redis, start, 5),
		message(nginx, start.Add(2*day), 30),
		message(nginx, start.Add(day), 20), // comes late
		message(early, start, 7),
	)
	found, err := s.Repositories(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range found {
		got = append(got, fmt.Sprint(r.Repository, " ", r.Newest.PullCount, " ", r.Private))
		one, ok, err := s.Repository(t.Context(), r.Repository)
		if diff := cmp.Diff(r, one, cmp.AllowUnexported(hub.Snapshot{})); diff != "" || !ok || err != nil {
			t.Errorf("Repository(%s): %v, %v, %s", r, ok, err, diff)
		}
	}
	if diff := cmp.Diff([]string{"a/z 7 false", "library/nginx 30 false", "library/redis 5 false"}, got); diff != "" {
		t.Error(diff)
	}
	if want := message(nginx, start.Add(2*day), 30).Payload; string(found[1].Newest.Encode()) != string(want) {
		t.Errorf("%s became %s", want, found[1].Newest.Encode())
	}
}

func TestARepositoryIsPrivateAsItsNewestSnapshotSays(t *testing.T) {
	private := func(m document.Message) document.Message {
		m.Payload = []byte(strings.Replace(string(m.Payload), `"is_private":false`, `"is_private":true`, 1))
		return m
	}
	public := func(m document.Message) document.Message { return m }
	first, second := message(nginx, start, 1), message(nginx, start.Add(day), 2)
	for name, c := range map[string]struct {
		batch []document.Message
		want  bool
	}{
		"always private":                     {[]document.Message{private(first), private(second)}, true},
		"became private":                     {[]document.Message{public(first), private(second)}, true},
		"became public":                      {[]document.Message{private(first), public(second)}, false},
		"an older private one comes late":    {[]document.Message{public(second), private(first)}, false},
		"an older public one comes late":     {[]document.Message{private(second), public(first)}, true},
		"the same one again, changed, stays": {[]document.Message{private(first), public(first)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, together := range []bool{true, false} {
				s := open(t)
				if together {
					appendAll(t, s, c.batch...)
				} else {
					for _, m := range c.batch {
						appendAll(t, s, m)
					}
				}
				r, ok, err := s.Repository(t.Context(), nginx)
				if err != nil || !ok || r.Private != c.want || r.Newest.Private != c.want {
					t.Errorf("in one batch %v: %+v, %v, %v", together, r, ok, err)
				}
			}
		})
	}
}

func TestOfTwoAtOneMomentTheHigherCountIsNewer(t *testing.T) {
	at := func(slot time.Time, pulls int) document.Message {
		return document.Message{Topic: "t", Received: start, Payload: fmt.Appendf(nil,
			`{"namespace":"library","name":"nginx","pull_count":%d,"timestamp":%s,"slot":%s}`, pulls, hub.FormatTime(start), hub.FormatTime(slot))}
	}
	for _, batch := range [][]document.Message{
		{at(start, 9), at(start.Add(-day), 3)},
		{at(start.Add(-day), 3), at(start, 9)},
	} {
		s := open(t)
		appendAll(t, s, batch...)
		r, _, err := s.Repository(t.Context(), nginx)
		if err != nil || r.Newest.PullCount != 9 {
			t.Errorf("%d, %v", r.Newest.PullCount, err)
		}
	}
}

func TestASeriesIsHalfOpen(t *testing.T) {
	s := open(t)
	for _, i := range []int{2, 0, 1, 3} {
		appendAll(t, s, message(nginx, start.Add(time.Duration(i)*day), i), message(hub.Repository{Namespace: "other", Name: "nginx"}, start.Add(time.Duration(i)*day), 100+i))
	}
	at := func(i int) time.Time { return start.Add(3*time.Second + time.Duration(i)*day) } // the times of observation
	for name, c := range map[string]struct {
		from, to time.Time
		want     []int64
	}{
		"everything":             {time.Time{}, time.Time{}, []int64{0, 1, 2, 3}},
		"from, included":         {at(1), time.Time{}, []int64{1, 2, 3}},
		"just behind":            {at(1).Add(time.Microsecond), time.Time{}, []int64{2, 3}},
		"to, excluded":           {time.Time{}, at(2), []int64{0, 1}},
		"both":                   {at(1), at(3), []int64{1, 2}},
		"in another zone":        {at(1).In(time.FixedZone("", 3600)), at(2), []int64{1}},
		"nothing between equals": {at(1), at(1), nil},
		"the wrong way round":    {at(3), at(1), nil},
		"long ago":               {time.Time{}, start, nil},
	} {
		t.Run(name, func(t *testing.T) {
			samples, err := s.Series(t.Context(), nginx, c.from, c.to, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, counts(samples)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAroundARangeAreTheMomentsBesideIt(t *testing.T) {
	s := open(t)
	for i := range 6 {
		appendAll(t, s, message(nginx, start.Add(time.Duration(i)*day), 10*i))
		other := hub.Repository{Namespace: "other", Name: "nginx"}
		appendAll(t, s, message(other, start.Add(time.Duration(i)*day+time.Hour), 1000))
	}
	// Two more at the moments of 10 and 40, each for a slot of its own.
	for _, i := range []int{1, 4} {
		m := message(nginx, start.Add(time.Duration(i)*day), 10*i+1)
		m.Payload = []byte(strings.Replace(string(m.Payload), `Z"}`, `.5Z"}`, 1))
		appendAll(t, s, m)
	}
	at := func(i int) time.Time { return start.Add(3*time.Second + time.Duration(i)*day) } // the times of observation
	for name, c := range map[string]struct {
		from, to time.Time
		limit    int
		want     []int64
	}{
		"everything":            {time.Time{}, time.Time{}, 99, []int64{0, 10, 11, 20, 30, 40, 41, 50}},
		"between snapshots":     {at(2).Add(-1000), at(3).Add(1000), 99, []int64{10, 11, 20, 30, 40, 41}},
		"at snapshots":          {at(2), at(4), 99, []int64{10, 11, 20, 30, 40, 41}},
		"one end open":          {at(4), time.Time{}, 99, []int64{30, 40, 41, 50}},
		"the other end open":    {time.Time{}, at(0), 99, []int64{0}},
		"within one interval":   {at(2).Add(1000), at(2).Add(2000), 99, []int64{20, 30}},
		"before the first":      {at(-9), at(-8), 99, []int64{0}},
		"after the newest":      {at(8), at(9), 99, []int64{50}},
		"no more than is asked": {at(2), at(4), 3, []int64{10, 11, 20}},
	} {
		t.Run(name, func(t *testing.T) {
			samples, err := s.Around(t.Context(), nginx, c.from, c.to, c.limit)
			if diff := cmp.Diff(c.want, counts(samples)); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
	if samples, err := s.Around(t.Context(), hub.Repository{Namespace: "no", Name: "such"}, at(0), at(1), 99); samples != nil || err != nil {
		t.Errorf("of none: %v, %v", samples, err)
	}
}

func TestUpdatesAreWhereLastUpdatedChanges(t *testing.T) {
	s := open(t)
	for i, updated := range []string{"null", "null", `"2026-01-30T04:52:59.85304Z"`, `"2026-01-30T05:52:59.85304+01:00"`, `"2026-02-01T00:00:00Z"`, "null", `"2026-02-01T00:00:00Z"`} {
		m := message(nginx, start.Add(time.Duration(i)*day), i)
		m.Payload = []byte(strings.Replace(string(m.Payload), `"2026-01-30T04:52:59.85304Z"`, updated, 1))
		appendAll(t, s, m, message(hub.Repository{Namespace: "other", Name: "nginx"}, start.Add(time.Duration(i)*day), 100+i))
	}
	for limit, want := range map[int][]int64{99: {0, 2, 4, 5, 6}, 5: {0, 2, 4, 5, 6}, 2: {0, 2}} {
		samples, err := s.Updates(t.Context(), nginx, limit)
		if diff := cmp.Diff(want, counts(samples)); diff != "" || err != nil {
			t.Errorf("limit %d: %s %v", limit, diff, err)
		}
	}
}

func counts(samples []Sample) []int64 {
	var counts []int64
	for _, s := range samples {
		counts = append(counts, s.PullCount)
	}
	return counts
}

func TestASeriesEndsAtItsLimit(t *testing.T) {
	s := open(t)
	for i := range 4 {
		appendAll(t, s, message(nginx, start.Add(time.Duration(i)*day), i))
	}
	samples, err := s.Series(t.Context(), nginx, time.Time{}, time.Time{}, 3)
	if err != nil || len(samples) != 3 || samples[2].PullCount != 2 {
		t.Errorf("%v, %v", samples, err)
	}
}

func TestASampleHasWhatTheSnapshotHad(t *testing.T) {
	s := open(t)
	appendAll(t, s,
		document.Message{Topic: "t", Received: start, Payload: []byte(`{"namespace":"library","name":"nginx","pull_count":12916987208,"star_count":21244,` +
			`"storage_size":488723114800,"last_updated":"2026-01-30T04:52:59.85304+01:00","timestamp":"2026-01-31T01:00:03.5Z","slot":"2026-01-31T01:00:00Z"}`)},
		document.Message{Topic: "t", Received: start, Payload: []byte(`{"namespace":"library","name":"nginx","pull_count":12916987209,"star_count":null,"timestamp":"2026-02-01T01:00:00Z"}`)},
	)
	samples, err := s.Series(t.Context(), nginx, time.Time{}, time.Time{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	stars, size := int64(21244), int64(488723114800)
	updated := time.Date(2026, 1, 30, 3, 52, 59, 853040000, time.UTC)
	want := []Sample{
		{Timestamp: start.Add(3500 * time.Millisecond), Slot: start, PullCount: 12916987208, StarCount: &stars, StorageSize: &size, LastUpdated: &updated},
		{Timestamp: start.Add(day), Slot: start.Add(day), PullCount: 12916987209},
	}
	if diff := cmp.Diff(want, samples); diff != "" {
		t.Error(diff)
	}
}

// The queries read what they need by an index, so that they stay as fast with years
// of snapshots.
func TestNoQueryScansTheSnapshots(t *testing.T) {
	s := open(t)
	for name, c := range map[string]struct {
		query string
		args  []any
	}{
		"Repositories": {selectRepositories, nil},
		"Repository":   {selectRepository, []any{"a", "b"}},
		"Series":       {selectSeries, []any{"a", "b", 0, 1, 2}},
		"Around":       {selectAround, []any{0, 0, 1, 1, "a", "b"}},
		"Read":         {selectEntries, []any{0, 1}},
		"Changed":      {selectChanged, []any{0, 1}},
		"Has":          {selectIdentity, []any{"a", "b", 0}},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := s.db.Reader().Query("EXPLAIN QUERY PLAN "+c.query, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close() //nolint:errcheck // Err tells
			var plan []string
			for rows.Next() {
				var id, parent, unused int
				var detail string
				if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
					t.Fatal(err)
				}
				plan = append(plan, detail)
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
			if bad := regexp.MustCompile(`SCAN (s|snapshots|t|b)\b|TEMP B-TREE`); len(plan) == 0 || bad.MatchString(strings.Join(plan, "\n")) {
				t.Errorf("the plan is\n%s", strings.Join(plan, "\n"))
			}
		})
	}
}

func TestDamageIsAnErrorThatNamesThePlace(t *testing.T) {
	s := open(t)
	appendAll(t, s, message(nginx, start, 1))
	damage(t, s, `UPDATE bodies SET body = X'7B'`)
	if _, err := s.Read(t.Context(), 0, 1, unlimited); err == nil || !strings.Contains(err.Error(), "body 1 of position 1") {
		t.Errorf("Read: %v", err)
	}
	if _, err := s.Repositories(t.Context()); err == nil || !strings.Contains(err.Error(), "library/nginx") {
		t.Errorf("Repositories: %v", err)
	}
	if _, _, err := s.Repository(t.Context(), nginx); err == nil || !strings.Contains(err.Error(), "library/nginx") {
		t.Errorf("Repository: %v", err)
	}
}

func damage(t *testing.T, s *Store, statement string) {
	t.Helper()
	err := s.db.Write(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(statement)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestChangedAreTheRepositoriesBehindAPosition(t *testing.T) {
	s := open(t)
	if changed, head, err := s.Changed(t.Context(), 0); err != nil || len(changed) != 0 || head != 0 {
		t.Errorf("nothing yet: %v, %d, %v", changed, head, err)
	}
	other := hub.Repository{Namespace: "a", Name: "b"}
	appendAll(t, s, message(nginx, start, 1), message(other, start, 1), message(nginx, start.Add(time.Hour), 1))
	for after, want := range [][]hub.Repository{{other, nginx}, {other, nginx}, {nginx}, nil} {
		changed, head, err := s.Changed(t.Context(), document.Position(after))
		slices.SortFunc(changed, func(a, b hub.Repository) int { return strings.Compare(a.String(), b.String()) })
		if err != nil || head != 3 || !cmp.Equal(changed, want) {
			t.Errorf("behind %d: %v, %d, %v", after, changed, head, err)
		}
	}
}

func TestTheLatestSamplesAreTheNewestFirstAndComeInPages(t *testing.T) {
	s := open(t)
	for _, i := range []int{2, 0, 1, 3} {
		appendAll(t, s, message(nginx, start.Add(time.Duration(i)*day), i), message(hub.Repository{Namespace: "other", Name: "nginx"}, start.Add(time.Duration(i)*day), 100+i))
	}
	at := func(i int) time.Time { return start.Add(3*time.Second + time.Duration(i)*day) } // the times of observation
	for name, c := range map[string]struct {
		since       time.Time
		skip, limit int
		want        []int64
	}{
		"all":                   {time.Time{}, 0, 9, []int64{3, 2, 1, 0}},
		"the first page":        {time.Time{}, 0, 2, []int64{3, 2}},
		"the second page":       {time.Time{}, 2, 2, []int64{1, 0}},
		"a page behind the end": {time.Time{}, 4, 2, nil},
		"since, included":       {at(1), 0, 9, []int64{3, 2, 1}},
		"just behind":           {at(1).Add(time.Microsecond), 0, 9, []int64{3, 2}},
		"since, of a page":      {at(1), 1, 1, []int64{2}},
	} {
		t.Run(name, func(t *testing.T) {
			samples, err := s.Latest(t.Context(), nginx, c.since, c.skip, c.limit)
			var got []int64
			for _, sample := range samples {
				got = append(got, sample.PullCount)
			}
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Error(err, diff)
			}
		})
	}
	if unknown, err := s.Latest(t.Context(), hub.Repository{Namespace: "no", Name: "such"}, time.Time{}, 0, 9); unknown != nil || err != nil {
		t.Error(unknown, err)
	}
}
