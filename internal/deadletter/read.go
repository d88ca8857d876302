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
	// maxBytes bounds the payload that is held in memory at a time.
	maxBytes = 64 << 20
	// By chance, so that no letters wait for others to be mended first. Sizes are known
	// without reading the payloads.
	whereForbidden = `WHERE rowid IN (
			SELECT id FROM (
				SELECT id, size, sum(size) OVER (ROWS UNBOUNDED PRECEDING) AS total FROM (
					SELECT rowid AS id, length(payload) AS size FROM dead_letters
					WHERE sink = ?1 AND forbidden = 1 ORDER BY random() LIMIT ?2))
			WHERE total <= ?3 OR total = size)
		ORDER BY rowid`
)

// Forbidden returns letters of a sink that are marked so, in the order in which they
// were put: at most limit, and no more than 64 MiB of payload but at least one. Where
// there are more, chance decides at each call which ones.
func (s *Store) Forbidden(ctx context.Context, sink string, limit int) ([]document.DeadLetter, error) {
	return s.forbidden(ctx, sink, limit, maxBytes)
}

func (s *Store) forbidden(ctx context.Context, sink string, limit int, maxBytes int64) ([]document.DeadLetter, error) {
	letters, _, err := s.letters(ctx, maxBytes, whereForbidden, sink, limit, maxBytes)
	return letters, err
}

// Get returns one letter by its key; ok is false where it is not there.
func (s *Store) Get(ctx context.Context, sink, log string, position document.Position) (l document.DeadLetter, ok bool, err error) {
	letters, _, err := s.letters(ctx, maxBytes, "WHERE sink = ? AND log = ? AND position = ?", sink, log, stored(position))
	if err != nil || len(letters) == 0 {
		return document.DeadLetter{}, false, err
	}
	return letters[0], true, nil
}

// Size is how many letters there are, and the bytes of their payloads, topics and reasons.
type Size struct {
	Letters int
	Bytes   int64
}

// Sizes returns the size of each sink's letters; a sink without any is missing.
func (s *Store) Sizes(ctx context.Context) (map[string]Size, error) {
	all, err := sizes(ctx, s.db.Reader())
	if err != nil {
		return nil, fmt.Errorf("count the dead letters: %w", err)
	}
	return all, nil
}

// Count is how many letters each sink has; a sink without any is missing.
func (s *Store) Count(ctx context.Context) (map[string]int, error) {
	all, err := s.Sizes(ctx)
	if err != nil {
		return nil, err
	}
	counts := make(map[string]int, len(all))
	for sink, size := range all {
		counts[sink] = size.Letters
	}
	return counts, nil
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func sizes(ctx context.Context, db querier) (all map[string]Size, err error) {
	rows, err := db.QueryContext(ctx, "SELECT sink, letters, bytes FROM dead_letter_sizes WHERE letters > 0")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	all = map[string]Size{}
	for rows.Next() {
		var sink string
		var size Size
		if err := rows.Scan(&sink, &size.Letters, &size.Bytes); err != nil {
			return nil, err
		}
		all[sink] = size
	}
	return all, rows.Err()
}

// errEnough ends a query whose answer is complete.
var errEnough = errors.New("enough")

// letters also returns the place of the last one.
func (s *Store) letters(ctx context.Context, maxBytes int64, clause string, args ...any) (letters []document.DeadLetter, last Mark, err error) {
	var size int64
	err = s.query(ctx, func(rows *sql.Rows) error {
		var l document.DeadLetter
		var at Mark
		if err := scan(rows, &l, &at); err != nil {
			return err
		}
		if size += int64(len(l.Payload)); len(letters) > 0 && size > maxBytes {
			return errEnough
		}
		letters, last = append(letters, l), at
		return nil
	}, "SELECT "+columnNames+", rowid FROM dead_letters "+clause, args...)
	if err != nil && !errors.Is(err, errEnough) {
		return nil, 0, fmt.Errorf("read the dead letters: %w", err)
	}
	return letters, last, nil
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

// columnNames are in the order of values and scan; headNames read no payload.
const (
	columnNames = "sink, log, position, topic, payload, retained, received, reason, at, forbidden"
	headNames   = "sink, log, position, topic, x'', retained, received, reason, at, forbidden"
)

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

// scan reads a row of columnNames, with one column behind them.
func scan(rows *sql.Rows, l *document.DeadLetter, last any) error {
	var position, received, at int64
	err := rows.Scan(&l.Sink, &l.Log, &position, &l.Topic, &l.Payload, &l.Retained, &received, &l.Reason, &at, &l.Forbidden, last)
	l.Position = document.Position(position) //nolint:gosec // the inverse of stored, bit by bit
	l.Received, l.At = database.Time(received), database.Time(at)
	return err
}

// stored is p as SQLite keeps it, which has signed integers only. A position made of
// a hash uses all 64 bits.
func stored(p document.Position) int64 { return int64(p) } //nolint:gosec // bit by bit
