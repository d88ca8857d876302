package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync/atomic"
)

// problem is an error as RFC 9457 has it. Its type is about:blank throughout: the
// status says all that a program needs, the detail what a person needs.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func writeProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problem{ // a reader that has gone needs no answer
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail,
	})
}

// readLog tells the log when reading history begins to fail and when it works
// again, however many requests there are in between.
type readLog struct {
	log     *slog.Logger
	failing atomic.Bool
}

func (l *readLog) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // the reader has gone, which says nothing of history
	}
	if !l.failing.Swap(true) {
		l.log.Error("web: the API cannot read history", "err", err)
	}
}

func (l *readLog) worked() {
	if l.failing.Swap(false) {
		l.log.Info("web: the API can read history again")
	}
}
