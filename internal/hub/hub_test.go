package hub

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	observed = time.Date(2026, 11, 23, 1, 0, 3, 0, time.UTC)
	slot     = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
)

func TestDecodeKeepsEverythingButTheFullDescription(t *testing.T) {
	s, err := Decode([]byte(` { "namespace": "library", "name":"nginx", "pull_count": 12916987208,
		"star_count": 21244, "new_field": {"b": [1, 2.50], "a": 9007199254740993}, "description": "<&> \u00e9 é",
		"full_description": "# long", "last_updated": "2026-04-08T04:52:59.85304Z", "timestamp": 1, "source": null } `), observed, slot)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"namespace":"library","name":"nginx","pull_count":12916987208,"star_count":21244,` +
		`"new_field":{"b":[1,2.50],"a":9007199254740993},"description":"<&> \u00e9 é",` +
		`"last_updated":"2026-04-08T04:52:59.85304Z","source":null,` +
		`"timestamp":"2026-11-23T01:00:03Z","slot":"2026-11-23T01:00:00Z"}`
	if diff := cmp.Diff(want, string(s.Encode())); diff != "" {
		t.Error(diff)
	}
	if s.ID() != "library/nginx@2026-11-23T01:00:00Z" {
		t.Errorf("ID = %s", s.ID())
	}
	if s.PullCount != 12916987208 || *s.StarCount != 21244 || s.StorageSize != nil || s.LastUpdated.Nanosecond() != 853040000 {
		t.Errorf("read %+v", s)
	}
	again, err := Parse(s.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, again, cmp.AllowUnexported(Snapshot{})); diff != "" {
		t.Error(diff)
	}
}

func TestSnapshotOfTheTutorialsJobHasItsTimestampAsSlot(t *testing.T) {
	s, err := Parse([]byte(`{"namespace":"a","name":"b","pull_count":0,"timestamp":"2026-01-31T02:00:07+01:00"}`))
	if err != nil {
		t.Fatal(err)
	}
	if s.ID() != "a/b@2026-01-31T01:00:07Z" {
		t.Errorf("ID = %s", s.ID())
	}
	if !strings.Contains(string(s.Encode()), "+01:00") {
		t.Errorf("the offset was altered: %s", s.Encode())
	}
}

func TestWhatIsNotAStatisticIsAnError(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"empty":             {"", "empty"},
		"blank":             {" \n", "empty"},
		"HTML":              {"<html><body>405 Not Allowed</body></html>", "not JSON"},
		"truncated":         {`{"namespace":"a","name":"b","pull_co`, "not JSON"},
		"array":             {`[{"pull_count":1}]`, "an array"},
		"null":              {`null`, "null"},
		"number":            {`7`, "a number"},
		"two objects":       {`{"pull_count":1}{}`, "not JSON"},
		"error body":        {`{"detail":"Rate limit exceeded","error":false}`, "pull_count: missing"},
		"no count":          {`{"namespace":"a","name":"b"}`, "pull_count: missing"},
		"null count":        {`{"namespace":"a","name":"b","pull_count":null}`, "null is not a count"},
		"text count":        {`{"namespace":"a","name":"b","pull_count":"7"}`, `"7" is not a count`},
		"fraction":          {`{"namespace":"a","name":"b","pull_count":7.0}`, "7.0 is not a count"},
		"negative":          {`{"namespace":"a","name":"b","pull_count":-1}`, "-1 is not a count"},
		"above 64 bits":     {`{"namespace":"a","name":"b","pull_count":9223372036854775808}`, "is not a count"},
		"duplicate key":     {`{"namespace":"a","name":"b","pull_count":1,"pull_count":2}`, "occurs twice"},
		"not UTF-8":         {"{\"namespace\":\"a\",\"name\":\"\xff\",\"pull_count\":1}", "UTF-8"},
		"no namespace":      {`{"name":"b","pull_count":1}`, "namespace: missing"},
		"hostile namespace": {`{"namespace":"../a","name":"b","pull_count":1}`, "namespace:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode([]byte(c.body), observed, slot)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	for _, payload := range []string{
		`{"namespace":"a","name":"b","pull_count":1}`,
		`{"namespace":"a","name":"b","pull_count":1,"timestamp":null}`,
		`{"namespace":"a","name":"b","pull_count":1,"timestamp":"yesterday"}`,
		`{"namespace":"a","name":"b","pull_count":1,"timestamp":"2026-01-01T00:00:00Z","slot":null}`,
		`{"namespace":"a","name":"b","pull_count":1,"timestamp":"0001-01-01T00:00:00Z"}`,
	} {
		if _, err := Parse([]byte(payload)); err == nil {
			t.Errorf("Parse(%s) found nothing wrong", payload)
		}
	}
}

// TestRecordedBodies reads real answers, which are not part of this repository.
func TestRecordedBodies(t *testing.T) {
	dir := os.Getenv("PULLTRAIL_RECORDED")
	if dir == "" {
		t.Skip("PULLTRAIL_RECORDED does not name a folder of recorded answers of Docker Hub")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded answers in %s (%v)", dir, err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Decode(body, observed, slot)
		if detail := strings.Contains(file, "-detail-"); detail != (err == nil) {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"namespace":"a","name":"b","pull_count":1,"timestamp":"2026-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"namespace":"a","name":"b","pull_count":null}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		s, err := Parse(payload)
		if err != nil {
			return
		}
		again, err := Parse(s.Encode())
		if err != nil {
			t.Fatalf("%q was read, its encoding %q was not: %v", payload, s.Encode(), err)
		}
		if s.ID() != again.ID() || s.PullCount != again.PullCount || s.PullCount < 0 {
			t.Fatalf("%+v became %+v", s, again)
		}
	})
}
