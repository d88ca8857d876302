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
	// selectAround widens a range to the moment before it and the one after it.
	selectAround = `SELECT
		coalesce((SELECT max(s.timestamp) FROM snapshots s WHERE s.repository = r.id AND s.timestamp < ?), ?),
		coalesce((SELECT min(s.timestamp) FROM snapshots s WHERE s.repository = r.id AND s.timestamp >= ?), ?)
		FROM repositories r WHERE r.namespace = ? AND r.name = ?`
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
	first, end := bounds(from, to)
	return s.between(ctx, r, first, end, limit)
}

// Around is Series with, besides, the samples of the last moment before from and of
// the first at or after to: those that tell of the time at the ends of the range.
func (s *Store) Around(ctx context.Context, r hub.Repository, from, to time.Time, limit int) ([]Sample, error) {
	first, end := bounds(from, to)
	last := end
	err := s.db.Reader().QueryRowContext(ctx, selectAround, first, first, end, end, r.Namespace, r.Name).Scan(&first, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the series of %s: %w", r, err)
	}
	if last < math.MaxInt64 {
		last++ // that moment included
	}
	return s.between(ctx, r, first, last, limit)
}

// Updates are the samples of r, at most limit, at which last_updated is not that of
// the sample before, in the order of their timestamps; the first of all is one.
func (s *Store) Updates(ctx context.Context, r hub.Repository, limit int) ([]Sample, error) {
	first, end := bounds(time.Time{}, time.Time{})
	var updates []Sample
	err := s.samples(ctx, r, first, end, -1, func(sample Sample) bool {
		if n := len(updates); n == 0 || !sameTime(updates[n-1].LastUpdated, sample.LastUpdated) {
			updates = append(updates, sample)
		}
		return len(updates) < limit
	})
	if err != nil {
		return nil, err
	}
	return updates, nil
}

func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

// bounds are from and to in microseconds, where a zero time leaves that end open.
func bounds(from, to time.Time) (first, end int64) {
	first, end = math.MinInt64, math.MaxInt64
	if !from.IsZero() {
		first = database.Micros(from)
	}
	if !to.IsZero() {
		end = database.Micros(to)
	}
	return first, end
}

// between are the samples of r with first <= timestamp < end, at most limit.
func (s *Store) between(ctx context.Context, r hub.Repository, first, end int64, limit int) ([]Sample, error) {
	var samples []Sample
	err := s.samples(ctx, r, first, end, limit, func(sample Sample) bool {
		samples = append(samples, sample)
		return true
	})
	if err != nil {
		return nil, err
	}
	return samples, nil
}

// samples hands out those of r with first <= timestamp < end, in the order of their
// timestamps, until take returns false. A negative limit is none.
func (s *Store) samples(ctx context.Context, r hub.Repository, first, end int64, limit int, take func(Sample) bool) error {
	err := s.query(ctx, func(rows *sql.Rows) (bool, error) {
		sample, err := scanSample(rows)
		return take(sample), err
	}, selectSeries, r.Namespace, r.Name, first, end, limit)
	if err != nil {
		return fmt.Errorf("read the series of %s: %w", r, err)
	}
	return nil
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
