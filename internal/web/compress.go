package web

import (
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

const (
	// leastCompressed is the size, in bytes, below which an answer is left as it is.
	leastCompressed = 1024
	// tagSuffix ends the ETag of a compressed answer, whose bytes are others than those of
	// the same answer as it is.
	tagSuffix = "-gzip"
)

// compressed puts gzip around answers, for readers that take it. What an answer says must
// not be a secret that somebody else can mix with words of their own, as its size then
// tells of it (BREACH): there are no such secrets, neither tokens nor passwords.
func compressed(next http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(leastCompressed), gzhttp.EnableZstd(false), gzhttp.SuffixETag(tagSuffix))
	if err != nil {
		panic(err) // the options are always the same
	}
	return tagged(wrap(next))
}

// tagged takes the suffix off the tags that a reader has, which the handler does not
// know, and gives it back with the answer that says that one of them still holds.
func tagged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const end = tagSuffix + `"`
		if tags := r.Header.Get("If-None-Match"); strings.Contains(tags, end) {
			r = r.Clone(r.Context())
			r.Header.Set("If-None-Match", strings.ReplaceAll(tags, end, `"`))
			w = &suffixWriter{w}
		}
		next.ServeHTTP(w, r)
	})
}

// suffixWriter gives the ETag of an answer without a body the suffix.
type suffixWriter struct{ http.ResponseWriter }

// WriteHeader looks whether there is a body.
func (w *suffixWriter) WriteHeader(status int) {
	if tag, quoted := strings.CutSuffix(w.Header().Get("ETag"), `"`); status == http.StatusNotModified && quoted {
		w.Header().Set("ETag", tag+tagSuffix+`"`)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *suffixWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
