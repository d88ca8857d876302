package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// payload is what a row becomes, with members between the count and the times.
func payload(count int64, between, at string) string {
	return fmt.Sprintf(`{"user":"me","name":"app","namespace":"me","pull_count":%d,%s"timestamp":%q,"slot":%q}`, count, between, at, at)
}

func TestRowsOfCSV(t *testing.T) {
	const day = "2026-01-31T00:00:00Z"
	for name, c := range map[string]struct{ text, want string }{
		"a date is its beginning in UTC":           {"date,count\n2026-01-31,7\n", payload(7, "", day)},
		"a time is converted":                      {"timestamp,pull_count\n2026-01-31T02:00:00+02:00,7\n", payload(7, "", day)},
		"with a space and a short offset":          {"time,pulls\n2026-01-31 02:00:00 +0200,7\n", payload(7, "", day)},
		"fractions of a second stay":               {"committed_at,count\n2026-01-31T00:00:00.123456Z,7\n", payload(7, "", "2026-01-31T00:00:00.123456Z")},
		"semicolons":                               {"count;date\n7;2026-01-31\n", payload(7, "", day)},
		"tabs":                                     {"count\tdate\n7\t2026-01-31", payload(7, "", day)},
		"a mark, another case, spaces, empty ends": {"\xef\xbb\xbfDate, COUNT \r\n\r\n 2026-01-31 , 7 \r\n\r\n", payload(7, "", day)},
		"quotes":             {"\"date\",\"count\"\n\"2026-01-31\",\"7\"\n", payload(7, "", day)},
		"a count above 2^53": {"date,count\n2026-01-31,9007199254740993\n", payload(9007199254740993, "", day)},
		"what else is known": {
			"date,count,star_count,storage_size,last_updated,is_private\n2026-01-31,7,3,488723114800,2026-01-30T01:02:03.5Z,TRUE\n",
			payload(7, `"star_count":3,"storage_size":488723114800,"last_updated":"2026-01-30T01:02:03.5Z","is_private":true,`, day),
		},
		"empty cells say nothing": {"date,count,star_count,storage_size,last_updated,is_private,slot\n2026-01-31,7,,,,,\n", payload(7, "", day)},
		"a slot of its own": {
			"timestamp,slot,count\n2026-01-31T01:00:05Z,2026-01-31T01:00:00Z,7\n",
			`{"user":"me","name":"app","namespace":"me","pull_count":7,"timestamp":"2026-01-31T01:00:05Z","slot":"2026-01-31T01:00:00Z"}`,
		},
		"a repository":         {"repository,date,count\nme/app,2026-01-31,7\n", payload(7, "", day)},
		"namespace and name":   {"namespace,name,date,count\nme,app,2026-01-31,7\n", payload(7, "", day)},
		"an official image":    {"repository,date,count\nnginx,2026-01-31,7\n", "refused: it is of library/nginx, and --repository names me/app"},
		"an empty repository":  {"repository,date,count\n,2026-01-31,7\n", payload(7, "", day)},
		"a count in thousands": {"date;count\n2026-01-31;1,234\n", `refused: count "1,234" is not a count: write digits alone, such as 12916987208`},
		"a power":              {"date,count\n2026-01-31,1.2E+10\n", `refused: count "1.2E+10" is not a count: write digits alone, such as 12916987208`},
		"a count too large":    {"date,count\n2026-01-31,9223372036854775808\n", `refused: count "9223372036854775808" is too large for a count, which is at most 2^63-1`},
		"no count":             {"date,count\n2026-01-31,\n", "refused: count is missing"},
		"no zone":              {"date,count\n2026-01-31 01:00:00,7\n", `refused: date "2026-01-31 01:00:00" does not say in which time zone: write 2026-01-31T01:00:00Z where it is UTC`},
		"no such day":          {"date,count\n2026-02-30,7\n", `refused: date "2026-02-30" is not a time: write 2026-01-31, or 2026-01-31T01:00:00Z`},
		"another order":        {"date,count\n31.01.2026,7\n", `refused: date "31.01.2026" is not a time: write 2026-01-31, or 2026-01-31T01:00:00Z`},
		"before 1970":          {"date,count\n1969-12-31,7\n", `refused: date "1969-12-31" is out of range (1970 to 9999)`},
		"the future":           {"date,count\n2062-01-31,7\n", "refused: date 2062-01-31T00:00:00Z is in the future: the clock here says 2026-03-01T12:00:00Z"},
		"all mistakes at once": {"date,count,star_count\nx,y,z\n", `refused: date "x" is not a time: write 2026-01-31, or 2026-01-31T01:00:00Z; count "y" is not a count: write digits alone, such as 12916987208; star_count "z" is not a count: write digits alone, such as 12916987208`},
		"a missing cell":       {"date,count\n2026-01-31\n", "refused: the row and the header differ in their number of cells: 1 and 2"},
		"an open quote":        {"date,count\n2026-01-31,\"7\n", `refused: its quotes do not match: extraneous or missing " in quoted-field`},
		"a formula":            {"repository,date,count\n=cmd()/x,2026-01-31,7\n", `refused: "=cmd()/x": not a repository; use namespace/name, or only the name of an official image, in lower-case letters, digits, '.', '_' and '-'`},
		"another encoding":     {"date,count\n2026-01-31,7\xa0\n", "refused: it is not UTF-8: save the file as CSV in UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := NewFile(strings.NewReader(c.text), of)
			if err != nil {
				t.Fatal(err)
			}
			items := all(t, f)
			if len(items) != 1 {
				t.Fatalf("%d items", len(items))
			}
			got := string(items[0].Payload)
			if items[0].Fate == Refused {
				got = "refused: " + items[0].Reason
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHeadersAreUnderstoodOrExplained(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"none":                {"2026-01-31,7\n", "is not a header that is understood"},
		"what is understood":  {"a,b\n", "timestamp or date or time or committed_at, slot, pull_count or count or pulls"},
		"no time":             {"count,x\n", "no column for the time: name it timestamp or date"},
		"no count":            {"date,x\n", "no column for the total: name it pull_count or count"},
		"two times":           {"date,timestamp,count\n", "both date and timestamp, which say the same"},
		"half a name":         {"date,name,count\n", "only one of namespace and name"},
		"two names":           {"date,repository,namespace,name,count\n", "leave one out"},
		"nothing":             {"", "it is empty"},
		"white space":         {" \n\n", "it is empty"},
		"zeros":               {"\x00\x00\x00", "it is a binary file"},
		"a program":           {"\x7fELF\x02\x01\x01\x00", "it is a binary file"},
		"gzip":                {"\x1f\x8b\x08\x00", "it is compressed: decompress it first"},
		"zstd":                {"\x28\xb5\x2f\xfd", "it is compressed: decompress it first; a backup is restored by pulltrail restore"},
		"UTF-16":              {"\xff\xfed\x00a\x00", "it is not UTF-8"},
		"a JSON array":        {" [\n", "jq -c '.[]'"},
		"another encoding":    {"d\xffte,count\n", "not UTF-8"},
		"a line without end":  {strings.Repeat("x", maxDocument+1), "more than 1 MiB"},
		"an unmatched quote":  {"\"date,count\n2026-01-31,7\n", "quotes do not match"},
		"no repository known": {"date,count\n2026-01-31,7\n", "--repository namespace/name"},
	} {
		t.Run(name, func(t *testing.T) {
			opts := of
			if name == "no repository known" {
				opts.Repository = nil
			}
			_, err := NewFile(strings.NewReader(c.text), opts)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("NewFile = %v", err)
			}
		})
	}
}

func TestColumnsThatAreLeftOutAreTold(t *testing.T) {
	f, err := NewFile(strings.NewReader("date,count,colour\n"), of)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"columns that are not understood, and left out: colour"}, f.Notes()); diff != "" {
		t.Error(diff)
	}
}

