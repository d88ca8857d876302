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

// Server serves one handler on one address, with the headers and checks that every
// answer needs: see guard, and package access for who may do what.
type Server struct {
	cfg        Config
	handler    http.Handler
	log        *slog.Logger
	listener   net.Listener
	restricted http.Handler  // handler, for those that may; nil before Listen
	patience   time.Duration // how long requests may take to finish when Serve stops
	local      func(net.Addr) bool
}

// New makes a server for the address cfg.Listen. Nothing is bound yet.
func New(cfg Config, handler http.Handler, log *slog.Logger) *Server {
	return &Server{cfg: cfg, handler: handler, log: log, patience: shutdownTimeout, local: isLoopback}
}

// Listen binds the address; port 0 takes a free one, which Addr tells. From then on
// connections queue up until Serve takes them. The error names the key, the port where
// it is about that, and the remedy.
func (s *Server) Listen() error {
	// Binding is immediate: there is nothing that a context could cancel.
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", s.cfg.Listen)
	if err != nil {
		return s.explain(err)
	}
	// Only now it is certain who can reach it: names of hosts mean what the system says.
	restrict, err := access.New(access.Options{
		Config:   access.Config{Public: s.cfg.Public, Username: s.cfg.Username, PasswordHash: s.cfg.PasswordHash},
		Loopback: s.local(l.Addr()), Log: s.log,
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	s.listener, s.restricted = l, restrict(s.handler)
	return nil
}

func (s *Server) explain(err error) error {
	_, port, splitErr := net.SplitHostPort(s.cfg.Listen)
	switch {
	case splitErr != nil:
		return fmt.Errorf("web.listen: %q is not host:port, such as 127.0.0.1:8080: %w", s.cfg.Listen, err)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("web.listen: port %s of %q is in use: stop the program that has it, or set web.listen to another port: %w", port, s.cfg.Listen, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("web.listen: port %s of %q is not allowed to this user: set web.listen to a port from 1024 up: %w", port, s.cfg.Listen, err)
	}
	return fmt.Errorf("web.listen: cannot listen on %q: set web.listen to an address of this machine, such as 127.0.0.1:8080: %w", s.cfg.Listen, err)
}

// Addr is the bound address; nil before Listen.
func (s *Server) Addr() net.Addr {
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Serve answers requests until ctx is done. Those under way may then finish for up
// to 5 seconds; what is left is cut off, its context cancelled. It returns nil
// after such a stop, and an error when serving ended by itself.
func (s *Server) Serve(ctx context.Context) error {
	if s.listener == nil {
		return errors.New("web: Serve was called before Listen")
	}
	// A stop must not cancel the requests that it lets finish.
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	server := s.server(requests)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(s.listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("web: serving on %s ended: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	err := s.shutdown(requests, server, cut)
	if serveErr := <-ended; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

func (s *Server) server(requests context.Context) *http.Server {
	return &http.Server{
		Handler:           guard(s.restricted, s.local(s.Addr()), s.log),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}

func (s *Server) shutdown(requests context.Context, server *http.Server, cut context.CancelFunc) error {
	bounded, cancel := context.WithTimeout(requests, s.patience)
	defer cancel()
	err := server.Shutdown(bounded)
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	s.log.Info("web: connections were still open and have been cut off", "waited", s.patience)
	cut()
	return server.Close()
}

// Close gives the address back when Serve has not done so; a second call is
// harmless.
func (s *Server) Close() error {
	if s.listener == nil {
		return nil
	}
	if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
