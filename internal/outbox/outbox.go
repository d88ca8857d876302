// Package outbox keeps the snapshots that were taken but are not known to have
// arrived. A poll cannot be repeated later, so a snapshot is put here before it is
// sent and stays until its arrival is confirmed.
//
// What it promises: a snapshot whose Append has returned survives kill -9 and a power
// cut, and is pending until Confirm gets its id. Of two with one identity (repository
// and slot, to the microsecond) the first stays.
//
// At its bounds: Pending hands out 1,000 at a time, the oldest slots first. The outbox
// itself drops nothing: while the broker is away it grows by one snapshot, about 2 kB,
// per repository and slot, and a full disk makes Append return an error.
package outbox

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

// maxPending bounds what Pending holds in memory.
const maxPending = 1000

// Outbox is the outbox in a database. It is safe for concurrent use.
type Outbox struct {
	db       *database.DB
	appended chan struct{}
}

// New is the outbox in db, which stays the caller's to close.
func New(db *database.DB) *Outbox {
	return &Outbox{db: db, appended: make(chan struct{}, 1)}
}

// Notify carries a signal after each Append. Signals that nobody has taken yet are
// one, so it serves one receiver, who looks at Pending after each.
func (o *Outbox) Notify() <-chan struct{} { return o.appended }

// Append makes snapshots durable, all of them or, when it returns an error, none.
func (o *Outbox) Append(ctx context.Context, snapshots ...hub.Snapshot) error {
	if len(snapshots) == 0 {
		return nil
	}
	err := o.db.Write(ctx, func(tx *sql.Tx) error { // whose end closes the statements
		add, err := tx.PrepareContext(ctx, "INSERT INTO outbox (namespace, name, slot, payload) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")
		if err != nil {
			return err
		}
		newest, err := tx.PrepareContext(ctx, `INSERT INTO outbox_newest (namespace, name, slot) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET slot = excluded.slot WHERE excluded.slot > slot`)
		if err != nil {
			return err
		}
		for _, s := range snapshots {
			slot := database.Micros(s.Slot)
			_, err := add.ExecContext(ctx, s.Namespace, s.Name, slot, s.Encode())
			if err == nil {
				_, err = newest.ExecContext(ctx, s.Namespace, s.Name, slot)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", s.ID(), err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("append %d snapshots to the outbox: %w", len(snapshots), err)
	}
	select {
	case o.appended <- struct{}{}:
	default: // the receiver has yet to take the last one, and will see these too
	}
	return nil
}

// Confirm forgets the snapshots with these ids, because they have arrived. Ids that
// are not there are fine; what is no id is an error, and then none is forgotten.
func (o *Outbox) Confirm(ctx context.Context, ids []string) error {
	type key struct {
		hub.Repository
		slot time.Time
	}
	keys := make([]key, len(ids))
	for i, id := range ids {
		r, slot, err := hub.ParseID(id)
		if err != nil {
			return document.Permanent(fmt.Errorf("confirm: %w", err))
		}
		keys[i] = key{r, slot}
	}
	if len(keys) == 0 {
		return nil
	}
	err := o.db.Write(ctx, func(tx *sql.Tx) error {
		remove, err := tx.PrepareContext(ctx, "DELETE FROM outbox WHERE namespace = ? AND name = ? AND slot = ?")
		if err != nil {
			return err
		}
		for _, k := range keys {
			if _, err := remove.ExecContext(ctx, k.Namespace, k.Name, database.Micros(k.slot)); err != nil {
				return fmt.Errorf("%s: %w", hub.ID(k.Repository, k.slot), err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("confirm %d snapshots in the outbox: %w", len(ids), err)
	}
	return nil
}

// Has reports whether the snapshot of r for slot waits here.
func (o *Outbox) Has(ctx context.Context, r hub.Repository, slot time.Time) (bool, error) {
	err := o.db.Reader().QueryRowContext(ctx, "SELECT 1 FROM outbox WHERE namespace = ? AND name = ? AND slot = ?",
		r.Namespace, r.Name, database.Micros(slot)).Scan(new(int))
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s in the outbox: %w", hub.ID(r, slot), err)
	}
	return true, nil
}

// Holds reports whether the newest snapshot that was taken of r waits here, whatever its slot.
func (o *Outbox) Holds(ctx context.Context, r hub.Repository) (holds bool, err error) {
	err = o.db.Reader().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM outbox_newest JOIN outbox USING (slot, namespace, name)
		WHERE outbox_newest.namespace = ? AND outbox_newest.name = ?)`, r.Namespace, r.Name).Scan(&holds)
	if err != nil {
		return false, fmt.Errorf("look for %s in the outbox: %w", r, err)
	}
	return holds, nil
}

// Waiting is how many snapshots for slot wait here.
func (o *Outbox) Waiting(ctx context.Context, slot time.Time) (n int, err error) {
	if err := o.db.Reader().QueryRowContext(ctx, "SELECT count(*) FROM outbox WHERE slot = ?", database.Micros(slot)).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the outbox: %w", err)
	}
	return n, nil
}

// Len is how many snapshots wait.
func (o *Outbox) Len(ctx context.Context) (n int, err error) {
	if err := o.db.Reader().QueryRowContext(ctx, "SELECT count(*) FROM outbox").Scan(&n); err != nil {
		return 0, fmt.Errorf("count the outbox: %w", err)
	}
	return n, nil
}
