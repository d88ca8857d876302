// Package database opens the one SQLite file of a data directory and brings its
// schema up to date.
//
// What it promises: a transaction that Write has committed survives kill -9 and a
// power cut (WAL with synchronous=FULL); writers wait for one another inside this
// process, so that none ever sees "database is locked"; readers see a consistent
// state and are never blocked. A file written by a newer version is refused.
//
// At its bounds: the write-ahead log (-wal) stays within about 8 MiB. It is larger only
// while one reader, such as a backup, stays with an old state, and after one larger
// transaction, and then shrinks to 4 MiB.
//
// Each table belongs to one package, which alone reads and writes it; only the
// numbered migrations stand together here, because they run in one order.
package database

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"time"

	"modernc.org/sqlite" // the driver "sqlite", without cgo
	sqlite3 "modernc.org/sqlite/lib"

	"pulltrail/internal/durable"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// readers bounds the connections that read at the same time.
	readers = 4
	// busyTimeout is how long a connection waits for a lock, in milliseconds.
	busyTimeout = 10_000
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	writer, reader *sql.DB
	log            walLog
}

// Open opens the file at path, makes it if it is missing, and migrates it. Only its
// owner can read a file that is made: private repositories may stand in it.
func Open(ctx context.Context, path string) (*DB, error) {
	if err := create(path); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	writer, err := connect(path, "_txlock=immediate", 1)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, writer); err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", path, advise(err)), writer.Close())
	}
	reader, err := connect(path, "_pragma=query_only(1)", readers)
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	return &DB{writer: writer, reader: reader, log: newLog(path)}, nil
}

// create makes an empty file, which is an empty database, unless there is one. SQLite
// gives the files beside it the same permissions.
func create(path string) error {
	if err := check(path); err != nil {
		return err
	}
	f, err := durable.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// check returns an error where one of the files is a link, or not ours: SQLite follows
// links.
func check(path string) error {
	return errors.Join(durable.Check(path), durable.Check(path+"-wal"), durable.Check(path+"-shm"))
}

// fileURL is the beginning of a data source name.
func fileURL(path string) string {
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(path)}).String()
}

func connect(path, option string, connections int) (*sql.DB, error) {
	dsn := fileURL(path) +
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&" +
		fmt.Sprintf("_pragma=busy_timeout(%d)&_pragma=journal_size_limit(%d)&", busyTimeout, idleLog) + option
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// Close waits for what is running and closes the file.
func (d *DB) Close() error {
	return errors.Join(d.reader.Close(), d.writer.Close())
}

// Reader serves queries.
func (d *DB) Reader() *sql.DB { return d.reader }

// Write runs f in a transaction of its own. What f wrote is durable when Write
// returns nil, and gone when it returns an error.
func (d *DB) Write(ctx context.Context, f func(*sql.Tx) error) (err error) {
	if err := d.log.shorten(ctx, d.writer); err != nil {
		return advise(fmt.Errorf("checkpoint: %w", err))
	}
	tx, err := d.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreDone(tx.Rollback()))
		}
	}()
	if err := f(tx); err != nil {
		return advise(err)
	}
	if err := tx.Commit(); err != nil {
		return advise(fmt.Errorf("commit: %w", err))
	}
	return nil
}

// advise adds what to do where the disk is full or the file is damaged.
func advise(err error) error {
	var said *sqlite.Error
	if !errors.As(err, &said) {
		return err
	}
	switch said.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: make room on the disk of the data directory", err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: the file is damaged; look at the disk, and restore a backup (pulltrail restore --replace)", err)
	}
	return err
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// migrate applies the migrations that the file has not seen; user_version counts
// those it has.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	version, err := schemaOf(ctx, db)
	if err != nil {
		return err
	}
	for i, file := range files[version:] {
		script, err := migrations.ReadFile(file)
		if err != nil {
			return err
		}
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, string(script)+fmt.Sprintf("\nPRAGMA user_version = %d;", version+i+1))
		if err != nil {
			return errors.Join(fmt.Errorf("migration %s: %w", file, err), tx.Rollback())
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("migration %s: %w", file, err)
		}
	}
	return nil
}

// Micros is t as it is stored: microseconds since 1970.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// Time is the inverse of Micros, in UTC.
func Time(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
