package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"pulltrail/internal/serving"
)

const shutdownTimeout = 5 * time.Second

// Server answers commands.
type Server struct {
	listener net.Listener
	http     *http.Server
	patience time.Duration // with the requests under way, at the end
}

// Listen binds the socket at path. A socket that an earlier process has left
// there is removed: the caller holds the lock of the data directory.
func Listen(path string, daemon Daemon, log *slog.Logger) (*Server, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	listener, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return &Server{
		listener: listener, patience: shutdownTimeout,
		http: &http.Server{
			Handler:           handler(daemon, log),
			ReadHeaderTimeout: 5 * time.Second,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
	}, nil
}

// listen binds a socket that only its owner may open. On Linux it has that mode before it
// has its name; elsewhere the mode is set by name, once it is known to be the socket and no
// link that somebody has put there.
func listen(path string) (net.Listener, error) {
	private := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) }) // other systems have no mode for it yet
	}}
	listener, err := private.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	info, err := os.Lstat(path)
	if err == nil && info.Mode().Type() != os.ModeSocket {
		err = fmt.Errorf("%s is not the socket that was made there", path)
	}
	if err == nil && info.Mode().Perm() != 0o600 {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// Run serves until ctx is done and the requests under way have ended, or have had 5 s for
// that.
func (s *Server) Run(ctx context.Context) error {
	return serving.Run(ctx, s.http, s.listener, s.patience)
}

// Close gives the socket back when Run has not done so, because it was never called
// or did not come to its end.
func (s *Server) Close() error {
	err := s.http.Close()
	if closed := s.listener.Close(); !errors.Is(closed, net.ErrClosed) {
		err = errors.Join(err, closed)
	}
	return err
}
