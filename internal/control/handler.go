package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
)

// maxRequest bounds a request, in bytes: some 10,000 repositories or dead letters, or a
// batch of snapshots as large as it may be, in base64.
const maxRequest = 4 << 20

func handler(daemon Daemon, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /collect", func(w http.ResponseWriter, r *http.Request) {
		stream(&hurried{ResponseWriter: w}, r, log, func(ctx context.Context, request collectRequest, progress func(Result)) (Summary, error) {
			return daemon.Collect(ctx, request.Repositories, request.Settle, progress)
		})
	})
	mux.HandleFunc("GET /deadletters", func(w http.ResponseWriter, r *http.Request) { list(w, r, daemon, log) })
	mux.HandleFunc("GET /deadletter", func(w http.ResponseWriter, r *http.Request) { show(w, r, daemon, log) })
	mux.HandleFunc("POST /deadletters/retry", func(w http.ResponseWriter, r *http.Request) {
		stream(&hurried{ResponseWriter: w}, r, log, daemon.RetryDeadLetters)
	})
	mux.HandleFunc("POST /deadletters/drop", func(w http.ResponseWriter, r *http.Request) {
		if which, ok := read[Selection](w, r); ok {
			dropped, err := daemon.DropDeadLetters(r.Context(), which)
			answer(w, r, log, dropped, err)
		}
	})
	mux.HandleFunc("POST /indices/forget", func(w http.ResponseWriter, r *http.Request) {
		if request, ok := read[forgetRequest](w, r); ok {
			answer(w, r, log, struct{}{}, daemon.ForgetIndices(r.Context(), request.Sink, request.Indices))
		}
	})
	mux.HandleFunc("GET /top", func(w http.ResponseWriter, r *http.Request) {
		all, err := daemon.Top(r.Context())
		answer(w, r, log, all, err)
	})
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, r *http.Request) {
		reload, err := daemon.Reload(r.Context())
		answer(w, r, log, reload, err)
	})
	mux.HandleFunc("GET /reload", func(w http.ResponseWriter, r *http.Request) {
		reload, err := daemon.Reloaded(r.Context())
		answer(w, r, log, reload, err)
	})
	mux.HandleFunc("POST /import/place", func(w http.ResponseWriter, r *http.Request) {
		if p, ok := read[place](w, r); ok {
			at, err := daemon.Place(r.Context(), p.Source)
			answer(w, r, log, place{Source: p.Source, Place: at}, err)
		}
	})
	mux.HandleFunc("POST /import", func(w http.ResponseWriter, r *http.Request) {
		if batch, ok := read[Batch](w, r); ok {
			imported, err := daemon.Import(r.Context(), batch)
			answer(w, r, log, imported, err)
		}
	})
	mux.HandleFunc("POST /export", func(w http.ResponseWriter, r *http.Request) { stream(w, r, log, daemon.Export) })
	mux.HandleFunc("POST /export/daily", func(w http.ResponseWriter, r *http.Request) { stream(w, r, log, daemon.Daily) })
	mux.HandleFunc("POST /history/delete", func(w http.ResponseWriter, r *http.Request) {
		if which, ok := read[Deletion](w, r); ok {
			deleted, err := daemon.Delete(r.Context(), which)
			answer(w, r, log, deleted, err)
		}
	})
	mux.HandleFunc("POST /backup", func(w http.ResponseWriter, r *http.Request) { backup(w, r, daemon, log) })
	return mux
}

func list(w http.ResponseWriter, r *http.Request, daemon Daemon, log *slog.Logger) {
	limit, err := strconv.Atoi(r.FormValue("limit"))
	if err != nil || limit < 1 || limit > MaxPage {
		http.Error(w, fmt.Sprintf("the limit %q is not from 1 to %d", r.FormValue("limit"), MaxPage), http.StatusBadRequest)
		return
	}
	offset, err := strconv.Atoi(r.FormValue("offset"))
	if err != nil || offset < 0 {
		http.Error(w, fmt.Sprintf("the offset %q is not a number from 0", r.FormValue("offset")), http.StatusBadRequest)
		return
	}
	page, err := daemon.DeadLetters(r.Context(), LetterQuery{Sink: r.FormValue("sink"), Limit: limit, Offset: offset})
	answer(w, r, log, page, err)
}

func show(w http.ResponseWriter, r *http.Request, daemon Daemon, log *slog.Logger) {
	id, err := ParseLetterID(r.FormValue("id"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	letter, err := daemon.DeadLetter(r.Context(), id)
	answer(w, r, log, letter, err)
}

// read takes the request's body; where ok is false it has answered.
func read[Q any](w http.ResponseWriter, r *http.Request) (request Q, ok bool) {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&request)
	if checked, can := any(request).(interface{ validate() error }); can && err == nil {
		err = checked.validate()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
	return request, err == nil
}

// answer sends what, or the error in its place.
func answer(w http.ResponseWriter, r *http.Request, log *slog.Logger, what any, err error) {
	switch {
	case errors.Is(err, ErrNoLetter):
		http.Error(w, err.Error(), http.StatusGone)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	unsent(r, log, json.NewEncoder(w).Encode(what))
}

// stream answers with an event for each result, and one for the end.
func stream[Q, R, S any](w http.ResponseWriter, r *http.Request, log *slog.Logger, do func(context.Context, Q, func(R)) (S, error)) {
	request, ok := read[Q](w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	encoder := json.NewEncoder(w)
	flusher := http.NewResponseController(w)
	send := func(e event[R, S]) {
		err := encoder.Encode(e)
		if err == nil {
			err = flusher.Flush()
		}
		unsent(r, log, err)
	}
	summary, err := do(r.Context(), request, func(result R) { send(event[R, S]{Result: &result}) })
	if err != nil {
		send(event[R, S]{Error: err.Error()})
		return
	}
	send(event[R, S]{Summary: &summary})
}

// unsent logs that an answer could not be sent. A caller that has left is told by its
// context.
func unsent(r *http.Request, log *slog.Logger, err error) {
	if err != nil && r.Context().Err() == nil {
		log.Warn("a command's answer could not be sent", "err", err)
	}
}
