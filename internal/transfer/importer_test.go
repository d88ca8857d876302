package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/control"
	"pulltrail/internal/hub"
)

// rows is a CSV file with n days, the first of which is 2000-01-01.
func rows(n int) string {
	var b strings.Builder
	b.WriteString("date,count\n")
	for i := range n {
		fmt.Fprintf(&b, "%s,%d\n", time.Date(2000, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), i)
	}
	return b.String()
}

func TestAnImportCountsWhatBecameOfEach(t *testing.T) {
	s := newShelf()
	s.refuse = map[string]bool{"me/app@2000-01-03T00:00:00Z": true}
	text := rows(1200) + "2000-01-01,0\nx,1\n"
	f, err := NewFile(strings.NewReader(text), of)
	if err != nil {
		t.Fatal(err)
	}
	var complaints []Complaint
	var last Progress
	got, err := Import(t.Context(), f, s, Options{
		Complain: func(c Complaint) { complaints = append(complaints, c) },
		Progress: func(p Progress) { last = p },
	})
	problems := []Complaint{
		{Where: "line 4", Reason: "not wanted"},
		{Where: "line 1203", Reason: `date "x" is not a time: write 2026-01-31, or 2026-01-31T01:00:00Z`},
	}
	want := Summary{Read: 1202, Valid: 1200, New: 1199, There: 1, Refused: 2, Problems: problems}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if diff := cmp.Diff(problems, complaints); diff != "" {
		t.Error(diff)
	}
	if last.Done != int64(len(text)) {
		t.Errorf("progress %+v of %d bytes", last, len(text))
	}
	if len(s.batches) != 3 || len(s.places) != 0 {
		t.Errorf("%d batches, places %v", len(s.batches), s.places)
	}
	for _, b := range s.batches {
		if len(b.Snapshots) > batchSize || b.Source != "" {
			t.Errorf("a batch of %d with the source %q", len(b.Snapshots), b.Source)
		}
	}
}

func TestBatchesAreBoundedInBytes(t *testing.T) {
	var b strings.Builder
	for i := range 10 {
		fmt.Fprintf(&b, `{"name":"app","namespace":"me","pull_count":%d,"timestamp":"2026-01-%02dT00:00:00Z","x":%q}`+"\n", i, i+1, strings.Repeat("x", maxDocument/3))
	}
	f, err := NewFile(strings.NewReader(b.String()), of)
	if err != nil {
		t.Fatal(err)
	}
	s := newShelf()
	if got, err := Import(t.Context(), f, s, Options{}); err != nil || got.New != 10 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, batch := range s.batches {
		size := 0
		for _, p := range batch.Snapshots {
			size += len(p)
		}
		if size > control.MaxBatchBytes || size > batchBytes {
			t.Errorf("a batch of %d bytes", size)
		}
	}
}

func TestADryRunStoresNothing(t *testing.T) {
	f, err := NewFile(strings.NewReader(rows(700)+"x,1\n"), of)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Import(t.Context(), f, nil, Options{DryRun: true})
	if err != nil || got.Valid != 700 || got.Refused != 1 || got.New != 0 || !got.DryRun {
		t.Errorf("%+v, %v", got, err)
	}
}

// An import of a file is killed in each of its batches in turn, and goes on: in the end
// all is there, once, and nothing was sent that was known to be stored.
func TestAnImportThatWasBrokenOffGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	write(t, path, rows(2600)+"x,1\n")
	for kill := 1; kill <= 6; kill++ {
		t.Run(fmt.Sprint("in batch ", kill), func(t *testing.T) {
			s := newShelf()
			broken := errors.New("broken off")
			s.fail = func(n int) error {
				if n == kill {
					return broken
				}
				return nil
			}
			first, err := Import(t.Context(), openFileFor(t, path, of), s, Options{})
			if !errors.Is(err, broken) || first.New != min(500*(kill-1), 2600) || first.Resumable != (kill > 1) {
				t.Fatalf("%+v, %v", first, err)
			}
			sent := len(s.batches)
			second, err := Import(t.Context(), openFileFor(t, path, of), s, Options{})
			if err != nil || second.Passed != first.New || second.New != 2600-first.New || second.There != 0 || second.Refused != 1 {
				t.Errorf("%+v, %v", second, err)
			}
			if kill > 1 && second.ResumedAt != fmt.Sprint(1+500*(kill-1)) {
				t.Errorf("taken up at %q", second.ResumedAt)
			}
			if len(s.order) != 2600 || !slices.IsSorted(s.order) || len(s.places) != 0 {
				t.Errorf("%d are stored in %d batches, places %v", len(s.order), len(s.batches)-sent, s.places)
			}
			third, err := Import(t.Context(), openFileFor(t, path, of), s, Options{})
			if err != nil || third.There != 2600 || third.ResumedAt != "" {
				t.Errorf("once more: %+v, %v", third, err)
			}
		})
	}
}

func TestRestartBeginsAtTheBeginning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	write(t, path, rows(600))
	s := newShelf()
	f := openFileFor(t, path, of)
	s.places[f.Name()] = "501"
	got, err := Import(t.Context(), f, s, Options{Restart: true})
	if err != nil || got.New != 600 || got.Passed != 0 || len(s.places) != 0 {
		t.Errorf("%+v, %v, %v", got, err, s.places)
	}
}

func TestTheEndOfTheDaemonIsNotTakenForItsAbsence(t *testing.T) {
	s := newShelf()
	s.fail = func(int) error { return control.ErrNoDaemon }
	f, err := NewFile(strings.NewReader(rows(1)), of)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Import(t.Context(), f, s, Options{}); err == nil || errors.Is(err, control.ErrNoDaemon) {
		t.Errorf("error %v", err)
	}
}

// flood is a Source of nothing but refusals.
type flood struct{ n int }

func (f *flood) Name() string        { return "" }
func (f *flood) Resume(string) error { return nil }
func (f *flood) Notes() []string     { return []string{"a flood"} }
func (f *flood) Progress() Progress  { return Progress{} }
func (f *flood) Close() error        { return nil }
func (f *flood) Next(context.Context) (Item, error) {
	if f.n == 0 {
		return Item{}, io.EOF
	}
	f.n--
	return Item{Fate: Fate(3 + f.n%2), Where: "somewhere", Reason: "wet"}, nil
}

func TestComplaintsAreBounded(t *testing.T) {
	got, err := Import(t.Context(), &flood{25_000}, newShelf(), Options{})
	if err != nil || got.Refused != 12_500 || got.Skipped != 12_500 || len(got.Problems) != maxKept || got.LeftOut != 15_000 || len(got.Notes) != 1 {
		t.Errorf("%d refused, %d skipped, %d kept, %d left out, %v", got.Refused, got.Skipped, len(got.Problems), got.LeftOut, err)
	}
}

func TestAnIDIsThatOfHistory(t *testing.T) {
	f, err := NewFile(strings.NewReader("date,count\n2026-01-31,7\n"), of)
	if err != nil {
		t.Fatal(err)
	}
	s := newShelf()
	if _, err := Import(t.Context(), f, s, Options{}); err != nil {
		t.Fatal(err)
	}
	if want := hub.ID(app, time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)); s.stored[want] == "" {
		t.Errorf("stored %v", s.order)
	}
}
