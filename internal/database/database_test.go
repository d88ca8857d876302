package database

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestAWriteIsThereAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b%20?c.db")
	db := open(t, path)
	insert := func(key string) func(*sql.Tx) error {
		return func(tx *sql.Tx) error {
			_, err := tx.Exec("INSERT INTO meta VALUES (?, 'x')", key)
			return err
		}
	}
	if err := db.Write(t.Context(), insert("kept")); err != nil {
		t.Fatal(err)
	}
	wrong := errors.New("wrong")
	err := db.Write(t.Context(), func(tx *sql.Tx) error { return errors.Join(insert("rolled back")(tx), wrong) })
	if !errors.Is(err, wrong) {
		t.Fatalf("Write = %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, path)
	var keys string
	if err := db.Reader().QueryRow("SELECT group_concat(key) FROM meta").Scan(&keys); err != nil || keys != "kept" {
		t.Errorf("keys = %q, %v", keys, err)
	}
}

func TestAFullDiskIsSaidWithWhatToDo(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	if _, err := db.writer.Exec("PRAGMA max_page_count = 1"); err != nil { // as many as there are
		t.Fatal(err)
	}
	err := db.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO meta VALUES ('large', hex(zeroblob(5000000)))")
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "full") || !strings.Contains(err.Error(), ": make room on the disk of the data directory") {
		t.Errorf("Write = %v", err)
	}
}

func TestADamagedFileIsSaidWithWhatToDo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "the file is damaged; look at the disk, and restore a backup") {
		t.Errorf("Open = %v", err)
	}
}

func TestNobodyElseCanReadTheFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	open(t, path)
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestWritersWaitForOneAnother(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "test.db"))
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			err := db.Write(t.Context(), func(tx *sql.Tx) error {
				_, err := tx.Exec("INSERT INTO meta VALUES (?, 'x')", i)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var n int
	if err := db.Reader().QueryRow("SELECT count(*) FROM meta").Scan(&n); err != nil || n != 20 {
		t.Errorf("%d rows, %v", n, err)
	}
}

func TestTheReaderCannotWrite(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "test.db"))
	if _, err := db.Reader().Exec("INSERT INTO meta VALUES ('a', 'b')"); err == nil {
		t.Error("the reader wrote")
	}
}

func TestANewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	db := open(t, path)
	if _, err := db.writer.Exec("PRAGMA user_version = 9999"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "9999 is newer than this program knows") || !strings.Contains(err.Error(), "restore a backup") {
		t.Errorf("Open = %v", err)
	}
}

func open(t *testing.T, path string) *DB {
	t.Helper()
	db, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
