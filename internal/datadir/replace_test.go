package datadir

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// write makes a content out of one word.
func write(t *testing.T, dir, word string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, JournalName), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{DatabaseName, filepath.Join(JournalName, "id"), filepath.Join(JournalName, word+".log")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(word), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// files are the contents of the files below dir, without the lock.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "lock" {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		found[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// whole is what write has made, where that is all.
func whole(word string) map[string]string {
	return map[string]string{DatabaseName: word, "journal/id": word, "journal/" + word + ".log": word}
}

var errKilled = errors.New("killed")

// killedAfter lets a Commit do n renames.
func killedAfter(n int, rename func(from, to string) error) func(from, to string) error {
	return func(from, to string) error {
		if n--; n < 0 {
			return errKilled
		}
		return rename(from, to)
	}
}

func TestAContentIsReplacedAsAWholeWheneverItIsKilled(t *testing.T) {
	for name, old := range map[string]string{"old content": "old", "an empty directory": ""} {
		t.Run(name, func(t *testing.T) {
			for n := 0; ; n++ {
				dir := filepath.Join(t.TempDir(), "data")
				if old != "" {
					write(t, dir, old)
				}
				d, err := OpenToReplace(dir)
				if err != nil {
					t.Fatal(err)
				}
				s, err := d.Stage()
				if err != nil {
					t.Fatal(err)
				}
				write(t, s.Path(), "new")
				d.rename = killedAfter(n, d.rename)
				_, failed := s.Commit()
				if failed != nil && !errors.Is(failed, errKilled) {
					t.Fatal(failed)
				}
				if err := d.Close(); err != nil {
					t.Fatal(err)
				}
				checkReplaced(t, dir, n, old)
				if failed == nil {
					break
				}
			}
		})
	}
}

// checkReplaced opens a directory after a Commit that was killed after n renames.
func checkReplaced(t *testing.T, dir string, n int, old string) {
	t.Helper()
	d, err := Open(dir)
	if n == 0 {
		if !errors.Is(err, ErrBrokenOff) || !strings.Contains(err.Error(), "run it again, or delete "+dir) {
			t.Fatalf("killed while it was incomplete, Open = %v", err)
		}
		if err := os.RemoveAll(filepath.Join(dir, stagePartial)); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		if old != "" {
			want = whole(old)
		}
		if got := files(t, dir); !maps.Equal(got, want) {
			t.Errorf("the old content is %q", got)
		}
		return
	}
	if err != nil {
		t.Fatalf("killed after %d renames: %v", n, err)
	}
	defer d.Close()
	got, aside := files(t, dir), map[string]string{}
	for path, content := range got {
		if base, name, _ := strings.Cut(path, "/"); strings.HasPrefix(base, "replaced-") {
			aside[name] = content
			delete(got, path)
		}
	}
	if !maps.Equal(got, whole("new")) {
		t.Errorf("killed after %d renames: the content is %q", n, got)
	}
	if old != "" && !maps.Equal(aside, whole(old)) || old == "" && len(aside) > 0 {
		t.Errorf("killed after %d renames: set aside is %q", n, aside)
	}
}

func TestWhatIsSetAsideIsNamedAndNeverWrittenOver(t *testing.T) {
	dir := t.TempDir()
	d, err := OpenToReplace(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var asides []string
	for _, word := range []string{"first", "second", "third", "fourth"} {
		s, err := d.Stage()
		if err != nil {
			t.Fatal(err)
		}
		write(t, s.Path(), word)
		aside, err := s.Commit()
		if err != nil {
			t.Fatal(err)
		}
		asides = append(asides, aside)
	}
	if asides[0] != "" {
		t.Errorf("of an empty directory %s was set aside", asides[0])
	}
	for i, word := range []string{"first", "second", "third"} {
		if got := files(t, asides[i+1]); !maps.Equal(got, whole(word)) {
			t.Errorf("%s has %q", asides[i+1], got)
		}
	}
	if slices.Sort(asides); len(slices.Compact(asides)) != 4 {
		t.Errorf("set aside as %q", asides)
	}
}

func TestADirectoryIsEmptyWithoutContentOfOurs(t *testing.T) {
	dir := t.TempDir()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if empty, err := d.Empty(); !empty || err != nil {
		t.Errorf("%t, %v", empty, err)
	}
	if err := os.WriteFile(filepath.Join(dir, DatabaseName+"-wal"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if empty, err := d.Empty(); empty || err != nil {
		t.Errorf("with a log of the database: %t, %v", empty, err)
	}
	s, err := d.Stage()
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.Path(), "new")
	if _, err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "notes.txt")); err != nil {
		t.Errorf("what is not ours: %v", err)
	}
}

func TestWhatRootRestoresBelongsToTheOwnerOfTheDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	const user = 5241
	dir := filepath.Join(t.TempDir(), "data")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, user, user)); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "old")
	d, err := OpenToReplace(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, err := d.Stage()
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.Path(), "new")
	aside, err := s.Commit()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"lock", DatabaseName, JournalName, "journal/id", filepath.Base(aside)} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t); owner.Uid != user || owner.Gid != user {
			t.Errorf("%s belongs to %d:%d", path, owner.Uid, owner.Gid)
		}
	}
}

// A user who owns the directory puts links there for root, or for himself.
func TestLinksInTheDirectoryAreNotFollowed(t *testing.T) {
	elsewhere := t.TempDir()
	precious := filepath.Join(elsewhere, "precious")
	for name, target := range map[string]string{
		"lock": precious, stagePartial: elsewhere, stageReady: elsewhere, stageMoving: elsewhere,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := errors.Join(os.WriteFile(precious, []byte("precious"), 0o600), os.Symlink(target, filepath.Join(dir, name))); err != nil {
				t.Fatal(err)
			}
			d, err := OpenToReplace(dir)
			if err == nil {
				err = d.Close()
				t.Errorf("it was opened (%v)", err)
			} else if !strings.Contains(err.Error(), filepath.Join(dir, name)) || !strings.Contains(err.Error(), "remove it") {
				t.Error(err)
			}
			if got := files(t, elsewhere); !maps.Equal(got, map[string]string{"precious": "precious"}) {
				t.Errorf("elsewhere there is %q", got)
			}
			if entries, err := os.ReadDir(elsewhere); len(entries) != 1 || err != nil {
				t.Errorf("elsewhere there are %v, %v", entries, err)
			}
		})
	}
}

func TestRootDoesNotFollowTheLinkOfAnotherUserToAJournal(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root is given links by others")
	}
	const user = 5241
	dir := t.TempDir()
	if err := errors.Join(os.Symlink(t.TempDir(), filepath.Join(dir, JournalName)), os.Chown(dir, user, user)); err != nil {
		t.Fatal(err)
	}
	if d, err := Open(dir); err == nil || !strings.Contains(err.Error(), JournalName+" is not a directory") {
		t.Errorf("%v, %v", d, err)
	}
}
