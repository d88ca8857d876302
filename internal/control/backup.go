package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// readerPatience is how long whoever holds something up may take nothing of the answer: a
// run, or a backup, during which what is given up on disk keeps its space.
const readerPatience = 2 * time.Minute

// failure is the trailer with the error of an answer that had begun.
const failure = "Pulltrail-Error"

// Backups is what the daemon lets commands do about backups.
type Backups interface {
	// Backup writes everything that is kept to w, as internal/backup says. After an error
	// what was written is no backup.
	Backup(ctx context.Context, w io.Writer) error
}

// Backup lets the daemon write. Nothing is written where the error is ErrNoDaemon.
func (c *Client) Backup(ctx context.Context, w io.Writer) (err error) {
	response, err := c.do(ctx, http.MethodPost, "/backup", struct{}{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if _, err := io.Copy(w, response.Body); err != nil {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("the daemon ended before the backup did: %w", err)
		}
		return err
	}
	if text := response.Trailer.Get(failure); text != "" {
		return errors.New(text)
	}
	return nil
}

// backup answers with a stream of bytes, whose end says whether it is whole.
func backup(w http.ResponseWriter, r *http.Request, daemon Backups, log *slog.Logger) {
	w.Header().Set("Content-Type", "application/x-tar")
	w.Header().Set("Trailer", failure)
	out := &hurried{ResponseWriter: w}
	buffered := bufio.NewWriterSize(out, 256<<10)
	err := daemon.Backup(r.Context(), buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("the daemon is stopping, so the backup is not whole: make it again")
	}
	switch {
	case err == nil:
	case out.begun:
		w.Header().Set(failure, err.Error())
		unsent(r, log, out.err)
	default:
		w.Header().Del("Trailer")
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// hurried is an answer whose reader must not stand still.
type hurried struct {
	http.ResponseWriter
	begun bool
	err   error
}

func (h *hurried) Write(b []byte) (n int, err error) {
	h.begun = true
	if h.err = http.NewResponseController(h.ResponseWriter).SetWriteDeadline(time.Now().Add(readerPatience)); h.err != nil {
		return 0, h.err
	}
	n, h.err = h.ResponseWriter.Write(b)
	return n, h.err
}

// Unwrap lets http.ResponseController reach the connection.
func (h *hurried) Unwrap() http.ResponseWriter { return h.ResponseWriter }
