package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Image is a database as it stood when OpenImage returned, whatever has been written
// since: a transaction that only reads, on a connection of its own. It needs no room for
// a second copy and holds up nobody, but the database's log cannot be emptied as long as
// it is open, and grows by what is written.
type Image struct {
	db     *sql.DB
	tx     *sql.Tx
	schema int
	size   int64
}

// OpenImage opens the database at path as it is: it makes none, and migrates none. One of
// a newer version is refused.
func OpenImage(ctx context.Context, path string) (i *Image, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	if err := check(path); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	db, err := connect(path, "_pragma=query_only(1)", 1)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			i, err = nil, errors.Join(fmt.Errorf("database %s: %w", path, advise(err)), db.Close())
		}
	}()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	i = &Image{db: db, tx: tx}
	// The first of these begins to read, which is what holds the state.
	if i.schema, err = schemaOf(ctx, tx); err != nil {
		return nil, errors.Join(err, ignoreDone(tx.Rollback()))
	}
	var pages, pageSize int64
	err = tx.QueryRowContext(ctx, "SELECT page_count, page_size FROM pragma_page_count, pragma_page_size").Scan(&pages, &pageSize)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the size: %w", err), ignoreDone(tx.Rollback()))
	}
	i.size = pages * pageSize
	return i, nil
}

// Schema is its version; 0 is a database in which nothing has been made yet.
func (i *Image) Schema() int { return i.schema }

// Size is how many bytes Copy writes.
func (i *Image) Size() int64 { return i.size }

// Get reads one value; the error is sql.ErrNoRows where there is none.
func (i *Image) Get(ctx context.Context, into any, query string, args ...any) error {
	return i.tx.QueryRowContext(ctx, query, args...).Scan(into)
}

// Check reads all of it, and fails where it is damaged.
func (i *Image) Check(ctx context.Context) error {
	return sound(ctx, i.tx, "PRAGMA quick_check(1)")
}

// Copy writes it: a file that Open opens.
func (i *Image) Copy(ctx context.Context, w io.Writer) (err error) {
	rows, err := i.tx.QueryContext(ctx, "SELECT data FROM sqlite_dbpage ORDER BY pgno")
	if err != nil {
		return fmt.Errorf("read the database: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var written int64
	for rows.Next() {
		if err := ctx.Err(); err != nil { // which rows get to know of in their own time
			return err
		}
		var page sql.RawBytes
		if err := rows.Scan(&page); err != nil {
			return fmt.Errorf("read the database: %w", err)
		}
		n, err := w.Write(page)
		if err != nil {
			return err
		}
		written += int64(n)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the database: %w", err)
	}
	if written != i.size {
		return fmt.Errorf("read the database: %d bytes instead of %d", written, i.size)
	}
	return nil
}

// Close ends the transaction.
func (i *Image) Close() error {
	return errors.Join(ignoreDone(i.tx.Rollback()), i.db.Close())
}

// CheckFile reads all of a database that nobody writes, and leaves nothing beside it. It
// returns the version of its schema, and fails where it is damaged or newer.
func CheckFile(ctx context.Context, path string) (schema int, err error) {
	db, err := sql.Open("sqlite", fileURL(path)+"?mode=ro&immutable=1")
	if err != nil {
		return 0, fmt.Errorf("open database %s: %w", path, err)
	}
	defer func() {
		if err = errors.Join(err, db.Close()); err != nil {
			err = fmt.Errorf("database %s: %w", path, err)
		}
	}()
	if schema, err = schemaOf(ctx, db); err != nil {
		return 0, err
	}
	return schema, sound(ctx, db, "PRAGMA integrity_check(1)")
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func sound(ctx context.Context, db querier, check string) error {
	var found string
	if err := db.QueryRowContext(ctx, check).Scan(&found); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	if found != "ok" {
		return fmt.Errorf("it is damaged: %s", found)
	}
	return nil
}

// Version is the newest version of the schema that this program knows.
func Version() int {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	return len(files)
}

// schemaOf counts the migrations that a file has seen.
func schemaOf(ctx context.Context, db querier) (version int, err error) {
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	if known := Version(); version > known {
		return 0, fmt.Errorf("schema version %d is newer than this program knows (%d): use the version of pulltrail that wrote it, or restore a backup that was made before", version, known)
	}
	return version, nil
}
