package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"pulltrail/internal/database"
	"pulltrail/internal/hub"
)

// Deletion is what Delete removed, or would remove.
type Deletion struct {
	Count int
	// First and Last are the timestamps of the oldest and the newest; zero for none.
	First, Last time.Time
}

const whereDeleted = ` FROM snapshots WHERE repository = (SELECT id FROM repositories WHERE namespace = ?1 AND name = ?2)
	AND timestamp >= ?3 AND timestamp < ?4`

// Deletable returns what Delete would remove.
func (s *Store) Deletable(ctx context.Context, r hub.Repository, from, to time.Time) (Deletion, error) {
	first, end := bounds(from, to)
	d, err := countDeleted(ctx, s.db.Reader(), r, first, end)
	if err != nil {
		return d, fmt.Errorf("count the snapshots of %s: %w", r, err)
	}
	return d, nil
}

// Delete removes the snapshots of r with from <= timestamp < to, all or, when it returns
// an error, none. A zero time leaves that end open. Positions stay as they are and are not
// used again, so cursors stay valid; what followers have read is not taken back.
func (s *Store) Delete(ctx context.Context, r hub.Repository, from, to time.Time) (d Deletion, err error) {
	first, end := bounds(from, to)
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		if d, err = countDeleted(ctx, tx, r, first, end); err != nil || d.Count == 0 {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE"+whereDeleted, r.Namespace, r.Name, first, end); err != nil {
			return err
		}
		return tidy(ctx, tx, r)
	})
	if err != nil {
		return Deletion{}, fmt.Errorf("delete snapshots of %s: %w", r, err)
	}
	if d.Count > 0 {
		s.deletions.Add(1)
		s.wake() // so that whoever shows history reads it again
	}
	return d, nil
}

// Deletions counts the calls of Delete in this process that removed something. What was
// read before one of them is outdated.
func (s *Store) Deletions() uint64 { return s.deletions.Load() }

func countDeleted(ctx context.Context, db interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, r hub.Repository, first, end int64) (d Deletion, err error) {
	var oldest, newest sql.NullInt64
	err = db.QueryRowContext(ctx, "SELECT count(*), min(timestamp), max(timestamp)"+whereDeleted, r.Namespace, r.Name, first, end).
		Scan(&d.Count, &oldest, &newest)
	if oldest.Valid {
		d.First, d.Last = database.Time(oldest.Int64), database.Time(newest.Int64)
	}
	return d, err
}

// tidy makes what belongs to the snapshots of r agree with those that are left.
func tidy(ctx context.Context, tx *sql.Tx, r hub.Repository) error {
	newest, err := scanRepository(tx.QueryRowContext(ctx, selectRepository, r.Namespace, r.Name))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		_, err = tx.ExecContext(ctx, "DELETE FROM repositories WHERE namespace = ? AND name = ?", r.Namespace, r.Name)
	case err == nil:
		_, err = tx.ExecContext(ctx, "UPDATE repositories SET is_private = ? WHERE namespace = ? AND name = ?", newest.Newest.Private, r.Namespace, r.Name)
	}
	if err != nil {
		return err
	}
	for _, statement := range []string{
		"DELETE FROM bodies WHERE id NOT IN (SELECT body FROM snapshots)",
		"DELETE FROM topics WHERE id NOT IN (SELECT topic FROM snapshots)",
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
