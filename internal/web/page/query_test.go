package page

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestWhatIsUsualIsNotInTheAddress(t *testing.T) {
	for raw, want := range map[string]string{
		"": "/",
		"range=30d&metric=pulls&view=lines&scale=linear&sort=pulls&dir=desc&page=1&q=&from=&to=": "/",
		"sort=name&dir=asc":               "/?sort=name",
		"dir=asc":                         "/?dir=asc",
		"range=1y&from=2026-01-02&page=3": "/?from=2026-01-02&page=3&range=1y",
		"pick=nginx&pick=library/nginx&hide=other&hide=a/b": "/?hide=a%2Fb&hide=other&pick=library%2Fnginx",
		"group=namespace&open=b&open=a&open=b":              "/?group=namespace&open=b&open=a",
	} {
		q := asked(t, raw)
		if got := q.url(); got != want || len(q.NotUnderstood) != 0 {
			t.Errorf("%q: got %s, not understood %q", raw, got, q.NotUnderstood)
		}
	}
}

func TestWhatMakesNoSenseIsAsIfItWereNotThere(t *testing.T) {
	for raw, refused := range map[string][]string{
		"range=forever":                 {"range=forever"},
		"metric=Pulls&view=3d&scale=cm": {"metric=Pulls", "view=3d", "scale=cm"},
		"from=yesterday":                {"from=yesterday"},
		"from=1969-12-31&to=10000-1-1":  {"from=1969-12-31", "to=10000-1-1"},
		"from=2026-02-02&to=2026-02-01": {"from=2026-02-02", "to=2026-02-01"},
		"page=0":                        {"page=0"},
		"page=99999999999999999999":     {"page=99999999999999999999"},
		"sort=trend&dir=up":             {"sort=trend", "dir=up"},
		"pick=A/B&pick=" + "%FF":        {"pick=A/B", "pick=\ufffd"},
		"q=" + strings.Repeat("ä", 256): {"q=" + strings.Repeat("ä", 40) + "…"},
		"open=%FF":                      {"open=\ufffd"},
		"hide=a+b&hide=a+c&hide=a+d&hide=a+e&hide=a+f&hide=a+g": {"hide=a b", "hide=a c", "hide=a d", "hide=a e", "hide=a f"},
	} {
		q := asked(t, raw)
		if diff := cmp.Diff(refused, q.NotUnderstood); diff != "" || q.url() != "/" {
			t.Errorf("%q: %s %s", raw, q.url(), diff)
		}
	}
}

func TestAnAddressCannotChooseWithoutEnd(t *testing.T) {
	var raw strings.Builder
	for i := range 3 * maxChosen {
		raw.WriteString("&pick=a/n" + grouped(int64(i)) + "&open=n" + grouped(int64(i)))
	}
	q := asked(t, strings.ReplaceAll(raw.String(), ",", ""))
	if len(q.Picked) != maxChosen || len(q.Open) != maxChosen {
		t.Errorf("%d are picked, %d open", len(q.Picked), len(q.Open))
	}
}

func FuzzAnAddressSaysTheSameWhenItIsWrittenAnew(f *testing.F) {
	f.Add("range=7d&from=2026-01-01&pick=a/b&hide=other&sort=name&q= x")
	f.Add("page=2&group=namespace&open=a&dir=asc&%zz")
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil && len(values) == 0 {
			t.Skip("no query")
		}
		q := parseQuery(values)
		u, err := url.Parse(q.url())
		if err != nil {
			t.Fatal(err)
		}
		again := parseQuery(u.Query())
		if len(again.NotUnderstood) != 0 {
			t.Errorf("%q is not understood", again.NotUnderstood)
		}
		if diff := cmp.Diff(q, again, cmp.AllowUnexported(query{}), cmpopts.IgnoreFields(query{}, "NotUnderstood"), cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	})
}
