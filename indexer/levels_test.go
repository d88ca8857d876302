package indexer

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"pulltrail/internal/document"
)

func TestLevelsOfATopicBecomeFields(t *testing.T) {
	tests := []struct{ name, template, topic, payload, want string }{
		{"each by its name, behind the document's own", "sensors/{room}/{kind}", "sensors/kitchen/temperature", `{"n":1}`, `{"n":1,"room":"kitchen","kind":"temperature"}`},
		{"in an empty document", "{room}", "kitchen", `{ }`, `{"room":"kitchen"}`},
		{"with levels between that are none", "a/{x}/+/b/{y}/#", "a/1/2/b/3/4/5", `{}`, `{"x":"1","y":"3"}`},
		{"before a # that stands for nothing", "a/{x}/#", "a/1", `{}`, `{"x":"1"}`},
		{"of a shared subscription", "$share/g/{x}/t", "k/t", `{}`, `{"x":"k"}`},
		{"of the broker's own topics", "$SYS/{what}/uptime", "$SYS/broker/uptime", `{}`, `{"what":"broker"}`},
		{"also an empty one", "a/{x}/b", "a//b", `{}`, `{"x":""}`},
		{"as texts, escaped where need be", "{x}", `"<\` + "\u2028é", `{}`, `{"x":"\"<\\\u2028é"}`},
		{"also a number", "{x}", "12", `{}`, `{"x":"12"}`},
		{"unless the document says the same", "{x}/{y}", "ab/c", `{"x":"a\u0062"}`, `{"x":"a\u0062","y":"c"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			router := newTestRouter(t, Route{Topic: tt.template, Kind: KindDocument, Index: "s"})
			doc, err := router.Resolve(entry(tt.topic, tt.payload), "log")
			if err != nil || string(doc.Body) != tt.want || !json.Valid(doc.Body) {
				t.Errorf("%s, %v", doc.Body, err)
			}
		})
	}
}

func TestADocumentThatContradictsItsTopicIsRefused(t *testing.T) {
	router := newTestRouter(t, Route{Topic: "sensors/{room}", Kind: KindDocument, Index: "s"})
	for _, payload := range []string{`{"room":"bath"}`, `{"room":null}`, `{"room":["kitchen"]}`, `{"ro\u006fm":"bath"}`} {
		_, err := router.Resolve(entry("sensors/kitchen", payload), "log")
		if err == nil || !document.IsPermanent(err) || !strings.HasPrefix(err.Error(), `the payload has the key "room" with another value than the topic, where it is "kitchen"`) {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

func TestFieldsOfTheTopicAreAsGoodAsOthers(t *testing.T) {
	router := newTestRouter(t, Route{Topic: "s/{room}/{time}", Kind: KindDocument, Index: "s-{Y}", ID: "fields(room, n)", TimeField: "time"})
	doc, err := router.Resolve(entry("s/kitchen/2025-05-06T00:00:00Z", `{"n":1}`), "log")
	if err != nil || doc.Index != "s-2025" || doc.ID != `["kitchen",1]` {
		t.Errorf("%+v, %v", doc, err)
	}
	router = newTestRouter(t, Route{Topic: "s/{room}", Kind: KindDocument, Index: "s", ID: "content", TimeField: "t"})
	kitchen, err := router.Resolve(entry("s/kitchen", `{"t":1}`), "log")
	bath, other := router.Resolve(entry("s/bath", `{"t":1}`), "log")
	if err = errors.Join(err, other); err != nil || kitchen.ID == bath.ID {
		t.Errorf("two rooms have one id: %s, %v", kitchen.ID, err)
	}
}

func TestFieldsAreSubscribedToAsWildcards(t *testing.T) {
	router := newTestRouter(t,
		Route{Topic: "$share/g/sensors/{room}/#", Kind: KindDocument, Index: "s"},
		Route{Topic: "a/{x}", Kind: KindDocument, Index: "s"}, Route{Topic: "a/+", Kind: KindDocument, Index: "s"},
	)
	if got := router.Filters(KindDocument); !slices.Equal(got, []string{"$share/g/sensors/+/#", "a/+"}) {
		t.Errorf("filters %v", got)
	}
}

func TestBracesInOurOwnTopicAreNoFields(t *testing.T) {
	const own = "home/{hub}/#"
	router := newTestRouter(t, DefaultConfig().EffectiveRoutes(own)...)
	if got := router.Filters(KindSnapshot); !slices.Equal(got, []string{own}) {
		t.Errorf("filters %v", got)
	}
}

// FuzzLevels: whatever the topic and the document, what comes of them is JSON with both.
func FuzzLevels(f *testing.F) {
	f.Add("a/b/c", `{"x":1}`)
	f.Add("//", `{ "a\u0061" : {} }`)
	f.Add("a/\"\\/\x00", `{}`)
	levels := []level{{at: 0, name: "first"}, {at: 2, name: "third"}}
	f.Fuzz(func(t *testing.T, name, payload string) {
		before, err := parseObject([]byte(payload))
		parts := strings.Split(name, "/")
		if err != nil || len(parts) < 3 || !json.Valid([]byte(payload)) {
			return
		}
		after, err := before.withLevels(levels, name)
		if err != nil {
			return
		}
		var got map[string]any
		if err := json.Unmarshal(after.compact, &got); err != nil {
			t.Fatalf("%s: %v", after.compact, err)
		}
		if want := strings.ToValidUTF8(parts[2], "\ufffd"); got["third"] != want && strings.ToValidUTF8(name, "") == name {
			t.Errorf("third is %q, want %q", got["third"], want)
		}
		if _, err := newObject(after.compact, split(after.compact)); err != nil {
			t.Errorf("%s: %v", after.compact, err)
		}
	})
}
