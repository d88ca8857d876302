// Package share draws what people put into a README: badges and charts of one
// repository, as files that need nothing but themselves.
//
//	GET /badge/{namespace}/{name}.svg?metric=total|day|week|month&label=&color=
//	GET /badge/{namespace}/{name}.json    the same for shields.io (its endpoint badge)
//	GET /chart/{namespace}/{name}.svg?range=7d|30d|90d|1y|all&metric=pulls|total&log=&theme=&width=&height=
//
// The numbers are those of package rollup, as page and API have them. The pulls of a day,
// week or month (30 days) are those up to the newest snapshot, and are said only where all
// of that time is known. All words stand in words.go.
//
// Whatever is asked for, the answer is a picture (or JSON), as an <img> shows nothing
// else: an unknown repository is a 404 that says so, a mistake in the query a 400. A
// private repository is unknown, but for visitors that are authenticated. Pictures of
// public ones may be kept by anybody for five minutes.
//
// At its bounds: labels have 64 characters, pictures 200 to 2,000 pixels by 200 to 1,000,
// queries 2,048 bytes. A chart has the newest 200 pushes as marks.
package share

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
	"pulltrail/internal/web/access"
	"pulltrail/internal/web/reply"
	"pulltrail/internal/web/svg"
)

// contentSecurityPolicy allows a picture its own style and nothing else.
const contentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

const (
	typeSVG  = "image/svg+xml; charset=utf-8"
	typeJSON = "application/json"

	// cacheSeconds is how long a picture may be kept; shields.io has no shorter time.
	cacheSeconds = 300
	publicCache  = "public, max-age=300"
)

// Curves is what is drawn; see package rollup. It may be called by any number of requests
// at the same time.
type Curves interface {
	// Trail is what is known of a repository; false when it has no snapshot.
	Trail(ctx context.Context, of hub.Repository) (*rollup.Trail, bool, error)
}

// Options are what New needs.
type Options struct {
	Curves Curves
	Log    *slog.Logger
	// Now is the clock; nil is the real one.
	Now func() time.Time
}

type handler struct {
	Options
	reads *reply.Reads
}

// New makes the handler of everything below /badge/ and /chart/.
func New(opts Options) http.Handler {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	h := &handler{Options: opts, reads: &reply.Reads{Who: "badges and charts", Log: opts.Log}}
	mux := http.NewServeMux()
	mux.HandleFunc("/badge/{namespace}/{file}", h.badge)
	mux.HandleFunc("/chart/{namespace}/{file}", h.chart)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		h.refuse(w, problemBadge, http.StatusNotFound, wordNoSuchPicture)
	})
	return mux
}

// picture is an answer: what it is, and how it is drawn when there is nothing but words
// to show.
type picture struct {
	contentType string
	words       func(words string) []byte
}

var (
	problemBadge  = picture{typeSVG, func(words string) []byte { return svg.Badge(wordPulls, words, colourUnknown) }}
	problemChart  = picture{typeSVG, func(words string) []byte { return svg.Chart{Empty: words, Height: leastHeight}.SVG() }}
	problemShield = picture{typeJSON, func(words string) []byte {
		return shield{Label: wordPulls, Message: words, Color: colourUnknown, IsError: true}.encode()
	}}
)

// find is the repository that a request names, with the extension of the file taken off:
// a name may have dots itself. Where there is none it answers, and so it does where the
// method is none for reading.
func (h *handler) find(w http.ResponseWriter, r *http.Request, as picture, file string) (*rollup.Trail, bool) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		h.refuse(w, as, http.StatusMethodNotAllowed, wordOnlyRead)
		return nil, false
	}
	name, err := hub.NewRepository(r.PathValue("namespace"), file)
	if err != nil {
		h.refuse(w, as, http.StatusNotFound, wordUnknown) // no repository can have such a name
		return nil, false
	}
	t, ok, err := h.Curves.Trail(r.Context(), name)
	switch {
	case err != nil:
		h.reads.Failed(r.Context(), err)
		h.refuse(w, as, http.StatusInternalServerError, wordUnreadable)
		return nil, false
	case !ok || isPrivate(t) && !access.Of(r.Context()).Authenticated:
		h.refuse(w, as, http.StatusNotFound, wordUnknown)
		return nil, false
	}
	h.reads.Worked()
	return t, true
}

func isPrivate(t *rollup.Trail) bool { return t.Private || t.Newest.Private }

// answer is a picture of t.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, t *rollup.Trail, as picture, body []byte) {
	w.Header().Set("Content-Security-Policy", contentSecurityPolicy)
	if !isPrivate(t) {
		w.Header().Set("Cache-Control", publicCache)
	}
	reply.Whole(w, r, as.contentType, body)
}

// refuse answers with a picture of words.
func (h *handler) refuse(w http.ResponseWriter, as picture, status int, words string) {
	header := w.Header()
	header.Set("Content-Security-Policy", contentSecurityPolicy)
	header.Set("Content-Type", as.contentType)
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(as.words(words)) // a reader that has gone needs no answer
}

// shield is the JSON that an endpoint badge of shields.io is made of.
type shield struct {
	SchemaVersion int    `json:"schemaVersion"`
	Label         string `json:"label"`
	Message       string `json:"message"`
	Color         string `json:"color"`
	CacheSeconds  int    `json:"cacheSeconds"`
	IsError       bool   `json:"isError,omitempty"`
}

func (s shield) encode() []byte {
	s.SchemaVersion, s.CacheSeconds = 1, cacheSeconds
	out, err := json.Marshal(s)
	if err != nil {
		panic(err) // texts and numbers can be encoded
	}
	return append(out, '\n')
}

// cutExtension is the name without one of the extensions, and which.
func cutExtension(file string, extensions ...string) (name, extension string, ok bool) {
	for _, e := range extensions {
		if name, ok := strings.CutSuffix(file, e); ok {
			return name, e, true
		}
	}
	return "", "", false
}
