package control

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pulltrail/internal/hub"
)

// accepted are the connections of a listener, which is closed once.
type accepted chan net.Conn

func (a accepted) Accept() (net.Conn, error) {
	if c, ok := <-a; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (a accepted) Close() error { close(a); return nil }
func (accepted) Addr() net.Addr { return &net.UnixAddr{} }

// A command that was stopped at its terminal would hold up every run to come.
func TestARunDoesNotWaitForACommandThatStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		l := make(accepted, 1)
		l <- near
		ended := make(chan error, 1)
		server := &http.Server{Handler: handler(fake{collect: func(ctx context.Context, _ []hub.Repository, progress func(Result)) (Summary, error) {
			progress(Result{}) // nobody reads it
			ended <- ctx.Err()
			return Summary{}, ctx.Err()
		}}, slog.New(slog.DiscardHandler))}
		go func() { _ = server.Serve(l) }()
		defer server.Close()
		begun := time.Now()
		if _, err := io.Copy(far, strings.NewReader("POST /collect HTTP/1.1\r\nHost: daemon\r\nContent-Length: 2\r\n\r\n{}")); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) || time.Since(begun) != readerPatience {
				t.Errorf("after %v: %v", time.Since(begun), err)
			}
		case <-time.After(time.Hour):
			t.Error("it is waited for")
		}
	})
}
