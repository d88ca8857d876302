package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"pulltrail/internal/database"
	"pulltrail/internal/document"
	"pulltrail/internal/hub"
)

// arrival is a snapshot and what its message said beside it.
type arrival struct {
	hub.Snapshot
	topic    string
	received time.Time
	outcome  *document.Outcome
}

// Append makes a batch durable in one transaction. There is one outcome per message,
// in order: the snapshot's id, or why the payload is no snapshot, which is permanent
// and does not stop the others. A snapshot that is there already changes nothing and
// is Already there in its outcome. An error means that nothing of the batch is known to be
// durable: try again later.
func (s *Store) Append(ctx context.Context, batch []document.Message) ([]document.Outcome, error) {
	outcomes := make([]document.Outcome, len(batch))
	arrivals := make([]arrival, 0, len(batch))
	for i, m := range batch {
		snapshot, err := hub.Parse(m.Payload)
		if err != nil {
			outcomes[i].Err = document.Permanent(fmt.Errorf("not a snapshot: %w", err))
			continue
		}
		outcomes[i].ID = snapshot.ID()
		arrivals = append(arrivals, arrival{snapshot, m.Topic, m.Received, &outcomes[i]})
	}
	if len(arrivals) == 0 {
		return outcomes, nil
	}
	added, err := s.store(ctx, arrivals)
	if err != nil {
		return nil, fmt.Errorf("append %d snapshots to history: %w", len(arrivals), err)
	}
	if added > 0 {
		s.wake()
	}
	return outcomes, nil
}

// store says how many of the arrivals were new.
func (s *Store) store(ctx context.Context, arrivals []arrival) (added int, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		w, err := newWriter(ctx, tx)
		if err != nil {
			return err
		}
		for _, a := range arrivals {
			isNew, err := w.add(ctx, a)
			if err != nil {
				return fmt.Errorf("%s: %w", a.ID(), err)
			}
			if a.outcome.Already = !isNew; isNew {
				added++
			}
		}
		return nil
	})
	return added, err
}

// add stores one snapshot unless it is there already. Nothing is written for one
// that is: broker and publisher repeat themselves, and no position is spent on that.
func (w *writer) add(ctx context.Context, a arrival) (bool, error) {
	c, body := split(a.Snapshot)
	_, err := integer(ctx, w.findSnapshot, a.Namespace, a.Name, c.slot)
	if err == nil {
		return false, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	repository, err := w.repository(ctx, a)
	if err != nil {
		return false, err
	}
	topic, err := w.topic(ctx, a.topic)
	if err != nil {
		return false, err
	}
	content, err := w.body(ctx, body)
	if err != nil {
		return false, err
	}
	row := append(c.values(), repository, database.Micros(a.received), topic, content)
	position, err := integer(ctx, w.addSnapshot, row...)
	if err != nil {
		return false, err
	}
	_, err = w.setPrivate.ExecContext(ctx, a.Private, repository, position)
	return true, err
}
