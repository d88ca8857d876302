package history

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pulltrail/internal/document"
	"pulltrail/internal/hub"
)

func TestABodyHoldsOnlyWhatTheColumnsCannotGiveBack(t *testing.T) {
	for name, c := range map[string]struct{ member, inBody string }{
		"a count":                        {`"star_count":7`, `"star_count":null`},
		"a count of zero":                {`"star_count":0`, `"star_count":null`},
		"minus zero":                     {`"star_count":-0`, `"star_count":-0`},
		"an exponent":                    {`"star_count":1e3`, `"star_count":1e3`},
		"a fraction":                     {`"storage_size":1.0`, `"storage_size":1.0`},
		"the largest size":               {`"storage_size":9223372036854775807`, `"storage_size":null`},
		"a size above 64 bits":           {`"storage_size":9223372036854775808`, `"storage_size":9223372036854775808`},
		"a null":                         {`"star_count":null`, `"star_count":null`},
		"a time":                         {`"last_updated":"2026-04-08T04:52:59.85304Z"`, `"last_updated":null`},
		"a time with an offset":          {`"last_updated":"2026-04-08T04:52:59+01:00"`, `"last_updated":"2026-04-08T04:52:59+01:00"`},
		"a time with nanoseconds":        {`"last_modified":"2026-04-08T04:52:59.000000001Z"`, `"last_modified":"2026-04-08T04:52:59.000000001Z"`},
		"a time with a zero too many":    {`"last_modified":"2026-04-08T04:52:59.50Z"`, `"last_modified":"2026-04-08T04:52:59.50Z"`},
		"a time with an escape":          {`"last_modified":"\u0032026-04-08T04:52:59Z"`, `"last_modified":"\u0032026-04-08T04:52:59Z"`},
		"another time":                   {`"last_modified":"2026-04-08T04:52:59Z"`, `"last_modified":null`},
		"no time":                        {`"last_modified":null`, `"last_modified":null`},
		"a word":                         {`"last_modified":"never"`, `"last_modified":"never"`},
		"a slot":                         {`"slot":"2026-01-31T01:00:00Z"`, `"slot":null`},
		"a slot with an offset":          {`"slot":"2026-01-31T02:00:00+01:00"`, `"slot":null`},
		"an unknown member":              {`"new":[1.50,{"pull_count":3}]`, `"new":[1.50,{"pull_count":3}]`},
		"a column's name in other cases": {`"Star_Count":7`, `"Star_Count":7`},
	} {
		t.Run(name, func(t *testing.T) {
			object := `{"namespace":"a","name":"b",%s,"pull_count":%s,"timestamp":%s}`
			original := fmt.Sprintf(object, c.member, "12916987208", `"2026-01-31T01:00:03Z"`)
			s, err := hub.Parse([]byte(original))
			if err != nil {
				t.Fatal(err)
			}
			columns, body := split(s)
			if want := fmt.Sprintf(object, c.inBody, "null", "null"); string(body) != want {
				t.Errorf("the body is %s, want %s", body, want)
			}
			fields, err := hub.ParseObject(body)
			if err != nil {
				t.Fatal(err)
			}
			if got := hub.EncodeObject(join(columns, fields)); string(got) != original {
				t.Errorf("%s became %s", original, got)
			}
			if string(hub.EncodeObject(fields)) != string(body) {
				t.Error("join changed the body, which entries share")
			}
		})
	}
}

func TestEveryPayloadIsReadBackByteForByte(t *testing.T) {
	s := open(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++ // also where rapid tries a case again, since the first of one identity stays
		payload := drawPayload(t, fmt.Sprintf("r%d", n))
		snapshot, err := hub.Parse([]byte(payload))
		if err != nil {
			t.Fatalf("%s: %v", payload, err)
		}
		message := document.Message{Topic: rapid.String().Draw(t, "topic"), Payload: []byte(payload), Received: start}
		head, err := s.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		outcomes, err := s.Append(t.Context(), []document.Message{message})
		if err != nil || outcomes[0].ID != snapshot.ID() {
			t.Fatalf("%s: %v, %v", payload, outcomes, err)
		}
		entries, err := s.Read(t.Context(), head, 2, unlimited)
		if err != nil || len(entries) != 1 {
			t.Fatalf("%s: %d entries, %v", payload, len(entries), err)
		}
		if got, want := string(entries[0].Payload), string(snapshot.Encode()); got != want {
			t.Fatalf("%s became %s", want, got)
		}
		if entries[0].Topic != message.Topic || !entries[0].Received.Equal(start) {
			t.Fatalf("the message became %+v", entries[0].Message)
		}
		newest, ok, err := s.Repository(t.Context(), snapshot.Repository)
		if err != nil || !ok || string(newest.Newest.Encode()) != string(snapshot.Encode()) || newest.Private != snapshot.Private {
			t.Fatalf("%s is %+v, %v", payload, newest, err)
		}
	})
}

// drawPayload is a valid snapshot: its members in any order, those with a column in
// every form that hub.Parse lets through, and unknown ones.
func drawPayload(t *rapid.T, name string) string {
	counts := []string{"0", "-0", "7", "12916987208", "9223372036854775807"}
	times := []string{
		`"2026-04-08T04:52:59Z"`, `"2026-04-08T04:52:59.85304Z"`, `"2026-04-08T04:52:59.850Z"`, `"2026-04-08T04:52:59.123456789Z"`,
		`"2026-04-08T06:52:59+02:00"`, `"2026-04-08T04:52:59-00:00"`, `"\u0032026-04-08T04:52:59Z"`, `"1970-01-01T00:00:00Z"`, `"9999-12-31T23:59:59.999999Z"`,
		string(hub.FormatTime(time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "time")))),
	}
	odd := []string{"", "null", "true", `"null"`, "-5", "1.0", "1e3", "9223372036854775808", `{"a":null}`, `[]`, `"x"`, `"0001-01-01T00:00:00Z"`}
	draw := func(key string, values ...[]string) string {
		var all []string
		for _, v := range values {
			all = append(all, v...)
		}
		value := rapid.SampledFrom(all).Draw(t, key)
		if value == "" {
			return ""
		}
		return `"` + key + `":` + value
	}
	members := []string{
		`"namespace":"n"`, `"name":"` + name + `"`,
		draw("pull_count", counts), draw("timestamp", times), draw("slot", times, []string{""}),
		draw("star_count", counts, odd), draw("storage_size", counts, odd),
		draw("last_updated", times, odd), draw("last_modified", times, odd),
		draw("is_private", odd, []string{"false"}),
	}
	for key, value := range rapid.MapOfN(rapid.String(), drawValue(), 0, 4).Draw(t, "unknown") {
		encoded, err := json.Marshal("x" + key)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, string(encoded)+" : "+value)
	}
	var present []string
	for _, m := range rapid.Permutation(members).Draw(t, "order") {
		if m != "" {
			present = append(present, m)
		}
	}
	return "{" + strings.Join(present, ",") + "}"
}

func drawValue() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"null", "9007199254740993", "2.50", "1E+400", `"<&>\u2028é"`, `[null, {"b":1,"a":{}}]`, `"\ud800"`}),
		rapid.Custom(func(t *rapid.T) string {
			encoded, err := json.Marshal(rapid.String().Draw(t, "text"))
			if err != nil {
				t.Fatal(err)
			}
			return string(encoded)
		}),
	)
}
