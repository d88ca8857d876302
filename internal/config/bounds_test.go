package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func loadText(t *testing.T, text string) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(Options{File: file, Explicit: true, Env: []string{"PULLTRAIL_DATA_DIR=/data"}})
	return err
}

func TestFilesBeyondTheBoundsAreRefused(t *testing.T) {
	const many = 100_000
	deep := func(s string) string { return "a: " + strings.Repeat(s, many) }
	for name, text := range map[string]string{
		"bytes":             "# " + strings.Repeat("x", maxFile),
		"lists in lists":    deep("["),
		"maps in maps":      deep("{a: "),
		"hyphens in a line": strings.Repeat("- ", many),
		"questions":         strings.Repeat("? ", many),
		"tags":              deep("!!str "),
		"anchors":           deep("&a "),
		"references":        deep("*a "),
		"colons":            strings.Repeat("a: ", many),
		"words":             deep("- x\n"),
	} {
		err := loadText(t, text)
		if err == nil || len(err.Error()) > 1000 || !strings.Contains(err.Error(), "c.yaml") ||
			!strings.Contains(err.Error(), "nested too deeply") && !strings.Contains(err.Error(), "has too many") && !strings.Contains(err.Error(), "has more than") {
			t.Errorf("too many %s: %v", name, err)
		}
	}
}

func TestFilesAtTheBoundsAreRead(t *testing.T) {
	var b strings.Builder
	b.WriteString("collector:\n  repositories:\n")
	for i := range 20_000 {
		fmt.Fprintf(&b, "    - a/r%d\n", i)
	}
	if err := loadText(t, b.String()); err != nil {
		t.Error(err)
	}
	deep := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	if err := loadText(t, "data_dir: "+deep); err == nil || !strings.Contains(err.Error(), "must be text, not a list") {
		t.Errorf("%d levels: %v", maxDepth, err)
	}
	indented := ""
	for i := range 1200 {
		indented += strings.Repeat(" ", i) + "a:\n"
	}
	if err := loadText(t, indented); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
		t.Errorf("a thousand levels: %v", err)
	}
}

// Merges that merge merges would take for ever if each were followed.
func TestMergingIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("log: &l0 {level: info}\n")
	for i := range 10 {
		fmt.Fprintf(&b, "x%d: &l%d\n  <<: [%s*l%d]\n", i, i+1, strings.Repeat(fmt.Sprintf("*l%d, ", i), 20), i)
	}
	b.WriteString("web:\n  <<: *l10\n")
	err := loadText(t, b.String())
	if err == nil || !strings.Contains(err.Error(), "web.<<: merges too much") || strings.Count(err.Error(), "\n") > 30 {
		t.Errorf("Load = %v", err)
	}
}
