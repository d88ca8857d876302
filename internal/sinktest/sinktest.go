// Package sinktest is the conformance suite that every sink passes: what the rest
// of the program relies on, tried against a database, real or not.
//
// Each case uses indices of its own, so that the suite can run again and again
// against the same database.
package sinktest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pulltrail/internal/document"
)

// Sink is what is tested; see indexer.Sink for its contract.
type Sink interface {
	Write(ctx context.Context, docs []document.Document) (results []error, err error)
	Ping(ctx context.Context) error
	String() string
}

// Target is a sink and a way to look behind it.
type Target struct {
	Sink Sink
	// Read fetches a document from the database without the sink.
	Read func(t *testing.T, index, id string) (source []byte, found bool)
	// Prefix begins the names of the indices that the suite makes.
	Prefix string
}

// Body is what the suite creates its indices with: the field n is a long.
const Body = `{"settings":{"number_of_shards":1,"number_of_replicas":0},"mappings":{"properties":{"n":{"type":"long"}}}}`

// large is a batch of several hundred kilobytes.
const large = 2500

// Run holds the sinks that open makes against the contract.
func Run(t *testing.T, open func(t *testing.T) Target) {
	cases := []struct {
		name string
		run  func(suite, *testing.T)
	}{
		{"it answers and has a name", suite.answers},
		{"a document that was written is stored", suite.stores},
		{"an id that exists keeps its first document", suite.keepsTheFirst},
		{"every digit and every byte of a document is kept", suite.keepsDigits},
		{"a document of several lines does not disturb its neighbours", suite.takesLines},
		{"ids and names with quotes and other scripts are kept apart", suite.takesAnyID},
		{"an index is created with the given body", suite.createsWithBody},
		{"an index without a body is left to the database", suite.createsWithoutBody},
		{"a document of the wrong type is refused for good and its neighbours are stored", suite.refusesOne},
		{"a batch for several indices is sorted out", suite.severalIndices},
		{"an empty batch is nothing to do", suite.empty},
		{"a large batch is stored completely", suite.large},
		{"a context that is done stops the write", suite.cancelled},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(suite{open(t)}, t) })
	}
}

type suite struct{ Target }

// index is a name that was never used.
func (s suite) index() string { return s.Prefix + strings.ToLower(rand.Text()) }

func doc(index, id, body string) document.Document {
	return document.Document{Index: index, IndexBody: []byte(Body), ID: id, Body: []byte(body)}
}

// write expects that the request as a whole succeeds.
func (s suite) write(t *testing.T, docs ...document.Document) []error {
	t.Helper()
	results, err := s.Sink.Write(t.Context(), docs)
	if err != nil {
		t.Fatalf("Write: %v", err)
	}
	if len(results) != len(docs) {
		t.Fatalf("Write gave %d results for %d documents", len(results), len(docs))
	}
	return results
}

// stored expects that every document is stored.
func (s suite) stored(t *testing.T, docs ...document.Document) {
	t.Helper()
	results := s.write(t, docs...)
	for i, d := range docs {
		if results[i] != nil {
			t.Fatalf("document %s: %v", d.ID, results[i])
		}
	}
}

func (s suite) holds(t *testing.T, index, id, want string) {
	t.Helper()
	got, found := s.Read(t, index, id)
	if !found {
		t.Fatalf("%s/%s is not there", index, id)
	}
	if string(got) != want {
		t.Fatalf("%s/%s is %s, want %s", index, id, got, want)
	}
}

func (s suite) answers(t *testing.T) {
	if err := s.Sink.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
	if s.Sink.String() == "" {
		t.Error("no name")
	}
}

func (s suite) stores(t *testing.T) {
	index := s.index()
	s.stored(t, doc(index, "a", `{"n":1}`), doc(index, "b", `{"n":2}`))
	s.holds(t, index, "a", `{"n":1}`)
	s.holds(t, index, "b", `{"n":2}`)
}

func (s suite) keepsTheFirst(t *testing.T) {
	index := s.index()
	s.stored(t, doc(index, "a", `{"n":1}`))
	s.stored(t, doc(index, "a", `{"n":2}`), doc(index, "b", `{"n":3}`), doc(index, "b", `{"n":4}`))
	s.holds(t, index, "a", `{"n":1}`)
	s.holds(t, index, "b", `{"n":3}`)
}

