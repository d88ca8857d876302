package page

import (
	"fmt"
	"strings"
	"time"
)

// All words of the repository page and the status page stand in this file.

// repositoryWords are the fixed words of the repository page.
type repositoryWords struct {
	Repositories, DockerHub string

	Records, Milestones, NextMilestone, NoMilestone string

	Pushes, PushesLead, NoPushes, Push, Before, After, Change, AllPushes string

	Snapshots, Time, Total, SinceBefore, Fell, Stars, Size, Newer, Older string
	Export, SeriesCSV, SeriesJSON, DailyCSV, DailyJSON                   string

	Document, DocumentLead, DocumentAll string

	Embed, Badge, BadgeLead, Chart, Nowhere string
}

func repositoryEnglish() repositoryWords {
	return repositoryWords{
		Repositories: "Repositories", DockerHub: "On Docker Hub",
		Records: "Records", Milestones: "Milestones", NextMilestone: "Next", NoMilestone: "None passed since the first snapshot.",
		Pushes:     "What did the release do?",
		PushesLead: "Pulls in the seven days before a push and in the seven days after. A push is not the only thing that changes them.",
		NoPushes:   "No push was seen since the first snapshot.",
		Push:       "Push", Before: "7 d before", After: "7 d after", Change: "Change", AllPushes: "All pushes",
		Snapshots: "Snapshots", Time: "Time", Total: "Pulls in total", SinceBefore: "Since the one before", Fell: "counted anew",
		Stars: "Stars", Size: "Size", Newer: "Newer", Older: "Older",
		Export: "All of them:", SeriesCSV: "snapshots as CSV", SeriesJSON: "as JSON", DailyCSV: "days as CSV", DailyJSON: "as JSON",
		Document:     "Raw document",
		DocumentLead: "The newest snapshot, as Docker Hub told it.",
		DocumentAll:  "It is longer than what is shown here.",
		Embed:        "Embed", Badge: "Badge", BadgeLead: "It shows", Chart: "Chart",
		Nowhere: "This page was asked for by an address that only this machine has, so the snippets have " + placeholder +
			" instead: write there the address by which others reach Pulltrail.",
	}
}

func notYetCollected(tracked status) *notice {
	if tracked.Text == stateOutbox {
		return &notice{Title: "No snapshot stored yet", Text: "Its first snapshot waits in the outbox. " + stateOutboxHelp}
	}
	text := "It is tracked; the numbers come with the next run."
	if tracked.Level == levelWarn || tracked.Level == levelBad {
		text = "It is tracked, but there is no snapshot of it yet. " + tracked.Help
	}
	return &notice{Title: "No snapshot yet", Text: strings.TrimSpace(text)}
}

// Records.

const (
	labelBestDay   = "Best day"
	labelBestWeek  = "Best week"
	labelBestMonth = "Best month"
)

func weekOf(monday time.Time) string { return "week from " + dateOf(monday) }

func monthOf(first time.Time) string { return first.Format("January" + space + "2006") }

func goalExpected(pulls string, at time.Time) string {
	return pulls + " around " + dateOf(at) + ", if the last 30 days go on like that."
}

func goalUnknown(pulls string) string {
	return pulls + "; when, cannot be said from what is known of the last 30 days."
}

func goalStale(pulls string) string {
	return pulls + "; when, cannot be said, as there is no recent snapshot."
}

func goalDue(pulls string) string { return pulls + ", due by the rate of the last 30 days." }

func restated(at time.Time, from, to string) string {
	return "On " + dateOf(at) + " Docker Hub counted anew: the total fell from " + from + " to " + to +
		". That is no pulls, and counting goes on from the new total."
}

func andBefore(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("And %s before.", grouped(int64(n)))
}

func rangeOfSnapshots(first, last, of int) string {
	if last < first {
		return ""
	}
	return grouped(int64(first)) + " to " + grouped(int64(last)) + " of " + grouped(int64(of)) + ", the newest first"
}

// Embedding.

const (
	copyWord   = "Copy"
	copiedWord = "Copied"
)

func badgeWords(metric string) string {
	switch metric {
	case "day":
		return "the last day"
	case "week":
		return "the last 7 days"
	case "month":
		return "the last 30 days"
	}
	return "the total"
}

func badgeAlt(metric string) string {
	if metric == "total" {
		return "Docker pulls"
	}
	return "Docker pulls in " + badgeWords(metric)
}