func TestJSONLines(t *testing.T) {
	const whole = `{"user":"x","namespace":"me","name":"app","pull_count":7,"extra":{"a":[1.0,"<&>"]},"full_description":"kept","timestamp":"2026-01-31T01:00:00+01:00"}`
	private := of
	private.Private = true
	for name, c := range map[string]struct {
		opts       FileOptions
		text, want string
	}{
		"a snapshot is taken byte for byte": {FileOptions{Now: now}, whole, whole},
		"without insignificant white space": {FileOptions{Now: now}, strings.ReplaceAll(whole, ",", " , "), whole},
		"a pair":                            {of, `{"date":"2026-01-31","count":7}`, payload(7, "", "2026-01-31T00:00:00Z")},
		"a pair in text, with nothing":      {of, `{"date":"2026-01-31","count":"7","star_count":null,"other":[1]}`, payload(7, "", "2026-01-31T00:00:00Z")},
		"a pair with a repository":          {FileOptions{Now: now}, `{"repository":"me/app","timestamp":"2026-01-31","pull_count":7}`, payload(7, "", "2026-01-31T00:00:00Z")},
		"a pair of a private one":           {private, `{"date":"2026-01-31","count":7}`, payload(7, `"is_private":true,`, "2026-01-31T00:00:00Z")},
		"a snapshot without a repository":   {of, `{"timestamp":"2026-01-31T00:00:00Z","pull_count":7}`, `{"timestamp":"2026-01-31T00:00:00Z","pull_count":7,"namespace":"me","name":"app"}`},
		"a snapshot of a private one":       {private, `{"name":"app","namespace":"me","pull_count":7,"timestamp":"2026-01-31T00:00:00Z"}`, `{"name":"app","namespace":"me","pull_count":7,"timestamp":"2026-01-31T00:00:00Z","is_private":true}`},
		"what a snapshot says counts":       {private, `{"name":"app","namespace":"me","pull_count":7,"timestamp":"2026-01-31T00:00:00Z","is_private":false}`, `{"name":"app","namespace":"me","pull_count":7,"timestamp":"2026-01-31T00:00:00Z","is_private":false}`},
		"a time in another form":            {of, `{"name":"app","namespace":"me","pull_count":7,"timestamp":"2026-01-31 02:00:00+0200"}`, `{"name":"app","namespace":"me","pull_count":7,"timestamp":"2026-01-31T00:00:00Z"}`},
		"another repository":                {of, `{"name":"b","namespace":"me","pull_count":7,"timestamp":"2026-01-31T00:00:00Z"}`, "refused: it is of me/b, and --repository names me/app"},
		"no repository":                     {FileOptions{Now: now}, `{"timestamp":"2026-01-31T00:00:00Z","pull_count":7}`, "refused: it names no repository: say which with --repository namespace/name"},
		"two times":                         {of, `{"date":"2026-01-31","time":"2026-01-31","count":7}`, "refused: it has both date and time, which say the same: leave one out"},
		"a fraction":                        {of, `{"date":"2026-01-31","count":7.5}`, `refused: count "7.5" is not a count: write digits alone, such as 12916987208`},
		"no JSON":                           {of, `{"date":`, "refused: not JSON: unexpected end of JSON input"},
		"a future snapshot":                 {FileOptions{Now: now}, strings.ReplaceAll(whole, "2026-01-31T", "9998-01-31T"), "refused: timestamp 9998-01-31T00:00:00Z is in the future: the clock here says 2026-03-01T12:00:00Z"},
		"a future pair":                     {of, `{"date":"2062-01-31","count":7}`, "refused: date 2062-01-31T00:00:00Z is in the future: the clock here says 2026-03-01T12:00:00Z"},
		"no count is no zero":               {of, `{"name":"app","namespace":"me","pull_count":null,"timestamp":"2026-01-31T00:00:00Z"}`, "refused: pull_count: null is not a count (an integer from 0 to 2^63-1)"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := NewFile(strings.NewReader(c.text+"\n\n"), c.opts)
			if err != nil {
				t.Fatal(err)
			}
			items := all(t, f)
			if len(items) != 1 {
				t.Fatalf("%d items", len(items))
			}
			got := string(items[0].Payload)
			if items[0].Fate == Refused {
				got = "refused: " + items[0].Reason
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestALongLineIsPassedOverAndTheNextIsRead(t *testing.T) {
	text := "date,count\n2026-01-30,\"" + strings.Repeat("x", 3*maxDocument) + "\n2026-01-31,7"
	f, err := NewFile(strings.NewReader(text), of)
	if err != nil {
		t.Fatal(err)
	}
	items := all(t, f)
	want := []Item{
		{Fate: Refused, Where: "line 2", Place: "2", Reason: "the line has more than 1 MiB"},
		{Where: "line 3", Place: "3", Payload: []byte(payload(7, "", "2026-01-31T00:00:00Z"))},
	}
	if diff := cmp.Diff(want, items); diff != "" {
		t.Error(diff)
	}
	if p := f.Progress(); p.Done != int64(len(text)) || p.Total != -1 || !p.Bytes {
		t.Errorf("progress %+v", p)
	}
}

// broken is a reader that fails after some text.
type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = errors.New("the disk is broken")
	}
	return n, err
}

func TestAReadThatFailsIsNotTheEnd(t *testing.T) {
	f, err := NewFile(broken{strings.NewReader("date,count\n2026-01-31,7\n2026-02-0")}, of)
	if err == nil {
		_, err = f.Next(t.Context())
	}
	if err == nil {
		_, err = f.Next(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "the disk is broken") {
		t.Errorf("error %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func openFileFor(t *testing.T, path string, opts FileOptions) *File {
	t.Helper()
	f, err := OpenFile(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestAFileThatHasChangedIsAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	names := map[string]string{}
	for _, c := range []struct {
		what, text string
		opts       FileOptions
	}{
		{"a file", "date,count\n2026-01-31,7\n", of},
		{"with another value", "date,count\n2026-01-31,8\n", of},
		{"that has grown", "date,count\n2026-01-31,7\n2026-02-01,7\n", of},
		{"as a private one", "date,count\n2026-01-31,7\n", FileOptions{Repository: &app, Private: true, Now: now}},
		{"for another repository", "repository,date,count\na/b,2026-01-31,7\n", FileOptions{Now: now}},
	} {
		write(t, path, c.text)
		name := openFileFor(t, path, c.opts).Name()
		if other, ok := names[name]; ok || name == "" {
			t.Errorf("%s has the name of %s: %s", c.what, other, name)
		}
		names[name] = c.what
		if again := openFileFor(t, path, c.opts).Name(); again != name {
			t.Errorf("%s is %s, then %s", c.what, name, again)
		}
	}
	if _, err := OpenFile(filepath.Dir(path), of); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Error(err)
	}
	if _, err := OpenFile(path+"x", of); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestResumedLinesAreReadButNotSent(t *testing.T) {
	f, err := NewFile(strings.NewReader("date,count\n2026-01-01,1\nx,2\n2026-01-03,3\n2026-01-04,4\n"), of)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Resume("x"); err == nil {
		t.Error("a place that is none was taken")
	}
	if err := f.Resume("4"); err != nil {
		t.Fatal(err)
	}
	var fates []Fate
	for _, item := range all(t, f) {
		fates = append(fates, item.Fate)
	}
	if diff := cmp.Diff([]Fate{Passed, Refused, Passed, Snapshot}, fates); diff != "" {
		t.Error(diff)
	}
}

func TestReadingEndsWithTheContext(t *testing.T) {
	f, err := NewFile(strings.NewReader("date,count\n2026-01-01,1\n"), of)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func FuzzFile(f *testing.F) {
	for _, s := range []string{"date,count\n2026-01-31,7", "{\"date\":\"2026-01-31\",\"count\":7}", "\"date;count\n\"", "date\tcount\r\n\x00\t\xff", "{}\n{\"pull_count\":1,\"timestamp\":3}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := NewFile(strings.NewReader(text), of)
		if err != nil {
			return
		}
		for _, item := range all(t, file) {
			if (item.Fate == Refused) == (item.Reason == "") || (item.Fate == Snapshot) == (item.Payload == nil) {
				t.Errorf("%+v", item)
			}
		}
	})
}
