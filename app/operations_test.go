package app

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheSizeOfADatabaseHasItsLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pulltrail.db")
	if n, err := sizeOf(file); err == nil {
		t.Errorf("a database that is not there has %d bytes", *n)
	}
	for _, c := range []struct {
		name string
		want int64
	}{{file, 5}, {file + "-wal", 10}} {
		if err := os.WriteFile(c.name, []byte("12345"), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := sizeOf(file); err != nil || *n != c.want {
			t.Errorf("with %s: %v, %v", c.name, n, err)
		}
	}
}
