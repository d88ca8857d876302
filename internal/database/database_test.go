package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
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
	if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "newer") {
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

func TestAFileOfEachOlderSchemaIsBroughtUpToDate(t *testing.T) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for version := range files {
		path := filepath.Join(t.TempDir(), "test.db")
		older, err := connect(path, "_txlock=immediate", 1)
		if err != nil {
			t.Fatal(err)
		}
		for i, file := range files[:version] {
			script, err := migrations.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := older.Exec(string(script) + fmt.Sprintf("PRAGMA user_version = %d", i+1)); err != nil {
				t.Fatal(err)
			}
		}
		if err := older.Close(); err != nil {
			t.Fatal(err)
		}
		var now int
		if err := open(t, path).Reader().QueryRow("PRAGMA user_version").Scan(&now); err != nil || now != len(files) {
			t.Errorf("schema %d became %d, want %d (%v)", version, now, len(files), err)
		}
	}
}
