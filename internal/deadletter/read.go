package deadletter

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"pulltrail/internal/database"
	"pulltrail/internal/document"
)

const (
	selectLetters = "SELECT " + columnNames + " FROM dead_letters "
	// By chance, so that no letters wait for others to be mended first; the inner query
	// reads the index alone.
	whereForbidden = `WHERE rowid IN (SELECT rowid FROM dead_letters WHERE sink = ? AND forbidden = 1
		ORDER BY random() LIMIT ?) ORDER BY rowid`
)

// List returns letters in the order in which they were put: at most limit, without
// the first offset.
func (s *Store) List(ctx context.Context, limit, offset int) ([]document.DeadLetter, error) {
	return s.letters(ctx, "ORDER BY rowid LIMIT ? OFFSET ?", limit, offset)
}

// Forbidden returns letters of a sink that are marked so, in the order in which they
// were put. Where there are more than limit, chance decides at each call which ones.
func (s *Store) Forbidden(ctx context.Context, sink string, limit int) ([]document.DeadLetter, error) {
	return s.letters(ctx, whereForbidden, sink, limit)
}

// Count is how many letters each sink has; a sink without any is missing.
func (s *Store) Count(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	err := s.query(ctx, func(rows *sql.Rows) error {
		var sink string
		var n int
		err := rows.Scan(&sink, &n)
		counts[sink] = n
		return err
	}, "SELECT sink, count(*) FROM dead_letters GROUP BY sink")
	if err != nil {
		return nil, fmt.Errorf("count the dead letters: %w", err)
	}
	return counts, nil
}

func (s *Store) letters(ctx context.Context, clause string, args ...any) ([]document.DeadLetter, error) {
	var letters []document.DeadLetter
	err := s.query(ctx, func(rows *sql.Rows) error {
		l, err := scan(rows)
		letters = append(letters, l)
		return err
	}, selectLetters+clause, args...)
	if err != nil {
		return nil, fmt.Errorf("read the dead letters: %w", err)
	}
	return letters, nil
}

func (s *Store) query(ctx context.Context, scan func(*sql.Rows) error, text string, args ...any) (err error) {
	rows, err := s.db.Reader().QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// columnNames are in the order of values and scan.
const columnNames = "sink, log, position, topic, payload, retained, received, reason, at, forbidden"

func values(l document.DeadLetter) []any {
	payload := l.Payload
	if payload == nil {
		payload = []byte{} // nil would be NULL; a message may well be empty
	}
	return []any{
		l.Sink, l.Log, stored(l.Position), l.Topic, payload, l.Retained,
		database.Micros(l.Received), l.Reason, database.Micros(l.At), l.Forbidden,
	}
}

func scan(rows *sql.Rows) (l document.DeadLetter, err error) {
	var position, received, at int64
	err = rows.Scan(&l.Sink, &l.Log, &position, &l.Topic, &l.Payload, &l.Retained, &received, &l.Reason, &at, &l.Forbidden)
	l.Position = document.Position(position) //nolint:gosec // the inverse of stored, bit by bit
	l.Received, l.At = database.Time(received), database.Time(at)
	return l, err
}

// stored is p as SQLite keeps it, which has signed integers only. A position made of
// a hash uses all 64 bits.
func stored(p document.Position) int64 { return int64(p) } //nolint:gosec // bit by bit
