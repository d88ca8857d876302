package database

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

func put(t *testing.T, db *DB, key, value string) {
	t.Helper()
	err := db.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO meta VALUES (?, ?)", key, value)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func imageOf(t *testing.T, path string) *Image {
	t.Helper()
	i, err := OpenImage(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	})
	return i
}

// copied is the image as a file.
func copied(t *testing.T, i *Image) string {
	t.Helper()
	var content bytes.Buffer
	if err := i.Copy(t.Context(), &content); err != nil || int64(content.Len()) != i.Size() {
		t.Fatalf("%d of %d bytes, %v", content.Len(), i.Size(), err)
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnImageIsTheStateOfOneMomentWhateverIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b%20?c.db")
	db := open(t, path)
	put(t, db, "before", strings.Repeat("x", 100_000))
	i := imageOf(t, path)
	for n := range 200 { // past the point at which the log is taken into the file
		put(t, db, "after"+strings.Repeat("y", n), strings.Repeat("y", 30_000))
	}
	if err := i.Check(t.Context()); err != nil {
		t.Error(err)
	}
	var counted int
	if err := i.Get(t.Context(), &counted, "SELECT count(*) FROM meta"); err != nil || counted != 1 {
		t.Errorf("%d rows, %v", counted, err)
	}
	file := copied(t, i)
	if schema, err := CheckFile(t.Context(), file); err != nil || schema != Version() || i.Schema() != schema {
		t.Errorf("schema %d, %v", schema, err)
	}
	if beside, err := filepath.Glob(file + "-*"); err != nil || beside != nil {
		t.Errorf("beside the file are %q, %v", beside, err)
	}
	var keys string
	if err := open(t, file).Reader().QueryRow("SELECT group_concat(key) FROM meta").Scan(&keys); err != nil || keys != "before" {
		t.Errorf("the copy has %q, %v", keys, err)
	}
}

func TestAnImageChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	fill(t, path, 1)
	if i := imageOf(t, path); i.Schema() != 1 {
		t.Errorf("schema %d", i.Schema())
	}
	missing := filepath.Join(t.TempDir(), "none.db")
	if _, err := OpenImage(t.Context(), missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := os.Stat(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}

func TestACopyThatCannotBeWrittenFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	put(t, open(t, path), "a", "b")
	full := errors.New("no space left")
	if err := imageOf(t, path).Copy(t.Context(), writer(func([]byte) (int, error) { return 0, full })); !errors.Is(err, full) {
		t.Errorf("Copy = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	i, err := OpenImage(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	var written atomic.Int64
	if err := i.Copy(ctx, writer(func(b []byte) (int, error) { cancel(); written.Add(1); return len(b), nil })); err == nil {
		t.Errorf("after %d pages of a copy that was given up there was no error", written.Load())
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

func TestADamagedOrNewerFileIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		want  string
	}{
		"no database": {func(t *testing.T, path string) {
			t.Helper()
			if err := os.WriteFile(path, bytes.Repeat([]byte("hello "), 2000), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a database"},
		"a page of zeros": {func(t *testing.T, path string) {
			t.Helper()
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			clear(content[4096:8192])
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "damaged"},
		"a newer schema": {func(t *testing.T, path string) {
			t.Helper()
			db, err := connect(path, "", 1)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec("PRAGMA user_version = 9999"); err != nil || db.Close() != nil {
				t.Fatal(err)
			}
		}, "schema version 9999 is newer than this program knows"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			fill(t, path, Version())
			c.spoil(t, path)
			if _, err := CheckFile(t.Context(), path); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("CheckFile = %v", err)
			}
			i, err := OpenImage(t.Context(), path)
			if err == nil {
				err = errors.Join(i.Check(t.Context()), i.Close())
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("an image: %v", err)
			}
		})
	}
}

// fill makes a file of a schema as a program of its time would have, with the rows of
// testdata/rows up to it.
func fill(t *testing.T, path string, version int) {
	t.Helper()
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := connect(path, "_txlock=immediate", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files[:version] {
		script, err := migrations.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := os.ReadFile(filepath.Join("testdata", "rows", filepath.Base(file)))
		if err != nil {
			t.Fatalf("what a table of %s may hold: %v", file, err)
		}
		if _, err := db.Exec(string(script) + string(rows)); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	if _, err := db.Exec(fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// table is the content of one: its columns and its rows, each as text.
type table struct{ columns, rows []string }

// content is every table of a file, by its name.
func content(t *testing.T, path string) map[string]table {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	found := map[string]table{}
	for _, name := range texts(t, db, "SELECT name FROM sqlite_master WHERE type = 'table'") {
		columns := texts(t, db, "SELECT name FROM pragma_table_info('"+name+"')")
		found[name] = table{columns, texts(t, db, rowsOf(name, columns))}
	}
	return found
}

func rowsOf(name string, columns []string) string {
	return "SELECT concat_ws('|', quote(" + strings.Join(columns, "), quote(") + ")) FROM " + name + " ORDER BY 1"
}

func texts(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAnUpgradeKeepsWhatIsInEveryTable(t *testing.T) {
	for version := range Version() + 1 {
		path := filepath.Join(t.TempDir(), "test.db")
		fill(t, path, version)
		before := content(t, path)
		db, err := Open(t.Context(), path)
		if err != nil {
			t.Fatalf("schema %d: %v", version, err)
		}
		var now int
		if err := db.Reader().QueryRow("PRAGMA user_version").Scan(&now); err != nil || now != Version() {
			t.Errorf("schema %d became %d, want %d (%v)", version, now, Version(), err)
		}
		for name, was := range before {
			if len(was.rows) == 0 {
				t.Errorf("schema %d: there is no row in %s, so nothing is shown of it", version, name)
			}
			if is := texts(t, db.Reader(), rowsOf(name, was.columns)); !slices.Equal(is, was.rows) {
				t.Errorf("schema %d: %s was %q, is %q", version, name, was.rows, is)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := CheckFile(t.Context(), path); err != nil {
			t.Errorf("schema %d: %v", version, err)
		}
	}
}
