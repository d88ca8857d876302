package control

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// vault is a Daemon that writes a backup.
type vault struct {
	fake
	write func(ctx context.Context, w io.Writer) error
}

func (v vault) Backup(ctx context.Context, w io.Writer) error { return v.write(ctx, w) }

func TestABackupArrivesByteForByteOrWithItsError(t *testing.T) {
	content := bytes.Repeat([]byte("pulltrail\x00\xff\n"), 1<<16)
	damaged := errors.New("the database is damaged:\nrestore another")
	for name, c := range map[string]struct {
		written []byte
		err     error
		want    string
	}{
		"whole":               {content, nil, ""},
		"empty":               {nil, nil, ""},
		"failed at once":      {nil, damaged, "the database is damaged"},
		"failed in the midst": {content, damaged, "the database is damaged: restore another"},
	} {
		t.Run(name, func(t *testing.T) {
			client := NewClient(serve(t, vault{write: func(_ context.Context, w io.Writer) error {
				_, err := w.Write(c.written)
				return errors.Join(err, c.err)
			}}))
			var got bytes.Buffer
			err := client.Backup(t.Context(), &got)
			if c.err == nil && (err != nil || !bytes.Equal(got.Bytes(), c.written)) {
				t.Errorf("%d of %d bytes, %v", got.Len(), len(c.written), err)
			}
			if c.err != nil && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("Backup = %v", err)
			}
		})
	}
}

func TestABackupThatNobodyTakesAnyMoreEnds(t *testing.T) {
	ended := make(chan error, 1)
	client := NewClient(serve(t, vault{write: func(ctx context.Context, w io.Writer) error {
		block := make([]byte, 1<<20)
		for {
			if _, err := w.Write(block); err != nil {
				<-ctx.Done() // is told as well
				ended <- err
				return err
			}
		}
	}}))
	full := errors.New("no space left on device")
	if err := client.Backup(t.Context(), writerFunc(func([]byte) (int, error) { return 0, full })); !errors.Is(err, full) {
		t.Errorf("Backup = %v", err)
	}
	if err := <-ended; err == nil {
		t.Error("the daemon wrote on")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestADaemonThatEndsInTheMidstIsNoWholeBackup(t *testing.T) {
	client := NewClient(serve(t, vault{write: func(_ context.Context, w io.Writer) error {
		_, err := w.Write(make([]byte, 1<<20))
		if err != nil {
			return err
		}
		panic("killed") // cuts the connection, as a kill does
	}}))
	if err := client.Backup(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "ended before the backup did") {
		t.Errorf("Backup = %v", err)
	}
	if err := NewClient(filepath.Join(t.TempDir(), "none")).Backup(t.Context(), nil); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("without a daemon: %v", err)
	}
}
