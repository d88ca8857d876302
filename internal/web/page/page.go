// Package page is the page that people open: the tracked repositories with their
// totals, and how the last run went, as one plain HTML document with one style
// sheet. It needs no JavaScript.
//
// It shows what is known now. Private repositories are for visitors that are
// authenticated (see package access); for others they are nowhere on it: not in the
// table, the sums or the counts of a run. Names, descriptions and messages are shown as
// text, whatever they contain. A page is made whole before it is sent; where that fails,
// the answer is a clean 500.
//
// The table has at most 2,000 rows, those with the most pulls; the sums are of all,
// and the page says that there are more.
//
// Of dead letters it shows their number alone: what they hold is for those who can
// give the process commands.
package page

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/web/access"
)

// History is what the page reads. It may be called by any number of requests at the
// same time; an error means that history cannot be read now.
type History interface {
	// Repositories are all that have a snapshot, private ones included.
	Repositories(ctx context.Context) ([]history.Repository, error)
}

// DeadLetters are the messages that were refused and wait for a person. It may be called
// by any number of requests at the same time.
type DeadLetters interface {
	// Len is how many there are.
	Len(ctx context.Context) (int, error)
}

// Runs tells of the collecting, at once and to any number of requests.
type Runs interface {
	// LastRun is the last run, and whether one is under way; false when there was none
	// since the process started. An error means that it cannot be read now.
	LastRun(ctx context.Context) (Run, bool, error)
	// Next is when the next run begins; zero when none is scheduled.
	Next() time.Time
}

// Run is how the collecting stands.
type Run struct {
	// All but Running are of the last run that has ended; zero before the first.
	Slot, Started, Finished time.Time
	// Outcomes are how each tracked repository fared the last time that it was polled,
	// also before the process started.
	Outcomes []Outcome
	// Notes are what a person should know of the run, in sentences: namespaces that are
	// not listed whole, a login that is refused.
	Notes []string
	// Running says that a run is under way.
	Running bool
}

// Outcome is what a run made of one repository.
type Outcome struct {
	Repository hub.Repository
	// Cause is why there is no snapshot, in one word such as "not_found"; empty when
	// there is one, taken by this run or there already.
	Cause string
	// Message says more, in a sentence. Everybody may read it: no secrets.
	Message string
	// Gone says that it was not found for several slots in a row.
	Gone bool
}

// Options are what New needs.
type Options struct {
	History     History
	DeadLetters DeadLetters
	Runs        Runs
	// Tracked are the repositories that are polled.
	Tracked func(context.Context) ([]hub.Repository, error)
	Version string
	// Demo says on every page that its numbers are simulated.
	Demo bool
	Log  *slog.Logger
	// Now is the clock; nil is the real one.
	Now func() time.Time
}

type handler struct {
	Options
	assets    assets
	templates *template.Template
	// What could not be read the last time.
	noHistory, noLetters, noRoster atomic.Bool
}

// New makes the handler of the page, of its assets, and of every path that nothing
// else answers.
func New(opts Options) (http.Handler, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	files, err := loadAssets()
	if err != nil {
		return nil, err
	}
	templates, err := loadTemplates()
	if err != nil {
		return nil, err
	}
	h := &handler{Options: opts, assets: files, templates: templates}
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", h.index)
	for _, a := range files {
		mux.Handle(a.path, a)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { h.problem(w, http.StatusNotFound, notFound()) })
	return h.readOnly(mux), nil
}

// readOnly lets GET and HEAD through.
func (h *handler) readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			h.problem(w, http.StatusMethodNotAllowed, readOnlyHere())
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (h *handler) index(w http.ResponseWriter, r *http.Request) {
	stored, err := h.History.Repositories(r.Context())
	h.note(r.Context(), &h.noHistory, "read history", err)
	if err != nil {
		h.problem(w, http.StatusInternalServerError, historyUnreadable())
		return
	}
	run, ran, err := h.Runs.LastRun(r.Context())
	if !ran {
		run = Run{Outcomes: run.Outcomes}
	}
	tracked, err2 := h.Tracked(r.Context())
	err = errors.Join(err, err2)
	h.note(r.Context(), &h.noRoster, "read what is tracked", err)
	if err != nil {
		h.problem(w, http.StatusInternalServerError, historyUnreadable())
		return
	}
	h.render(w, http.StatusOK, "index.html", newView(h.frame(), facts{
		now: h.Now(), stored: stored, tracked: tracked, run: run, next: h.Runs.Next(), letters: h.letters(r.Context()),
		private: access.Of(r.Context()).Authenticated,
	}))
}

// letters are 0 also where they cannot be counted: the rest of the page is good without.
func (h *handler) letters(ctx context.Context) int {
	n, err := h.DeadLetters.Len(ctx)
	h.note(ctx, &h.noLetters, "count the dead letters", err)
	if err != nil {
		return 0
	}
	return n
}

// note tells the log what the page cannot do, and that it can again, when that changes.
func (h *handler) note(ctx context.Context, failing *atomic.Bool, what string, err error) {
	switch {
	case err == nil:
		if failing.Swap(false) {
			h.Log.Info("web: the page can " + what + " again")
		}
	case ctx.Err() != nil: // the reader has gone, which says nothing of what was read
	case !failing.Swap(true):
		h.Log.Error("web: the page cannot "+what, "err", err)
	}
}

// problem answers with a page that says what is the matter.
func (h *handler) problem(w http.ResponseWriter, status int, text trouble) {
	h.render(w, status, "problem.html", struct {
		frame
		trouble
	}{h.frame(), text})
}

// frame is what all pages have around their content.
type frame struct {
	Words       vocabulary
	Version     string
	Style, Icon string
	Refresh     int // seconds until the page reloads itself; 0 is never
	Demo        bool
}

func (h *handler) frame() frame {
	return frame{Words: english(), Version: h.Version, Style: h.assets.url(stylePath), Icon: h.assets.url(iconPath), Demo: h.Demo}
}

// render makes the page before it sends anything of it.
func (h *handler) render(w http.ResponseWriter, status int, name string, data any) {
	var body bytes.Buffer
	if err := h.templates.ExecuteTemplate(&body, name, data); err != nil {
		h.Log.Error("web: the page could not be made", "err", err)
		http.Error(w, brokenPage, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // a reader that has gone needs no page
}
