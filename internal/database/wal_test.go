package database

import (
	"database/sql"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// grow writes n transactions of about twenty pages each, and returns the largest size of
// the log after one of them.
func grow(t *testing.T, db *DB, path string, n int, after func()) (largest int64) {
	t.Helper()
	for range n {
		err := db.Write(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.Exec("INSERT INTO meta VALUES (hex(randomblob(16)), hex(zeroblob(40000)))")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		after()
		largest = max(largest, logSize(t, path))
	}
	return largest
}

func logSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// reading begins to read, and stays with that state until the transaction ends.
func reading(t *testing.T, db *DB) *sql.Tx {
	tx, err := db.Reader().Begin()
	if err == nil {
		err = tx.QueryRow("SELECT count(*) FROM meta").Scan(new(int))
	}
	if err != nil {
		t.Error(err)
	}
	return tx
}

// Every reader begins before the one before it ends, and sees at least one write while it
// reads: there is always somebody with an old state, and never for long.
func TestReadersThatOverlapDoNotLetTheLogGrow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	db := open(t, path)
	var writes atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tx := reading(t, db)
		for ended := false; !ended; {
			seen := writes.Load()
			for n := 0; n < 100 && writes.Load() == seen && !ended; n++ { // a writer that waits for us makes none
				select {
				case <-stop:
					ended = true
				case <-time.After(100 * time.Microsecond):
				}
			}
			next := reading(t, db)
			if err := tx.Rollback(); err != nil {
				t.Error(err)
			}
			tx = next
		}
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}()
	largest := grow(t, db, path, 700, func() { writes.Add(1) })
	close(stop)
	<-stopped
	t.Logf("at most %d bytes", largest)
	if largest > 3*longLog {
		t.Errorf("the log had %d bytes", largest)
	}
}

func TestTheLogShrinksAfterALongReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	db := open(t, path)
	grow(t, db, path, 1, func() {})
	image := imageOf(t, path)
	if largest := grow(t, db, path, 150, func() {}); largest <= longLog {
		t.Fatalf("the log had only %d bytes: the test shows nothing", largest)
	}
	if err := image.Close(); err != nil {
		t.Fatal(err)
	}
	grow(t, db, path, 3, func() {})
	if size := logSize(t, path); size > idleLog {
		t.Errorf("the log has %d bytes though nobody reads an old state", size)
	}
}

func TestWritersWaitAsLongAsBeforeAfterACheckpoint(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "test.db"))
	db.log.limit.Store(0)
	if err := os.Truncate(db.log.path, longLog+1); err != nil { // zeros behind the end of the log
		t.Fatal(err)
	}
	put(t, db, "a", "b")
	var timeout int
	if err := db.writer.QueryRow("PRAGMA busy_timeout").Scan(&timeout); err != nil || timeout != busyTimeout {
		t.Errorf("busy_timeout = %d, %v", timeout, err)
	}
	if size := logSize(t, db.log.path[:len(db.log.path)-len("-wal")]); size > longLog {
		t.Errorf("the log has %d bytes", size)
	}
}
