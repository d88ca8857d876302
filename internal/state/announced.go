package state

import (
	"context"
	"database/sql"
	"errors"
)

// Announced are the topics whose messages the broker was asked to keep, in their order.
func (s *Store) Announced(ctx context.Context) (topics []string, err error) {
	rows, err := s.db.Reader().QueryContext(ctx, "SELECT topic FROM announced ORDER BY topic")
	if err != nil {
		return nil, wrap(err, "read what was announced")
	}
	defer func() { err = wrap(errors.Join(err, rows.Close()), "read what was announced") }()
	for rows.Next() {
		var topic string
		if err := rows.Scan(&topic); err != nil {
			return nil, err
		}
		topics = append(topics, topic)
	}
	return topics, rows.Err()
}

// Announce notes topics, all or after an error none of them. Those that are there are fine.
func (s *Store) Announce(ctx context.Context, topics ...string) error {
	err := s.eachTopic(ctx, "INSERT INTO announced (topic) VALUES (?) ON CONFLICT DO NOTHING", topics)
	return wrap(err, "note %d topics as announced", len(topics))
}

// Withdraw forgets topics, all or after an error none of them. Those that are not there
// are fine.
func (s *Store) Withdraw(ctx context.Context, topics ...string) error {
	err := s.eachTopic(ctx, "DELETE FROM announced WHERE topic = ?", topics)
	return wrap(err, "forget that %d topics were announced", len(topics))
}

// eachTopic runs a statement for each topic in one transaction.
func (s *Store) eachTopic(ctx context.Context, statement string, topics []string) error {
	if len(topics) == 0 {
		return nil
	}
	return s.db.Write(ctx, func(tx *sql.Tx) error { // whose end closes the statement
		prepared, err := tx.PrepareContext(ctx, statement)
		if err != nil {
			return err
		}
		for _, topic := range topics {
			if _, err := prepared.ExecContext(ctx, topic); err != nil {
				return err
			}
		}
		return nil
	})
}
