package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"pulltrail/internal/database"
	"pulltrail/internal/document"
	"pulltrail/internal/hub"
)

const selectPending = `SELECT o.namespace, o.name, o.slot, o.payload, o.slot = n.slot, o.slot = (SELECT max(slot) FROM outbox_newest)
	FROM outbox o JOIN outbox_newest n ON n.namespace = o.namespace AND n.name = o.name
	WHERE (o.slot, o.namespace, o.name) > (?, ?, ?)
	ORDER BY o.slot, o.namespace, o.name LIMIT ?`

// Pending are the unconfirmed snapshots that follow after: the oldest slot first,
// within a slot by namespace and name, and at most 1,000. The zero value stands
// before the first.
func (o *Outbox) Pending(ctx context.Context, after document.Pending) (pending []document.Pending, err error) {
	rows, err := o.db.Reader().QueryContext(ctx, selectPending, database.Micros(after.Slot), after.Namespace, after.Name, maxPending)
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	defer func() {
		if err = errors.Join(err, rows.Close()); err != nil {
			pending, err = nil, fmt.Errorf("read the outbox: %w", err)
		}
	}()
	for rows.Next() {
		p, err := scan(rows)
		if err != nil {
			return nil, err
		}
		pending = append(pending, p)
	}
	return pending, rows.Err()
}

func scan(rows *sql.Rows) (p document.Pending, err error) {
	var slot int64
	err = rows.Scan(&p.Namespace, &p.Name, &slot, &p.Payload, &p.NewestOfRepository, &p.NewestOfAll)
	p.Slot = database.Time(slot)
	p.ID = hub.ID(hub.Repository{Namespace: p.Namespace, Name: p.Name}, p.Slot)
	return p, err
}

const newestPending = ` FROM outbox o JOIN outbox_newest n ON n.namespace = o.namespace AND n.name = o.name AND n.slot = o.slot
	ORDER BY o.namespace, o.name`

// Repositories are those whose newest snapshot is unconfirmed, by namespace and name.
func (o *Outbox) Repositories(ctx context.Context) (all []hub.Repository, err error) {
	err = o.each(ctx, "SELECT o.namespace, o.name"+newestPending, func(rows *sql.Rows) error {
		var r hub.Repository
		err := rows.Scan(&r.Namespace, &r.Name)
		all = append(all, r)
		return err
	})
	return all, err
}

// Newest are the payloads of the newest snapshots of Repositories, in the same order.
func (o *Outbox) Newest(ctx context.Context) (payloads [][]byte, err error) {
	err = o.each(ctx, "SELECT o.payload"+newestPending, func(rows *sql.Rows) error {
		var payload []byte
		err := rows.Scan(&payload)
		payloads = append(payloads, payload)
		return err
	})
	return payloads, err
}

// each calls visit for each row of a query.
func (o *Outbox) each(ctx context.Context, query string, visit func(*sql.Rows) error) (err error) {
	rows, err := o.db.Reader().QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("read the outbox: %w", err)
	}
	defer func() {
		if err = errors.Join(err, rows.Close()); err != nil {
			err = fmt.Errorf("read the outbox: %w", err)
		}
	}()
	for rows.Next() {
		if err := visit(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
