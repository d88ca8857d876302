package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"pulltrail/internal/serving"
	"pulltrail/internal/web/access"
)

// The bounds of one connection. An answer of the API may have some ten megabytes,
// which a slow line needs writeTimeout for.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 2 * time.Minute
	idleTimeout       = time.Minute
	maxHeaderBytes    = 32 << 10
	shutdownTimeout   = 5 * time.Second
)

// Server serves one address as long as the process lives, whichever Site is there: what
// asks while there is none waits for the next.
type Server struct {
	listener net.Listener
	log      *slog.Logger
	sites    stage
}

// Listen binds address, host:port; port 0 takes a free one, which Addr tells. From then on
// connections queue up until Serve takes them. The error names the key, the port where it
// is about that, and the remedy.
func Listen(address string, log *slog.Logger) (*Server, error) {
	// Binding is immediate: there is nothing that a context could cancel.
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, explain(address, err)
	}
	return &Server{listener: l, log: log, sites: stage{entered: make(chan struct{})}}, nil
}

func explain(address string, err error) error {
	_, port, splitErr := net.SplitHostPort(address)
	switch {
	case splitErr != nil:
		return fmt.Errorf("web.listen: %q is not host:port, such as 127.0.0.1:8080: %w", address, err)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("web.listen: port %s of %q is in use: stop the program that has it, or set web.listen to another port: %w", port, address, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("web.listen: port %s of %q is not allowed to this user: set web.listen to a port from 1024 up: %w", port, address, err)
	}
	return fmt.Errorf("web.listen: cannot listen on %q: set web.listen to an address of this machine, such as 127.0.0.1:8080: %w", address, err)
}

// Addr is the bound address.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Site is one handler for the server's address, with the headers and checks that every
// answer needs: see guard, and package access for who may do what. An error says that the
// address may not be open to those who can reach it.
func (s *Server) Site(cfg Config, handler http.Handler) (*Site, error) {
	return s.site(cfg, handler, isLoopback(s.Addr()))
}

func (s *Server) site(cfg Config, handler http.Handler, loopback bool) (*Site, error) {
	// Names of hosts mean what the system says, so only a bound address tells who can reach it.
	restrict, err := access.New(access.Options{
		Config:   access.Config{Public: cfg.Public, Username: cfg.Username, PasswordHash: cfg.PasswordHash},
		Loopback: loopback, Log: s.log,
	})
	if err != nil {
		return nil, err
	}
	return newSite(&s.sites, guard(restrict(handler), loopback, s.log), s.log), nil
}

// Serve answers requests until ctx is done, when no Site should be there any more. Those
// that wait for one are told that there is none. It returns nil after such a stop, and an
// error when serving ended by itself.
func (s *Server) Serve(ctx context.Context) error {
	err := serving.Run(ctx, s.server(), s.listener, shutdownTimeout)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("web: serving on %s ended: %w", s.Addr(), err)
	}
	return err
}

func (s *Server) server() *http.Server {
	return &http.Server{
		Handler:           &s.sites,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}

// Close gives the address back when Serve has not done so; a second call is
// harmless.
func (s *Server) Close() error {
	if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
