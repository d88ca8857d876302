package access

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// refusal is an answer that lets nobody through.
type refusal struct {
	status int
	detail string
	wait   time.Duration // until another try is worth it, whole seconds; 0 is not told
}

var unauthorized = refusal{status: http.StatusUnauthorized, detail: "A user name and a password are needed here."}

// Deny answers a request that is not let through, or that cannot be answered: with a problem
// as RFC 9457 has it below /api/, and with plain text elsewhere.
func Deny(w http.ResponseWriter, r *http.Request, status int, detail string) {
	refusal{status: status, detail: detail}.write(w, r)
}

// write answers programs, below /api/, with a problem as RFC 9457 has it, and people with
// a sentence.
func (f refusal) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if f.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="Pulltrail", charset="UTF-8"`)
	}
	if f.wait > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64(f.wait/time.Second), 10))
	}
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		http.Error(w, f.detail, f.status)
		return
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(struct { // a reader that has gone needs no answer
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(f.status), f.status, f.detail})
}
