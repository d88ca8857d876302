package history

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"

	"pulltrail/internal/hub"
)

// writer adds snapshots within one transaction.
type writer struct {
	findSnapshot, addSnapshot, setPrivate *sql.Stmt

	repositories ids[hub.Repository]
	topics       ids[string]
	bodies       ids[[sha256.Size]byte]
}

func newWriter(ctx context.Context, tx *sql.Tx) (*writer, error) {
	w := &writer{repositories: newIDs[hub.Repository](), topics: newIDs[string](), bodies: newIDs[[sha256.Size]byte]()}
	for _, statement := range []struct {
		target **sql.Stmt
		query  string
	}{
		{&w.findSnapshot, selectIdentity},
		{&w.addSnapshot, "INSERT INTO snapshots (" + columnNames + `, repository, received, topic, body)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING position`},
		{&w.setPrivate, `UPDATE repositories SET is_private = ?1 WHERE id = ?2 AND is_private <> ?1
			AND ?3 = (SELECT position FROM snapshots WHERE repository = ?2 ` + newestFirst + ")"},
		{&w.repositories.find, "SELECT id FROM repositories WHERE namespace = ? AND name = ?"},
		{&w.repositories.add, "INSERT INTO repositories (namespace, name, is_private) VALUES (?, ?, ?) RETURNING id"},
		{&w.topics.find, "SELECT id FROM topics WHERE topic = ?"},
		{&w.topics.add, "INSERT INTO topics (topic) VALUES (?) RETURNING id"},
		{&w.bodies.find, "SELECT id FROM bodies WHERE hash = ?"},
		{&w.bodies.add, "INSERT INTO bodies (hash, body) VALUES (?, ?) RETURNING id"},
	} {
		prepared, err := tx.PrepareContext(ctx, statement.query)
		if err != nil {
			return nil, fmt.Errorf("prepare %q: %w", statement.query, err)
		}
		*statement.target = prepared // the end of the transaction closes it
	}
	return w, nil
}

func (w *writer) repository(ctx context.Context, a arrival) (int64, error) {
	return w.repositories.of(ctx, a.Repository, []any{a.Namespace, a.Name}, a.Private)
}

func (w *writer) topic(ctx context.Context, topic string) (int64, error) {
	return w.topics.of(ctx, topic, []any{topic})
}

func (w *writer) body(ctx context.Context, body []byte) (int64, error) {
	hash := sha256.Sum256(body)
	return w.bodies.of(ctx, hash, []any{hash[:]}, body)
}

// ids are the ids of what is stored once per distinct value. They are remembered for
// as long as the transaction lasts, whose end may take them back.
type ids[K comparable] struct {
	find, add *sql.Stmt
	known     map[K]int64
}

func newIDs[K comparable]() ids[K] { return ids[K]{known: map[K]int64{}} }

// of finds the id by the columns of the key, or adds a row with the others as well.
func (i ids[K]) of(ctx context.Context, key K, columns []any, others ...any) (int64, error) {
	if id, ok := i.known[key]; ok {
		return id, nil
	}
	id, err := integer(ctx, i.find, columns...)
	if errors.Is(err, sql.ErrNoRows) {
		id, err = integer(ctx, i.add, append(columns, others...)...)
	}
	if err != nil {
		return 0, err
	}
	i.known[key] = id
	return id, nil
}

// integer is what a statement answers with.
func integer(ctx context.Context, statement *sql.Stmt, args ...any) (n int64, err error) {
	err = statement.QueryRowContext(ctx, args...).Scan(&n)
	return n, err
}
