package search

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Class is what an answer means to the one who asked.
type Class int

// The classes. Only Refused and TooLarge are for good.
const (
	Unexpected   Class = iota // not what a cluster answers
	Unreachable               // no answer: refused connection, timeout, TLS
	Unavailable               // 5xx
	Overloaded                // 429
	Blocked                   // an index, or the making of one, is blocked for now
	Unidentified              // 401: who we are is refused
	Forbidden                 // 403: what we want to do is refused
	Missing                   // the index is missing and is not created by a write
	Exists                    // what is to be made is there already
	Refused                   // 400: the content is refused
	TooLarge                  // 413
)

// String is the class as it stands in metrics.
func (c Class) String() string {
	switch c {
	case Unreachable:
		return "unreachable"
	case Unavailable:
		return "unavailable"
	case Overloaded:
		return "overloaded"
	case Blocked:
		return "blocked"
	case Unidentified:
		return "authentication"
	case Forbidden:
		return "forbidden"
	case Missing:
		return "missing"
	case Exists:
		return "exists"
	case Refused:
		return "refused"
	case TooLarge:
		return "too_large"
	default:
		return "unexpected"
	}
}

// Error is a request, or one document of a bulk request, that was not done.
type Error struct {
	Class Class
	// Status is the HTTP status; 0 where there was no answer.
	Status int
	// Type and Reason are the cluster's own words, such as
	// "mapper_parsing_exception"; they may be empty.
	Type, Reason string
	// Err is why there was no answer, or what to do about it where the cluster's words
	// do not help.
	Err error
}

// Error is one sentence with what a person can do about it.
func (e *Error) Error() string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.Type == "" && e.Reason == "":
		return fmt.Sprintf("status %d %s", e.Status, http.StatusText(e.Status))
	case e.Type == "":
		return fmt.Sprintf("status %d: %s", e.Status, e.Reason)
	}
	return fmt.Sprintf("%s: %s (status %d)", e.Type, e.Reason, e.Status)
}

func (e *Error) Unwrap() error { return e.Err }

// Cause names the class, for metrics.
func (e *Error) Cause() string { return e.Class.String() }

// shardLimit is part of the reason for a refused new index when the cluster has all
// the shards that it may have, which is called a validation_exception (400).
const shardLimit = "shards open"

// maxReason is how much of a cluster's words is kept, in bytes.
const maxReason = 1000

// newError gives the status and the cluster's words their meaning.
func newError(status int, kind, reason string) *Error {
	reason = strings.Join(strings.Fields(reason), " ") // a parser's words have several lines
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	return &Error{Class: classify(status, kind, reason), Status: status, Type: kind, Reason: reason}
}

func classify(status int, kind, reason string) Class {
	switch {
	case kind == "cluster_block_exception", kind == "index_closed_exception",
		kind == "index_create_block_exception",
		kind == "validation_exception" && strings.Contains(reason, shardLimit):
		return Blocked
	case kind == "version_conflict_engine_exception", kind == "resource_already_exists_exception":
		return Exists
	case kind == "index_not_found_exception":
		return Missing
	case status == http.StatusUnauthorized:
		return Unidentified
	case status == http.StatusForbidden:
		return Forbidden
	case status == http.StatusRequestEntityTooLarge:
		return TooLarge
	case status == http.StatusTooManyRequests:
		return Overloaded
	case status >= 500:
		return Unavailable
	case status == http.StatusBadRequest && kind != "":
		// Without a type it is not the cluster that says so but, say, a proxy that
		// was spoken to in plain text; no document is to be lost by that.
		return Refused
	}
	return Unexpected
}

// cause is the form that the cluster gives an error.
type cause struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
	Inner  *cause `json:"caused_by"`
}

// words are the cause and what is behind it, where that says more.
func (c cause) words() string {
	if c.Inner == nil || c.Inner.Reason == "" || strings.Contains(c.Reason, c.Inner.Reason) {
		return c.Reason
	}
	return c.Reason + ": " + c.Inner.Reason
}

// answerError reads an answer that is no success.
func answerError(status int, body []byte) *Error {
	var answer struct {
		Error json.RawMessage `json:"error"`
		// Those of the security plugin, which has one of the two.
		Message string `json:"message"`
		Reason  string `json:"reason"`
	}
	err := json.Unmarshal(body, &answer)
	switch words := answer.Message + answer.Reason; {
	case err == nil && answer.Error == nil && words != "":
		return newError(status, "", words)
	case err != nil || answer.Error == nil:
		return newError(status, "", oneLine(body))
	}
	var c cause
	if json.Unmarshal(answer.Error, &c) == nil && c.Type != "" {
		return newError(status, c.Type, c.words())
	}
	return newError(status, "", oneLine(answer.Error))
}

// oneLine is the beginning of an answer in a form that fits a message.
func oneLine(body []byte) string {
	const most = 200
	text := strings.ToValidUTF8(string(body[:min(len(body), most)]), "")
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.Trim(text, "\""))), " ")
}

// notJSON says that an answer of status 200 is none of a cluster.
func notJSON(body []byte, err error) *Error {
	if len(bytes.TrimSpace(body)) == 0 {
		return newError(http.StatusOK, "", "the answer is empty")
	}
	return newError(http.StatusOK, "", fmt.Sprintf("the answer is not that of a cluster (%v): %s", err, oneLine(body)))
}
