package indexer

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseObjectSaysWhatIsWrong(t *testing.T) {
	tests := []struct{ name, payload, want string }{
		{"nothing", "", "the payload is empty, not a JSON object"},
		{"white space", " \n", "the payload is empty, not a JSON object"},
		{"text", "hello", "the payload is not JSON: invalid character 'h'"},
		{"half an object", `{"a":`, "the payload is not JSON: unexpected end"},
		{"two objects", `{}{}`, "the payload is not JSON: invalid character '{' after"},
		{"an array", `[1]`, "the payload is not a JSON object but an array"},
		{"a string", `"a"`, "the payload is not a JSON object but a string"},
		{"a number", ` -1`, "the payload is not a JSON object but a number"},
		{"a boolean", `true`, "the payload is not a JSON object but a boolean"},
		{"null", `null`, "the payload is not a JSON object but null"},
		{"bytes that are no text", "{\"a\":\"\xff\"}", "the payload is not valid UTF-8"},
		{"a key twice", `{"a":1,"b":2,"a":3}`, `the payload has the key "a" twice`},
		{"a key twice in disguise", `{"a":1,"\u0061":3}`, `the payload has the key "a" twice`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parseObject([]byte(tt.payload)); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestLookup(t *testing.T) {
	o, err := parseObject([]byte(`{ "a": 1.50, "b": {"c": "x,}\"", "n": null, "d": {"e": [1, {"f": 2}]}}, "\u0067": true, "n": null, "z":{}, "s":"\\"}`))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ path, want string }{
		{"a", "1.50"},
		{"b.c", `"x,}\""`},
		{"b.d.e", `[1,{"f":2}]`},
		{"g", "true"},
		{"s", `"\\"`},
		{"z", "{}"},
		{"none", ""},
		{"n", ""},
		{"b.n", ""},
		{"a.b", ""},
		{"z.a", ""},
		{"b.d.e.f", ""},
	}
	for _, tt := range tests {
		if got := string(o.lookup(strings.Split(tt.path, "."))); got != tt.want {
			t.Errorf("%s is %s, want %s", tt.path, got, tt.want)
		}
	}
}

// What the scanner takes apart is what encoding/json reads.
func FuzzParseObject(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1}`, `{"a":{"b":[1,"}"]},"c":"\\\""}`, `{"":"","é":null}`, `[{}]`, `{"a":1,"a":2}`, `{"\ud800":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := parseObject(data)
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("accepted %q: %v", data, err)
		}
		if len(o.members) != len(want) {
			t.Fatalf("%q has %d members, want %d", data, len(o.members), len(want))
		}
		for _, m := range o.members {
			var value bytes.Buffer
			if err := json.Compact(&value, want[m.name()]); err != nil || value.String() != string(m.value) {
				t.Fatalf("%q: %s is %s, want %s (%v)", data, m.name(), m.value, want[m.name()], err)
			}
		}
	})
}

func TestDocumentTime(t *testing.T) {
	tests := []struct{ raw, want string }{
		{`"2026-01-31T01:00:00+02:00"`, "2026-01-30T23:00:00Z"},
		{`1769821200`, "2026-01-31T01:00:00Z"},
		{`1769821200.25`, "2026-01-31T01:00:00.25Z"},
		{`1769821200123`, "2026-01-31T01:00:00.123Z"},
		{`"1769821200"`, "2026-01-31T01:00:00Z"},
		{`0`, "1970-01-01T00:00:00Z"},
		{`-1`, "out of range"},
		{`"0001-01-01T00:00:00Z"`, "out of range"},
		{`1e300`, "is not a time"},
		{`"NaN"`, "is not a time"},
		{`"yesterday"`, "is not a time"},
		{`true`, "is not a time"},
		{`{}`, "is not a time"},
	}
	for _, tt := range tests {
		got, err := documentTime(json.RawMessage(tt.raw))
		text := got.Format("2006-01-02T15:04:05.999Z07:00")
		if err != nil {
			text = err.Error()
		}
		if !strings.Contains(text, tt.want) {
			t.Errorf("%s is %s, want %s", tt.raw, text, tt.want)
		}
	}
}

// The quick scanner accepts nothing but what encoding/json would leave as it is, and
// takes it apart in the same way.
func FuzzScanObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, `{"a":{"b":[1,"}"]},"c":"\\\""}`, `{"":"","é":null,"x":"0123456789abcdef\u00e9\n"}`, `{"a":-0.5e+10,"b":[],"c":{},"d":[[]]}`,
		`{"a": 1}`, `{"a":01}`, `{"a":1,}`, `{"a":"\x"}`, "{\"a\":\"0123456789\x01\"}", `{"a":tru}`, `{"a":1}}`, `{"a":[1,]}`, `{"a":.5}`, `{"a":1.}`, `{"a":1e}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		members, ok := scanObject(data)
		var compact bytes.Buffer
		err := json.Compact(&compact, data)
		if !ok {
			if err == nil && utf8.Valid(data) && bytes.Equal(compact.Bytes(), data) && data[0] == '{' && !deep(data) {
				t.Fatalf("%q is a compact object and was not accepted", data)
			}
			return
		}
		if err != nil || !bytes.Equal(compact.Bytes(), data) {
			t.Fatalf("accepted %q: %v", data, err)
		}
		if diff := cmp.Diff(split(data), members, cmp.AllowUnexported(member{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q: %s", data, diff)
		}
	})
}

// deep says whether data may nest deeper than the scanner follows.
func deep(data []byte) bool {
	return bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) > maxScanDepth
}

func BenchmarkParseObject(b *testing.B) {
	payload := []byte(`{"n":12345,"sensor":"kitchen","time":"2026-01-02T03:04:05Z","value":21.5,"ok":true,"text":"` + strings.Repeat("x", 1000) + `"}`)
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		if _, err := parseObject(payload); err != nil {
			b.Fatal(err)
		}
	}
}
