// Package reply answers a request with a body that is there as a whole: with an ETag,
// so that a reader that has it already is told so, and the headers that keep an answer
// for one visitor from another. Reads logs what happens to those that need history.
package reply

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"
)

// Whole answers a GET or HEAD with status 200 and body, or with 304 and nothing where
// the reader has this body. The answer may be kept, but must be asked for again each
// time; a header Cache-Control that is set already stays.
func Whole(w http.ResponseWriter, r *http.Request, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "private, no-cache")
	}
	h.Add("Vary", "Authorization")
	sum := sha256.Sum256(body)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
	r.Header.Del("Range") // a part of an answer is of no use to anybody
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}
