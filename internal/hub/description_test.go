package hub

import (
	"testing"
	"time"
)

func TestDescription(t *testing.T) {
	for name, c := range map[string]struct{ member, want string }{
		"is read with its escapes":                                 {`"description":"a \u003cb\u003e","`, "a <b>"},
		"is empty where it is null":                                {`"description":null,"`, ""},
		"is empty where it is absent":                              {`"`, ""},
		"is empty where it is a number, because the schema drifts": {`"description":7,"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Decode([]byte(`{`+c.member+`namespace":"a","name":"b","pull_count":1}`), time.Unix(0, 0), time.Unix(0, 0))
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Description(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
