package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	maxRequest      = 1 << 20 // bytes of a request: some 10,000 repositories
	shutdownTimeout = 5 * time.Second
)

// Server answers commands.
type Server struct {
	listener net.Listener
	http     *http.Server
}

// Listen binds the socket at path. A socket that an earlier process has left
// there is removed: the caller holds the lock of the data directory.
func Listen(path string, collector Collector, log *slog.Logger) (*Server, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("control socket: %w", err), listener.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /collect", func(w http.ResponseWriter, r *http.Request) { collect(w, r, collector, log) })
	return &Server{
		listener: listener,
		http: &http.Server{
			Handler:           mux,
			ReadHeaderTimeout: 5 * time.Second,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
	}, nil
}

// Run serves until ctx is done and the requests under way have ended.
func (s *Server) Run(ctx context.Context) error {
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := s.http.Shutdown(bounded)
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// Close gives the socket back of a server that never ran.
func (s *Server) Close() error { return s.http.Close() }

func collect(w http.ResponseWriter, r *http.Request, collector Collector, log *slog.Logger) {
	var request collectRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	encoder := json.NewEncoder(w)
	flusher := http.NewResponseController(w)
	send := func(e event) {
		err := encoder.Encode(e)
		if err == nil {
			err = flusher.Flush()
		}
		if err != nil && r.Context().Err() == nil { // a caller that has left is told by its context
			log.Warn("a command's answer could not be sent", "err", err)
		}
	}
	summary, err := collector.Collect(r.Context(), request.Repositories, request.Settle, func(result Result) { send(event{Result: &result}) })
	if err != nil {
		send(event{Error: err.Error()})
		return
	}
	send(event{Summary: &summary})
}
