package roster

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"pulltrail/internal/database"
	"pulltrail/internal/hub"
)

// page is how many entries are read at a time.
const page = 1000

const selectEntry = "SELECT namespace, name, listed, slot, seen, absent, since, counted, cause, message FROM roster"

// Entries are all, by namespace and name.
func (s *Store) Entries(ctx context.Context) ([]Entry, error) {
	var all []Entry
	err := s.Each(ctx, func(e Entry) bool {
		all = append(all, e)
		return true
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Each visits the entries by namespace and name until visit returns false. They are
// read 1,000 at a time, and nothing is held while visit runs: it may take its time and
// call the Store. What is reported meanwhile may or may not show; every entry that is
// there throughout is visited once.
func (s *Store) Each(ctx context.Context, visit func(Entry) bool) error {
	var last hub.Repository
	for {
		entries, err := s.following(ctx, last)
		if err != nil {
			return fmt.Errorf("read the roster: %w", err)
		}
		for _, e := range entries {
			if !visit(e) {
				return nil
			}
		}
		if len(entries) < page {
			return nil
		}
		last = entries[len(entries)-1].Repository
	}
}

// following is one page of entries, those behind after.
func (s *Store) following(ctx context.Context, after hub.Repository) ([]Entry, error) {
	return collect(ctx, s.db, func(rows *sql.Rows) (Entry, error) {
		r, err := scan(rows)
		return r.Entry, err
	}, selectEntry+" WHERE (namespace, name) > (?, ?) ORDER BY namespace, name LIMIT ?", after.Namespace, after.Name, page)
}

// Unseen are the listed repositories of a namespace that have not been reported for
// slot or a newer one, or for slot with one of the causes in passing, with Absent below
// most, by name: those that the listing has not shown, and that are worth asking for
// themselves.
func (s *Store) Unseen(ctx context.Context, namespace string, slot time.Time, most int, passing ...string) ([]hub.Repository, error) {
	causes, err := json.Marshal(passing)
	if err != nil {
		return nil, err
	}
	unseen, err := collect(ctx, s.db, func(rows *sql.Rows) (r hub.Repository, err error) {
		return r, rows.Scan(&r.Namespace, &r.Name)
	}, `SELECT namespace, name FROM roster WHERE namespace = ?1 AND listed = 1 AND absent < ?3
			AND (slot < ?2 OR slot = ?2 AND cause IN (SELECT value FROM json_each(?4))) ORDER BY name`,
		namespace, database.Micros(slot), most, string(causes))
	if err != nil {
		return nil, fmt.Errorf("look for unseen repositories of %s in the roster: %w", namespace, err)
	}
	return unseen, nil
}

// scan reads one row of selectEntry.
func scan(from interface{ Scan(dest ...any) error }) (r row, err error) {
	var slot int64
	var seen, since, counted sql.NullInt64
	err = from.Scan(&r.Namespace, &r.Name, &r.Listed, &slot, &seen, &r.Absent, &since, &counted, &r.Cause, &r.Message)
	if err != nil {
		return row{}, err
	}
	r.Slot, r.Seen, r.Since, r.counted = database.Time(slot), timeOf(seen), timeOf(since), timeOf(counted)
	return r, nil
}

// nullable is t as it is stored: the zero time, which is no slot, is null.
func nullable(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: database.Micros(t), Valid: !t.IsZero()}
}

// timeOf is the inverse of nullable.
func timeOf(micros sql.NullInt64) time.Time {
	if !micros.Valid {
		return time.Time{}
	}
	return database.Time(micros.Int64)
}

// collect reads all rows of a query.
func collect[T any](ctx context.Context, db *database.DB, read func(*sql.Rows) (T, error), query string, args ...any) (all []T, err error) {
	rows, err := db.Reader().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := read(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
