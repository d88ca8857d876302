package web

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"

	"pulltrail/internal/web/access"
)

// contentSecurityPolicy allows what the page consists of and nothing else: our own
// style, script, pictures and requests; no frames, no foreign hosts, nothing inline.
const contentSecurityPolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// guard puts around handler what every answer needs: the security headers, an
// answer even when the handler panics, gzip, and, for a server on loopback, the check of
// the Host header. There are no CORS headers: pages from elsewhere may not read.
func guard(handler http.Handler, loopback bool, log *slog.Logger) http.Handler {
	if loopback {
		handler = localHostsOnly(handler)
	}
	return withHeaders(compressed(recovering(handler, log)))
}

func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

// localHostsOnly refuses requests that name another host than this machine. A page
// from elsewhere could otherwise read a service on loopback: its own name may, the
// second time that it is looked up, be given as 127.0.0.1 (DNS rebinding), and the
// browser takes both for one origin. The Host header still tells.
func localHostsOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocalHost(r.Host) {
			access.Deny(w, r, http.StatusMisdirectedRequest, "This server listens on loopback and answers for localhost, 127.0.0.1 and [::1] only. "+
				"To reach it by another name through a reverse proxy, let the proxy send \"Host: localhost\"; "+
				"to reach it from the network, set web.listen to an address of this machine, and a user or web.public.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isLocalHost reports whether a Host header, with or without a port, names loopback.
func isLocalHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// isLoopback reports whether only this machine can reach a bound address.
func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// recovering turns a panic of next into one log record and a plain 500. An answer
// that has already begun is broken off instead, so that nobody takes it for whole.
func recovering(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tracked := &trackedWriter{ResponseWriter: w}
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler { //nolint:errorlint // a sentinel that is panicked with as it is
				panic(p)
			}
			log.Error("web: a request made the handler panic", "method", r.Method, "path", r.URL.Path,
				"err", fmt.Sprint(p), "stack", string(debug.Stack()))
			if tracked.begun {
				panic(http.ErrAbortHandler)
			}
			for _, of := range []string{"Cache-Control", "Content-Encoding", "ETag", "Last-Modified"} {
				w.Header().Del(of) // they belong to the answer that was not to be
			}
			access.Deny(w, r, http.StatusInternalServerError, "Something went wrong inside Pulltrail; its log says what.")
		}()
		next.ServeHTTP(tracked, r)
	})
}

// trackedWriter knows whether the answer has begun.
type trackedWriter struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader begins the answer, unless the status is an interim one.
func (w *trackedWriter) WriteHeader(status int) {
	w.begun = w.begun || status >= http.StatusOK
	w.ResponseWriter.WriteHeader(status)
}

// Write begins the answer when nothing else has.
func (w *trackedWriter) Write(p []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *trackedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
