// Package page is the page that people open: how many pulls the tracked repositories
// have, how that changes, and how the last run went, as one HTML document made on the
// server, with one style sheet. Everything follows from the address, so what is seen can
// be kept and sent to others. It needs no JavaScript; with it, charts answer to the
// pointer and the keys, and what is chosen appears without loading the page anew.
//
// It shows what is known now. Private repositories are nowhere on it for those who are
// not authenticated: not in the table, the sums, the chart or the counts of a run. Names,
// descriptions and messages are shown as text, whatever they contain. An address that
// makes no sense is answered with the usual page, which says so. A page is made whole
// before it is sent; where that fails, the answer is a clean 500.
//
// The table has 100 rows a page, the chart the eight repositories with the most pulls
// and the others as one line; sums are of all. All numbers are those of internal/trail.
//
// Each repository has a page of its own, and /status tells how the process fares. An
// unknown repository is answered with the names that may have been meant. Messages, and
// names that might be secret, are on the status page for those alone who may do more than
// read; they can also have a run begin there, which no other site can make them do.
//
// A repository's page reads at most 100,000 of its samples for what pushes did and shows
// 50 pushes, 100 snapshots at a time and 64 KiB of the raw document.
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

	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
	"pulltrail/internal/web/access"
	"pulltrail/internal/web/reply"
)

// Curves is what the page reads. It may be called by any number of requests at the
// same time; an error means that history cannot be read now. What it returns is shared
// and stays as it is.
type Curves interface {
	// Trails are all that have a snapshot, private ones included, by namespace and name.
	Trails(ctx context.Context) ([]*rollup.Trail, error)
	// Trail is one of them; false when it has no snapshot.
	Trail(ctx context.Context, of hub.Repository) (*rollup.Trail, bool, error)
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
	// Slot, Started and Finished are of the last run that has ended; zero before the first.
	Slot, Started, Finished time.Time
	// Outcomes are how each tracked repository fared the last time that it was polled,
	// also before the process started.
	Outcomes []Outcome
	// Notes are what a person should know of the run, in sentences: namespaces that are
	// not listed whole, a login that is refused.
	Notes []string
	// Running says that a run is under way.
	Running bool
	// Retry is when an unfinished run is resumed; zero when there is none.
	Retry time.Time
	// Outbox has the repositories whose newest snapshot is in the outbox: collected, and not
	// delivered by the broker yet.
	Outbox []hub.Repository
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
	Curves      Curves
	Snapshots   Snapshots
	Operations  Operations
	DeadLetters DeadLetters
	Runs        Runs
	// Tracked are the repositories that are polled.
	Tracked func(context.Context) ([]hub.Repository, error)
	Version string
	// SignIn is whether there is a user to sign in as, although the page is open to all.
	SignIn bool
	// Demo says on every page that its numbers are simulated.
	Demo bool
	Log  *slog.Logger
	// Now is the clock; nil is the real one.
	Now func() time.Time
}

type handler struct {
	Options
	assets    assets
	templates map[string]*template.Template
	// What could not be read the last time.
	noHistory, noLetters, noRoster, noReport atomic.Bool
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
	mux.HandleFunc("/r/{namespace}/{name}", h.repository)
	mux.HandleFunc("/status", h.states)
	for _, a := range files {
		mux.Handle(a.path, a)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { h.problem(w, r, http.StatusNotFound, notFound()) })
	all := http.NewServeMux()
	all.Handle("/", h.readOnly(mux))
	all.Handle(collectPath, h.collecting())
	return all, nil
}

// readOnly lets GET and HEAD through.
func (h *handler) readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			h.problem(w, r, http.StatusMethodNotAllowed, readOnlyHere())
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (h *handler) index(w http.ResponseWriter, r *http.Request) {
	f, err := h.facts(r.Context())
	if err != nil {
		h.problem(w, r, http.StatusInternalServerError, historyUnreadable())
		return
	}
	f.ask = parseQuery(r.URL.Query())
	h.render(w, r, http.StatusOK, "index.html", newView(h.frame(r), f))
}

// facts are what the visitor may know.
func (h *handler) facts(ctx context.Context) (facts, error) {
	trails, err := h.Curves.Trails(ctx)
	h.note(ctx, &h.noHistory, "read history", err)
	if err != nil {
		return facts{}, err
	}
	run, ran, err := h.Runs.LastRun(ctx)
	if !ran {
		run = Run{Outcomes: run.Outcomes, Retry: run.Retry, Outbox: run.Outbox}
	}
	tracked, err2 := h.Tracked(ctx)
	err = errors.Join(err, err2)
	h.note(ctx, &h.noRoster, "read what is tracked", err)
	f := facts{now: h.Now(), trails: trails, tracked: tracked, run: run, next: h.Runs.Next(), letters: h.letters(ctx), sinks: h.Operations.Sinks()}
	if !access.Of(ctx).Authenticated {
		f.hidePrivate()
	}
	return f, err
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
func (h *handler) problem(w http.ResponseWriter, r *http.Request, status int, text trouble) {
	around := h.frame(r)
	around.Title = text.Heading
	h.render(w, r, status, "problem.html", struct {
		frame
		trouble
	}{around, text})
}

// frame is what all pages have around their content.
type frame struct {
	Words       vocabulary
	Version     string
	Title       string // of the page; empty for the overview
	Style, Icon string
	Demo        bool
	SignIn      bool // there is a user, and the visitor is not that
	// Script is ours; Plot is the library that it draws with, loaded where it is needed.
	Script, Plot, Licences string
	Refresh                int // seconds until the page reloads itself; 0 is never
}

func (h *handler) frame(r *http.Request) frame {
	return frame{
		Words: english(), Version: h.Version, Style: h.assets.url(stylePath), Icon: h.assets.url(iconPath),
		Script: h.assets.url(scriptPath), Plot: h.assets.url(plotPath), Licences: h.assets.url(licencePath),
		Demo: h.Demo, SignIn: h.SignIn && !access.Of(r.Context()).Authenticated,
	}
}

// render makes the page before it sends anything of it: the layout with what the file
// name defines, made of data, which embeds a frame.
func (h *handler) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var body bytes.Buffer
	if err := h.templates[name].ExecuteTemplate(&body, "layout", data); err != nil {
		h.Log.Error("web: the page could not be made", "err", err)
		http.Error(w, brokenPage, http.StatusInternalServerError)
		return
	}
	const contentType = "text/html; charset=utf-8"
	if status == http.StatusOK {
		reply.Whole(w, r, contentType, body.Bytes())
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Add("Vary", "Authorization")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // a reader that has gone needs no page
}
