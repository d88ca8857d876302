package history

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"pulltrail/internal/document"
	"pulltrail/internal/hub"
)

// Mark is a place in the trail of one repository.
type Mark struct{ timestamp, pulls, position int64 }

// Beginning is before every snapshot.
func Beginning() Mark { return Mark{timestamp: math.MinInt64} }

// selectTrail is answered by the index snapshots_curve alone, without sorting.
const selectTrail = "SELECT " + entryColumns + `
	FROM repositories r JOIN snapshots s ON s.repository = r.id
	JOIN topics t ON t.id = s.topic JOIN bodies b ON b.id = s.body
	WHERE r.namespace = ? AND r.name = ? AND s.timestamp >= ? AND s.timestamp < ?
	AND (s.timestamp, s.pull_count, s.position) > (?, ?, ?)
	ORDER BY s.timestamp, s.pull_count, s.position LIMIT ?`

// Trail returns the complete snapshots of r behind the mark with from <= timestamp < to,
// in the order of their timestamps, within the limits of Read, and the mark behind the
// last of them. A zero time leaves that end open. None means that there are no more.
func (s *Store) Trail(ctx context.Context, r hub.Repository, from, to time.Time, after Mark, limit int, maxBytes int64) ([]document.Entry, Mark, error) {
	first, end := bounds(from, to)
	var entries []document.Entry
	var size int64
	bodies := parsedBodies{}
	err := s.query(ctx, func(rows *sql.Rows) (bool, error) {
		e, c, err := bodies.entry(rows)
		size += int64(len(e.Payload))
		if err != nil || (size > maxBytes && len(entries) > 0) {
			return false, err
		}
		entries = append(entries, e)
		after = Mark{c.timestamp, c.pullCount, int64(e.Position)} //nolint:gosec // it was an int64 when it was read
		return size < maxBytes, nil
	}, selectTrail, r.Namespace, r.Name, first, end, after.timestamp, after.pulls, after.position, limit)
	if err != nil {
		return nil, after, fmt.Errorf("read the trail of %s: %w", r, err)
	}
	return entries, after, nil
}
