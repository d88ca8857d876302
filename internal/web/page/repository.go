package page

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
	"pulltrail/internal/web/access"
)

// maxDocument bounds the raw document on the page, in bytes.
const maxDocument = 64 << 10

// repositoryView is what the template of a repository's page shows.
type repositoryView struct {
	frame
	Say repositoryWords
	hub.Repository
	Description, HubURL, API string
	State                    status
	Notice                   *notice // instead of all that follows, before the first snapshot
	Numbers                  []figure
	Chart                    *repositoryChart

	Records          []record
	Milestones       []milestone
	MilestonesBefore string
	Next             string
	Restated         []string
	RestatedBefore   string

	Pushes       []push
	PushesBefore string
	Snapshots    snapshots
	Document     string
	DocumentCut  bool
	Embed        embed
}

// repository is the page of one repository. One that is private is unknown to strangers.
func (h *handler) repository(w http.ResponseWriter, r *http.Request) {
	asked := hub.Repository{Namespace: r.PathValue("namespace"), Name: r.PathValue("name")}
	curves, err := h.Curves.Trails(r.Context())
	if err != nil {
		h.unreadable(w, r, err)
		return
	}
	seen, hidden := visible(curves, access.Of(r.Context()))
	t := trailOf(seen, asked)
	state, tracked, err := h.fate(r.Context(), asked, t)
	switch {
	case err != nil:
		h.unreadable(w, r, err)
	case t != nil:
		h.showRepository(w, r, t, state)
	case tracked && !hidden[asked]:
		h.showUncollected(w, r, asked, state)
	default:
		h.unknown(w, r, asked, seen)
	}
}

// unreadable answers where history cannot be read.
func (h *handler) unreadable(w http.ResponseWriter, r *http.Request, err error) {
	h.note(r.Context(), &h.noHistory, "read history", err)
	h.problem(w, r, http.StatusInternalServerError, historyUnreadable())
}

// visible are the trails that a visitor may see, and the names of the others.
func visible(all []*rollup.Trail, visitor access.Visitor) (seen []*rollup.Trail, hidden map[hub.Repository]bool) {
	if visitor.Authenticated {
		return all, nil
	}
	hidden = make(map[hub.Repository]bool)
	for _, t := range all {
		if t.Private || t.Newest.Private {
			hidden[t.Repository] = true
		} else {
			seen = append(seen, t)
		}
	}
	return seen, hidden
}

// trailOf is nil where there is none.
func trailOf(trails []*rollup.Trail, r hub.Repository) *rollup.Trail {
	for _, t := range trails {
		if t.Repository == r {
			return t
		}
	}
	return nil
}

// fate is how r fares, and whether it is tracked.
func (h *handler) fate(ctx context.Context, r hub.Repository, t *rollup.Trail) (status, bool, error) {
	run, ran, err := h.Runs.LastRun(ctx)
	if !ran {
		run = Run{Outcomes: run.Outcomes}
	}
	all, err2 := h.Tracked(ctx)
	if err := errors.Join(err, err2); err != nil {
		return status{}, false, err
	}
	tracked := false
	for _, other := range all {
		tracked = tracked || other == r
	}
	return stateOf(h.Now(), run, r, t, tracked), tracked, nil
}

// unknown is a 404 with the names that may have been meant.
func (h *handler) unknown(w http.ResponseWriter, r *http.Request, asked hub.Repository, seen []*rollup.Trail) {
	known := make([]hub.Repository, len(seen))
	for i, t := range seen {
		known[i] = t.Repository
	}
	var links []suggestion
	for _, near := range nearest(asked.String(), known) {
		links = append(links, suggestion{near.String(), "/r" + pathOf(near)})
	}
	h.missing(w, r, clipped(asked.String()), asked.Name, links)
}

// suggestion is a repository that may have been meant.
type suggestion struct{ Text, URL string }

// missing is the page of a repository that is not there.
func (h *handler) missing(w http.ResponseWriter, r *http.Request, shown, search string, near []suggestion) {
	text := unknownRepository(shown)
	around := h.frame()
	around.Title = text.Heading
	h.render(w, r, http.StatusNotFound, "unknown.html", struct {
		frame
		trouble
		Lead, Search, SearchURL string
		Near                    []suggestion
	}{around, text, suggestionsLead, searchInstead, "/?q=" + url.QueryEscape(clipped(search)), near})
}

func (h *handler) showUncollected(w http.ResponseWriter, r *http.Request, asked hub.Repository, state status) {
	v := h.repositoryFrame(asked, state)
	v.Notice = notYetCollected(state)
	h.render(w, r, http.StatusOK, "repository.html", v)
}

func (h *handler) repositoryFrame(r hub.Repository, state status) repositoryView {
	around := h.frame()
	around.Title = r.String()
	return repositoryView{
		frame: around, Say: repositoryEnglish(), Repository: r, State: state,
		HubURL: hubURL(r), API: "/api/v1/repositories" + pathOf(r),
	}
}

func (h *handler) showRepository(w http.ResponseWriter, r *http.Request, t *rollup.Trail, state status) {
	v := h.repositoryFrame(t.Repository, state)
	query := r.URL.Query()
	var err, err2 error
	v.Pushes, err = h.readPushes(r.Context(), t)
	v.Snapshots, err2 = h.readSnapshots(r.Context(), t, query)
	if err := errors.Join(err, err2); err != nil {
		h.unreadable(w, r, err)
		return
	}
	h.note(r.Context(), &h.noHistory, "read history", nil)
	v.tell(t, h.Now())
	v.Embed = embedOf(t.Repository, r)
	h.render(w, r, http.StatusOK, "repository.html", v)
}

// tell fills in what follows from the trail alone.
func (v *repositoryView) tell(t *rollup.Trail, now time.Time) {
	v.Description = clipped(t.Newest.Description())
	v.Records = records(t)
	var before int
	v.Milestones, before = milestones(t)
	v.MilestonesBefore = andBefore(before)
	v.Next = goal(t, now)
	v.Restated, before = restatements(t)
	v.RestatedBefore = andBefore(before)
	v.PushesBefore = andBefore(max(0, len(t.Pushes)-maxPushes))
	v.Document, v.DocumentCut = document(t.Newest)
}

// document is a snapshot as it is on the wire, with white space for people, and whether
// that is only its beginning.
func document(s hub.Snapshot) (text string, cut bool) {
	var pretty bytes.Buffer
	raw := s.Encode()
	if err := json.Indent(&pretty, raw, "", "  "); err != nil {
		pretty.Reset()
		pretty.Write(raw)
	}
	if pretty.Len() > maxDocument {
		return string(bytes.ToValidUTF8(pretty.Bytes()[:maxDocument], nil)), true
	}
	return pretty.String(), false
}
