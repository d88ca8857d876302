// Package deadletter keeps the messages that a store or a sink has refused, with the
// reason, until they are stored after all or removed.
//
// What it promises: a letter whose Put has returned survives kill -9 and a power cut.
// Its key is sink, log and position; a key that is there is left as it is.
//
// At its bounds: no more than Options.MaxLetters are kept. Beyond that Put returns an
// error and keeps nothing of that call, so the caller, who still has the messages,
// waits. Nothing is ever dropped to make room. No call reads more than 64 MiB of payload
// into memory, but for a single letter that is larger.
package deadletter

import (
	"context"
	"database/sql"
	"fmt"

	"pulltrail/internal/database"
	"pulltrail/internal/document"
)

const defaultMaxLetters = 100_000

// Options of a Store.
type Options struct {
	// MaxLetters bounds how many are kept; zero stands for 100,000.
	MaxLetters int
}

// Store is the dead letters in a database. It is safe for concurrent use.
type Store struct {
	db         *database.DB
	maxLetters int
}

// New is the dead letters in db, which stays the caller's to close.
func New(db *database.DB, opts Options) *Store {
	if opts.MaxLetters <= 0 {
		opts.MaxLetters = defaultMaxLetters
	}
	return &Store{db: db, maxLetters: opts.MaxLetters}
}

// Put makes letters durable, all of them or, when it returns an error, none. At the
// bound it is an error unless every key is there already.
func (s *Store) Put(ctx context.Context, letters ...document.DeadLetter) error {
	if len(letters) == 0 {
		return nil
	}
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		added, err := insert(ctx, tx, letters)
		if err != nil || added == 0 {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM dead_letters").Scan(&n); err != nil {
			return err
		}
		if n > s.maxLetters {
			return fmt.Errorf("%d are kept, %d more would exceed the most allowed, %d: "+
				"mend what their reasons name and try them again with pulltrail deadletters retry, or remove some with pulltrail deadletters drop",
				n-added, added, s.maxLetters)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep %d dead letters: %w", len(letters), err)
	}
	return nil
}

// insert says how many of the letters had no key here yet.
func insert(ctx context.Context, tx *sql.Tx, letters []document.DeadLetter) (added int, err error) {
	add, err := tx.PrepareContext(ctx, `INSERT INTO dead_letters (`+columnNames+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
	if err != nil {
		return 0, err
	}
	for _, l := range letters {
		result, err := add.ExecContext(ctx, values(l)...)
		if err != nil {
			return 0, fmt.Errorf("position %d of %s: %w", l.Position, l.Log, err)
		}
		n, err := result.RowsAffected()
		if err != nil {
			return 0, err
		}
		added += int(n)
	}
	return added, nil
}

// Refuse replaces the reason and the time of letters that are kept, and the mark that
// a permission was missing. Keys that are not there are fine.
func (s *Store) Refuse(ctx context.Context, letters ...document.DeadLetter) error {
	return s.change(ctx, letters, "refuse", `UPDATE dead_letters SET reason = ?4, at = ?5, forbidden = ?6
		WHERE sink = ?1 AND log = ?2 AND position = ?3`, func(l document.DeadLetter) []any {
		return []any{l.Reason, database.Micros(l.At), l.Forbidden}
	})
}

// Remove forgets letters by their keys, all or, when it returns an error, none. Keys
// that are not there are fine.
func (s *Store) Remove(ctx context.Context, letters ...document.DeadLetter) error {
	return s.change(ctx, letters, "remove", `DELETE FROM dead_letters WHERE sink = ?1 AND log = ?2 AND position = ?3`,
		func(document.DeadLetter) []any { return nil })
}

// change runs statement for each letter, in one transaction; the key comes first
// among its arguments.
func (s *Store) change(ctx context.Context, letters []document.DeadLetter, what, statement string, more func(document.DeadLetter) []any) error {
	if len(letters) == 0 {
		return nil
	}
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		prepared, err := tx.PrepareContext(ctx, statement)
		if err != nil {
			return err
		}
		for _, l := range letters {
			if _, err := prepared.ExecContext(ctx, append([]any{l.Sink, l.Log, stored(l.Position)}, more(l)...)...); err != nil {
				return fmt.Errorf("position %d of %s: %w", l.Position, l.Log, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s %d dead letters: %w", what, len(letters), err)
	}
	return nil
}
