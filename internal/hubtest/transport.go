package hubtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// holdBack is how many bytes of an answer are collected, at most, before it begins.
const holdBack = 256 << 10

// RoundTripper is the way to the Hub without a network, for a client whose requests
// may name any host. A request ends when its context does. What an answer flushes
// arrives before its end, and a connection that breaks off is an error as it is on a
// network. As there, the body of an answer must be closed.
func (h *Hub) RoundTripper() http.RoundTripper { return inProcess{h.Handler()} }

type inProcess struct{ handler http.Handler }

// outcome is what a client gets.
type outcome struct {
	response *http.Response
	err      error
}

// RoundTrip answers a request.
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // as the contract of a RoundTripper wants
		}
		return nil, err
	}
	ctx, cancel := context.WithCancel(r.Context())
	w := &writer{ctx: ctx, cancel: cancel, request: r, header: http.Header{}, outcome: make(chan outcome, 1)}
	go w.serve(p.handler, incoming(ctx, r))
	select {
	case o := <-w.outcome:
		return o.response, o.err
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// incoming is a client's request as a server sees it.
func incoming(ctx context.Context, r *http.Request) *http.Request {
	in := r.Clone(ctx)
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "192.0.2.1:49152"
	return in
}

// writer is the ResponseWriter of one request. Only the goroutine of the handler uses
// it.
type writer struct {
	ctx     context.Context // ends with the client's interest
	cancel  context.CancelFunc
	request *http.Request
	outcome chan outcome // has room for the one that is sent

	header  http.Header
	status  int // 0 before WriteHeader
	sent    http.Header
	held    bytes.Buffer
	stream  *io.PipeWriter // once the answer has begun
	written int64          // bytes of the body
}

// serve runs the handler and brings its answer to an end.
func (w *writer) serve(handler http.Handler, r *http.Request) {
	defer w.cancel()
	defer r.Body.Close() //nolint:errcheck // it was read as far as anybody wanted
	aborted := aborts(func() { handler.ServeHTTP(w, r) })
	switch err := w.ctx.Err(); {
	case w.stream != nil && err != nil:
		_ = w.stream.CloseWithError(err) // it never fails
	case w.stream != nil && (aborted || w.short()):
		_ = w.stream.CloseWithError(io.ErrUnexpectedEOF) // it never fails
	case w.stream != nil:
		_ = w.stream.Close() // it never fails
	case err != nil:
		w.outcome <- outcome{err: err}
	case aborted:
		w.outcome <- outcome{err: fmt.Errorf("read: %w", syscall.ECONNRESET)}
	default:
		w.whole()
	}
}

// aborts reports whether a handler has broken its connection off.
func aborts(handle func()) (aborted bool) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			aborted = true
		default:
			panic(v) // a mistake in the test
		}
	}()
	handle()
	return false
}

// Header is the header of the answer, until WriteHeader.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader settles status and header.
func (w *writer) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status, w.sent = status, w.header.Clone()
	if w.sent.Get("Date") == "" {
		w.sent.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
}

// Write adds to the body.
func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.written += int64(len(p))
	if w.stream == nil && w.held.Len()+len(p) <= holdBack {
		return w.held.Write(p)
	}
	w.Flush()
	return w.stream.Write(p)
}

// Flush lets the client have what was written so far.
func (w *writer) Flush() {
	if w.stream != nil {
		return
	}
	w.WriteHeader(http.StatusOK)
	reader, stream := io.Pipe()
	w.stream = stream
	context.AfterFunc(w.ctx, func() {
		_ = stream.CloseWithError(w.ctx.Err()) // it never fails; after the end it changes nothing
	})
	w.begin(streamed{reader, w.cancel}, w.announced())
	_, _ = stream.Write(w.held.Bytes()) // a client that has left is its own affair
}

// whole answers at once.
func (w *writer) whole() {
	w.WriteHeader(http.StatusOK)
	var body io.Reader = &w.held
	length := w.written
	if w.short() {
		length, body = w.announced(), io.MultiReader(body, broken{})
	}
	w.begin(io.NopCloser(body), length)
}

// announced is the length of the body by its header; -1 without one.
func (w *writer) announced() int64 {
	length, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64)
	if err != nil {
		return -1
	}
	return length
}

// short reports whether less was written than was announced.
func (w *writer) short() bool { return w.written < w.announced() }

// begin gives the client its answer, with this body of so many bytes; -1 is unknown.
func (w *writer) begin(body io.ReadCloser, length int64) {
	w.outcome <- outcome{response: &http.Response{
		Status:     fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)),
		StatusCode: w.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: body, ContentLength: length, Request: w.request,
	}}
}

// streamed is a body that arrives while it is read.
type streamed struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close tells the handler that the client has left.
func (s streamed) Close() error {
	s.cancel()
	return s.PipeReader.Close()
}

// broken is the end of a body that was to be longer.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
