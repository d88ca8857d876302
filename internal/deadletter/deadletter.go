// Package deadletter keeps the messages that a store or a sink has rejected, with the
// reason, until they are stored after all or removed.
//
// What it promises: a letter whose Put has returned survives kill -9 and a power cut.
// Its key is sink, log and position; a key that is there is left as it is.
//
// At its bounds: the letters of each sink have a bound in number and in bytes of their
// own, so one cannot take the room of another. Messages rejected on receipt
// (document.ReceiptLog) replace the oldest of the same sink, and Replaced counts the lost
// ones: they are junk by definition, and must not stop valid messages. At least the newest
// one is kept, whatever its size. The letters of a cluster are valid documents: Put
// returns an error at the bound and keeps nothing of that call, so the caller, who still
// has the documents, retries; where there is none yet, one call may exceed the bound. No
// call reads more than 64 MiB of payload into memory, except for a single larger letter.
package deadletter

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"sync"

	"pulltrail/internal/database"
	"pulltrail/internal/document"
)

// Bound limits the letters of one sink. Zero values stand for the defaults.
type Bound struct {
	Letters int
	// Bytes counts payload, topic and reason.
	Bytes int64
}

// The default bounds.
var (
	// ReceiptBound is that of the messages each store has rejected on receipt.
	ReceiptBound = Bound{Letters: 10_000, Bytes: 64 << 20}
	// SinkBound is that of the documents each cluster has rejected.
	SinkBound = Bound{Letters: 100_000, Bytes: 1 << 30}
)

// Options of a Store.
type Options struct {
	Receipt Bound // zero: ReceiptBound
	Sink    Bound // zero: SinkBound
}

// Store is the dead letters in a database. It is safe for concurrent use.
type Store struct {
	db            *database.DB
	receipt, sink Bound

	mu       sync.Mutex
	replaced map[string]uint64
}

// New is the dead letters in db, which stays the caller's to close.
func New(db *database.DB, opts Options) *Store {
	return &Store{
		db: db, receipt: opts.Receipt.or(ReceiptBound), sink: opts.Sink.or(SinkBound),
		replaced: map[string]uint64{},
	}
}

func (b Bound) or(defaults Bound) Bound {
	if b.Letters <= 0 {
		b.Letters = defaults.Letters
	}
	if b.Bytes <= 0 {
		b.Bytes = defaults.Bytes
	}
	return b
}

// exceeds reports whether s is above the bound.
func (b Bound) exceeds(s Size) bool { return s.Letters > b.Letters || s.Bytes > b.Bytes }

// Put makes letters durable, all of them or, when it returns an error, none. At the
// bound of a cluster's letters it returns an error unless every key is there already;
// letters rejected on receipt replace the oldest instead.
func (s *Store) Put(ctx context.Context, letters ...document.DeadLetter) error {
	if len(letters) == 0 {
		return nil
	}
	var replaced map[string]uint64
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		replaced = map[string]uint64{}
		before, err := sizes(ctx, tx)
		if err != nil {
			return err
		}
		if err := insert(ctx, tx, letters); err != nil {
			return err
		}
		after, err := sizes(ctx, tx)
		if err != nil {
			return err
		}
		for sink, size := range after {
			was := before[sink]
			switch {
			case size == was:
			case rejectedOnReceipt(letters, sink):
				if replaced[sink], err = s.replaceOldest(ctx, tx, sink, size); err != nil {
					return err
				}
			case was.Letters > 0 && s.sink.exceeds(size):
				return fmt.Errorf("%s has %d dead letters (%d bytes), %d more (%d bytes) exceed the bound of %d (%d bytes): "+
					"fix what their reasons name and run pulltrail deadletters retry, or discard some with pulltrail deadletters drop",
					sink, was.Letters, was.Bytes, size.Letters-was.Letters, size.Bytes-was.Bytes, s.sink.Letters, s.sink.Bytes)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep %d dead letters: %w", len(letters), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for sink, n := range replaced {
		s.replaced[sink] += n
	}
	return nil
}

// Replaced returns how many letters of each sink newer ones have replaced since New.
func (s *Store) Replaced() map[string]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.replaced)
}

// rejectedOnReceipt reports whether the letters of a sink are messages that never reached
// a log.
func rejectedOnReceipt(letters []document.DeadLetter, sink string) bool {
	for _, l := range letters {
		if l.Sink == sink && l.Log != document.ReceiptLog {
			return false
		}
	}
	return true
}

// replaceOldest deletes the oldest letters that sink rejected on receipt until the rest is
// within the bound, and returns how many. It keeps the newest.
func (s *Store) replaceOldest(ctx context.Context, tx *sql.Tx, sink string, size Size) (n uint64, err error) {
	if !s.receipt.exceeds(size) {
		return 0, nil
	}
	rows, err := tx.QueryContext(ctx, `SELECT rowid, length(payload) + octet_length(topic) + octet_length(reason)
		FROM dead_letters WHERE sink = ?1 AND log = ?2
		AND rowid < (SELECT max(rowid) FROM dead_letters WHERE sink = ?1 AND log = ?2) ORDER BY rowid`, sink, document.ReceiptLog)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var last int64
	for s.receipt.exceeds(size) && rows.Next() {
		var bytes int64
		if err := rows.Scan(&last, &bytes); err != nil {
			return 0, err
		}
		size.Letters--
		size.Bytes -= bytes
		n++
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || n == 0 {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM dead_letters WHERE sink = ? AND log = ? AND rowid <= ?", sink, document.ReceiptLog, last)
	return n, err
}

func insert(ctx context.Context, tx *sql.Tx, letters []document.DeadLetter) error {
	add, err := tx.PrepareContext(ctx, `INSERT INTO dead_letters (`+columnNames+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
	if err != nil {
		return err
	}
	for _, l := range letters {
		if _, err := add.ExecContext(ctx, values(l)...); err != nil {
			return fmt.Errorf("position %d of %s: %w", l.Position, l.Log, err)
		}
	}
	return nil
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
