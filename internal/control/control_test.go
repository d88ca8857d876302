package control

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"pulltrail/internal/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a Daemon that collects, and has neither dead letters nor curves.
type fake struct {
	Letters
	Curves
	Archive
	Indices
	Reloader
	Backups
	collect func(ctx context.Context, repositories []hub.Repository, progress func(Result)) (Summary, error)
}

func (f fake) Collect(ctx context.Context, repositories []hub.Repository, _ time.Duration, progress func(Result)) (Summary, error) {
	return f.collect(ctx, repositories, progress)
}

func TestResultsComeOneByOneThenTheSummary(t *testing.T) {
	pulls := int64(12916987208)
	nginx := Result{Repository: hub.Repository{Namespace: "library", Name: "nginx"}, PullCount: &pulls}
	gone := Result{Repository: hub.Repository{Namespace: "a", Name: "b"}, Cause: "not_found", Error: "absent"}
	want := Summary{Slot: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Succeeded: 1, Failed: 1, Undelivered: "broker away"}
	path := serve(t, fake{collect: func(_ context.Context, repositories []hub.Repository, progress func(Result)) (Summary, error) {
		if len(repositories) != 1 || repositories[0] != nginx.Repository {
			t.Errorf("asked for %v", repositories)
		}
		progress(nginx)
		progress(gone)
		return want, nil
	}})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v", info.Mode(), err)
	}
	var results []Result
	got, err := NewClient(path).Collect(t.Context(), []hub.Repository{nginx.Repository}, time.Second, func(r Result) { results = append(results, r) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Result{nginx, gone}, results); diff != "" {
		t.Error(diff)
	}
}

// curves are a fake's.
type curves []Top

func (c curves) Top(context.Context) ([]Top, error) {
	if c == nil {
		return nil, errors.New("history cannot be read")
	}
	return c, nil
}

func TestEveryNumberOfTheCurvesArrives(t *testing.T) {
	stars, percent, pulls := int64(7), -12.5, int64(9007199254740993)
	want := []Top{{
		Repository: hub.Repository{Namespace: "library", Name: "nginx"}, Private: true, PullCount: 12916987208, StarCount: &stars,
		Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Week: &Growth{Pulls: 70, Whole: true, Percent: &percent}, Days: []*int64{nil, &pulls},
	}}
	got, err := NewClient(serve(t, fake{Curves: curves(want)})).Top(t.Context())
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if _, err := NewClient(serve(t, fake{Curves: curves(nil)})).Top(t.Context()); err == nil || !strings.Contains(err.Error(), "history cannot be read") {
		t.Errorf("got %v", err)
	}
}

func TestTheDaemonsErrorReachesTheCommand(t *testing.T) {
	path := serve(t, fake{collect: func(context.Context, []hub.Repository, func(Result)) (Summary, error) {
		return Summary{}, errors.New("a run is under way")
	}})
	_, err := NewClient(path).Collect(t.Context(), nil, 0, func(Result) {})
	if err == nil || err.Error() != "a run is under way" {
		t.Errorf("Collect = %v", err)
	}
}

func TestACommandThatLeavesCancelsTheRun(t *testing.T) {
	cancelled := make(chan struct{})
	path := serve(t, fake{collect: func(ctx context.Context, _ []hub.Repository, progress func(Result)) (Summary, error) {
		progress(Result{})
		<-ctx.Done()
		close(cancelled)
		return Summary{}, ctx.Err()
	}})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := NewClient(path).Collect(ctx, nil, 0, func(Result) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Collect = %v", err)
	}
	<-cancelled
}

// One that is stopped with Ctrl-Z, or writes to a pipe that nobody reads.
func TestACommandThatReadsNothingDoesNotHoldUpTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	talkative := fake{collect: func(ctx context.Context, _ []hub.Repository, progress func(Result)) (Summary, error) {
		for ctx.Err() == nil {
			progress(Result{Error: strings.Repeat("x", 1<<16)})
		}
		return Summary{}, ctx.Err()
	}}
	s, err := Listen(path, talkative, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.patience = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil { // it has begun
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWithoutADaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	if _, err := NewClient(path).Collect(t.Context(), nil, 0, nil); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("no socket: %v", err)
	}
	// a daemon that was killed leaves its socket behind
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewClient(path).Collect(t.Context(), nil, 0, nil); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("a socket without a listener: %v", err)
	}
	s, err := Listen(path, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("listening in its place: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestASocketThatNeverServedIsGivenBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	s, err := Listen(path, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if conn, err := net.Dial("unix", path); err == nil {
		t.Errorf("somebody still listens: %v", conn.Close())
	}
}

// serve runs a server for the time of the test.
func serve(t *testing.T, d Daemon) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control.sock")
	s, err := Listen(path, d, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return path
}
