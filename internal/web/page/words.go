package page

import (
	"fmt"
	"math"
	"strings"
	"time"

	"pulltrail/internal/rollup"
	"pulltrail/internal/trail"
)

// All words of the page stand in this file.

const (
	justNow       = "just now"
	agoSuffix     = " ago"
	inPrefix      = "in "
	dueNow        = "due now"
	withinAMinute = "within a minute"
)

// brokenPage is what is left to say when a template fails.
const brokenPage = "The page could not be made; Pulltrail's log says why."

// vocabulary are the fixed words of the templates.
type vocabulary struct {
	Demo   string // says that the numbers are simulated
	Crumbs string // the way to this page
	SignIn string

	Title, Tagline, Skip, Home, FourNumbers, Recently string

	Search, SearchHint, Range, Custom, From, To, Show, Theme string

	Chart, AsTable, Day, Download, Loading string

	// The table: its caption, its columns and its last row.
	Caption, Repository, Total, Hours, Week, Month, Trend, Stars, Size, LastPush, State string

	Pick, SumOfPicked, Pages, Previous, Next, NothingFound string

	// A pull is what Docker Hub counts as one.
	WhatCounts, Times                             string
	About, API, Export, Status, Metrics, Licences string
}

func english() vocabulary {
	return vocabulary{
		Demo:   "This is a demo: the repositories and all their numbers are simulated, and nothing is sent anywhere.",
		Crumbs: "Where this is",
		SignIn: "Sign in",
		Title:  "Pulltrail", Tagline: "the history of your Docker Hub pulls", Skip: "Skip to the content", Home: "Back to the repositories",
		FourNumbers: "At a glance", Recently: "Pulls lately",
		Search: "Search repositories", SearchHint: "Search", Range: "Range", Custom: "Custom", From: "From", To: "To", Show: "Show", Theme: "Light or dark",
		Chart: "Pulls over time", AsTable: "The numbers as a table", Day: "Day (UTC)", Download: "Download as CSV",
		Caption: "Repositories", Repository: labelRepository, Total: labelTotal, Hours: label24h, Week: label7d, Month: label30d,
		Trend: labelTrend, Stars: labelStars, Size: labelSize, LastPush: labelLastPush, State: labelState,
		Pick: "Choose", SumOfPicked: "Sum of chosen", Pages: "Pages", Previous: "Previous", Next: "Next",
		NothingFound: "No repository has this in its name.",
		WhatCounts:   "A pull is what Docker Hub counts as one: pulls of an image, and checks that found it up to date.",
		Times:        "Days are UTC days.",
		About:        "About", API: "API", Export: "Export", Status: "Status", Metrics: "Metrics", Licences: "Licences",
	}
}

// The states of a repository.
const (
	stateOK         = "ok"
	stateNever      = "never collected"
	stateOnItsWay   = "collected, not stored yet"
	stateOutbox     = "waits in the outbox"
	stateOutboxHelp = "It is collected, and stored when the broker delivers it. Nothing is lost."
	stateNotTracked = "not tracked"
	stateQuiet      = "no pull in a year"
	stateGone       = "gone"
	stateGoneHelp   = "It was not found several times in a row. It comes back by itself when it answers."
)

func collectedAt(t time.Time) string { return "collected " + exactTime(t) }

func stateStale(collected string) string { return "last collected " + collected }

func stateFailing(cause string) string { return "failing: " + causeWords(cause).what }

// reason is what is said of a cause. Help is what a person can do about it; where
// it is empty, the next run may well succeed.
type reason struct{ what, help string }

// causeWords knows the collector's causes, and makes do with any other.
func causeWords(cause string) reason {
	switch cause {
	case "not_found":
		return reason{"not found", "It is absent or private: compare the name with Docker Hub."}
	case "unauthorized":
		return reason{"needs a login", "Sign in with collector.username, or remove it."}
	case "forbidden":
		return reason{"refused", "Is it public? Does a proxy on the way refuse?"}
	case "clock":
		return reason{"clock is wrong", "Set the clock of this machine."}
	case "rate_limited":
		return reason{what: "rate limited"}
	case "server_error":
		return reason{what: "error at Docker Hub"}
	case "unexpected_status":
		return reason{what: "unexpected answer"}
	case "timeout":
		return reason{what: "timed out"}
	case "connection":
		return reason{what: "no connection"}
	case "too_large":
		return reason{what: "answer too large"}
	case "empty":
		return reason{what: "empty answer"}
	case "not_json", "invalid":
		return reason{what: "unreadable answer"}
	case "wrong_repository":
		return reason{what: "answer for another repository"}
	case "budget":
		return reason{what: "waits for its turn"}
	case "cancelled":
		return reason{what: "the run ended first"}
	}
	return reason{what: strings.ReplaceAll(cause, "_", " ")}
}

