package page

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"pulltrail/internal/hub"
	"pulltrail/internal/nearest"
	"pulltrail/internal/rollup"
)

// maxDocument bounds the raw document on the page, in bytes.
const maxDocument = 64 << 10

// maxSuggestions is how many names may have been meant by one that is not known.
const maxSuggestions = 5

// repositoryView is what the template of a repository's page shows.
type repositoryView struct {
	frame
	Say repositoryWords
	hub.Repository
	Description, HubURL, API string
	State                    status
	Notices                  []*notice
	Known                    bool // there is a snapshot; all that follows is empty without
	Ranges                   []link
	Custom                   custom
	Kept                     []field // what a range of one's own leaves as it is
	Numbers                  []figure
	Recent                   []recent
	Chart                    *chart

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
	Embed        embedding
}

// repository is the page of one repository. To strangers, one that is private is as
// unknown as one that there is not.
func (h *handler) repository(w http.ResponseWriter, r *http.Request) {
	f, err := h.facts(r.Context())
	if err != nil {
		h.problem(w, r, http.StatusInternalServerError, historyUnreadable())
		return
	}
	asked := hub.Repository{Namespace: r.PathValue("namespace"), Name: r.PathValue("name")}
	items := f.items()
	at, found := slices.BinarySearchFunc(items, item{Repository: asked}, byName)
	if !found {
		h.unknown(w, r, asked, trailsOf(items))
		return
	}
	v := repositoryView{
		frame: h.frame(r), Say: repositoryEnglish(), Repository: asked, State: items[at].state,
		HubURL: asked.URL(), API: "/api/v1/repositories" + pathOf(asked),
	}
	v.Title = asked.String()
	t := items[at].trail
	if t == nil {
		v.Notices = append(v.Notices, notYetCollected(v.State))
		h.render(w, r, http.StatusOK, "repository.html", v)
		return
	}
	err = h.read(r, t, &v)
	h.note(r.Context(), &h.noHistory, "read history", err)
	if err != nil {
		h.problem(w, r, http.StatusInternalServerError, historyUnreadable())
		return
	}
	f.ask = askedOf(r.URL.Query())
	v.tell(t, &f)
	v.Embed = embedOf(t.Repository, r)
	h.render(w, r, http.StatusOK, "repository.html", v)
}

// read fills in what is not in the trail.
func (h *handler) read(r *http.Request, t *rollup.Trail, v *repositoryView) (err error) {
	if v.Pushes, err = h.readPushes(r.Context(), t); err != nil {
		return err
	}
	v.Snapshots, err = h.readSnapshots(r.Context(), t, r.URL.Query())
	return err
}

// tell fills in what follows from the trail.
func (v *repositoryView) tell(t *rollup.Trail, f *facts) {
	v.Known = true
	v.draw(t, f)
	v.Description = clipped(t.Newest.Description())
	v.Records = records(t)
	var before int
	v.Milestones, before = milestones(t)
	v.MilestonesBefore = andBefore(before)
	v.Next = goal(t, f.now)
	v.Restated, before = restatements(t)
	v.RestatedBefore = andBefore(before)
	v.PushesBefore = andBefore(max(0, len(t.Pushes)-maxPushes))
	v.Document, v.DocumentCut = rawDocument(t.Newest)
}

// unknown is a 404 with the names that may have been meant.
func (h *handler) unknown(w http.ResponseWriter, r *http.Request, asked hub.Repository, seen []*rollup.Trail) {
	known := make([]hub.Repository, len(seen))
	for i, t := range seen {
		known[i] = t.Repository
	}
	var near []suggestion
	for _, r := range nearest.Repositories(asked.String(), known, maxSuggestions) {
		near = append(near, suggestion{r.String(), "/r" + pathOf(r)})
	}
	h.missing(w, r, asked, near)
}

// suggestion is a repository that may have been meant.
type suggestion struct{ Text, URL string }

// missing is the page of a repository that is not there.
func (h *handler) missing(w http.ResponseWriter, r *http.Request, asked hub.Repository, near []suggestion) {
	text := unknownRepository(clipped(asked.String()))
	around := h.frame(r)
	around.Title = text.Heading
	h.render(w, r, http.StatusNotFound, "unknown.html", struct {
		frame
		trouble
		Lead, Search, SearchURL string
		Near                    []suggestion
	}{around, text, suggestionsLead, searchInstead, "/?q=" + url.QueryEscape(clipped(asked.Name)), near})
}

// rawDocument is a snapshot as it is on the wire, with white space for people, and whether
// that is only its beginning.
func rawDocument(s hub.Snapshot) (text string, cut bool) {
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
