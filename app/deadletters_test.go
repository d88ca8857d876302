package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/indexer"
	"pulltrail/internal/control"
	"pulltrail/internal/database"
	"pulltrail/internal/deadletter"
	"pulltrail/internal/document"
	"pulltrail/internal/history"
	"pulltrail/internal/journal"
	"pulltrail/internal/state"
)

const (
	goodSnapshot = `{"namespace":"library","name":"nginx","pull_count":5,"timestamp":"2026-01-31T01:00:00Z"}`
	snapshots    = "hub/a/b"
	documents    = "sensors/1"
)

// deskSink is a Sink that refuses the ids it is told to.
type deskSink struct {
	down   error
	refuse map[string]error
	stored []string
}

func (s *deskSink) String() string             { return "opensearch" }
func (s *deskSink) Ping(context.Context) error { return nil }
func (s *deskSink) Write(_ context.Context, docs []document.Document) ([]error, error) {
	results := make([]error, len(docs))
	for i, d := range docs {
		if results[i] = s.refuse[d.ID]; results[i] == nil && s.down == nil {
			s.stored = append(s.stored, d.ID)
		}
	}
	return results, s.down
}

// desk is a letterbox with real stores behind it; its follower does not run.
type desk struct {
	*letterbox
	t       *testing.T
	sink    *deskSink
	trail   *history.Store
	journal *journal.Journal
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.TempDir(), journal.Options{MaxBytes: 64 << 20, Log: log, Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(errors.Join(err, db.Close()))
	}
	t.Cleanup(func() {
		if err := errors.Join(j.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	router, err := indexer.NewRouter([]indexer.Route{
		{Topic: "hub/#", Kind: indexer.KindSnapshot, Index: "hub"},
		{Topic: "sensors/#", Kind: indexer.KindDocument, Index: "sensors", ID: "position"},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, sink: &deskSink{refuse: map[string]error{}}, trail: history.New(db), journal: j}
	letters := deadletter.New(db, deadletter.Options{})
	in := &intake{router: router, history: d.trail, journal: j, letters: letters, log: log}
	in.followers = []*indexer.Follower{indexer.NewFollower(indexer.FollowerOptions{
		Name: journalLog, Log: j, LogID: func(document.Position) string { return "log" }, Sink: d.sink, Router: router, Cursors: state.New(db), DeadLetters: letters,
		BatchSize: 10, BatchBytes: 1000, Logger: log, Registerer: prometheus.NewRegistry(),
	})}
	d.letterbox = in.letterbox(1000)
	return d
}

// put keeps a letter; the id is such as "history/mqtt/1".
func (d *desk) put(id, topic, payload string, change ...func(*document.DeadLetter)) {
	d.t.Helper()
	key, err := control.ParseLetterID(id)
	if err != nil {
		d.t.Fatal(err)
	}
	l := document.DeadLetter{
		Sink: key.Sink, Log: key.Log, Position: key.Position, Reason: "before", At: time.Unix(1, 0).UTC(),
		Message: document.Message{Topic: topic, Payload: []byte(payload), Received: time.Unix(0, 0).UTC()},
	}
	for _, f := range change {
		f(&l)
	}
	if err := d.letters.Put(d.t.Context(), l); err != nil {
		d.t.Fatal(err)
	}
}

// kept is each letter that is there, as "id: reason".
func (d *desk) kept() (kept []string) {
	d.t.Helper()
	page, err := d.DeadLetters(d.t.Context(), control.LetterQuery{Limit: control.MaxPage})
	if err != nil || page.Total != len(page.Letters) {
		d.t.Fatalf("%d of %d letters, %v", len(page.Letters), page.Total, err)
	}
	for _, l := range page.Letters {
		kept = append(kept, l.ID.String()+": "+l.Reason)
	}
	return kept
}

// retry is what it tells of each letter, and the summary.
func (d *desk) retry(which control.Selection) (told []string, summary control.RetrySummary) {
	d.t.Helper()
	summary, err := d.RetryDeadLetters(d.t.Context(), which, func(r control.Retried) {
		told = append(told, strings.TrimRight(fmt.Sprintf("%s %s %s", r.ID, r.Fate, r.Reason), " "))
	})
	if err != nil {
		d.t.Fatal(err)
	}
	slices.Sort(told)
	return told, summary
}

func (d *desk) expect(what string, got, want []string) {
	d.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		d.t.Errorf("%s:\n%s", what, diff)
	}
}

func TestALetterIsShownInFullAndListedWithoutItsPayload(t *testing.T) {
	d := newDesk(t)
	d.put("history/mqtt/1", "t", "x")
	d.put("opensearch/journal/2", "s", "\xff\x00", func(l *document.DeadLetter) { l.Forbidden, l.Retained = true, true })
	id := control.LetterID{Sink: "opensearch", Log: "journal", Position: 2}
	want := control.Letter{
		ID: id, Topic: "s", Reason: "before", Refused: time.Unix(1, 0).UTC(), Received: time.Unix(0, 0).UTC(),
		Retained: true, RetriedByItself: true, Size: 2,
	}
	page, err := d.DeadLetters(t.Context(), control.LetterQuery{Sink: "opensearch", Limit: 5})
	if diff := cmp.Diff(control.LetterPage{Letters: []control.Letter{want}, Total: 1, Through: 2}, page); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	page, err = d.DeadLetters(t.Context(), control.LetterQuery{Limit: 1, Offset: 1})
	if diff := cmp.Diff(control.LetterPage{Letters: []control.Letter{want}, Total: 2, Through: 2}, page); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	want.Payload = []byte("\xff\x00")
	letter, err := d.DeadLetter(t.Context(), id)
	if diff := cmp.Diff(want, letter); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	id.Position = 3
	if _, err := d.DeadLetter(t.Context(), id); !errors.Is(err, control.ErrNoLetter) {
		t.Errorf("one that is not there: %v", err)
	}
}

func TestWhatWasRefusedOnReceiptIsReceivedAgain(t *testing.T) {
	d := newDesk(t)
	d.put("history/mqtt/1", snapshots, goodSnapshot)
	d.put("history/mqtt/2", snapshots, "not JSON")
	d.put("history/mqtt/3", documents, `{"by":"a new route a document now"}`)
	d.put("history/mqtt/4", "elsewhere", goodSnapshot)
	d.put("journal/mqtt/5", documents, strings.Repeat("x", 1001))
	d.put("journal/mqtt/6", documents, "{", func(l *document.DeadLetter) {
		l.Reason = "the payload has 100000 bytes, more than mqtt.max_payload (1000); only its first 65536 bytes are kept"
	})
	told, summary := d.retry(control.Selection{All: true})
	d.expect("told", told, []string{
		"history/mqtt/1 stored",
		"history/mqtt/2 refused " + notASnapshot(t),
		"history/mqtt/3 stored",
		"history/mqtt/4 refused no route matches topic elsewhere",
		"journal/mqtt/5 left the payload has 1001 bytes, more than mqtt.max_payload (1000)",
		"journal/mqtt/6 left only the beginning of the payload is kept: publish the message again, and drop this",
	})
	if summary != (control.RetrySummary{Stored: 2, Refused: 2, Left: 2}) {
		t.Errorf("%+v", summary)
	}
	d.expect("kept", d.kept(), []string{
		"history/mqtt/2: " + notASnapshot(t),
		"history/mqtt/4: no route matches topic elsewhere",
		"journal/mqtt/5: before",
		"journal/mqtt/6: the payload has 100000 bytes, more than mqtt.max_payload (1000); only its first 65536 bytes are kept",
	})
	if all, err := d.trail.Repositories(t.Context()); err != nil || len(all) != 1 || all[0].Newest.PullCount != 5 {
		t.Errorf("history has %+v, %v", all, err)
	}
	entries, err := d.journal.Read(t.Context(), 0, 9, 1<<20)
	if err != nil || len(entries) != 1 || string(entries[0].Payload) != `{"by":"a new route a document now"}` || !entries[0].Received.Equal(time.Unix(0, 0)) {
		t.Errorf("the journal has %+v, %v", entries, err)
	}
}

// notASnapshot is what history says of "not JSON".
func notASnapshot(t *testing.T) string {
	t.Helper()
	outcomes, err := history.New(nil).Append(t.Context(), []document.Message{{Payload: []byte("not JSON")}})
	if err != nil {
		t.Fatal(err)
	}
	return outcomes[0].Err.Error()
}

// What no route of today makes a document of must not reach a sink's letters, of which none
// is ever dropped: there it would stop valid documents.
func TestJunkAmongDocumentsIsRejectedOnReceipt(t *testing.T) {
	d := newDesk(t)
	store := d.stores[indexer.KindDocument]
	at := func(topic, payload string, retained bool) document.Message {
		return document.Message{Topic: topic, Payload: []byte(payload), Retained: retained, Received: time.Unix(0, 0).UTC()}
	}
	outcomes, err := store.Append(t.Context(), []document.Message{
		at(documents, "junk", false), at(documents, `{"n":1}`, false), at(documents, "\xff", true), at(documents, `{"n":2}`, true), at("elsewhere", `{}`, false),
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, rejected := range []bool{true, false, false, false, true} {
		if (outcomes[i].Err != nil) != rejected || rejected && !document.IsPermanent(outcomes[i].Err) {
			t.Errorf("message %d: %+v", i, outcomes[i])
		}
	}
	if outcomes, err := store.Append(t.Context(), []document.Message{at(documents, "junk", false)}); err != nil || outcomes[0].Err == nil {
		t.Errorf("junk alone: %+v, %v", outcomes, err)
	}
	entries, err := d.journal.Read(t.Context(), 0, 9, 1<<20)
	if err != nil || len(entries) != 3 || string(entries[0].Payload) != `{"n":1}` {
		t.Errorf("the journal has %+v, %v", entries, err)
	}
}

func TestALetterOfASinkGoesToThatSinkAlone(t *testing.T) {
	d := newDesk(t)
	for i := range 4 {
		d.put(fmt.Sprintf("opensearch/journal/%d", i+1), documents, `{}`)
	}
	d.put("opensearch/history/5", snapshots, goodSnapshot)
	d.put("retired/journal/6", documents, `{}`)
	d.sink.refuse["log-2"] = document.Permanent(errors.New("wrong type"))
	d.sink.refuse["log-3"] = fmt.Errorf("%w: no", indexer.ErrForbidden)
	d.sink.refuse["log-4"] = errors.New("429")
	told, _ := d.retry(control.Selection{All: true})
	d.expect("told", told, []string{
		"opensearch/history/5 left nothing goes from the history to opensearch at present: see indexer.routes and indexer.opensearch",
		"opensearch/journal/1 stored",
		"opensearch/journal/2 refused wrong type",
		"opensearch/journal/3 refused a permission is missing: no",
		"opensearch/journal/4 left 429",
		"retired/journal/6 left nothing goes from the journal to retired at present: see indexer.routes and indexer.retired",
	})
	d.expect("kept", d.kept(), []string{
		"opensearch/journal/2: wrong type", "opensearch/journal/3: a permission is missing: no", "opensearch/journal/4: before",
		"opensearch/history/5: before", "retired/journal/6: before",
	})
	d.expect("stored", d.sink.stored, []string{"log-1"})
	if head, err := d.journal.Head(t.Context()); head != 0 || err != nil {
		t.Errorf("the journal has %d entries, %v", head, err)
	}
}

func TestASinkThatIsAwayIsAskedOnce(t *testing.T) {
	d := newDesk(t)
	for i := range letterRound + 1 {
		d.put(fmt.Sprintf("opensearch/journal/%d", i+1), documents, `{}`)
	}
	d.put("history/mqtt/1", snapshots, goodSnapshot)
	d.sink.down = errors.New("away")
	told, summary := d.retry(control.Selection{All: true})
	if summary != (control.RetrySummary{Stored: 1, Left: letterRound + 1}) || told[len(told)-1] != "opensearch/journal/99 left away" {
		t.Errorf("%+v, %s", summary, told[len(told)-1])
	}
	d.sink.down = nil
	if _, summary := d.retry(control.Selection{Sink: "opensearch"}); summary != (control.RetrySummary{Stored: letterRound + 1}) {
		t.Errorf("%+v", summary)
	}
}

func TestOnlyTheLettersThatAreNamedAreTriedAgain(t *testing.T) {
	d := newDesk(t)
	for i := range 4 {
		d.put(fmt.Sprintf("opensearch/journal/%d", i+1), documents, `{}`)
	}
	d.put("history/mqtt/1", snapshots, goodSnapshot)
	id := control.LetterID{Sink: "opensearch", Log: "journal", Position: 2}
	told, _ := d.retry(control.Selection{IDs: []control.LetterID{id, {Sink: "opensearch", Log: "journal", Position: 9}, id}})
	d.expect("told", told, []string{"opensearch/journal/2 stored", "opensearch/journal/9 left there is no such dead letter"})
	told, _ = d.retry(control.Selection{Sink: "history"})
	d.expect("told", told, []string{"history/mqtt/1 stored"})
	d.expect("kept", d.kept(), []string{"opensearch/journal/1: before", "opensearch/journal/3: before", "opensearch/journal/4: before"})
}

func TestTwoCannotTryLettersAgainAtOnce(t *testing.T) {
	d := newDesk(t)
	d.put("journal/mqtt/1", documents, `{}`)
	_, err := d.RetryDeadLetters(t.Context(), control.Selection{All: true}, func(control.Retried) {
		if _, err := d.RetryDeadLetters(t.Context(), control.Selection{All: true}, func(control.Retried) {}); err == nil || !strings.Contains(err.Error(), "already") {
			t.Errorf("the second: %v", err)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

func TestOnlyTheLettersThatAreMeantAreDropped(t *testing.T) {
	d := newDesk(t)
	for _, id := range []string{"a/journal/1", "a/journal/2", "b/journal/1", "b/journal/2", "b/journal/3"} {
		d.put(id, "t", "x")
	}
	page, err := d.DeadLetters(t.Context(), control.LetterQuery{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	d.put("b/journal/4", "t", "x") // nobody has seen it
	id := func(text string) control.LetterID {
		id, err := control.ParseLetterID(text)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	for _, c := range []struct {
		which control.Selection
		want  control.Dropped
		kept  []string
	}{
		{
			control.Selection{IDs: []control.LetterID{id("b/journal/2"), id("b/journal/9"), id("b/journal/2")}},
			control.Dropped{Count: 1, Missing: []control.LetterID{id("b/journal/9")}},
			[]string{"a/journal/1: before", "a/journal/2: before", "b/journal/1: before", "b/journal/3: before", "b/journal/4: before"},
		},
		{
			control.Selection{Sink: "b", Through: page.Through}, control.Dropped{Count: 2},
			[]string{"a/journal/1: before", "a/journal/2: before", "b/journal/4: before"},
		},
		{control.Selection{Sink: "a"}, control.Dropped{Count: 2}, []string{"b/journal/4: before"}},
		{control.Selection{All: true}, control.Dropped{Count: 1}, nil},
	} {
		dropped, err := d.DropDeadLetters(t.Context(), c.which)
		if diff := cmp.Diff(c.want, dropped); diff != "" || err != nil {
			t.Errorf("%+v: %v\n%s", c.which, err, diff)
		}
		d.expect("kept", d.kept(), c.kept)
	}
}
