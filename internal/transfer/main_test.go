package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pulltrail/internal/control"
	"pulltrail/internal/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	app = hub.Repository{Namespace: "me", Name: "app"}
	now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	of  = FileOptions{Repository: &app, Now: now}
)

// shelf is an Archive in memory.
type shelf struct {
	places  map[string]string
	stored  map[string]string // by id
	order   []string          // ids, as they came
	batches []control.Batch
	// fail, where set, is asked before each batch.
	fail func(n int) error
	// refuse are the ids of snapshots that are refused.
	refuse map[string]bool
}

func newShelf() *shelf { return &shelf{places: map[string]string{}, stored: map[string]string{}} }

func (s *shelf) Place(_ context.Context, source string) (string, error) {
	return s.places[source], nil
}

func (s *shelf) Import(ctx context.Context, batch control.Batch) (imported control.Imported, err error) {
	s.batches = append(s.batches, batch)
	if s.fail != nil {
		if err := s.fail(len(s.batches)); err != nil {
			return imported, err
		}
	}
	if ctx.Err() != nil {
		return imported, ctx.Err()
	}
	for i, payload := range batch.Snapshots {
		parsed, err := hub.Parse(payload)
		switch {
		case err != nil:
			return imported, fmt.Errorf("snapshot %d of a batch is none: %w", i, err)
		case s.refuse[parsed.ID()]:
			imported.Refused = append(imported.Refused, control.RefusedSnapshot{Index: i, Reason: "not wanted"})
		case s.stored[parsed.ID()] != "":
			imported.There++
		default:
			imported.New++
			s.stored[parsed.ID()] = string(payload)
			s.order = append(s.order, parsed.ID())
		}
	}
	switch {
	case batch.Done:
		delete(s.places, batch.Source)
	case batch.Source != "":
		s.places[batch.Source] = batch.Place
	}
	return imported, nil
}

// all are the items of a source.
func all(t *testing.T, source Source) (items []Item) {
	t.Helper()
	for {
		item, err := source.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return items
		}
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, item)
	}
}
