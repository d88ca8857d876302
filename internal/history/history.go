// Package history keeps every snapshot that ever arrived. It is the product: the
// curves are drawn from it, and sinks follow it as a log from its first entry.
//
// What it promises: a snapshot whose Append has returned survives kill -9 and a
// power cut. Of snapshots with one identity (repository and slot, to the
// microsecond) the first stays and the others change nothing. Read gives back the
// JSON object as it was sent: every member, its order, every digit. Positions grow,
// are never used twice, and become visible in their order; there may be holes.
//
// A new snapshot dated more than hub.FutureTolerance ahead is rejected, because as the
// newest it would hide all later ones; see Trust.
//
// At its bounds: history is never truncated, and Delete alone removes from it. It grows by about 100 bytes a snapshot,
// because what rarely changes of the object is stored once per distinct value; a
// full disk makes Append return an error, and nothing of that batch is kept. A read
// holds no more in memory than its limits say, Repositories one snapshot for each
// repository.
package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"pulltrail/internal/database"
	"pulltrail/internal/document"
	"pulltrail/internal/hub"
)

// Store is the history in a database. It is safe for concurrent use.
type Store struct {
	db        *database.DB
	now       func() time.Time
	taken     func(context.Context, hub.Repository, time.Time) (bool, error)
	deletions atomic.Uint64

	mu       sync.Mutex
	appended chan struct{} // closed, and replaced, when snapshots were added
}

// New is the history in db, which stays the caller's to close.
func New(db *database.DB) *Store {
	return &Store{db: db, now: time.Now, appended: make(chan struct{})}
}

// Trust makes Append accept a snapshot dated in the future where taken reports that this
// process took it for that slot: then it is the clock that was set back since. It is
// called before Append.
func (s *Store) Trust(taken func(ctx context.Context, r hub.Repository, slot time.Time) (bool, error)) {
	s.taken = taken
}

// Notify returns the channel that is closed when snapshots are added after this
// call. A follower therefore calls Notify, then Read, and waits if there was nothing.
func (s *Store) Notify() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.appended
}

func (s *Store) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.appended)
	s.appended = make(chan struct{})
}

// Head is the position of the newest entry, also when that was deleted; zero when there
// has never been one.
func (s *Store) Head(ctx context.Context) (document.Position, error) {
	var head document.Position
	err := s.db.Reader().QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'snapshots'").Scan(&head)
	if err != nil {
		return 0, fmt.Errorf("read the head of history: %w", err)
	}
	return head, nil
}

const selectChanged = `SELECT r.namespace, r.name FROM repositories r
	WHERE r.id IN (SELECT repository FROM snapshots WHERE position > ? AND position <= ?)`

// Changed are the repositories with snapshots behind after, in no order, and the
// head of history up to which that was looked at.
func (s *Store) Changed(ctx context.Context, after document.Position) ([]hub.Repository, document.Position, error) {
	head, err := s.Head(ctx)
	if err != nil || head <= after {
		return nil, head, err
	}
	var changed []hub.Repository
	err = s.query(ctx, func(rows *sql.Rows) (bool, error) {
		var r hub.Repository
		err := rows.Scan(&r.Namespace, &r.Name)
		changed = append(changed, r)
		return true, err
	}, selectChanged, after, head)
	if err != nil {
		return nil, 0, fmt.Errorf("read what has changed in history behind position %d: %w", after, err)
	}
	return changed, head, nil
}

const selectIdentity = `SELECT 1 FROM repositories r JOIN snapshots s ON s.repository = r.id
	WHERE r.namespace = ? AND r.name = ? AND s.slot = ?`

// Has reports whether the snapshot of r for slot has arrived.
func (s *Store) Has(ctx context.Context, r hub.Repository, slot time.Time) (bool, error) {
	err := s.db.Reader().QueryRowContext(ctx, selectIdentity, r.Namespace, r.Name, database.Micros(slot)).Scan(new(int))
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s in history: %w", hub.ID(r, slot), err)
	}
	return true, nil
}
