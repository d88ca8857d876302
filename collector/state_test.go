package collector_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/hubtest"
)

// TestTheStateTellsOfDockerHub goes through runs one after the other: each says what
// the state is then.
func TestTheStateTellsOfDockerHub(t *testing.T) {
	h := hubtest.New(t)
	h.Set("a/b", 1)
	h.Set("a/c", 1)
	r := newRig(t, h.URL, nil, nil)
	before := r.State()
	if !before.OK || before.Since.IsZero() {
		t.Errorf("before the first run: %+v", before)
	}
	for n, run := range []struct {
		name   string
		b, c   hubtest.Fault // nil answers
		ok     bool
		causes string // all of them
		kept   bool   // the state is that of the run before
	}{
		{name: "an answer", b: hubtest.HTML, ok: true, kept: true},
		{name: "a repository that is absent is an answer", b: hubtest.HTML, c: hubtest.NotFound, ok: true, kept: true},
		{name: "no answer of use", b: hubtest.Status(503), c: hubtest.Skewed(time.Hour), causes: "(clock, server_error)"},
		{name: "another reason", b: hubtest.Status(500), c: hubtest.HTML, causes: "(not_json, server_error)", kept: true},
		{name: "an answer again", ok: true},
	} {
		h.Fail("a/b", run.b)
		h.Fail("a/c", run.c)
		summary, err := r.Collect(t.Context(), slot.Add(time.Duration(n)*time.Hour), repositories(t, "a/b", "a/c"), nil)
		if err != nil {
			t.Fatal(err)
		}
		got := r.State()
		since := summary.Finished
		if run.kept {
			since = before.Since
		}
		if got.OK != run.ok || !strings.Contains(got.Err, run.causes) || (got.Err == "") != run.ok || !got.Since.Equal(since) {
			t.Errorf("%s: %+v", run.name, got)
		}
		before = got
	}
	if _, err := r.Collect(t.Context(), slot, nil, nil); err != nil || r.State() != before {
		t.Errorf("a run without repositories: %+v, %v", r.State(), err)
	}
}

func TestAnOutboxThatKeepsNothingIsAState(t *testing.T) {
	h := hubtest.New(t)
	h.Set("a/b", 1)
	r := newRig(t, h.URL, nil, nil)
	if st := r.Outbox(); !st.OK || st.Since.IsZero() {
		t.Errorf("before the first run: %+v", st)
	}
	poll := func(hour int) {
		_, err := r.Collect(t.Context(), slot.Add(time.Duration(hour)*time.Hour), repositories(t, "a/b"), nil)
		if (err != nil) != (r.store.appendErr != nil) {
			t.Errorf("Collect = %v", err)
		}
	}
	r.store.appendErr = errors.New("no space left on device")
	poll(0)
	began := r.Outbox()
	if began.OK || began.Err != "snapshots cannot be kept, so nothing is collected: no space left on device" {
		t.Errorf("on a full disk: %+v", began)
	}
	poll(1)
	if st := r.Outbox(); st != began {
		t.Errorf("it goes on: %+v, and began as %+v", st, began)
	}
	if lines := r.log.lines(t, slog.LevelWarn); len(lines) != 1 || lines[0]["msg"] != "run cut short" {
		t.Errorf("a state is told once, and not %v", lines)
	}
	r.store.appendErr = nil
	poll(2)
	if lines := r.log.lines(t, slog.LevelInfo); !slices.ContainsFunc(lines, func(line map[string]any) bool { return line["msg"] == "outbox stores snapshots again" }) {
		t.Errorf("its end is not told: %v", lines)
	}
	if st := r.Outbox(); !st.OK || st.Err != "" || !st.Since.After(began.Since) {
		t.Errorf("when there is room: %+v", st)
	}
}
