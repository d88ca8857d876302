package page

import (
	"cmp"
	"maps"
	"math"
	"net/http"
	"slices"
	"time"

	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
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
	around := h.frame()
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
		MayCollect: visitor.MayAct, Running: f.run.Running || report.Asked,
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

// failures are those of the newest poll of each repository by their cause, those that
// need a person first. Strangers are told the names of those alone that have a page.
func (f *facts) failures(inside bool) ([]failure, string) {
	byCause := make(map[string][]Outcome)
	for _, o := range f.run.Outcomes {
		if o.Cause != "" {
			byCause[o.Cause] = append(byCause[o.Cause], o)
		}
	}
	causes := slices.SortedFunc(maps.Keys(byCause), func(a, b string) int {
		return cmp.Or(cmp.Compare(needsNobody(a), needsNobody(b)), cmp.Compare(len(byCause[b]), len(byCause[a])), cmp.Compare(a, b))
	})
	var all []failure
	named, total := 0, 0
	for _, cause := range causes {
		outcomes := byCause[cause]
		words := causeWords(cause)
		next := failure{What: clipped(words.what), Help: cmp.Or(words.help, helpItself), Count: grouped(int64(len(outcomes)))}
		for _, o := range outcomes {
			if named == maxNamed || !inside && !f.collected(o.Repository) {
				continue
			}
			named++
			one := failed{Repository: o.Repository, URL: "/r" + pathOf(o.Repository), Gone: o.Gone}
			if inside {
				one.Message = clipped(o.Message)
			}
			next.Repositories = append(next.Repositories, one)
		}
		total += len(outcomes)
		all = append(all, next)
	}
	if total > named {
		return all, moreFailures(total - named)
	}
	return all, ""
}

// collected reports whether there is a snapshot of r that the visitor may see.
func (f *facts) collected(r hub.Repository) bool {
	return slices.ContainsFunc(f.trails, func(t *rollup.Trail) bool { return t.Repository == r })
}

func needsNobody(cause string) int {
	if causeWords(cause).help != "" {
		return 0
	}
	return 1
}

func runFacts(f facts, report Report) []fact {
	last := report.Last
	if last == nil {
		return []fact{{Label: labelLastRun, value: value{Short: noteNoRun}}}
	}
	how := bySchedule
	if last.Manual {
		how = byHand
	}
	slot := clock(last.Slot)
	facts := []fact{
		{Label: labelSlot, value: slot, Note: how},
		{Label: labelEnded, value: moment(f.now, &last.Finished), Note: took(last.Finished.Sub(last.Started))},
		{Label: labelCollected, value: count(last.Succeeded), Note: alreadyThere(last.Skipped)},
		{Label: labelFailed, value: count(last.Failed)},
	}
	if last.Requests > 0 {
		facts = append(facts, fact{Label: labelRequests, value: count(last.Requests)})
	}
	if last.Unfinished != "" {
		facts = append(facts, fact{Label: labelUnfinished, value: value{Short: clipped(last.Unfinished)}})
	}
	if last.Err != "" && last.Err != last.Unfinished {
		facts = append(facts, fact{Label: labelError, value: value{Short: clipped(last.Err)}})
	}
	return facts
}

func scheduleFacts(now time.Time, s Schedule) []fact {
	facts := []fact{
		{Label: labelSchedule, value: value{Short: s.Spec}, Note: s.Timezone},
		{Label: labelNext, value: ahead(now, s.Next), Note: noteSlot(s.Next)},
	}
	if !s.Retry.IsZero() {
		facts = append(facts, fact{Label: labelRetry, value: ahead(now, s.Retry)})
	}
	if s.Skipped > 0 {
		facts = append(facts, fact{Label: labelPassedOver, value: count(s.Skipped), Note: noteOverlap})
	}
	return facts
}

// ahead is a time to come.
func ahead(now, t time.Time) value {
	if t.IsZero() {
		return value{Short: unknown}
	}
	return value{Short: until(t.Sub(now)), Exact: exactTime(t), Machine: t.UTC().Format(time.RFC3339)}
}

func count(n int) value {
	wide := int64(n)
	return exact(&wide)
}

func namespaceRows(now time.Time, listings []Listing) []namespaceRow {
	rows := make([]namespaceRow, len(listings))
	for i, l := range listings {
		rows[i] = namespaceRow{Namespace: l.Namespace, Rows: countOf(l.Rows, l.Total), Slot: moment(now, &l.Slot)}
		switch {
		case l.Truncated:
			rows[i].State = status{Level: levelBad, Text: stateTruncated, Help: cmp.Or(clipped(l.Message), stateTruncatedHelp)}
		case l.Rows < l.Total || l.Message != "":
			rows[i].State = status{Level: levelWarn, Text: stateNotWhole, Help: clipped(l.Message)}
		default:
			rows[i].State = status{Level: levelOK, Text: stateWhole}
		}
	}
	return rows
}

func partRows(now time.Time, parts []Part) []partRow {
	rows := make([]partRow, len(parts))
	for i, p := range parts {
		rows[i] = partRow{Name: p.Name, State: working(p.OK, p.Optional), Since: moment(now, &p.Since), Detail: clipped(p.Detail)}
	}
	return rows
}

func working(ok, optional bool) status {
	switch {
	case ok:
		return status{Level: levelOK, Text: stateOK}
	case optional:
		return status{Level: levelWarn, Text: stateAway}
	}
	return status{Level: levelBad, Text: stateAway}
}

func sinkRows(sinks []Sink) []sinkRow {
	rows := make([]sinkRow, len(sinks))
	for i, s := range sinks {
		rows[i] = sinkRow{
			Name: s.Name, Log: s.Log, State: working(s.OK, true),
			Behind: grouped(clamped(s.Behind)), Lag: lag(s.Lag), Refused: grouped(clamped(s.Refused)),
		}
	}
	return rows
}

func letterRows(counts map[string]int) []letterRow {
	rows := []letterRow{}
	for _, sink := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[sink]; n > 0 {
			rows = append(rows, letterRow{sink, grouped(int64(n)), "pulltrail deadletters list --sink " + sink})
		}
	}
	return rows
}

func storedFacts(r Report) []fact {
	waiting := value{Short: unknown}
	if r.Outbox != nil {
		waiting = count(*r.Outbox)
	}
	return []fact{
		{Label: labelOutbox, value: waiting, Note: noteOutbox},
		{Label: labelDatabase, value: size(r.Database)},
	}
}

func limitFacts(now time.Time, l *Limits) []fact {
	if l == nil {
		return []fact{{Label: labelLimit, value: value{Short: unknown}, Note: noteNoLimit}}
	}
	if !l.Reset.After(now) {
		return []fact{{Label: labelLimit, value: count(l.Limit), Note: noteLimitOver}}
	}
	used := max(l.Limit-l.Remaining, 0)
	return []fact{
		{Label: labelUsed, value: value{Short: countOf(used, l.Limit)}},
		{Label: labelReset, value: ahead(now, l.Reset)},
	}
}

func processFacts(now time.Time, version string, started time.Time) []fact {
	return []fact{
		{Label: labelVersion, value: value{Short: version}},
		{Label: labelUp, value: value{Short: uptime(now.Sub(started)), Exact: exactTime(started), Machine: started.UTC().Format(time.RFC3339)}},
	}
}

// clamped is n, or the largest int64.
func clamped(n uint64) int64 { return int64(min(n, math.MaxInt64)) }
