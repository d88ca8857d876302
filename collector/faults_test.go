package collector_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"pulltrail/collector"
	"pulltrail/internal/hubtest"
)

// Each fault gives one log line and one count, publishes nothing, and leaves the
// other repository alone.
func TestBadInput(t *testing.T) {
	body := func(text string) hubtest.Fault {
		return func(w http.ResponseWriter, _ *http.Request, _ []byte) { _, _ = w.Write([]byte(text)) }
	}
	impatient := func(c *collector.Config) { c.Timeout = 5 * time.Second } // which is enough for the other repository
	for name, c := range map[string]struct {
		fault  hubtest.Fault
		cause  collector.Cause
		err    string
		change func(*collector.Config)
	}{
		"404":                       {fault: hubtest.NotFound, cause: collector.NotFound, err: "absent, private, or (rarely) this address is throttled"},
		"401":                       {fault: hubtest.Unauthorized, cause: collector.Unauthorized, err: "or remove it; body `{\"detail\":\"Incorrect"},
		"403":                       {fault: hubtest.Forbidden, cause: collector.Forbidden, err: "not shown to this address"},
		"500":                       {fault: hubtest.Status(500), cause: collector.ServerError, err: "answered 500 Internal Server Error"},
		"503":                       {fault: hubtest.Status(503), cause: collector.ServerError, err: `answered 503 Service Unavailable; body "<html>\n`},
		"599":                       {fault: hubtest.Status(599), cause: collector.ServerError, err: "answered 599; body"},
		"204":                       {fault: func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(204) }, cause: collector.UnexpectedStatus, err: "answered 204 No Content; no body"},
		"405":                       {fault: hubtest.Status(405), cause: collector.UnexpectedStatus, err: "answered 405"},
		"timeout":                   {fault: hubtest.Hang, cause: collector.Timeout, err: "no complete answer within 5s", change: impatient},
		"timeout within the body":   {fault: hubtest.HangWithin, cause: collector.Timeout, err: "no complete answer within 5s: after ", change: impatient},
		"connection reset":          {fault: hubtest.Reset, cause: collector.Connection, err: "no complete answer: "},
		"body broken off":           {fault: hubtest.Truncated, cause: collector.Connection, err: "unexpected EOF"},
		"half a body":               {fault: hubtest.CutOff, cause: collector.NotJSON, err: "unexpected end of JSON"},
		"HTML with status 200":      {fault: hubtest.HTML, cause: collector.NotJSON, err: `body "<html>\n<head>`},
		"bytes that are no text":    {fault: body("{\"name\":\"\xff\"}"), cause: collector.NotJSON, err: `not valid UTF-8`},
		"empty body":                {fault: hubtest.Empty, cause: collector.Empty, err: "empty body"},
		"blank body":                {fault: body(" \n "), cause: collector.Empty, err: "empty body"},
		"50 MB body":                {fault: hubtest.Huge, cause: collector.TooLarge, err: "more bytes than collector.max_body (1048576)"},
		"no pull_count":             {fault: hubtest.NoPullCount, cause: collector.Invalid, err: "pull_count: missing"},
		"null pull_count":           {fault: hubtest.NullPullCount, cause: collector.Invalid, err: "pull_count: null is not a count"},
		"error with status 200":     {fault: body(`{"detail":"Rate limit exceeded","error":false}`), cause: collector.Invalid, err: "namespace: missing; name: missing; pull_count: missing"},
		"list":                      {fault: body(`[]`), cause: collector.Invalid, err: "an array"},
		"null":                      {fault: body(`null`), cause: collector.Invalid, err: "null"},
		"name that is no text":      {fault: body(`{"namespace":"a","name":7,"pull_count":1}`), cause: collector.Invalid, err: "name: 7"},
		"long key twice":            {fault: body(`{"` + strings.Repeat("k", 9999) + `":1,"` + strings.Repeat("k", 9999) + `":1}`), cause: collector.Invalid, err: "occurs twice"},
		"wrong repository":          {fault: hubtest.WrongRepository, cause: collector.WrongRepository, err: `the statistic of "someone-else/bad"`},
		"repository in capitals":    {fault: body(`{"namespace":"A","name":"bad","pull_count":1}`), cause: collector.WrongRepository, err: `the statistic of "A/bad"`},
		"clock behind Docker Hub's": {fault: hubtest.Skewed(6 * time.Minute), cause: collector.Clock, err: "set the local clock"},
		"clock before Docker Hub's": {fault: hubtest.Skewed(-6 * time.Minute), cause: collector.Clock, err: "the local clock says "},
		"redirect to another host":  {fault: hubtest.Redirect("http://127.0.0.1:1"), cause: collector.UnexpectedStatus, err: `it leads to "http://127.0.0.1:1/v2/repositories/a/bad", which is not followed; set collector.url`},
		"redirect in a circle":      {fault: hubtest.Redirect(""), cause: collector.UnexpectedStatus, err: "answered 302"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := hubtest.New(t)
			h.Set("a/good", 7)
			h.Fail("a/bad", c.fault)
			r := newRig(t, h.URL, c.change, nil)
			summary, err := r.Collect(t.Context(), slot, repositories(t, "a/bad", "a/good"), nil)
			if err != nil || summary.Failed != 1 || summary.Succeeded != 1 {
				t.Fatalf("%d failed, %d succeeded, %v", summary.Failed, summary.Succeeded, err)
			}
			bad := summary.Results[0]
			if bad.Cause != c.cause || !strings.Contains(bad.Err.Error(), c.err) || strings.Contains(bad.Err.Error(), "\n") || len(bad.Err.Error()) > 800 {
				t.Errorf("cause %s, err %v", bad.Cause, bad.Err)
			}
			if diff := cmp.Diff([]string{"a/good@2026-11-23T01:00:00Z"}, r.store.ids()); diff != "" {
				t.Errorf("stored: %s", diff)
			}
			want := []map[string]any{{
				"msg": "repository failed", "repository": "a/bad", "slot": "2026-11-23T01:00:00Z",
				"cause": string(c.cause), "err": bad.Err.Error(),
			}}
			if diff := cmp.Diff(want, r.log.lines(t, slog.LevelWarn)); diff != "" {
				t.Errorf("log: %s", diff)
			}
			if err := testutil.GatherAndCompare(r.registry, strings.NewReader(exposition(c.cause)),
				"pulltrail_collector_requests_total", "pulltrail_collector_failures_total", "pulltrail_collector_snapshots_total"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestABodyInAnErrorIsCutToTwoHundredCharactersBehindTheRemedy(t *testing.T) {
	for _, body := range []string{strings.Repeat("ä", 1000), "<p>" + strings.Repeat("x", 5000)} {
		h := hubtest.New(t)
		h.Fail("a/b", func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(body))
		})
		r := newRig(t, h.URL, nil, nil)
		summary, err := r.Collect(t.Context(), slot, repositories(t, "a/b"), nil)
		if err != nil {
			t.Fatal(err)
		}
		want := "answered 403 Forbidden: it is not shown to this address; look whether the repository is public, and whether a proxy on the way refuses; body `" +
			string([]rune(body)[:200]) + "`…"
		if got := summary.Results[0].Err.Error(); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}

// What goes on failing is no news, in a log that somebody reads.
func TestAFailureIsLoggedWhenItBeginsChangesAndEnds(t *testing.T) {
	h := hubtest.New(t)
	r := newRig(t, h.URL, nil, nil)
	at := slot
	collect := func() {
		at = at.Add(time.Hour)
		if _, err := r.Collect(t.Context(), at, repositories(t, "a/b"), nil); err != nil {
			t.Fatal(err)
		}
	}
	collect() // it is not there
	collect()
	h.Set("a/b", 1)
	h.Fail("a/b", hubtest.Status(http.StatusInternalServerError))
	collect()
	collect()
	h.Fail("a/b", nil)
	collect()
	collect()
	var said []string
	for _, line := range append(r.log.lines(t, slog.LevelWarn), r.log.lines(t, slog.LevelInfo)...) {
		if line["repository"] != nil {
			said = append(said, fmt.Sprint(line["msg"], " ", line["cause"]))
		}
	}
	want := []string{"repository failed not_found", "repository failed server_error", "repository recovered <nil>"}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
}

func TestWhenDockerHubIsAwayTheLogHasNotALineForEachRepository(t *testing.T) {
	h := hubtest.New(t)
	r := newRig(t, h.URL, nil, nil)
	names := numbered(h, 9)
	collect := func(hour int) (said map[string]int) {
		before := len(r.log.lines(t, slog.LevelWarn)) + len(r.log.lines(t, slog.LevelInfo))
		if _, err := r.Collect(t.Context(), slot.Add(time.Duration(hour)*time.Hour), repositories(t, names...), nil); err != nil {
			t.Fatal(err)
		}
		said = make(map[string]int)
		for _, line := range append(r.log.lines(t, slog.LevelInfo), r.log.lines(t, slog.LevelWarn)...) {
			said[fmt.Sprint(line["msg"])]++
		}
		said["lines"] = len(r.log.lines(t, slog.LevelWarn)) + len(r.log.lines(t, slog.LevelInfo)) - before
		return said
	}
	h.FailAll(hubtest.Status(http.StatusBadGateway))
	if said := collect(0); said["repository failed"] != 5 || said["more repositories failed for the same reason"] != 1 {
		t.Errorf("when it begins: %v", said)
	}
	if said := collect(1); said["lines"] != 1 {
		t.Errorf("while it goes on, only the end of the run is told: %v", said)
	}
	h.FailAll(nil)
	if said := collect(2); said["repository recovered"] != 5 {
		t.Errorf("when it is over, of those that were told: %v", said)
	}
	for _, name := range names {
		h.Fail(name, hubtest.NotFound)
	}
	if said := collect(3); said["repository failed"] != 5+9 {
		t.Errorf("what is a repository's own is told of each: %v", said)
	}
}

// exposition is the counters after one success and one failure.
func exposition(failed collector.Cause) string {
	causes := []string{
		"budget", "cancelled", "clock", "connection", "empty", "forbidden", "invalid", "not_found", "not_json", "rate_limited",
		"server_error", "timeout", "too_large", "truncated", "unauthorized", "unexpected_status", "wrong_repository",
	}
	count := func(cause string) string {
		if cause == "ok" || cause == string(failed) {
			return "1"
		}
		return "0"
	}
	var b strings.Builder
	b.WriteString("# HELP pulltrail_collector_failures_total Repositories of which a run has no snapshot, by cause.\n")
	b.WriteString("# TYPE pulltrail_collector_failures_total counter\n")
	for _, cause := range causes {
		fmt.Fprintf(&b, "pulltrail_collector_failures_total{cause=%q} %s\n", cause, count(cause))
	}
	b.WriteString("# HELP pulltrail_collector_requests_total Requests to Docker Hub by outcome: ok, or the cause of the failure.\n")
	b.WriteString("# TYPE pulltrail_collector_requests_total counter\n")
	for _, outcome := range slices.Sorted(slices.Values(append(causes, "ok"))) {
		fmt.Fprintf(&b, "pulltrail_collector_requests_total{outcome=%q} %s\n", outcome, count(outcome))
	}
	b.WriteString("# HELP pulltrail_collector_snapshots_total Snapshots that were taken and put into the outbox.\n")
	b.WriteString("# TYPE pulltrail_collector_snapshots_total counter\n")
	b.WriteString("pulltrail_collector_snapshots_total 1\n")
	return b.String()
}
