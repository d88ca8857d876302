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
// in order: the snapshot's id, or why the payload is no snapshot or dated in the future,
// which is permanent and does not stop the others. A snapshot that is there already changes nothing and
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
			*a.outcome = document.Outcome{ID: a.ID()}
			known, err := w.has(ctx, a)
			var wrong error
			if err == nil && !known {
				wrong, err = s.checkDate(ctx, a.Snapshot)
			}
			if err == nil && !known && wrong == nil {
				err = w.add(ctx, a)
			}
			switch {
			case err != nil:
				return fmt.Errorf("%s: %w", a.ID(), err)
			case wrong != nil:
				*a.outcome = document.Outcome{Err: document.Permanent(wrong)}
			case known:
				a.outcome.Already = true
			default:
				added++
			}
		}
		return nil
	})
	return added, err
}

// checkDate returns what is wrong with the date of a snapshot that is new.
func (s *Store) checkDate(ctx context.Context, snapshot hub.Snapshot) (wrong, err error) {
	wrong = snapshot.CheckDate(s.now())
	if wrong == nil || s.taken == nil {
		return wrong, nil
	}
	own, err := s.taken(ctx, snapshot.Repository, snapshot.Slot)
	if err != nil || own {
		return nil, err
	}
	return wrong, nil
}

// has reports whether the snapshot is there already. Nothing is written for one that is:
// broker and publisher repeat themselves, and no position is spent on that.
func (w *writer) has(ctx context.Context, a arrival) (bool, error) {
	_, err := integer(ctx, w.findSnapshot, a.Namespace, a.Name, database.Micros(a.Slot))
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// add stores one snapshot.
func (w *writer) add(ctx context.Context, a arrival) error {
	c, body := split(a.Snapshot)
	repository, err := w.repository(ctx, a)
	if err != nil {
		return err
	}
	topic, err := w.topic(ctx, a.topic)
	if err != nil {
		return err
	}
	content, err := w.body(ctx, body)
	if err != nil {
		return err
	}
	row := append(c.values(), repository, database.Micros(a.received), topic, content)
	position, err := integer(ctx, w.addSnapshot, row...)
	if err != nil {
		return err
	}
	_, err = w.setPrivate.ExecContext(ctx, a.Private, repository, position)
	return err
}
