package roster

import (
	"context"
	"database/sql"
	"fmt"

	"pulltrail/internal/database"
)

const selectListing = "SELECT namespace, slot, next_page, row_count, total, truncated, message, selection FROM listings"

// SetListing keeps l, in place of what was kept of its namespace, whatever its slot. It
// is durable when SetListing returns nil.
func (s *Store) SetListing(ctx context.Context, l Listing) error {
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO listings (namespace, slot, next_page, row_count, total, truncated, message, selection)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, l.Namespace, database.Micros(l.Slot), l.Next, l.Rows, l.Total, l.Truncated, cut(l.Message), l.Selection)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep the listing of %s: %w", l.Namespace, err)
	}
	return nil
}

// Listing is what was kept last of a namespace; false when there is nothing.
func (s *Store) Listing(ctx context.Context, namespace string) (Listing, bool, error) {
	found, err := collect(ctx, s.db, scanListing, selectListing+" WHERE namespace = ?", namespace)
	if err != nil {
		return Listing{}, false, fmt.Errorf("read the listing of %s: %w", namespace, err)
	}
	if len(found) == 0 {
		return Listing{}, false, nil
	}
	return found[0], true, nil
}

// Listings are all, by namespace.
func (s *Store) Listings(ctx context.Context) ([]Listing, error) {
	all, err := collect(ctx, s.db, scanListing, selectListing+" ORDER BY namespace")
	if err != nil {
		return nil, fmt.Errorf("read the listings: %w", err)
	}
	return all, nil
}

// ForgetListing removes what was kept of namespaces. Those of which there is nothing
// are fine.
func (s *Store) ForgetListing(ctx context.Context, namespaces ...string) error {
	if len(namespaces) == 0 {
		return nil
	}
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		for _, namespace := range namespaces {
			if _, err := tx.ExecContext(ctx, "DELETE FROM listings WHERE namespace = ?", namespace); err != nil {
				return fmt.Errorf("%s: %w", namespace, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget %d listings: %w", len(namespaces), err)
	}
	return nil
}

func scanListing(rows *sql.Rows) (l Listing, err error) {
	var slot int64
	err = rows.Scan(&l.Namespace, &slot, &l.Next, &l.Rows, &l.Total, &l.Truncated, &l.Message, &l.Selection)
	l.Slot = database.Time(slot)
	return l, err
}
