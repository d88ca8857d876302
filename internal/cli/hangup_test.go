package cli

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestAHangupAsksForTheConfigurationOrEndsWithTheTerminal(t *testing.T) {
	var closed atomic.Bool
	ctx, asked := hangups(t.Context(), closed.Load)
	hangUp(t)
	select {
	case <-asked:
	case <-ctx.Done():
		t.Fatal("it has ended")
	case <-time.After(time.Minute):
		t.Fatal("nothing was asked for")
	}
	closed.Store(true)
	hangUp(t)
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Fatal("it goes on without its terminal")
	}
}

func hangUp(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

func TestAFileIsNoTerminalThatCouldBeLost(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if lostTerminal(f)() {
		t.Error("a closed file was taken for one")
	}
}
