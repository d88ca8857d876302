package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Whoever looks a message up in docs/OPERATIONS.md has it from the program.
func TestEveryMessageInTheDocumentationIsOneOfTheProgram(t *testing.T) {
	text, err := os.ReadFile("docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## When something goes wrong\n")
	section, _, end := strings.Cut(section, "\n## ")
	if !found || !end {
		t.Fatal("the section has another name")
	}
	sources := sources(t)
	words := regexp.MustCompile("`([^`]+)`")
	rows := regexp.MustCompile(`(?m)^\| (.+?) \|`).FindAllStringSubmatch(section, -1)
	messages := 0
	for _, row := range rows {
		for _, m := range words.FindAllStringSubmatch(row[1], -1) {
			text := strings.TrimPrefix(m[1], "cause=")
			messages++
			if !strings.Contains(sources, text) {
				t.Errorf("no part of the program says %q", text)
			}
		}
	}
	if messages < 20 {
		t.Errorf("only %d messages were found", messages)
	}
}

// sources is the text of the program.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		all.Write(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
