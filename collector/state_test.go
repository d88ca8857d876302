package collector_test

import (
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
