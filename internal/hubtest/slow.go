package hubtest

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// Latency is how long every request is on its way from now on, before it counts against
// a limit; 0 ends that.
func (h *Hub) Latency(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.traffic.latency = d
}

// Slow answers properly, but only after this long.
func Slow(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		if wait(r.Context(), d) {
			Well(w, r, body)
		}
	}
}

// Trickle answers properly, but in pieces of so many bytes with a pause behind each.
func Trickle(piece int, pause time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		answer(w, properly(r).status, "")
		for part := range slices.Chunk(body, piece) {
			if _, err := w.Write(part); err != nil {
				return // the client has left
			}
			_ = http.NewResponseController(w).Flush() // the same
			if !wait(r.Context(), pause) {
				return
			}
		}
	}
}

// Hang sends nothing until the client leaves.
func Hang(_ http.ResponseWriter, r *http.Request, _ []byte) {
	<-r.Context().Done()
}

// HangWithin sends half of the body and nothing more until the client leaves.
func HangWithin(w http.ResponseWriter, r *http.Request, body []byte) {
	half(w, body)
	_ = http.NewResponseController(w).Flush() // a client that has left is its own affair
	<-r.Context().Done()
}

// wait lets time pass, and reports whether the client is still there.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
