package cli_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pulltrail/internal/backup"
	"pulltrail/internal/control"
	"pulltrail/internal/database"
	"pulltrail/internal/datadir"
)

// vault is a daemon that writes a backup of a directory, up to a number of bytes; then it
// waits until whoever asked has gone.
type vault struct {
	control.Daemon
	dir   string
	bytes int
	turn  *sync.Mutex // the next one waits until whoever has gone is noticed
}

func (v vault) Backup(ctx context.Context, w io.Writer) error {
	v.turn.Lock()
	defer v.turn.Unlock()
	dir, err := datadir.Open(v.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	var all bytes.Buffer
	if err := backup.Write(ctx, &all, backup.Source{Dir: dir}); err != nil {
		return err
	}
	if _, err := w.Write(all.Next(v.bytes)); err != nil || all.Len() == 0 {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// serveVault is a data directory with that daemon on it, which has something to back up,
// and what stops the daemon.
func serveVault(t *testing.T, bytes int) (dir string, stop func()) {
	t.Helper()
	full := filepath.Join(t.TempDir(), "full")
	fillPlace(t, full)
	dir = t.TempDir()
	s, err := control.Listen(datadir.ControlSocket(dir), vault{dir: full, bytes: bytes, turn: new(sync.Mutex)}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return dir, stop
}

// fillPlace makes a data directory of some megabytes that do not compress.
func fillPlace(t *testing.T, path string) {
	t.Helper()
	dir, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(t.Context(), dir.Database())
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) INSERT INTO meta SELECT 'filler', group_concat(hex(randomblob(1000)), '') FROM n")
		return err
	})
	if err := errors.Join(err, db.Close(), dir.Close()); err != nil {
		t.Fatal(err)
	}
}

// program is pulltrail on a data directory.
func program(t *testing.T, dir string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	// not bound to the test's context: it is killed by hand
	c := exec.CommandContext(context.WithoutCancel(t.Context()), "pulltrail", append(args, "--data-dir", dir)...)
	c.Dir = t.TempDir() // no config.yaml is there
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	return c, &said
}

// soon waits for what must come.
func soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// begun says whether there is a good part of a file that has no name yet.
func begun(dir string) bool {
	written, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(written) == 0 {
		return false
	}
	info, err := os.Stat(written[0])
	return err == nil && info.Size() > 1<<20
}

func kill(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("it ended before it was killed: %v", err)
	}
}

func TestABackupThatIsKilledLeavesTheFileAsItWas(t *testing.T) {
	dir, _ := serveVault(t, 3<<20)
	for name, before := range map[string]string{"no file": "", "an older one": "the backup of yesterday"} {
		t.Run(name, func(t *testing.T) {
			into := t.TempDir()
			file := filepath.Join(into, "pulltrail.tar.zst")
			if before != "" {
				if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			c, _ := program(t, dir, "backup", "--force", file)
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			soon(t, "something written", func() bool { return begun(into) })
			kill(t, c)
			content, err := os.ReadFile(file)
			if string(content) != before || before == "" && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the file has %d bytes (%v)", len(content), err)
			}
		})
	}
}

func TestADaemonThatStopsLeavesNoBackup(t *testing.T) {
	into := t.TempDir()
	file := filepath.Join(into, "pulltrail.tar.zst")
	dir, stop := serveVault(t, 3<<20)
	c, said := program(t, dir, "backup", file)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	soon(t, "something written", func() bool { return begun(into) })
	stop()
	if err := c.Wait(); err == nil || !strings.Contains(said.String(), "the daemon is stopping") {
		t.Errorf("%v: %s", err, said)
	}
	if left, err := os.ReadDir(into); err != nil || len(left) > 0 {
		t.Errorf("%v is left (%v)", left, err)
	}
}

func TestARestoreThatIsKilledIsDoneAgain(t *testing.T) {
	full := filepath.Join(t.TempDir(), "full")
	fillPlace(t, full)
	file := filepath.Join(t.TempDir(), "pulltrail.tar.zst")
	if c, said := program(t, full, "backup", file); c.Run() != nil {
		t.Fatalf("backup: %s", said)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	c, _ := program(t, dir, "restore", "-")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write(content[:len(content)/2]); err != nil {
		t.Fatal(err)
	}
	soon(t, "half of the database", func() bool {
		info, err := os.Stat(filepath.Join(dir, "restore.partial", datadir.DatabaseName))
		return err == nil && info.Size() > 1<<20
	})
	kill(t, c)
	if c, said := program(t, dir, "run"); c.Run() == nil || !strings.Contains(said.String(), "a restore was broken off before it was complete: run it again") {
		t.Errorf("the daemon says: %s", said)
	}
	if c, said := program(t, dir, "restore", file); c.Run() != nil {
		t.Errorf("again: %s", said)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "restore.*")); err != nil || len(left) > 0 {
		t.Errorf("%q is left (%v)", left, err)
	}
	if schema, err := database.CheckFile(t.Context(), filepath.Join(dir, datadir.DatabaseName)); schema != database.Version() || err != nil {
		t.Errorf("schema %d, %v", schema, err)
	}
}

func TestAFullDiskLeavesNothingHalf(t *testing.T) {
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("a small disk can be mounted by root only")
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(small, 0); err != nil {
			t.Error(err)
		}
	})
	full := filepath.Join(t.TempDir(), "full")
	fillPlace(t, full)
	file := filepath.Join(small, "pulltrail.tar.zst")
	before := []byte("the backup of yesterday")
	if err := os.WriteFile(file, before, 0o600); err != nil {
		t.Fatal(err)
	}
	c, said := program(t, full, "backup", "--force", file)
	if err := c.Run(); err == nil || !strings.Contains(said.String(), "no space left on device: make room, or write it elsewhere; no backup was made") {
		t.Errorf("%v: %s", err, said)
	}
	if content, err := os.ReadFile(file); !bytes.Equal(content, before) {
		t.Errorf("the file has %d bytes (%v)", len(content), err)
	}
	if left, err := os.ReadDir(small); err != nil || len(left) != 1 {
		t.Errorf("%v is left (%v)", left, err)
	}
	elsewhere := filepath.Join(t.TempDir(), "pulltrail.tar.zst")
	if c, said := program(t, full, "backup", elsewhere); c.Run() != nil {
		t.Fatalf("backup: %s", said)
	}
	dir := filepath.Join(small, "data")
	c, said = program(t, dir, "restore", elsewhere)
	if err := c.Run(); err == nil || !strings.Contains(said.String(), "are free: make room") {
		t.Errorf("%v: %s", err, said)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "[^l]*")); err != nil || len(left) > 0 {
		t.Errorf("%q is left (%v)", left, err)
	}
}
