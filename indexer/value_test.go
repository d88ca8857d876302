package indexer

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/document"
)

func TestWhatIsNoObjectIsWrapped(t *testing.T) {
	tests := []struct{ name, payload, want string }{
		{"an object stays as it is", `{"a": 1}`, `{"a":1}`},
		{"a number keeps its digits", "21.50", `{"value":21.50}`},
		{"a large number does", "9007199254740993", `{"value":9007199254740993}`},
		{"white space around does not count", " -1e3\r\n", `{"value":-1e3}`},
		{"truth", "true", `{"value":true}`},
		{"nothing", "null", `{"value":null}`},
		{"an array", `[1, {"a": "b c"}]`, `{"value":[1,{"a":"b c"}]}`},
		{"a JSON string", `"on"`, `{"value":"on"}`},
		{"a text", "ON", `{"value":"ON"}`},
		{"a text with white space keeps it", " door open\n", `{"value":" door open\n"}`},
		{"a text with what JSON escapes", "a\"b\\c\x00<&>", `{"value":"a\"b\\c\u0000<&>"}`},
		{"a number that JSON does not know", "+5", `{"value":"+5"}`},
		{"one with a comma", "21,5", `{"value":"21,5"}`},
		{"a zero in front", "007", `{"value":"007"}`},
		{"no number at all", "NaN", `{"value":"NaN"}`},
		{"a line of a log", "[error] disk full", `{"value":"[error] disk full"}`},
	}
	router := newTestRouter(t, Route{Topic: "s", Kind: KindDocument, Index: "s", Payload: PayloadValue})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc, err := router.Resolve(entry("s", tt.payload), "log")
			if err != nil || string(doc.Body) != tt.want || !json.Valid(doc.Body) {
				t.Errorf("%s, %v", doc.Body, err)
			}
		})
	}
}

func TestAnEmptyMessageIsSkipped(t *testing.T) {
	router := newTestRouter(t,
		Route{Topic: "hub/#", Kind: KindSnapshot, Index: "hub"},
		Route{Topic: "value", Kind: KindDocument, Index: "s", Payload: PayloadValue},
		Route{Topic: "object/{room}", Kind: KindDocument, Index: "s", ID: "fields(room)"},
	)
	for _, topic := range []string{"hub/a/b", "value", "object/kitchen"} {
		for _, retained := range []bool{false, true} {
			e := entry(topic, "")
			e.Retained = retained
			if _, err := router.Resolve(e, "log"); !errors.Is(err, ErrSkip) {
				t.Errorf("%s, retained %v: %v", topic, retained, err)
			}
		}
	}
}

func TestWhatCannotBeWrappedIsRefused(t *testing.T) {
	router := newTestRouter(t, Route{Topic: "s", Kind: KindDocument, Index: "s", Payload: PayloadValue})
	for payload, want := range map[string]string{
		" \n":           "the payload has nothing but white space",
		"\xff\xfe":      "the payload is neither JSON nor text: it is not valid UTF-8",
		`{"a":1`:        "the payload is not JSON: ",
		`{"a":1,"a":2}`: `the payload has the key "a" twice`,
	} {
		if _, err := router.Resolve(entry("s", payload), "log"); err == nil || !document.IsPermanent(err) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", payload, err)
		}
	}
	router = newTestRouter(t, Route{Topic: "s", Kind: KindDocument, Index: "s"})
	if _, err := router.Resolve(entry("s", "21.5"), "log"); err == nil {
		t.Error("a number was taken where only objects are")
	}
}

func TestTheTimeOfReceiptIsStoredWhereTheRouteSaysSo(t *testing.T) {
	router := newTestRouter(t, Route{
		Topic: "s/{room}", Kind: KindDocument, Index: "s-{Y}-{m}-{d}", ID: "content", Payload: PayloadValue, TimeField: "@timestamp", Untimed: UntimedStamp,
	})
	berlin := time.Date(2026, 2, 4, 0, 30, 0, 123456789, time.FixedZone("", 3600))
	tests := []struct{ name, payload, want, index, id string }{
		{"a value", "21.5", `{"value":21.5,"room":"k","@timestamp":"2026-02-03T23:30:00.123Z"}`, "s-2026-02-03", "log-7"},
		{"an object without its time", `{"a":1}`, `{"a":1,"room":"k","@timestamp":"2026-02-03T23:30:00.123Z"}`, "s-2026-02-03", "log-7"},
		{"an object whose time is null", `{"@timestamp":null,"a":1}`, `{"a":1,"room":"k","@timestamp":"2026-02-03T23:30:00.123Z"}`, "s-2026-02-03", "log-7"},
		{"an object with its time keeps it", `{"@timestamp":0}`, `{"@timestamp":0,"room":"k"}`, "s-1970-01-01", contentID([]byte(`{"@timestamp":0,"room":"k"}`))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := entry("s/k", tt.payload)
			e.Received = berlin
			doc, err := router.Resolve(e, "log")
			if err != nil || string(doc.Body) != tt.want || doc.Index != tt.index || doc.ID != tt.id {
				t.Errorf("%s %s %s, %v", doc.Index, doc.ID, doc.Body, err)
			}
			e.Retained = true
			if _, err := router.Resolve(e, "log"); errors.Is(err, ErrSkip) != (tt.id == "log-7") {
				t.Errorf("replayed: %v", err)
			}
		})
	}
	if _, err := router.Resolve(entry("s/k", `{"@timestamp":"soon"}`), "log"); err == nil || !strings.HasPrefix(err.Error(), `the time field "@timestamp": "soon" is not a time`) {
		t.Errorf("an unreadable time: %v", err)
	}
}

// FuzzValue: whatever is taken, is one JSON object on one line.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{"1", "on", `"a"`, "[1,\n2]", "{}", " {\"a\":\n1}", "\x00", "tru", "{"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := parseValue(data)
		if err != nil {
			return
		}
		var got map[string]any
		if json.Unmarshal(o.compact, &got) != nil && json.Valid(o.compact) {
			return // a number beyond what Go can hold
		}
		if !json.Valid(o.compact) || got == nil || strings.ContainsAny(string(o.compact), "\n\r") {
			t.Errorf("%q became %s", data, o.compact)
		}
	})
}
