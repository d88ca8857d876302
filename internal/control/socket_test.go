package control

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheSocketIsItsOwnersAloneAndReplacesALink(t *testing.T) {
	dir := t.TempDir()
	precious, path := filepath.Join(dir, "precious"), filepath.Join(dir, "control.sock")
	if err := os.WriteFile(precious, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(precious, path); err != nil {
		t.Fatal(err)
	}
	s, err := Listen(path, &shelf{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, want := range map[string]os.FileMode{path: os.ModeSocket | 0o600, precious: 0o644} {
		if info, err := os.Lstat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestACommandDoesNotFollowALinkToAnotherSocket(t *testing.T) {
	dir := t.TempDir()
	other, err := net.Listen("unix", filepath.Join(dir, "other.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	link := filepath.Join(dir, "control.sock")
	if err := os.Symlink("other.sock", link); err != nil {
		t.Fatal(err)
	}
	if _, err := NewClient(link).Top(t.Context()); err == nil || !strings.Contains(err.Error(), link+" is a symbolic link") {
		t.Errorf("Top = %v", err)
	}
}
