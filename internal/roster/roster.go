// Package roster remembers from one run to the next which repositories there are and how
// each fares: found by name or by a listing, seen, not found for how many slots, failing
// and why; and how far the listing of each namespace has come.
//
// What it promises: what was reported is durable when the method has returned nil, and
// every method is safe for concurrent use. A repository stays until it is forgotten, also
// one that has vanished. Of a message at most 500 bytes are kept.
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

// maxMessage is how much of a message is kept, in bytes.
const maxMessage = 500

// Entry is what is known of one repository.
type Entry struct {
	hub.Repository
	// Listed says that it was found by the listing of its namespace, and is not named in
	// the configuration.
	Listed bool
	// Seen is the newest slot for which it answered; zero for never.
	Seen time.Time
	// Absent is in how many slots in a row it was not found, Since the first of them.
	Absent int
	Since  time.Time
	// Cause is why there was no snapshot the last time, in one word, and Message the same
	// in a sentence; empty when there was one.
	Cause, Message string
	// Slot is that of the last report.
	Slot time.Time
}

// Report is what a run says of one repository.
type Report struct {
	hub.Repository
	Listed bool
	// Absent says that it was not found, which counts once for a slot.
	Absent bool
	// Cause and Message say why there is no snapshot; empty when it answered.
	Cause, Message string
}

// Listing is how far the listing of a namespace has come for a slot.
type Listing struct {
	Namespace string
	Slot      time.Time
	// Next is the page to go on with; 0 when it is done.
	Next int
	// Rows is how many rows were listed so far, Total how many there are by Docker Hub's
	// own count.
	Rows, Total int
	// Truncated says that Docker Hub lists no more without a login.
	Truncated bool
	Message   string
}

// Store is the roster in a database.
type Store struct{ db *database.DB }

// New is the roster in db, which stays the caller's to close.
func New(db *database.DB) *Store { return &Store{db: db} }

// report enters one: an older slot than the last changes nothing, a success wins over an
// absence for the same slot, and the same absence counts once.
const report = `INSERT INTO roster (namespace, name, listed, seen, absent, since, cause, message, slot)
	VALUES (?1, ?2, ?3, iif(?4 = '', ?7, NULL), ?5, iif(?5 = 1, ?7, NULL), ?4, ?6, ?7)
	ON CONFLICT (namespace, name) DO UPDATE SET
		listed = excluded.listed,
		seen = coalesce(excluded.seen, roster.seen),
		absent = CASE WHEN excluded.cause = '' THEN 0
			WHEN excluded.absent = 1 AND (excluded.slot > roster.slot OR roster.absent = 0) THEN roster.absent + 1
			ELSE roster.absent END,
		since = CASE WHEN excluded.cause = '' THEN NULL
			WHEN excluded.absent = 1 THEN coalesce(roster.since, excluded.slot)
			ELSE roster.since END,
		cause = excluded.cause, message = excluded.message, slot = excluded.slot
	WHERE excluded.slot > roster.slot
		OR excluded.slot = roster.slot AND (excluded.cause = '' OR roster.cause <> '')`

// Report enters what a run for slot says of repositories, all of them or, when it
// returns an error, none.
func (s *Store) Report(ctx context.Context, slot time.Time, reports ...Report) error {
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		enter, err := tx.PrepareContext(ctx, report)
		if err != nil {
			return err
		}
		for _, r := range reports {
			absent := 0
			if r.Absent && r.Cause != "" {
				absent = 1
			}
			if _, err := enter.ExecContext(ctx, r.Namespace, r.Name, r.Listed, r.Cause, absent, clipped(r.Message), database.Micros(slot)); err != nil {
				return fmt.Errorf("%s: %w", r.Repository, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("enter %d repositories into the roster: %w", len(reports), err)
	}
	return nil
}

func clipped(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage], "") + "…"
}

// Unseen are listed repositories of a namespace of which nothing was reported for slot,
// and that were not found for fewer slots in a row than most, by name.
func (s *Store) Unseen(ctx context.Context, namespace string, slot time.Time, most int) (found []hub.Repository, err error) {
	err = s.query(ctx, func(rows *sql.Rows) error {
		r := hub.Repository{Namespace: namespace}
		err := rows.Scan(&r.Name)
		found = append(found, r)
		return err
	}, "SELECT name FROM roster WHERE namespace = ? AND listed = 1 AND slot < ? AND absent < ? ORDER BY name",
		namespace, database.Micros(slot), most)
	return found, err
}

// Entries are all, by namespace and name.
func (s *Store) Entries(ctx context.Context) (found []Entry, err error) {
	err = s.query(ctx, func(rows *sql.Rows) error {
		var e Entry
		var seen, since *int64
		var slot int64
		err := rows.Scan(&e.Namespace, &e.Name, &e.Listed, &seen, &e.Absent, &since, &e.Cause, &e.Message, &slot)
		e.Seen, e.Since, e.Slot = timeOf(seen), timeOf(since), database.Time(slot)
		found = append(found, e)
		return err
	}, "SELECT namespace, name, listed, seen, absent, since, cause, message, slot FROM roster ORDER BY namespace, name")
	return found, err
}

func timeOf(micros *int64) time.Time {
	if micros == nil {
		return time.Time{}
	}
	return database.Time(*micros)
}

const listingColumns = "namespace, slot, next, rows, total, truncated, message"

// SetListing keeps how far a listing has come.
func (s *Store) SetListing(ctx context.Context, l Listing) error {
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO listings ("+listingColumns+") VALUES (?, ?, ?, ?, ?, ?, ?)",
			l.Namespace, database.Micros(l.Slot), l.Next, l.Rows, l.Total, l.Truncated, clipped(l.Message))
		return err
	})
	if err != nil {
		return fmt.Errorf("keep the listing of %s: %w", l.Namespace, err)
	}
	return nil
}

// Listing is how far that of a namespace has come; false before the first.
func (s *Store) Listing(ctx context.Context, namespace string) (l Listing, ok bool, err error) {
	err = s.query(ctx, func(rows *sql.Rows) (err error) {
		ok = true
		l, err = scanListing(rows)
		return err
	}, "SELECT "+listingColumns+" FROM listings WHERE namespace = ?", namespace)
	return l, ok, err
}

// Listings are all, by namespace.
func (s *Store) Listings(ctx context.Context) (found []Listing, err error) {
	err = s.query(ctx, func(rows *sql.Rows) error {
		l, err := scanListing(rows)
		found = append(found, l)
		return err
	}, "SELECT "+listingColumns+" FROM listings ORDER BY namespace")
	return found, err
}

func scanListing(rows *sql.Rows) (l Listing, err error) {
	var slot int64
	err = rows.Scan(&l.Namespace, &slot, &l.Next, &l.Rows, &l.Total, &l.Truncated, &l.Message)
	l.Slot = database.Time(slot)
	return l, err
}

// query calls scan for each row of a question.
func (s *Store) query(ctx context.Context, scan func(*sql.Rows) error, question string, arguments ...any) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read the roster: %w", err)
		}
	}()
	rows, err := s.db.Reader().QueryContext(ctx, question, arguments...)
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