func chartAlt(repository string) string { return "Docker pulls of " + repository }

// An unknown repository.

func unknownRepository(name string) trouble {
	return trouble{"No such repository", "Nothing is known of " + name + ": it is not tracked, or its name is another."}
}

const (
	suggestionsLead = "Did you mean one of these?"
	searchInstead   = "Search the repositories"
)

// statusTitle is the title of the status page.
const statusTitle = "Status"

// statusWords are the fixed words of the status page.
type statusWords struct {
	Title, Incomplete string

	Run, Failures, AllWell, Gone      string
	Schedule, Collect, CollectRunning string

	Namespaces, Namespace, Listed, State, Seen string

	Parts, Part, Since, Detail string

	Sinks, Sink, Log, Behind, Lag, Refused string

	Letters, Count, Command string

	Stored, Limits, Process string
}

func statusEnglish() statusWords {
	return statusWords{
		Title: statusTitle, Incomplete: "Some of this could not be read; Pulltrail's log says why.",
		Run: "Last run", Failures: "What has failed", AllWell: "Every repository answered the last time that it was asked for.", Gone: "gone",
		Schedule: "Schedule", Collect: "Collect now", CollectRunning: "A run is under way",
		Namespaces: "Namespaces", Namespace: "Namespace", Listed: "Listed", State: "State", Seen: "As of",
		Parts: "Parts", Part: "Part", Since: "Since", Detail: "Detail",
		Sinks: "Sinks", Sink: "Sink", Log: "Follows", Behind: "Entries behind", Lag: "For", Refused: "Refused since the start",
		Letters: "Dead letters", Count: "Letters", Command: "To see them",
		Stored: "Stored", Limits: "Docker Hub's limit", Process: "Process",
	}
}

const (
	labelLastRun    = "Last run"
	labelSlot       = "For the slot"
	labelEnded      = "Ended"
	labelCollected  = "Collected"
	labelFailed     = "Failed"
	labelRequests   = "Requests sent"
	labelUnfinished = "Goes on later"
	labelError      = "Error"

	labelSchedule   = "Runs"
	labelNext       = "Next"
	labelRetry      = "Unfinished run goes on"
	labelPassedOver = "Passed over"
	noteOverlap     = "slots, as a run was under way"

	labelOutbox   = "In the outbox"
	noteOutbox    = "snapshots that wait for the broker"
	labelDatabase = "Database"

	labelLimit    = "Requests a window"
	labelUsed     = "Used"
	labelReset    = "Next window"
	noteNoLimit   = "Docker Hub has told of none yet"
	noteLimitOver = "none of them used: a new window has begun"

	labelVersion = "Version"
	labelUp      = "Up for"

	noteNoRun  = "none since the start"
	bySchedule = "by schedule"
	byHand     = "by hand"
	seeTheLog  = "Pulltrail's log says why."

	helpItself = "It may well pass by itself."

	stateAway          = "not working"
	stateWhole         = "whole"
	stateNotWhole      = "not whole"
	stateTruncated     = "truncated"
	stateTruncatedHelp = "Docker Hub shows no more without a login: set collector.username."
)

func noteSlot(next time.Time) string {
	if next.IsZero() {
		return ""
	}
	return next.UTC().Format("2 Jan 15:04 UTC")
}

func took(d time.Duration) string { return "took " + lag(max(d, 0)) }

func alreadyThere(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 was there already"
	}
	return grouped(int64(n)) + " were there already"
}

func moreFailures(n int) string {
	return "And " + grouped(int64(n)) + " more that are not named here."
}

// lag is a length of time that may be short.
func lag(d time.Duration) string {
	switch {
	case d <= 0:
		return "–"
	case d < time.Second:
		return "less than 1" + space + "s"
	case d < time.Minute:
		return fmt.Sprintf("%d"+space+"s", int(d/time.Second))
	}
	return span(d)
}

func uptime(d time.Duration) string { return lag(max(d, time.Second)) }

func crossOrigin() trouble {
	return trouble{"Not from there", "Another site asked for this. Open the status page and press the button there."}
}

func onlyPost() trouble {
	return trouble{"Not allowed", "A run is begun with the button on the status page."}
}

func mayNotAct() trouble {
	return trouble{"Not allowed", "Only those who have signed in may have a run begin."}
}
