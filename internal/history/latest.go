package history

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"pulltrail/internal/hub"
)

const selectLatest = `SELECT s.timestamp, s.slot, s.pull_count, s.star_count, s.storage_size, s.last_updated
	FROM repositories r JOIN snapshots s ON s.repository = r.id
	WHERE r.namespace = ? AND r.name = ? AND s.timestamp >= ?
	ORDER BY s.timestamp DESC, s.pull_count DESC, s.position DESC LIMIT ? OFFSET ?`

// Latest are samples of r with since <= timestamp, the newest first: after the first
// skip of them, at most limit. A zero since leaves that end open. There are none for a
// repository without a snapshot.
func (s *Store) Latest(ctx context.Context, r hub.Repository, since time.Time, skip, limit int) ([]Sample, error) {
	first, _ := bounds(since, time.Time{})
	var latest []Sample
	err := s.query(ctx, func(rows *sql.Rows) (bool, error) {
		sample, err := scanSample(rows)
		latest = append(latest, sample)
		return true, err
	}, selectLatest, r.Namespace, r.Name, first, limit, skip)
	if err != nil {
		return nil, fmt.Errorf("read the newest samples of %s: %w", r, err)
	}
	return latest, nil
}
