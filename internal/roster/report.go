package roster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"pulltrail/internal/database"
	"pulltrail/internal/hub"
)

// maxMessage bounds what is kept of a message, in bytes.
const maxMessage = 500

// row is an entry as it is stored.
type row struct {
	Entry
	counted time.Time // the last slot that Absent counts; zero when Absent is 0
}

const upsert = `INSERT INTO roster (namespace, name, listed, slot, seen, absent, since, counted, cause, message)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT DO UPDATE SET listed = excluded.listed, slot = excluded.slot, seen = excluded.seen, absent = excluded.absent,
		since = excluded.since, counted = excluded.counted, cause = excluded.cause, message = excluded.message`

// Report enters what a run for slot says of repositories, in the order given. It is
// durable when Report returns nil; after an error, none of it is. A slot older than
// the last report of an entry changes nothing of it, but makes an entry where there is
// none. A success ends an absence. The same slot again does not count twice, and a
// success for it stands.
func (s *Store) Report(ctx context.Context, slot time.Time, reports ...Report) error {
	if len(reports) == 0 {
		return nil
	}
	slot = database.Time(database.Micros(slot))
	err := s.db.Write(ctx, func(tx *sql.Tx) error { // whose end closes the statements
		find, err := tx.PrepareContext(ctx, selectEntry+" WHERE namespace = ? AND name = ?")
		if err != nil {
			return err
		}
		put, err := tx.PrepareContext(ctx, upsert)
		if err != nil {
			return err
		}
		for _, r := range reports {
			if err := enter(ctx, find, put, slot, r); err != nil {
				return fmt.Errorf("%s: %w", r.Repository, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("report %d repositories to the roster: %w", len(reports), err)
	}
	return nil
}

func enter(ctx context.Context, find, put *sql.Stmt, slot time.Time, r Report) error {
	before, err := scan(find.QueryRowContext(ctx, r.Namespace, r.Name))
	known := err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if known && !before.takes(slot, r) {
		return nil
	}
	e := before.after(slot, r)
	_, err = put.ExecContext(ctx, e.Namespace, e.Name, e.Listed, database.Micros(e.Slot), nullable(e.Seen), e.Absent,
		nullable(e.Since), nullable(e.counted), e.Cause, e.Message)
	return err
}

// answered reports whether there was a snapshot.
func (r Report) answered() bool { return r.Cause == "" && !r.Absent }

// takes reports whether r says anything new: it is not older than what is known, and
// no failure for a slot that has its snapshot.
func (e row) takes(slot time.Time, r Report) bool {
	return slot.After(e.Slot) || slot.Equal(e.Slot) && (r.answered() || !slot.Equal(e.Seen))
}

// after is the entry with r, which it takes; the zero row stands for none before.
func (e row) after(slot time.Time, r Report) row {
	e.Repository, e.Listed, e.Slot = r.Repository, r.Listed, slot
	if r.answered() {
		e.Seen, e.Cause, e.Message = slot, "", ""
		e.Absent, e.Since, e.counted = 0, time.Time{}, time.Time{}
		return e
	}
	e.Cause, e.Message = r.Cause, cut(r.Message)
	if !r.Absent || e.counted.Equal(slot) {
		return e
	}
	if e.Absent == 0 {
		e.Since = slot
	}
	e.Absent++
	e.counted = slot
	return e
}

// cut keeps what may be kept of a message and leaves out what is not UTF-8.
func cut(message string) string {
	return strings.ToValidUTF8(message[:min(len(message), maxMessage)], "")
}

// Forget removes entries, such as those of names that were taken out of the
// configuration. Those that are not there are fine.
func (s *Store) Forget(ctx context.Context, repositories ...hub.Repository) error {
	if len(repositories) == 0 {
		return nil
	}
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		remove, err := tx.PrepareContext(ctx, "DELETE FROM roster WHERE namespace = ? AND name = ?")
		if err != nil {
			return err
		}
		for _, r := range repositories {
			if _, err := remove.ExecContext(ctx, r.Namespace, r.Name); err != nil {
				return fmt.Errorf("%s: %w", r, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget %d repositories of the roster: %w", len(repositories), err)
	}
	return nil
}
