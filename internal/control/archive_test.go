package control

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/hub"
)

// shelf is a Daemon with two snapshots and a day.
type shelf struct {
	Curves
	Indices
	Collector
	Letters
	Reloader
	Backups
	fail  error
	batch Batch
	which Range
	gone  Deletion
}

var day = Day{Repository: hub.Repository{Namespace: "a", Name: "b"}, Date: "2026-01-02", Pulls: 3, Gap: true, Partial: true}

func (s *shelf) Place(_ context.Context, source string) (string, error) {
	return "behind " + source, s.fail
}

func (s *shelf) Import(_ context.Context, batch Batch) (Imported, error) {
	s.batch = batch
	return Imported{New: 1, There: 2, Refused: []RefusedSnapshot{{Index: 3, Reason: "no"}}}, s.fail
}

func (s *shelf) Export(_ context.Context, which Range, take func([][]byte)) (Exported, error) {
	s.which = which
	take([][]byte{[]byte(`{"a":"<&>"}`), []byte(`{}`)})
	take([][]byte{[]byte(`{"b":1.0}`)})
	return Exported{Repositories: 1, Count: 3}, s.fail
}

func (s *shelf) Daily(_ context.Context, which Range, take func([]Day)) (Exported, error) {
	s.which = which
	take([]Day{day})
	return Exported{Repositories: 1, Count: 1}, s.fail
}

func (s *shelf) Delete(_ context.Context, which Deletion) (Deleted, error) {
	s.gone = which
	return Deleted{Count: 2, First: which.From, Last: which.From.Add(time.Hour)}, s.fail
}

func TestWhatIsToBeDeletedIsPassedOn(t *testing.T) {
	s := &shelf{}
	c := NewClient(serve(t, s))
	from := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	which := Deletion{Repository: day.Repository, From: from, To: from.AddDate(0, 0, 1), DryRun: true}
	deleted, err := c.Delete(t.Context(), which)
	if err != nil || deleted != (Deleted{2, from, from.Add(time.Hour)}) || s.gone != which {
		t.Errorf("%+v of %+v, %v", deleted, s.gone, err)
	}
	for name, wrong := range map[string]Deletion{
		"no repository":  {From: from},
		"an empty range": {Repository: day.Repository, From: from, To: from},
	} {
		s.gone = Deletion{}
		if _, err := c.Delete(t.Context(), wrong); err == nil || s.gone != (Deletion{}) {
			t.Errorf("%s: %v, %+v", name, err, s.gone)
		}
	}
}

func TestSnapshotsGoInByteForByte(t *testing.T) {
	s := &shelf{}
	c := NewClient(serve(t, s))
	batch := Batch{Source: "file x", Place: "7", Done: true, Snapshots: [][]byte{[]byte(`{"a":"<&>"}`), []byte("\xff")}}
	got, err := c.Import(t.Context(), batch)
	if diff := cmp.Diff(Imported{New: 1, There: 2, Refused: []RefusedSnapshot{{Index: 3, Reason: "no"}}}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if diff := cmp.Diff(batch, s.batch); diff != "" {
		t.Error(diff)
	}
	if at, err := c.Place(t.Context(), "file x"); at != "behind file x" || err != nil {
		t.Errorf("%q, %v", at, err)
	}
	// one that is as large as it may be
	batch.Snapshots = [][]byte{[]byte(strings.Repeat("x", MaxBatchBytes))}
	if _, err := c.Import(t.Context(), batch); err != nil {
		t.Error(err)
	}
	batch.Snapshots = append(batch.Snapshots, []byte("x"))
	if _, err := c.Import(t.Context(), batch); err == nil || !strings.Contains(err.Error(), "at most 1000 snapshots") {
		t.Errorf("a larger one: %v", err)
	}
}

func TestSnapshotsAndDaysComeOut(t *testing.T) {
	s := &shelf{}
	c := NewClient(serve(t, s))
	which := Range{Repositories: []hub.Repository{day.Repository}, From: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}
	var text []string
	exported, err := c.Export(t.Context(), which, func(page [][]byte) {
		for _, b := range page {
			text = append(text, string(b))
		}
	})
	if diff := cmp.Diff([]string{`{"a":"<&>"}`, "{}", `{"b":1.0}`}, text); diff != "" || err != nil || exported != (Exported{1, 3}) {
		t.Errorf("%+v, %v\n%s", exported, err, diff)
	}
	if diff := cmp.Diff(which, s.which); diff != "" {
		t.Error(diff)
	}
	var days []Day
	exported, err = c.Daily(t.Context(), Range{}, func(page []Day) { days = append(days, page...) })
	if diff := cmp.Diff([]Day{day}, days); diff != "" || err != nil || exported != (Exported{1, 1}) {
		t.Errorf("%+v, %v\n%s", exported, err, diff)
	}
	if diff := cmp.Diff(Range{}, s.which); diff != "" {
		t.Error(diff)
	}
	if _, err := c.Export(t.Context(), Range{From: which.From, To: which.From}, nil); err == nil || !strings.Contains(err.Error(), "from must be before to") {
		t.Errorf("an empty range: %v", err)
	}
}

func TestTheArchivesErrorsReachTheCommand(t *testing.T) {
	c := NewClient(serve(t, &shelf{fail: errors.New("the disk is full")}))
	_, err1 := c.Place(t.Context(), "x")
	_, err2 := c.Import(t.Context(), Batch{})
	_, err3 := c.Export(t.Context(), Range{}, func([][]byte) {})
	_, err4 := c.Daily(t.Context(), Range{}, func([]Day) {})
	_, err5 := c.Delete(t.Context(), Deletion{Repository: day.Repository})
	for i, err := range []error{err1, err2, err3, err4, err5} {
		if err == nil || !strings.Contains(err.Error(), "the disk is full") {
			t.Errorf("%d: %v", i+1, err)
		}
	}
	none := NewClient("/nowhere/control.sock")
	if _, err := none.Place(t.Context(), "x"); !errors.Is(err, ErrNoDaemon) {
		t.Error(err)
	}
}
