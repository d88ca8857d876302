package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever a file holds, Load ends with a configuration or with mistakes of one
// line each.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{documented(), filepath.Join("testdata", "*.yaml")} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte("a: \"\\x"))
	f.Add([]byte("a: \"\\U0001"))
	f.Add([]byte("<<: [*a]\n*b : &a\n? "))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(dir, "c.yaml")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(Options{File: file, Explicit: true})
		if err == nil {
			return
		}
		mistakes, ok := errors.AsType[*Error](err)
		if !ok {
			t.Fatalf("Load = %v, not an *Error", err)
		}
		lines := strings.Split(mistakes.Error(), "\n")
		if want := min(len(mistakes.Mistakes), maxListed+1); len(lines) != want+1 {
			t.Errorf("%d lines for %d mistakes:\n%s", len(lines), len(mistakes.Mistakes), err)
		}
	})
}
