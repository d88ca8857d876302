package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"pulltrail/internal/database"
	"pulltrail/internal/document"
	"pulltrail/internal/hub"
)

const (
	// entryColumns are what parsedBodies.entry scans.
	entryColumns  = "s.position, s.received, t.topic, s.body, b.body, " + columnNames
	selectEntries = "SELECT " + entryColumns + `
		FROM snapshots s JOIN topics t ON t.id = s.topic JOIN bodies b ON b.id = s.body
		WHERE s.position > ? ORDER BY s.position LIMIT ?`
)

// Read returns the entries behind after, in order: at most limit, and no more than
// maxBytes of payload but at least one. None means that there is none yet. Payload is
// the JSON object as it was sent, without insignificant white space.
func (s *Store) Read(ctx context.Context, after document.Position, limit int, maxBytes int64) ([]document.Entry, error) {
	var entries []document.Entry
	var size int64
	bodies := parsedBodies{}
	err := s.query(ctx, func(rows *sql.Rows) (bool, error) {
		e, _, err := bodies.entry(rows)
		size += int64(len(e.Payload))
		if err != nil || (size > maxBytes && len(entries) > 0) {
			return false, err
		}
		entries = append(entries, e)
		return size < maxBytes, nil
	}, selectEntries, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read history behind position %d: %w", after, err)
	}
	return entries, nil
}

// query hands the rows of an answer to scan, until that returns false.
func (s *Store) query(ctx context.Context, scan func(*sql.Rows) (bool, error), text string, args ...any) (err error) {
	rows, err := s.db.Reader().QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for more := true; more && rows.Next(); {
		if more, err = scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// parsedBodies are the bodies of one read by their ids: most entries share one.
type parsedBodies map[int64][]hub.Field

func (p parsedBodies) entry(rows *sql.Rows) (e document.Entry, c columns, err error) {
	var received, id int64
	var body []byte
	err = rows.Scan(append([]any{&e.Position, &received, &e.Topic, &id, &body}, c.targets()...)...)
	if err != nil {
		return e, c, err
	}
	e.Received = database.Time(received)
	fields, ok := p[id]
	if !ok {
		if fields, err = hub.ParseObject(body); err != nil {
			return e, c, fmt.Errorf("body %d of position %d: %w", id, e.Position, err)
		}
		p[id] = fields
	}
	e.Payload = hub.EncodeObject(join(c, fields))
	return e, c, nil
}
