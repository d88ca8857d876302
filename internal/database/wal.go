package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
)

const (
	// idleLog is the size, in bytes, to which SQLite cuts the log when it starts from its
	// beginning. It is about as much as SQLite writes between two checkpoints (1000 pages).
	idleLog = 4 << 20
	// longLog is the size, in bytes, at which Write empties the log itself.
	longLog = 8 << 20
	// logPatience is how long that waits for readers, in milliseconds.
	logPatience = 1000
)

// walLog keeps the write-ahead log short.
//
// SQLite copies the log into the database after a commit, but only up to the oldest state
// that somebody still reads, and it starts the log from its beginning only where no reader
// uses it. Readers that overlap (pages, scrapes, followers) leave no such moment, and the
// log grows. A truncating checkpoint stops writers, so that every new reader has the newest
// state, and waits until the others have ended.
type walLog struct {
	path string
	// limit is the size at which the next checkpoint is tried, in bytes.
	limit *atomic.Int64
}

func newLog(database string) walLog {
	l := walLog{path: database + "-wal", limit: new(atomic.Int64)}
	l.limit.Store(longLog)
	return l
}

// shorten empties a log that has become long. Where a reader does not end in time, it
// tries again when the log is twice as long: a backup holds up few writers.
func (l walLog) shorten(ctx context.Context, writer *sql.DB) (err error) {
	info, err := os.Stat(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Size() <= longLog:
		l.limit.Store(longLog)
		return nil
	case info.Size() <= l.limit.Load():
		return nil
	}
	conn, err := writer.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", logPatience)); err != nil {
		return err
	}
	var busy, frames, copied int
	err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &copied)
	_, err2 := conn.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf("PRAGMA busy_timeout = %d", busyTimeout))
	l.limit.Store(longLog)
	if busy != 0 {
		l.limit.Store(2 * info.Size())
	}
	return errors.Join(err, err2)
}
