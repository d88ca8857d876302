package share

import (
	"fmt"
	"strings"
)

// All words of the pictures stand in this file.

const (
	wordPulls    = "pulls"
	wordPerDay   = "/day"
	wordPerWeek  = "/week"
	wordPerMonth = "/month"
	wordPush     = "Push"

	wordNotKnown       = "not known yet"
	wordNothingInRange = "Nothing is known of this time"
	wordUnknown        = "unknown repository"
	wordNoSuchPicture  = "no such picture"
	wordUnreadable     = "history cannot be read"
	wordOnlyRead       = "use GET or HEAD"
)

func unitOf(totals bool) string {
	if totals {
		return "pulls in total"
	}
	return "pulls per day"
}

func subtitleOf(shown string) string {
	switch shown {
	case "7d":
		return "the last 7 days"
	case "30d":
		return "the last 30 days"
	case "90d":
		return "the last 90 days"
	case "1y":
		return "the last year"
	}
	return "since the first snapshot"
}

// Mistakes are short, as a badge has to hold them.

func mistakeUnknown(key string) string  { return fmt.Sprintf("unknown parameter %.20q", key) }
func mistakeTwice(key string) string    { return fmt.Sprintf("parameter %s is given twice", key) }
func mistakeTooLong(key string) string  { return fmt.Sprintf("parameter %s is too long", key) }
func mistakeText(key string) string     { return fmt.Sprintf("parameter %s is no text", key) }
func mistakeQuery() string              { return "the query cannot be read" }
func mistakeColour(value string) string { return fmt.Sprintf("color %.10q is none", value) }
func mistakeChoice(key, value string, choices []string) string {
	last := len(choices) - 1
	return fmt.Sprintf("%s=%.10q is unknown: write %s or %s", key, value, strings.Join(choices[:last], ", "), choices[last])
}
func mistakeNumber(key, value string, least, most int) string {
	return fmt.Sprintf("%s=%.10q is no number from %d to %d", key, value, least, most)
}
