package deadletter

import (
	"context"
	"database/sql"
	"fmt"

	"pulltrail/internal/document"
)

// Mark is a place in the order in which letters were put; zero stands before the
// first. It lets a caller go through what was there when he began, while letters come
// and go.
type Mark int64

// Head is a letter without its payload.
type Head struct {
	document.DeadLetter
	// Size is how many bytes of payload are kept.
	Size int64
}

// ofSink is true for the letters of the sink that is the first argument, of all
// sinks where that is empty.
const ofSink = "(?1 = '' OR sink = ?1)"

// Heads returns letters of a sink, of all where it is empty, in the order in which they
// were put: at most limit, without the first offset.
func (s *Store) Heads(ctx context.Context, sink string, limit, offset int) ([]Head, error) {
	var heads []Head
	err := s.query(ctx, func(rows *sql.Rows) error {
		var h Head
		err := scan(rows, &h.DeadLetter, &h.Size)
		h.Payload = nil
		heads = append(heads, h)
		return err
	}, "SELECT "+headNames+", length(payload) FROM dead_letters WHERE "+ofSink+" ORDER BY rowid LIMIT ?2 OFFSET ?3", sink, limit, offset)
	if err != nil {
		return nil, fmt.Errorf("list the dead letters: %w", err)
	}
	return heads, nil
}

// Newest is the place of the letter that was put last.
func (s *Store) Newest(ctx context.Context) (Mark, error) {
	var newest Mark
	if err := s.db.Reader().QueryRowContext(ctx, "SELECT coalesce(max(rowid), 0) FROM dead_letters").Scan(&newest); err != nil {
		return 0, fmt.Errorf("find the newest dead letter: %w", err)
	}
	return newest, nil
}

// Walk returns letters of a sink, of all where it is empty, that stand behind after and
// not behind through: at most limit, and no more than 64 MiB of payload but at least
// one; none when there are no more. The mark is the place of the last, where the next
// call goes on.
func (s *Store) Walk(ctx context.Context, sink string, after, through Mark, limit int) ([]document.DeadLetter, Mark, error) {
	return s.letters(ctx, maxBytes, "WHERE "+ofSink+" AND rowid > ?2 AND rowid <= ?3 ORDER BY rowid LIMIT ?4", sink, after, through, limit)
}

// Clear removes the letters of a sink, of all where it is empty, that do not stand
// behind through, and returns how many there were.
func (s *Store) Clear(ctx context.Context, sink string, through Mark) (removed int, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "DELETE FROM dead_letters WHERE "+ofSink+" AND rowid <= ?2", sink, through)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		removed = int(n)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("remove the dead letters: %w", err)
	}
	return removed, nil
}