func (s suite) keepsDigits(t *testing.T) {
	const body = `{"n":9007199254740993,"f":1.10,"e":"\u00e9é","o":{"x":null,"y":[1.0,2.50]}}`
	index := s.index()
	s.stored(t, doc(index, "a", body))
	s.holds(t, index, "a", body)
}

func (s suite) takesLines(t *testing.T) {
	index := s.index()
	s.stored(t, doc(index, "a", "{\r\n  \"n\": 1,\n  \"s\": \"x\"\n}"), doc(index, "b", `{"n":2}`))
	got, _ := s.Read(t, index, "a")
	var compact bytes.Buffer
	if err := json.Compact(&compact, got); err != nil || compact.String() != `{"n":1,"s":"x"}` {
		t.Errorf("stored as %s (%v)", got, err)
	}
	s.holds(t, index, "b", `{"n":2}`)
}

func (s suite) takesAnyID(t *testing.T) {
	index := s.index()
	ids := []string{`["a","b"]`, `["a,b"]`, `a/b@2026-01-31T01:00:00Z`, "naïve <&> 雪", `back\slash`, "new\nline"}
	for i, id := range ids {
		s.stored(t, doc(index, id, fmt.Sprintf(`{"n":%d}`, i)))
	}
	for i, id := range ids {
		s.holds(t, index, id, fmt.Sprintf(`{"n":%d}`, i))
	}
}

func (s suite) createsWithBody(t *testing.T) {
	index := s.index()
	// A database that guesses takes the first document's word for it: a text.
	s.refused(t, s.write(t, doc(index, "a", `{"n":"no number"}`))[0])
	if _, found := s.Read(t, index, "a"); found {
		t.Error("the document is stored, so the index was not created with its body")
	}
}

func (s suite) createsWithoutBody(t *testing.T) {
	index := s.index()
	d := doc(index, "a", `{"n":"text"}`)
	d.IndexBody = nil
	s.stored(t, d)
	s.holds(t, index, "a", `{"n":"text"}`)
}

func (s suite) refusesOne(t *testing.T) {
	index := s.index()
	results := s.write(t, doc(index, "a", `{"n":1}`), doc(index, "b", `{"n":{"object":1}}`),
		doc(index, "c", `{"n":`), doc(index, "d", ""), doc(index, "e", `{"n":5}`))
	for _, i := range []int{1, 2, 3} {
		s.refused(t, results[i])
	}
	if results[0] != nil || results[4] != nil {
		t.Errorf("neighbours: %v, %v", results[0], results[4])
	}
	s.holds(t, index, "a", `{"n":1}`)
	s.holds(t, index, "e", `{"n":5}`)
}

func (s suite) refused(t *testing.T, err error) {
	t.Helper()
	switch {
	case err == nil:
		t.Error("not refused")
	case !document.IsPermanent(err):
		t.Errorf("refused, but not for good: %v", err)
	case strings.Contains(err.Error(), "\n"):
		t.Errorf("the reason is more than a line: %q", err)
	}
}

func (s suite) severalIndices(t *testing.T) {
	first, second := s.index(), s.index()
	results := s.write(t, doc(first, "a", `{"n":1}`), doc(second, "a", `{"n":"x"}`), doc(first, "b", `{"n":3}`), doc(second, "b", `{"n":4}`))
	s.refused(t, results[1])
	s.holds(t, first, "a", `{"n":1}`)
	s.holds(t, first, "b", `{"n":3}`)
	s.holds(t, second, "b", `{"n":4}`)
}

func (s suite) empty(t *testing.T) {
	results, err := s.Sink.Write(t.Context(), nil)
	if err != nil || len(results) != 0 {
		t.Errorf("Write gave %v, %v", results, err)
	}
}

func (s suite) large(t *testing.T) {
	index := s.index()
	padding := strings.Repeat("x", 200)
	docs := make([]document.Document, large)
	for i := range docs {
		docs[i] = doc(index, fmt.Sprint(i), fmt.Sprintf(`{"n":%d,"p":%q}`, i, padding))
	}
	s.stored(t, docs...)
	for _, i := range []int{0, 1, large / 2, large - 1} {
		s.holds(t, index, docs[i].ID, string(docs[i].Body))
	}
}

func (s suite) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	index := s.index()
	if _, err := s.Sink.Write(ctx, []document.Document{doc(index, "a", `{"n":1}`)}); err == nil {
		t.Error("no error")
	} else if document.IsPermanent(err) {
		t.Errorf("a write that was stopped is refused for good: %v", err)
	}
	s.stored(t, doc(index, "a", `{"n":1}`))
}