// The status line: what the last run did, and when the next one comes.

func statusNothing(next string) string {
	if next == "" {
		return "Nothing collected yet"
	}
	return "Nothing collected yet, first run " + next
}

func statusRunning(collected string) string {
	if collected == "" {
		return "Collecting for the first time"
	}
	return "Collecting now, last collected " + collected
}

func statusDone(collected, next string, failed, of int) string {
	line := "Collected " + collected
	switch {
	case failed == of && of == 1:
		line = "The run " + collected + " failed"
	case failed == of && of > 0:
		line = fmt.Sprintf("The run %s failed for all %s", collected, grouped(int64(of)))
	case failed > 0:
		line += fmt.Sprintf(", %s of %s failed", grouped(int64(failed)), grouped(int64(of)))
	}
	if next != "" {
		line += ", " + next
	}
	return line
}

func statusNext(in string) string  { return "next " + in }
func statusRetry(in string) string { return "retry " + in }

// statusOutboxOnly is for a process that has nothing but snapshots in the outbox.
const statusOutboxOnly = "Collected, not stored yet"

func statusNotStored(collected, next string) string {
	line := "Collected " + collected + ", not stored yet"
	if next != "" {
		line += ", " + next
	}
	return line
}

// The columns, and the numbers above them.
const (
	labelRepository   = "Repository"
	labelTotal        = "Total"
	label24h          = "24" + space + "h"
	label7d           = "7" + space + "d"
	label30d          = "30" + space + "d"
	labelTrend        = "Trend"
	labelStars        = "Stars"
	labelSize         = "Size"
	labelLastPush     = "Last push"
	labelState        = "State"
	labelPulls        = "Pulls in total"
	labelAverage      = "Pulls a day on average"
	labelRepositories = "Repositories"
	labelSum          = "Together"
	labelGroup        = "By namespace"
	labelClear        = "Clear"
	labelMetric       = "What"
	labelView         = "How"
	labelScale        = "Scale"

	showAll         = "Show all"
	notEnough       = "not enough history"
	soFar           = "so far"
	chartEmpty      = "Nothing is known of these days"
	scaleNotStacked = "Areas that lie upon each other have a linear scale"
)

const dateLayout = "2 Jan 2006"

// labelPullsIn names the number of the range.
func labelPullsIn(q query) string {
	switch {
	case q.custom() && q.To.IsZero():
		return "Pulls from " + q.From.Format(dateLayout)
	case q.custom() && q.From.IsZero():
		return "Pulls up to " + q.To.Format(dateLayout)
	case q.custom() && q.From.Equal(q.To):
		return "Pulls on " + q.From.Format(dateLayout)
	case q.custom():
		return "Pulls " + q.From.Format(dateLayout) + " – " + q.To.Format(dateLayout)
	case q.Range == rangeAll:
		return "Pulls so far"
	case q.Range == "1y":
		return "Pulls in a year"
	}
	return fmt.Sprintf("Pulls in %d%sdays", spans[q.Range], space)
}

func noteAgainst(q query) string {
	switch {
	case q.custom():
		return "against as long before"
	case q.Range == "1y":
		return "against the year before"
	}
	return fmt.Sprintf("against the %d%sdays before", spans[q.Range], space)
}

func noteSince(t time.Time) string      { return "since " + t.Format(dateLayout) }
func noteKnownSince(t time.Time) string { return "known since " + t.Format(dateLayout) }
func noteRegistered(t time.Time) string {
	return "since " + t.Format(dateLayout) + ", the registration"
}
func noteOf(all int) string { return "of " + grouped(int64(all)) }

func noteWhole(known, of int) string {
	return countOf(known, of) + " known for all of it"
}

// noteAmong says of how many a change is.
func noteAmong(compared, of int) string { return ", " + countOf(compared, of) + " repositories" }

