package collector

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"pulltrail/internal/hub"
)

// Cause is why there is no snapshot of a repository, in one word of a fixed set:
// it is the label of the metrics.
type Cause string

// The causes. Only Budget and Cancelled are not the repository's or Docker Hub's doing:
// the run ended before its turn was over.
const (
	NotFound         Cause = "not_found"         // 404
	Unauthorized     Cause = "unauthorized"      // 401
	Forbidden        Cause = "forbidden"         // 403
	RateLimited      Cause = "rate_limited"      // 429
	ServerError      Cause = "server_error"      // 5xx
	UnexpectedStatus Cause = "unexpected_status" // any other that is not 200, a refused redirect among them
	Timeout          Cause = "timeout"           // no complete answer within Config.Timeout
	Connection       Cause = "connection"        // no connection, or it broke off
	TooLarge         Cause = "too_large"         // more than Config.MaxBody
	Empty            Cause = "empty"             // 200 without a body
	NotJSON          Cause = "not_json"          // HTML, or JSON that ends too early
	Invalid          Cause = "invalid"           // JSON, but not a statistic: no pull_count, for instance
	WrongRepository  Cause = "wrong_repository"  // a statistic of something else
	Clock            Cause = "clock"             // the local clock or Docker Hub's is wrong
	Budget           Cause = "budget"            // the run has used its requests
	Truncated        Cause = "truncated"         // of a listing: Docker Hub shows no more without a login
	Cancelled        Cause = "cancelled"         // the run ended first
)

// causes is every Cause, so that each is a metric from the start.
func causes() []Cause {
	return []Cause{
		NotFound, Unauthorized, Forbidden, RateLimited, ServerError, UnexpectedStatus, Timeout, Connection,
		TooLarge, Empty, NotJSON, Invalid, WrongRepository, Clock, Budget, Truncated, Cancelled,
	}
}

// failure is an error with its cause.
type failure struct {
	cause Cause
	err   error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(cause Cause, format string, args ...any) error {
	return &failure{cause, fmt.Errorf(format, args...)}
}

// causeOf is the cause of an error that fetch returned; empty without an error.
func causeOf(err error) Cause {
	var f *failure
	if !errors.As(err, &f) {
		return ""
	}
	return f.cause
}

// broken says why no complete answer came: run is the context of the whole run,
// whose end is nobody's failure.
func broken(run context.Context, err error, timeout time.Duration) error {
	var network net.Error
	switch {
	case run.Err() != nil:
		return &failure{Cancelled, ended(run)}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fail(Timeout, "no complete answer within %s: %w", timeout, err)
	}
	return fail(Connection, "no complete answer: %w", err)
}

// refused says what a status other than 200 means. The body comes last, so that it hides no remedy.
func refused(status int, location string, body []byte) error {
	answer, shown := "answered "+strings.TrimSpace(strconv.Itoa(status)+" "+http.StatusText(status)), quote(body)
	switch {
	case status == http.StatusNotFound:
		return fail(NotFound, "%s: the repository is absent, private, or (rarely) this address is throttled; compare its name with its page; %s", answer, shown)
	case status == http.StatusUnauthorized:
		return fail(Unauthorized, "%s: it is not shown without a login: write collector.username and collector.password_file, or remove it; %s", answer, shown)
	case status == http.StatusForbidden:
		return fail(Forbidden, "%s: it is not shown to this address; look whether the repository is public, and whether a proxy on the way refuses; %s", answer, shown)
	case status == http.StatusTooManyRequests:
		return fail(RateLimited, "%s: too many requests from this address; lower collector.rate, or sign in (collector.username), which has a higher limit; %s", answer, shown)
	case status >= 500:
		return fail(ServerError, "%s; %s", answer, shown)
	case location != "":
		return fail(UnexpectedStatus, "%s: it leads to %.200q, which is not followed; set collector.url to where the API is; %s", answer, location, shown)
	}
	return fail(UnexpectedStatus, "%s; %s", answer, shown)
}

// unreadable says why a body with status 200 is not a statistic.
func unreadable(err error, body []byte) error {
	switch {
	case errors.Is(err, hub.ErrEmpty):
		return fail(Empty, "answered 200 with an empty body")
	case errors.Is(err, hub.ErrNotJSON):
		return fail(NotJSON, "answered 200 with what is not a statistic: %w; %s", err, quote(body))
	}
	return fail(Invalid, "answered 200 with what is not a statistic: %w; %s", oneLine{err}, quote(body))
}

// quote returns the first 200 characters of a body, safe for a log line and a terminal.
func quote(body []byte) string {
	const most = 200
	if len(body) == 0 {
		return "no body"
	}
	beginning := fmt.Sprintf("%.*s", most, body)
	if len(beginning) < len(body) {
		return "body " + quoted([]byte(beginning)) + "…"
	}
	return "body " + quoted(body)
}

// quoted is as %q has it, or easier to read where JSON is in it and nothing that a terminal
// would take for anything else than text.
func quoted(body []byte) string {
	text := string(body)
	unprintable := func(r rune) bool { return !strconv.IsPrint(r) || r == utf8.RuneError }
	if strconv.CanBackquote(text) && !strings.ContainsFunc(text, unprintable) {
		return "`" + text + "`"
	}
	return strconv.Quote(text)
}

// oneLine shows joined errors in one line.
type oneLine struct{ error }

func (e oneLine) Error() string { return strings.ReplaceAll(e.error.Error(), "\n", "; ") }
func (e oneLine) Unwrap() error { return e.error }
