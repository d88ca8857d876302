package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"pulltrail/scheduler"
)

func TestAButtonThatIsPressedAgainWaitsForWhatFollowsTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs, finish := 0, make(chan error)
		b := newButton(func(context.Context) error {
			runs++
			return <-finish
		}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.run(ctx) }()
		for range 3 {
			b.press()
			synctest.Wait()
		}
		if runs != 1 || !b.under.Load() {
			t.Errorf("%d runs", runs)
		}
		for i, answer := range []error{nil, errors.New("all failed"), scheduler.ErrRunning} {
			finish <- answer
			synctest.Wait()
			if b.under.Load() {
				t.Error("what followed has ended")
			}
			b.press()
			synctest.Wait()
			if runs != i+2 {
				t.Errorf("after %v there are %d runs", answer, runs)
			}
		}
		finish <- nil
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestARunThatWasAskedForEndsWithTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newButton(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		b.press()
		if err := b.run(ctx); err != nil {
			t.Error(err)
		}
	})
}

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
