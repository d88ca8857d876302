// Package state keeps the small facts that Pulltrail must remember between two
// starts: how far each sink has followed each log (cursors), which slot each job
// has dealt with (the slot ledger), how far the reading of each source has come that
// was broken off (places), what the broker keeps for Home Assistant (announced), and the
// identity of the data directory (meta).
//
// What it promises: a fact is durable when the method that writes it has returned
// nil, and every method is safe for concurrent use. The tables grow with the
// number of sinks, logs and jobs that were ever configured, and of topics that are
// announced, not with time; a cursor whose sink is gone is kept, so that the sink can
// come back.
package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"pulltrail/internal/database"
	"pulltrail/internal/document"
)

// Store reads and writes the tables meta, cursors, slots and announced.
type Store struct {
	db *database.DB
}

// New is the state in db, which stays the caller's to close.
func New(db *database.DB) *Store {
	return &Store{db: db}
}

// LastSlot is the newest slot that job has dealt with, in UTC; ok is false before
// the first one.
func (s *Store) LastSlot(ctx context.Context, job string) (slot time.Time, ok bool, err error) {
	micros, ok, err := one[int64](ctx, s.db, "SELECT slot FROM slots WHERE job = ?", job)
	if !ok || err != nil {
		return time.Time{}, false, wrap(err, "read the last slot of job %q", job)
	}
	return database.Time(micros), true, nil
}

// RecordSlot notes that job has dealt with slot. The ledger never moves backwards:
// an older slot than the one it holds changes nothing.
func (s *Store) RecordSlot(ctx context.Context, job string, slot time.Time) error {
	const upsert = `INSERT INTO slots (job, slot) VALUES (?, ?)
		ON CONFLICT (job) DO UPDATE SET slot = excluded.slot WHERE excluded.slot > slots.slot`
	return wrap(s.exec(ctx, upsert, job, database.Micros(slot)), "record slot %s of job %q", slot.UTC().Format(time.RFC3339), job)
}

// Cursor is the position of the last entry of log that sink has dealt with; zero
// before the first one.
func (s *Store) Cursor(ctx context.Context, sink, log string) (document.Position, error) {
	position, _, err := one[int64](ctx, s.db, "SELECT position FROM cursors WHERE sink = ? AND log = ?", sink, log)
	switch {
	case err != nil:
		return 0, fmt.Errorf("read the cursor of sink %q in log %q: %w", sink, log, err)
	case position < 0:
		return 0, fmt.Errorf("read the cursor of sink %q in log %q: position %d is below zero", sink, log, position)
	}
	return document.Position(position), nil
}

// SetCursor moves the cursor of sink in log to p, in either direction.
func (s *Store) SetCursor(ctx context.Context, sink, log string, p document.Position) error {
	if p > math.MaxInt64 {
		return fmt.Errorf("set the cursor of sink %q in log %q: position %d is beyond what can be stored", sink, log, p)
	}
	const upsert = `INSERT INTO cursors (sink, log, position) VALUES (?, ?, ?)
		ON CONFLICT (sink, log) DO UPDATE SET position = excluded.position`
	return wrap(s.exec(ctx, upsert, sink, log, int64(p)), "set the cursor of sink %q in log %q to %d", sink, log, p)
}

// Meta is the value of key; ok is false when it was never set.
func (s *Store) Meta(ctx context.Context, key string) (value string, ok bool, err error) {
	value, ok, err = one[string](ctx, s.db, "SELECT value FROM meta WHERE key = ?", key)
	return value, ok, wrap(err, "read the meta value %q", key)
}

// SetMetaOnce gives key a value unless it has one, and returns the one that stands:
// whoever is first decides, for good.
func (s *Store) SetMetaOnce(ctx context.Context, key, value string) (string, error) {
	var stands string
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		const insert = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING"
		if _, err := tx.ExecContext(ctx, insert, key, value); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = ?", key).Scan(&stands)
	})
	if err != nil {
		return "", fmt.Errorf("set the meta value %q: %w", key, err)
	}
	return stands, nil
}

// updateMeta replaces the value of key by what update makes of it; a value that was never set
// is empty.
func (s *Store) updateMeta(ctx context.Context, key string, update func(string) (string, error)) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		var value string
		err := tx.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = ?", key).Scan(&value)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if value, err = update(value); err != nil {
			return err
		}
		const upsert = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
		_, err = tx.ExecContext(ctx, upsert, key, value)
		return err
	})
}

// exec runs one statement in a transaction of its own.
func (s *Store) exec(ctx context.Context, statement string, args ...any) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
}

// one reads a single value; ok is false when there is no such row.
func one[T any](ctx context.Context, db *database.DB, query string, args ...any) (value T, ok bool, err error) {
	err = db.Reader().QueryRowContext(ctx, query, args...).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return value, false, nil
	}
	return value, err == nil, err
}

// wrap says what was being done when err, if any, came up.
func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
