package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"pulltrail/internal/database"
	"pulltrail/internal/hub"
)

// Repository is one repository of which there is at least one snapshot.
type Repository struct {
	hub.Repository
	// Private is as the newest snapshot says.
	Private bool
	// Newest is the snapshot that was observed last.
	Newest hub.Snapshot
}

// Sample is one point of a curve. What the snapshot lacked is nil. Times are in UTC,
// to the microsecond.
type Sample struct {
	Timestamp, Slot        time.Time
	PullCount              int64
	StarCount, StorageSize *int64
	LastUpdated            *time.Time
}

// newestFirst finds the snapshot of a repository that was observed last; of two at the
// same moment the one with the higher count, whichever came first. The index
// snapshots_curve answers it in one step.
const newestFirst = "ORDER BY timestamp DESC, pull_count DESC, position DESC LIMIT 1"

const (
	selectNewest = "SELECT r.namespace, r.name, r.is_private, b.body, " + columnNames + `
		FROM repositories r
		JOIN snapshots s ON s.position = (SELECT position FROM snapshots WHERE repository = r.id ` + newestFirst + `)
		JOIN bodies b ON b.id = s.body`
	selectRepositories = selectNewest + " ORDER BY r.namespace, r.name"
	selectRepository   = selectNewest + " WHERE r.namespace = ? AND r.name = ?"
	selectSeries       = `SELECT s.timestamp, s.slot, s.pull_count, s.star_count, s.storage_size, s.last_updated
		FROM repositories r JOIN snapshots s ON s.repository = r.id
		WHERE r.namespace = ? AND r.name = ? AND s.timestamp >= ? AND s.timestamp < ?
		ORDER BY s.timestamp, s.pull_count, s.position LIMIT ?`
)

// Repositories are all that have a snapshot, private ones included, sorted by
// namespace and name.
func (s *Store) Repositories(ctx context.Context) ([]Repository, error) {
	var found []Repository
	err := s.query(ctx, func(rows *sql.Rows) (bool, error) {
		r, err := scanRepository(rows)
		found = append(found, r)
		return true, err
	}, selectRepositories)
	if err != nil {
		return nil, fmt.Errorf("read the repositories: %w", err)
	}
	return found, nil
}

// Repository is one of them; false when it has no snapshot.
func (s *Store) Repository(ctx context.Context, r hub.Repository) (Repository, bool, error) {
	found, err := scanRepository(s.db.Reader().QueryRowContext(ctx, selectRepository, r.Namespace, r.Name))
	if errors.Is(err, sql.ErrNoRows) {
		return Repository{}, false, nil
	}
	if err != nil {
		return Repository{}, false, fmt.Errorf("read the repository %s: %w", r, err)
	}
	return found, true, nil
}

func scanRepository(row interface{ Scan(...any) error }) (r Repository, err error) {
	var body []byte
	var c columns
	err = row.Scan(append([]any{&r.Namespace, &r.Name, &r.Private, &body}, c.targets()...)...)
	if err != nil {
		return r, err
	}
	fields, err := hub.ParseObject(body)
	if err != nil {
		return r, fmt.Errorf("the newest snapshot of %s: %w", r.Repository, err)
	}
	if r.Newest, err = hub.Restore(join(c, fields)); err != nil {
		return r, fmt.Errorf("the newest snapshot of %s: %w", r.Repository, err)
	}
	return r, nil
}

// Series are the first samples, at most limit, of r with from <= timestamp < to, in the
// order of their timestamps. A zero time leaves that end open. There are none for a
// repository without a snapshot.
func (s *Store) Series(ctx context.Context, r hub.Repository, from, to time.Time, limit int) ([]Sample, error) {
	first, end := int64(math.MinInt64), int64(math.MaxInt64)
	if !from.IsZero() {
		first = database.Micros(from)
	}
	if !to.IsZero() {
		end = database.Micros(to)
	}
	var samples []Sample
	err := s.query(ctx, func(rows *sql.Rows) (bool, error) {
		sample, err := scanSample(rows)
		samples = append(samples, sample)
		return true, err
	}, selectSeries, r.Namespace, r.Name, first, end, limit)
	if err != nil {
		return nil, fmt.Errorf("read the series of %s: %w", r, err)
	}
	return samples, nil
}

func scanSample(rows *sql.Rows) (s Sample, err error) {
	var timestamp, slot int64
	var updated *int64
	err = rows.Scan(&timestamp, &slot, &s.PullCount, &s.StarCount, &s.StorageSize, &updated)
	s.Timestamp, s.Slot = database.Time(timestamp), database.Time(slot)
	if updated != nil {
		t := database.Time(*updated)
		s.LastUpdated = &t
	}
	return s, err
}
