// Package serving runs an HTTP server for as long as a context lasts.
package serving

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Run serves on a listener until ctx is done, of which the requests are told. They may
// take patience to end; what is left is cut off. It returns nil after such a stop, and an
// error when serving ended by itself.
func Run(ctx context.Context, server *http.Server, listener net.Listener, patience time.Duration) error {
	server.BaseContext = func(net.Listener) context.Context { return ctx }
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	err := server.Shutdown(bounded)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
