package provision

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pulltrail/indexer"
)

func TestTemplatesOfOthersForTheSameIndices(t *testing.T) {
	const ours = "index template pulltrail-pulls-yyyy-mm: "
	for _, tt := range []struct {
		name, path, template, first, again string
	}{
		{"a higher priority counts in place of ours", "/_index_template/mine", `{"index_patterns":["pulls*"],"priority":100}`,
			ours + "create (others are for the same indices and count in its place: the template mine (priority 100))", ours + "keep (others are for the same indices and count in its place: the template mine (priority 100))"},
		{"a lower one would be lost, so ours is left out", "/_index_template/mine", `{"index_patterns":["other","*-2026-*"]}`,
			ours + "leave out (the template mine (priority 0) is there for the same indices, and would not count beside this one: delete it, or give it a priority above 3, and run this again)",
			ours + "keep (others are for the same indices and have no effect: the template mine (priority 0))"},
		{"so would a legacy one", "/_template/mine", `{"index_patterns":["*"]}`,
			ours + "leave out (the legacy template mine is there for the same indices, and would not count beside this one: delete it, or give it a priority above 3, and run this again)",
			ours + "keep (others are for the same indices and have no effect: the legacy template mine)"},
		{"others do not matter", "/_index_template/mine", `{"index_patterns":["pulls","sensors-*"]}`, ours + "create", ours + "keep"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newFake(t)
			c.has(tt.path, tt.template)
			o := options(t, c)
			check(t, applied(t, o)[3:], tt.first)
			c = newFake(t)
			applied(t, options(t, c))
			c.has(tt.path, tt.template)
			check(t, applied(t, options(t, c))[3:], tt.again)
		})
	}
}

func TestOursHaveDifferentPrioritiesWhereTheyMeet(t *testing.T) {
	body := []byte(`{}`)
	all := templatesFor([]indexer.Need{
		{Index: "s-{Y}-{m}", Wildcard: "s-*-*", Body: body}, {Index: "s-{Y}", Wildcard: "s-*", Body: body}, {Index: "none", Wildcard: "none"},
		{Index: "s-yyyy", Wildcard: "s-yyyy", Body: body}, {Index: "t-{Y}{m}{d}", Wildcard: "t-***", Body: body},
	})
	want := map[string]int64{"pulltrail-s-yyyy-mm": 4, "pulltrail-s-yyyy": 3, "pulltrail-s-yyyy-2": 4, "pulltrail-t-yyyymmdd": 3}
	for _, got := range all {
		if want[got.name] != got.Priority {
			t.Errorf("%s has the priority %d", got.name, got.Priority)
		}
		delete(want, got.name)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

func TestWhatAClusterGivesBackIsTheSame(t *testing.T) {
	const sent = `{"settings":{"refresh_interval":"5s","index":{"number_of_shards":1,"sort.field":["a"],"blocks":{"write":false},"x":null}},"mappings":{"dynamic":false},"aliases":{"a":{"routing":"r"},"b":{}}}`
	const back = `{"settings":{"index":{"refresh_interval":"5s","number_of_shards":"1","sort":{"field":["a"]},"blocks.write":"false"}},"mappings":{"dynamic":false},"aliases":{"b":{},"a":{"index_routing":"r","search_routing":"r"}}}`
	as := func(body string) template {
		return template{IndexPatterns: []string{"a"}, Priority: 3, Meta: templateMeta{manager}, Template: json.RawMessage(body)}
	}
	if !same(as(sent), as(back)) || !same(as(`{}`), as(`{"mappings":{},"aliases":{}}`)) {
		t.Error("it differs")
	}
	for _, other := range []string{
		strings.Replace(back, `"1"`, `"2"`, 1), strings.Replace(back, `["a"]`, `["a","b"]`, 1), strings.Replace(back, "false}", `"strict"}`, 1),
		strings.Replace(back, `"search_routing":"r"`, `"search_routing":"s"`, 1), `[]`,
	} {
		if same(as(sent), as(other)) {
			t.Errorf("the same as %s", other)
		}
	}
}

func TestPatternsThatMeet(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a*", "*b", true}, {"a*", "b*", false}, {"*", "", true}, {"a-*-*", "a-*", true},
		{"a-*-*", "a-2026", false}, {"*a*b*", "ba", false}, {"*a*b*", "xaxbx", true}, {"", "", true}, {"***", "*", true},
	} {
		if got := overlap(tt.a, tt.b); got != tt.want {
			t.Errorf("%q and %q: %t", tt.a, tt.b, got)
		}
	}
}

// A name that both take is made of a pattern by filling in its stars.
func TestPatternsWithANameInCommonMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[ab-]{0,6}`).Draw(t, "name")
		starred := func(label string) string {
			var pattern strings.Builder
			for i := 0; i < len(name); {
				if n := rapid.IntRange(0, 3).Draw(t, label); n > 0 && rapid.Bool().Draw(t, label) {
					pattern.WriteByte('*') // for the next n-1 bytes
					i = min(i+n-1, len(name))
				}
				if i < len(name) {
					pattern.WriteByte(name[i])
					i++
				}
			}
			return pattern.String()
		}
		a, b := starred("a"), starred("b")
		if !overlap(a, b) || !overlap(b, a) || !overlap(a, name) {
			t.Fatalf("%q and %q do not meet, but for %q", a, b, name)
		}
	})
}
