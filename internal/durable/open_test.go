package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOnlyRegularFilesAreOpenedAndNoLinksFollowed(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(
		os.WriteFile(path("target"), []byte("precious"), 0o600), os.Symlink("target", path("link")),
		os.Symlink("nothing", path("dangling")), syscall.Mkfifo(path("pipe"), 0o600), os.Mkdir(path("dir"), 0o700),
	); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"link":     "link is a symbolic link, which is not followed",
		"dangling": "dangling is a symbolic link",
		"pipe":     "pipe is not a regular file",
		"dir":      "",
	} {
		f, err := OpenFile(path(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		if f != nil {
			t.Errorf("%s: a file and an error", name)
		}
	}
	if _, err := os.Lstat(path("nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the target of a link was made: %v", err)
	}
	if text, err := os.ReadFile(path("target")); string(text) != "precious" || err != nil {
		t.Errorf("the target has %q, %v", text, err)
	}
}

func TestAFileIsMadeAndCutAsUsual(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, text := range []string{"longer", "short"} {
		f, err := OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); errors.Join(err, f.Close()) != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); string(got) != text || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := OpenFile(path+".missing", os.O_RDONLY, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// owned is a file that belongs to a user and has some names.
type owned struct {
	fs.FileInfo
	user  uint32
	names int
}

func (owned) Mode() fs.FileMode  { return 0o600 }
func (owned) ModTime() time.Time { return time.Time{} }
func (o owned) Sys() any {
	s := &syscall.Stat_t{Uid: o.user, Nlink: 1}
	for range o.names - 1 {
		s.Nlink++ // whose type is another on each platform
	}
	return s
}

func TestRootOpensInTheDirectoryOfAUserWhatIsThatUsers(t *testing.T) {
	const service, other = 1234, 5678
	for name, c := range map[string]struct {
		user      int
		file, dir owned
		ok        bool
	}{
		"the user's file":                     {0, owned{user: service, names: 2}, owned{user: service}, true},
		"what root has just made":             {0, owned{user: 0, names: 1}, owned{user: service}, true},
		"a further name of a file of root":    {0, owned{user: 0, names: 2}, owned{user: service}, false},
		"a further name of a file of another": {0, owned{user: other, names: 2}, owned{user: service}, false},
		"anything in a directory of root":     {0, owned{user: other, names: 2}, owned{user: 0}, true},
		"anything for a user who is not root": {service, owned{user: other, names: 2}, owned{user: service}, true},
	} {
		if err := check(c.file, c.dir, c.user); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