// noteWaiting says how many repositories have no snapshot, and how many have theirs in the
// outbox.
func noteWaiting(never, outbox int) string {
	var parts []string
	if outbox > 0 {
		parts = append(parts, grouped(int64(outbox))+" in the outbox")
	}
	if never > 0 {
		parts = append(parts, grouped(int64(never))+" never collected")
	}
	return strings.Join(parts, ", ")
}

// changeWords is a percentage, or the count before where that says more; empty where
// too little is known.
func changeWords(c trail.Change) change {
	switch before := c.Before.Pulls; {
	case c.Known:
		level := ""
		switch {
		case roundsToZero(c.Percent):
		case c.Percent < 0:
			level = "down"
		default:
			level = "up"
		}
		return change{Text: percent(c.Percent), Level: level, Title: grouped(before) + " before"}
	case c.Now.Whole() && c.Before.Whole():
		return change{Text: grouped(before) + " before"}
	}
	return change{}
}

// The chart.

func unitOf(metric string) string {
	if metric == metricTotal {
		return "pulls in total"
	}
	return "pulls per day"
}

func lineName(r rollup.Row, sum bool) string {
	switch {
	case len(r.Trails) == 1:
		return r.Trails[0].String()
	case sum:
		return fmt.Sprintf("all %s together", grouped(int64(len(r.Trails))))
	}
	return fmt.Sprintf("%s others", grouped(int64(len(r.Trails))))
}

func choiceWords(value string) string {
	return map[string]string{
		metricPulls: "Per day", metricTotal: "Total",
		viewLines: "Lines", viewStacked: "Stacked", viewSum: "Sum",
		scaleLinear: "Linear", scaleLog: "Log",
	}[value]
}

func rangeWords(r string) string {
	switch r {
	case rangeAll:
		return "All"
	case "1y":
		return "1" + space + "y"
	}
	return strings.TrimSuffix(r, "d") + space + "d"
}

func rangeTitle(r string) string {
	switch r {
	case rangeAll:
		return "All that is known"
	case "1y":
		return "The last year"
	}
	return fmt.Sprintf("The last %d days", spans[r])
}

func dayNote(gap, partial bool) string {
	switch {
	case gap && partial:
		return "in part, in part estimated"
	case gap:
		return "in part estimated"
	case partial:
		return "in part"
	}
	return ""
}

func moreDays(hidden int) string {
	return fmt.Sprintf("And %s days before, in the download.", grouped(int64(hidden)))
}

// The table.

func countRepositories(n int) string {
	if n == 1 {
		return "1 repository"
	}
	return grouped(int64(n)) + " repositories"
}

func countOf(n, of int) string { return grouped(int64(n)) + " of " + grouped(int64(of)) }

func pageOf(first, last, of int) string {
	return fmt.Sprintf("%s – %s of %s", grouped(int64(first)), grouped(int64(last)), grouped(int64(of)))
}

func moreOf(hidden int, namespace string) string {
	return fmt.Sprintf("And %s more of %s", grouped(int64(hidden)), namespace)
}

func sumName(picked int, found bool) string {
	switch {
	case picked > 0:
		return fmt.Sprintf("Sum of %s chosen", grouped(int64(picked)))
	case found:
		return "Those found together"
	}
	return "All together"
}

func pickedWords(n, all int) string {
	return fmt.Sprintf("%s of %s chosen", grouped(int64(n)), countRepositories(all))
}

func foundWords(n, all int, q query) string {
	words := fmt.Sprintf("%s of %s", grouped(int64(n)), countRepositories(all))
	if q.Namespace != "" {
		words += " in " + q.Namespace
	}
	if q.Search != "" {
		words += " with “" + q.Search + "”"
	}
	return words
}

// notice is a paragraph above the table, with an example where that helps.
type notice struct {
	Title, Text, Example, After string
	Brief                       bool // it is not what the page is about
}

func noticeNoRepositories() *notice {
	return &notice{
		Title: "No repositories yet",
		Text:  "Name the repositories to follow in config.yaml; a bare name is an official image:",
		Example: "collector:\n" +
			"  repositories:\n" +
			"    - nginx\n" +
			"    - yourname/yourimage\n",
		After: "Then restart Pulltrail. The variable PULLTRAIL_COLLECTOR_REPOSITORIES does the same.",
	}
}

