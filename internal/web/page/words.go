package page

import (
	"fmt"
	"strings"
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
	Title, Tagline, Skip, Home, FourNumbers string

	// The table: its caption, its columns and its last row.
	Caption, Repository, Pulls, Stars, Size, LastPush, Collected, State, Sum string

	// A pull is what Docker Hub counts as one.
	WhatCounts, Times    string
	API, Metrics, Health string
}

func english() vocabulary {
	return vocabulary{
		Title: "Pulltrail", Tagline: "the history of your Docker Hub pulls", Skip: "Skip to the content", Home: "Back to the repositories", FourNumbers: "At a glance",
		Caption: "Repositories", Repository: "Repository", Pulls: "Pulls", Stars: "Stars", Size: "Size",
		LastPush: "Last push", Collected: "Collected", State: "State", Sum: "All together",
		WhatCounts: "A pull is what Docker Hub counts as one: pulls of an image, and checks that found it up to date.",
		Times:      "Times are UTC.",
		API:        "API", Metrics: "Metrics", Health: "Readiness",
	}
}

// The states of a repository.
const (
	stateOK         = "ok"
	stateNever      = "never collected"
	stateOnItsWay   = "collected, not stored yet"
	stateNotTracked = "not tracked"
	stateGone       = "gone"
	stateGoneHelp   = "It was not found several times in a row. It comes back by itself when it answers."
)

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
		line += ", next " + next
	}
	return line
}

func statusNotStored(collected, next string) string {
	line := "Collected " + collected + ", not stored yet"
	if next != "" {
		line += ", next " + next
	}
	return line
}

// The four numbers.

const (
	labelPulls        = "Pulls in total"
	labelStars        = "Stars"
	labelRepositories = "Repositories"
	labelLastRun      = "Last run"

	noteNoRun   = "none since the start"
	noteRunning = "under way"
)

func noteWaiting(n int) string { return fmt.Sprintf("%s never collected", grouped(int64(n))) }

func runResult(succeeded, of int) string {
	return grouped(int64(succeeded)) + " of " + grouped(int64(of))
}

func noteMore(hidden int) string {
	return fmt.Sprintf("And %s more with fewer pulls: the API lists them all.", grouped(int64(hidden)))
}

// notice is a paragraph above the table, with an example where that helps.
type notice struct{ Title, Text, Example, After string }

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

// noticeRun is what a person should know of the run.
func noticeRun(notes []string) *notice {
	return &notice{Title: "Not everything is collected", Text: strings.Join(notes, " ")}
}

func noticeDeadLetters(n int) *notice {
	title := "1 dead letter"
	if n > 1 {
		title = grouped(int64(n)) + " dead letters"
	}
	return &notice{
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
