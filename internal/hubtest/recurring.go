package hubtest

import (
	"net/http"
	"sync/atomic"
)

// Flap answers 404 every nth time, and properly otherwise.
func Flap(n int) Fault {
	var requests atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		if requests.Add(1)%int64(n) == 0 {
			NotFound(w, r, body)
			return
		}
		Well(w, r, body)
	}
}

// Times is a fault for the next n requests; then the Hub is well.
func Times(n int, fault Fault) Fault {
	var requests atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		if requests.Add(1) <= int64(n) {
			fault(w, r, body)
			return
		}
		Well(w, r, body)
	}
}

// Burst answers the next n requests with a status such as 503; then the Hub is well.
func Burst(status, n int) Fault { return Times(n, Status(status)) }