func noticeFirstMinute(running bool, next string) *notice {
	n := &notice{Title: "The first numbers are on their way"}
	switch {
	case running:
		n.Text = "Docker Hub is being asked right now. This page looks again by itself every few seconds."
	case next != "":
		n.Text = "The first run comes " + next + ". To have the first numbers now:"
		n.Example = "pulltrail collect\n"
	default:
		n.Text = "No run is scheduled. To have the first numbers now:"
		n.Example = "pulltrail collect\n"
	}
	return n
}

// noticeTrailBegins is for when there is one snapshot.
func noticeTrailBegins(next string) *notice {
	n := &notice{
		Title:   "The trail starts now",
		Text:    "Docker Hub tells running totals only, so a curve takes two snapshots.",
		Example: "pulltrail import --help\n",
		After:   "This brings in what you have collected before, and the curve begins with that.",
	}
	if next != "" {
		n.Text += " The second one comes " + next + "."
	}
	return n
}

func noticeNotUnderstood(parts []string) *notice {
	return &notice{
		Brief: true,
		Title: "Part of the address was not understood",
		Text:  strings.Join(parts, ", ") + " means nothing here, so what is usual is shown in its place.",
	}
}

// noticeRun is what a person should know of the run.
func noticeRun(notes []string) *notice {
	return &notice{Brief: true, Title: "Not everything is collected", Text: strings.Join(notes, " ")}
}

// noticeUnreachable is for when Docker Hub answers nothing at all.
func noticeUnreachable(why, retry string) *notice {
	n := &notice{Brief: true, Title: "Docker Hub cannot be reached", Text: why}
	if retry != "" {
		n.Text += " Pulltrail retries " + retry + "."
	}
	n.Text += " Check DNS and the network of this machine, and HTTPS_PROXY if it needs a proxy. To test the connection now:"
	n.Example = "pulltrail check --connect\n"
	return n
}

// whyUnreachable is the cause in one sentence, by the message of the error.
func whyUnreachable(cause, message string) string {
	for _, c := range []struct{ part, sentence string }{
		{"proxyconnect", "The proxy does not connect to it."},
		{"no such host", "DNS does not know the name of its server."},
		{"server misbehaving", "DNS does not answer."},
		{"lookup ", "DNS does not answer."},
		{"connection refused", "The connection is refused."},
		{"network is unreachable", "This machine has no network."},
		{"no route to host", "This machine has no route to it."},
		{"certificate", "Its certificate is not accepted."},
	} {
		if strings.Contains(message, c.part) {
			return c.sentence
		}
	}
	if cause == "timeout" {
		return "It does not answer in time."
	}
	return "The connection breaks off."
}

// noticeOutbox is for snapshots that the broker does not deliver.
func noticeOutbox(repositories int) *notice {
	of := "Snapshots of " + countRepositories(repositories) + " wait"
	if repositories == 1 {
		of = "A snapshot of 1 repository waits"
	}
	return &notice{
		Brief: true, Title: "Not everything is stored yet",
		Text: of + " in the outbox: collected, but not delivered by the broker yet. Nothing is lost. Is the broker connected? The status page shows it.",
	}
}

func noticeLate(s Sink) *notice {
	what := grouped(int64(min(s.Behind, math.MaxInt64))) + " entries wait"
	if s.Behind == 1 {
		what = "1 entry waits"
	}
	return &notice{
		Brief: true,
		Title: s.Name + " is behind",
		Text:  what + " for it, the oldest for " + span(s.Lag) + ". Nothing is lost: they are kept here until it has taken them. The status page says why.",
	}
}

func noticeDeadLetters(n int) *notice {
	title := "1 dead letter"
	if n > 1 {
		title = grouped(int64(n)) + " dead letters"
	}
	return &notice{
		Brief:   true,
		Title:   title,
		Text:    "Messages that were refused are kept, each with the reason. To see them:",
		Example: "pulltrail deadletters list\n",
		After:   "Once the cause is mended, pulltrail deadletters retry --all tries them again; pulltrail deadletters drop forgets what is not wanted.",
	}
}

// trouble is what a page says that is not the page.
type trouble struct{ Heading, Text string }

func notFound() trouble {
	return trouble{"Not found", "There is nothing at this address."}
}

func readOnlyHere() trouble {
	return trouble{"Not allowed", "This page can only be read."}
}

func historyUnreadable() trouble {
	return trouble{"History cannot be read", "The page cannot be shown at the moment. Pulltrail's log says why; nothing that was collected is lost by that."}
}
