package page

import (
	"net/http"
	"slices"

	"pulltrail/internal/hub"
	"pulltrail/internal/web/access"
)

// maxNamed bounds the repositories that are named on the status page.
const maxNamed = 50

// statusView is what the template of the status page shows.
type statusView struct {
	frame
	Say    statusWords
	Status status

	Run      []fact
	Failures []failure
	More     string // failures that are not named
	Schedule []fact
	// MayCollect says that there is a button, Running that it would do nothing.
	MayCollect, Running bool

	Namespaces []namespaceRow
	Parts      []partRow
	Sinks      []sinkRow
	Letters    []letterRow
	Stored     []fact
	Limits     []fact
	Process    []fact
	Incomplete bool
}

// fact is a line of a list: what it is, and how it stands.
type fact struct {
	Label string
	value
	Note string
}

// failure is one cause, and what it befell.
type failure struct {
	What, Help   string
	Count        string
	Repositories []failed
}

type failed struct {
	hub.Repository
	URL, Message string
	Gone         bool
}

type namespaceRow struct {
	Namespace, Rows string
	State           status
	Slot            value
}

type partRow struct {
	Name   string
	State  status
	Since  value
	Detail string
}

type sinkRow struct {
	Name, Log, Behind, Lag, Refused string
	State                           status
}

type letterRow struct{ Sink, Count, Command string }

func (h *handler) states(w http.ResponseWriter, r *http.Request) {
	f, err := h.facts(r.Context())
	if err != nil {
		h.problem(w, r, http.StatusInternalServerError, historyUnreadable())
		return
	}
	report, err := h.Operations.Report(r.Context())
	h.note(r.Context(), &h.noReport, "read how everything stands", err)
	around := h.frame(r)
	around.Title = statusTitle
	v := newStatusView(around, f, report, access.Of(r.Context()))
	v.Incomplete = err != nil
	h.render(w, r, http.StatusOK, "status.html", v)
}

// newStatusView shows messages, and names that might be secret, to those alone who may
// do more than read.
func newStatusView(around frame, f facts, report Report, visitor access.Visitor) statusView {
	inside := visitor.Authenticated || visitor.MayAct
	if !inside {
		report.redact()
	}
	if !visitor.Authenticated {
		report.count(&f)
	}
	v := statusView{
		frame: around, Say: statusEnglish(), Status: f.status(totalOf(f.items())),
		Run: runFacts(f, report), Schedule: scheduleFacts(f.now, report.Schedule),
		MayCollect: visitor.MayAct && !report.NoCollector, Running: f.run.Running || report.Asked,
		Namespaces: namespaceRows(f.now, report.Listings), Parts: partRows(f.now, report.Parts), Sinks: sinkRows(report.Sinks),
		Letters: letterRows(report.Letters), Stored: storedFacts(report), Limits: limitFacts(f.now, report.Limits),
		Process: processFacts(f.now, around.Version, report.Started),
	}
	v.Failures, v.More = f.failures(inside)
	if v.Running {
		v.Refresh = firstRefresh
	}
	return v
}

// redact takes out what was said for those who run the process.
func (r *Report) redact() {
	if r.Last != nil {
		last := *r.Last
		last.Err, last.Unfinished = hidden(last.Err), hidden(last.Unfinished)
		r.Last = &last
	}
	r.Listings = slices.Clone(r.Listings)
	for i := range r.Listings {
		r.Listings[i].Message = ""
	}
	r.Parts = slices.Clone(r.Parts)
	for i := range r.Parts {
		r.Parts[i].Detail = ""
	}
}

// count makes the numbers of the last run those of the repositories that the visitor may
// see: how each fared when it was polled last.
func (r *Report) count(f *facts) {
	if r.Last == nil {
		return
	}
	last := *r.Last
	last.Failed, last.Skipped, last.Requests = f.failed(), 0, 0
	last.Succeeded = len(f.run.Outcomes) - last.Failed
	r.Last = &last
}

// hidden says that there is a message.
func hidden(message string) string {
	if message == "" {
		return ""
	}
	return seeTheLog
}
