package indexer

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/document"
)

const snapshotJSON = `{"user":"library","name":"nginx","namespace":"library","pull_count":12916987208,"star_count":21244,"storage_size":9007199254740993,"status":1,"immutable_tags_settings":{"enabled":false,"rules":[".*"]},"source":null,"timestamp":"2026-04-01T02:00:03Z","slot":"2026-04-01T02:00:00Z"}`

func newTestRouter(t *testing.T, routes ...Route) *Router {
	t.Helper()
	router, err := NewRouter(routes)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

func entry(topic, payload string) document.Entry {
	return document.Entry{Position: 7, Message: document.Message{
		Topic: topic, Payload: []byte(payload), Received: time.Date(2026, 2, 3, 23, 59, 0, 0, time.UTC),
	}}
}

func TestTheFirstRouteThatMatchesWins(t *testing.T) {
	router := newTestRouter(t,
		Route{Topic: "hub/a/+", Kind: KindSnapshot, Index: "a"},
		Route{Topic: "hub/#", Kind: KindSnapshot, Index: "hub"},
		Route{Topic: "hub/b/#", Kind: KindDocument, Index: "never"},
		Route{Topic: "$share/g/sensors/+", Kind: KindDocument, Index: "sensors"},
	)
	for name, want := range map[string]string{"hub/a/x": KindSnapshot, "hub/b/x": KindSnapshot, "sensors/1": KindDocument, "other": ""} {
		if got, ok := router.Kind(name); got != want || ok != (want != "") {
			t.Errorf("%s is %q, %v", name, got, ok)
		}
	}
	if got := router.Filters(KindSnapshot); !slices.Equal(got, []string{"hub/#"}) {
		t.Errorf("filters %v", got)
	}
	if got := router.Filters(KindDocument); !slices.Equal(got, []string{"hub/b/#", "$share/g/sensors/+"}) {
		t.Errorf("filters %v", got)
	}
}

func TestHistoryIsSnapshotsWhateverTheRoutesOfToday(t *testing.T) {
	cfg := Config{Routes: []Route{
		{Topic: "hub/a/+", Kind: KindSnapshot, Index: "a"},
		{Topic: "#", Kind: KindDocument, Index: "everything"},
	}}
	router := newTestRouter(t, cfg.EffectiveRoutes("hub/#")...).ForHistory("hub/#")
	for topic, want := range map[string]string{
		"hub/a/x":           "a",
		"hub/library/nginx": "dockerhub-repositories-metrics-2026-04",
		"the/former/topic":  "dockerhub-repositories-metrics-2026-04",
	} {
		doc, err := router.Resolve(entry(topic, snapshotJSON), "history")
		if err != nil || doc.Index != want || doc.ID != "library/nginx@2026-04-01T02:00:00Z" {
			t.Errorf("%s: %+v, %v", topic, doc, err)
		}
	}
}

func TestResolveASnapshot(t *testing.T) {
	router := newTestRouter(t, Route{Topic: "hub/#", Kind: KindSnapshot, Index: "hub-{Y}-{m}-{d}"})
	doc, err := router.Resolve(entry("hub/library/nginx", snapshotJSON), "log")
	if err != nil {
		t.Fatal(err)
	}
	if doc.Index != "hub-2026-04-01" || doc.ID != "library/nginx@2026-04-01T02:00:00Z" || string(doc.Body) != snapshotJSON || doc.IndexBody == nil {
		t.Errorf("%+v", doc)
	}
	late := strings.Replace(snapshotJSON, "2026-04-01T02:00:00Z", "2026-04-01T01:30:00+02:00", 1)
	if doc, err := router.Resolve(entry("hub/library/nginx", late), "log"); err != nil || doc.Index != "hub-2026-03-31" {
		t.Errorf("%+v, %v: the day is that of the slot in UTC", doc, err)
	}
}

func TestResolveADocument(t *testing.T) {
	const payload = `{ "id": "k", "n": {"m": 1.0}, "t": "2026-05-06T00:30:00+01:00" }`
	const compact = `{"id":"k","n":{"m":1.0},"t":"2026-05-06T00:30:00+01:00"}`
	tests := []struct {
		name, id, timeField string
		wantIndex, wantID   string
	}{
		{"by default its id is its position and its time that of receipt", "", "", "s-2026-02-03", "log-7"},
		{"a time field dates it, in UTC", "position", "t", "s-2026-05-05", "log-7"},
		{"its id can be its content", "content", "t", "s-2026-05-05", contentID([]byte(compact))},
		{"its id can be a field", "fields(id)", "t", "s-2026-05-05", `["k"]`},
		{"its id can be several fields", "fields( n.m , id )", "t", "s-2026-05-05", `[1.0,"k"]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			router := newTestRouter(t, Route{Topic: "s", Kind: KindDocument, Index: "s-{Y}-{m}-{d}", ID: tt.id, TimeField: tt.timeField})
			doc, err := router.Resolve(entry("s", payload), "log")
			if err != nil {
				t.Fatal(err)
			}
			if doc.Index != tt.wantIndex || doc.ID != tt.wantID || string(doc.Body) != compact || doc.IndexBody != nil {
				t.Errorf("%+v", doc)
			}
		})
	}
}

func TestADocumentWithoutItsTimeIsOneOfItsReceipt(t *testing.T) {
	lenient := Route{Topic: "s", Kind: KindDocument, Index: "s-{Y}-{m}-{d}", ID: "content", TimeField: "t", Untimed: UntimedReceipt}
	router := newTestRouter(t, lenient)
	for _, payload := range []string{`{"a":1}`, `{"t":"yesterday"}`, `{"t":"2026-05-06T00:30:00"}`} {
		doc, err := router.Resolve(entry("s", payload), "log")
		if err != nil || doc.Index != "s-2026-02-03" || doc.ID != "log-7" {
			t.Errorf("%s: %+v, %v", payload, doc, err)
		}
		replayed := entry("s", payload)
		replayed.Retained = true
		if _, err := router.Resolve(replayed, "log"); !errors.Is(err, ErrSkip) {
			t.Errorf("%s, replayed: %v", payload, err)
		}
	}
	timed := entry("s", `{"t":"2026-05-06T00:30:00Z"}`)
	timed.Retained = true
	if doc, err := router.Resolve(timed, "log"); err != nil || doc.Index != "s-2026-05-06" || doc.ID != contentID(timed.Payload) {
		t.Errorf("with its time: %+v, %v", doc, err)
	}
	lenient.Untimed = UntimedRefuse
	if _, err := newTestRouter(t, lenient).Resolve(entry("s", `{"a":1}`), "log"); err == nil || !strings.Contains(err.Error(), `"t" is missing`) {
		t.Errorf("refused: %v", err)
	}
}

func TestTheBodyOfAnIndexCanBeText(t *testing.T) {
	router := newTestRouter(t, Route{Topic: "s", Kind: KindSnapshot, Index: "s", Body: " {\n} "})
	if doc, err := router.Resolve(entry("s", snapshotJSON), "log"); err != nil || string(doc.IndexBody) != "{}" {
		t.Errorf("%s, %v", doc.IndexBody, err)
	}
}

func TestWithoutATopicOfOurOwnOnlyTheRoutesCount(t *testing.T) {
	routes := Config{Routes: []Route{{Topic: "a", Kind: KindDocument, Index: "a"}, {Topic: "b", Kind: KindSnapshot, Index: "b"}}}.EffectiveRoutes("")
	router := newTestRouter(t, routes...)
	if got := router.Filters(KindSnapshot); !slices.Equal(got, []string{"b"}) {
		t.Errorf("filters %v", got)
	}
	if doc, err := router.ForHistory("").Resolve(entry("the/former/topic", snapshotJSON), "history"); err != nil || doc.Index != "b" {
		t.Errorf("what is in history goes to %+v, %v", doc, err)
	}
}

func TestLongIDsAreHashed(t *testing.T) {
	router := newTestRouter(t, Route{Topic: "s", Kind: KindDocument, Index: "s", ID: "fields(a)"})
	for size, want := range map[int]int{maxFieldsID - 4: maxFieldsID, maxFieldsID - 3: 64} {
		doc, err := router.Resolve(entry("s", `{"a":"`+strings.Repeat("x", size)+`"}`), "log")
		if err != nil || len(doc.ID) != want {
			t.Errorf("an id of %d bytes, want %d (%v)", len(doc.ID), want, err)
		}
	}
}

func TestResolveRefusesForGood(t *testing.T) {
	router := newTestRouter(t,
		Route{Topic: "hub", Kind: KindSnapshot, Index: "hub"},
		Route{Topic: "fields", Kind: KindDocument, Index: "s", ID: "fields(a, b.c)"},
		Route{Topic: "time", Kind: KindDocument, Index: "s", TimeField: "x.t"},
	)
	tests := []struct{ name, topic, payload, want string }{
		{"what no route takes", "other", "{}", "no route matches topic other"},
		{"a snapshot that is none", "hub", `{"detail":"Rate limit exceeded"}`, "the payload is not a snapshot: "},
		{"a document that is none", "fields", "[]", "the payload is not a JSON object but an array"},
		{"a document without its id", "fields", `{"a":1,"b":{}}`, `the field "b.c", a part of the id, is missing`},
		{"a document whose id is null", "fields", `{"a":null,"b":{"c":1}}`, `the field "a", a part of the id, is missing`},
		{"a document without its time", "time", `{"t":1}`, `the time field "x.t" is missing`},
		{"a document with a time that is none", "time", `{"x":{"t":"soon"}}`, `the time field "x.t": "soon" is not a time`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := router.Resolve(entry(tt.topic, tt.payload), "log")
			if err == nil || !document.IsPermanent(err) || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestReplaysAreSkippedWhereEachMessageIsADocument(t *testing.T) {
	router := newTestRouter(t,
		Route{Topic: "position", Kind: KindDocument, Index: "s"},
		Route{Topic: "fields", Kind: KindDocument, Index: "s", ID: "fields(a)"},
		Route{Topic: "hub", Kind: KindSnapshot, Index: "hub"},
	)
	for topic, skipped := range map[string]bool{"position": true, "fields": false, "hub": false} {
		e := entry(topic, `{"a":1}`)
		if topic == "hub" {
			e.Payload = []byte(snapshotJSON)
		}
		e.Retained = true
		if _, err := router.Resolve(e, "log"); errors.Is(err, ErrSkip) != skipped {
			t.Errorf("%s: %v", topic, err)
		}
	}
}

func TestTheBodyOfAnIndexCanBeAFile(t *testing.T) {
	router := newTestRouter(t, Route{Topic: "hub", Kind: KindSnapshot, Index: "hub", BodyFile: file(t, "{\n \"settings\": {}\n}")})
	if doc, err := router.Resolve(entry("hub", snapshotJSON), ""); err != nil || string(doc.IndexBody) != `{"settings":{}}` {
		t.Errorf("%s, %v", doc.IndexBody, err)
	}
	if _, err := NewRouter([]Route{{Topic: "hub", Kind: KindSnapshot, Index: "Hub"}}); err == nil {
		t.Error("a route that is wrong was taken")
	}
}
