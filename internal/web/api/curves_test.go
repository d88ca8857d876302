package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
)

// three are repositories with a history of four days; c/three is private.
func three(t *testing.T) *several {
	t.Helper()
	w := &several{memory: memory{}, all: map[string][]history.Sample{}}
	for _, r := range []struct {
		name   string
		totals []int64
	}{{"a/one", []int64{0, 100, 300}}, {"b/two", []int64{0, 10, 20, 25}}, {"b/zero", []int64{7, 7, 7}}, {"c/three", []int64{0, 900, 1800}}} {
		namespace, name, _ := strings.Cut(r.name, "/")
		last := slot.Truncate(day).Add(time.Duration(len(r.totals)-1) * day)
		s, err := hub.Decode(fmt.Appendf(nil, `{"namespace":%q,"name":%q,"pull_count":%d,"star_count":2,"is_private":%t}`, namespace, name, r.totals[len(r.totals)-1], name == "three"), last, last)
		if err != nil {
			t.Fatal(err)
		}
		w.repositories = append(w.repositories, history.Repository{Repository: s.Repository, Private: s.Private, Newest: s})
		for i, n := range r.totals {
			at := slot.Truncate(day).Add(time.Duration(i) * day)
			updated := at.Add(-time.Hour)
			w.all[name] = append(w.all[name], history.Sample{Timestamp: at, Slot: at, PullCount: n, LastUpdated: &updated})
		}
	}
	return w
}

func TestCurves(t *testing.T) {
	const (
		open   = `"from":null,"to":null,`
		dates  = `"dates":["2026-11-23","2026-11-24","2026-11-25"],`
		first  = `{"name":"a/one","namespace":"a","repository":"one","values":[100,200,null],"gaps":[],"partial":[]}`
		second = `{"name":"b/two","namespace":"b","repository":"two","values":[10,10,5],"gaps":[],"partial":[]}`
		zero   = `{"name":"b/zero","namespace":"b","repository":"zero","values":[0,0,null],"gaps":[],"partial":[]}`
	)
	pushed := func(name string, days ...int) (all []string) {
		namespace, name, _ := strings.Cut(name, "/")
		for _, d := range days {
			all = append(all, fmt.Sprintf(`{"namespace":%q,"name":%q,"last_updated":"2026-11-%dT23:00:00Z"}`, namespace, name, d))
		}
		return all
	}
	list := func(parts ...string) string { return "[" + strings.Join(parts, ",") + "]" }
	one, two, none := pushed("a/one", 23, 24), pushed("b/two", 23, 24, 25), pushed("b/zero", 23, 24)
	for name, c := range map[string]struct{ query, want string }{
		"all have a row of their own": {
			"", `{"metric":"pulls",` + open + dates + `"series":` + list(first, second, zero) +
				`,"sum":{"values":[110,210,5],"gaps":[],"partial":[]},"pushes":` + list(one[0], two[0], none[0], one[1], two[1], none[1], two[2]) + "}",
		},
		"the others have one together, and their pushes are not shown": {
			"?top=1", `{"metric":"pulls",` + open + dates + `"series":` + list(first, `{"name":"other","others":2,"values":[10,10,5],"gaps":[],"partial":[]}`) +
				`,"sum":{"values":[110,210,5],"gaps":[],"partial":[]},"pushes":` + list(one...) + "}",
		},
		"some, in a range": {
			"?repository=b/two&repository=b/zero&from=2026-11-24&to=2026-11-25", `{"metric":"pulls","from":"2026-11-24T00:00:00Z","to":"2026-11-25T00:00:00Z","dates":["2026-11-24"],"series":` +
				list(`{"name":"b/two","namespace":"b","repository":"two","values":[10],"gaps":[],"partial":[]}`, `{"name":"b/zero","namespace":"b","repository":"zero","values":[0],"gaps":[],"partial":[]}`) +
				`,"sum":{"values":[10],"gaps":[],"partial":[]},"pushes":` + list(two[1], none[1]) + "}",
		},
		"totals of a namespace": {
			"?metric=total&namespace=a", `{"metric":"total",` + open + `"dates":["2026-11-23","2026-11-24"],"series":[{"name":"a/one","namespace":"a","repository":"one","values":[100,300],"gaps":[],"partial":[]}],` +
				`"sum":{"values":[100,300],"gaps":[],"partial":[]},"pushes":` + list(one...) + "}",
		},
		"a part of a name": {
			"?q=ZERO&top=1", `{"metric":"pulls",` + open + `"dates":["2026-11-23","2026-11-24"],"series":[{"name":"b/zero","namespace":"b","repository":"zero","values":[0,0],"gaps":[],"partial":[]}],` +
				`"sum":{"values":[0,0],"gaps":[],"partial":[]},"pushes":` + list(none...) + "}",
		},
		"nothing is no mistake": {
			"?q=nothing", `{"metric":"pulls",` + open + `"dates":[],"series":[],"sum":{"values":[],"gaps":[],"partial":[]},"pushes":[]}`,
		},
		"nor is a range without snapshots": {
			"?from=2030-01-01&q=one", `{"metric":"pulls","from":"2030-01-01T00:00:00Z","to":null,"dates":[],"series":[{"name":"a/one","namespace":"a","repository":"one","values":[],"gaps":[],"partial":[]}],"sum":{"values":[],"gaps":[],"partial":[]},"pushes":[]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(three(t).handler(), http.MethodGet, "/api/v1/curves"+c.query)
			if diff := cmp.Diff(c.want+"\n", got.Body.String()); diff != "" || got.Code != http.StatusOK {
				t.Errorf("%d %s", got.Code, diff)
			}
		})
	}
}

func TestTheSumsAreThoseOfTheList(t *testing.T) {
	var all struct {
		Repositories []repository
	}
	var got summary
	h := three(t).handler()
	for target, to := range map[string]any{"/api/v1/repositories": &all, "/api/v1/summary": &got} {
		if err := json.Unmarshal(ask(h, http.MethodGet, target).Body.Bytes(), to); err != nil {
			t.Fatal(err)
		}
	}
	if len(all.Repositories) != 3 || got.Repositories != 3 || got.PullCount != 300+25+7 || got.StarCount != 6 || !got.Timestamp.Equal(slot.Truncate(day).Add(3*day)) {
		t.Errorf("got %+v", got)
	}
	// a/one has 200 after 100, b/two 5 after 10, b/zero 0 after 0; for a week there is no before.
	if diff := cmp.Diff(changeOf(205, 110), got.Pulls24h); diff != "" {
		t.Error(diff)
	}
	if got.Pulls7d.Pulls != nil || got.Pulls7d.Whole {
		t.Errorf("got %+v", got.Pulls7d)
	}
}

func changeOf(pulls, before int64) change {
	percent := float64(pulls-before) / float64(before) * 100
	return change{Pulls: &pulls, Before: &before, Percent: &percent, Whole: true}
}

func TestTheListIsFilteredAndSorted(t *testing.T) {
	for query, want := range map[string]string{
		"":                                 "a/one b/two b/zero",
		"?order=desc":                      "b/zero b/two a/one",
		"?sort=name&order=asc":             "a/one b/two b/zero",
		"?sort=pull_count":                 "a/one b/two b/zero",
		"?sort=pull_count&order=asc":       "b/zero b/two a/one",
		"?sort=timestamp":                  "b/two a/one b/zero",
		"?sort=pulls_24h&order=asc":        "b/zero b/two a/one",
		"?sort=star_count":                 "a/one b/two b/zero",
		"?sort=first&order=desc&limit=1":   "a/one",
		"?limit=1&offset=1":                "b/two",
		"?offset=3":                        "",
		"?namespace=b":                     "b/two b/zero",
		"?namespace=b&q=wo":                "b/two",
		"?q=/":                             "a/one b/two b/zero",
		"?q=three":                         "",
		"?limit=10000&offset=1000000&q=b/": "",
	} {
		var got repositories
		if err := json.Unmarshal(ask(three(t).handler(), http.MethodGet, "/api/v1/repositories"+query).Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range got.Repositories {
			names = append(names, r.String())
		}
		if s := strings.Join(names, " "); s != want {
			t.Errorf("%q: got %s, want %s", query, s, want)
		}
		if paged := strings.Contains(query, "limit") || strings.Contains(query, "offset"); !paged && got.Total != len(names) || query == "?offset=3" && got.Total != 3 {
			t.Errorf("%q: the total is %d", query, got.Total)
		}
	}
}

func TestWhatIsNotKnownIsLastInEveryOrder(t *testing.T) {
	for _, order := range []string{"asc", "desc"} {
		got := ask(handlerOf(sampleMemory(t), hub.Repository{Namespace: "a", Name: "unseen"}), http.MethodGet, "/api/v1/repositories?sort=star_count&order="+order).Body.String()
		if strings.Index(got, `"nginx"`) > strings.Index(got, `"unseen"`) || strings.Index(got, `"largest"`) > strings.Index(got, `"unseen"`) {
			t.Errorf("%s: %s", order, got)
		}
	}
}

func TestCurvesAreBounded(t *testing.T) {
	w := three(t)
	w.all["one"] = []history.Sample{{Timestamp: slot.AddDate(-80, 0, 0), PullCount: 1}, {Timestamp: slot.AddDate(-79, 0, 0), PullCount: 2}}
	w.all["zero"] = []history.Sample{{Timestamp: slot.AddDate(40, 0, 0), PullCount: 1}, {Timestamp: slot.AddDate(41, 0, 0), PullCount: 2}}
	h := w.handler()
	for _, query := range []string{"", "?metric=total", "?top=1", "?to=2067-01-01"} {
		wantProblem(t, ask(h, http.MethodGet, "/api/v1/curves"+query), 422, "more than 36600 days")
	}
	for query, days := range map[string]int{"?from=2060-01-01": 700, "?to=1990-01-01": 366, "?q=one": 366, "?from=1990-01-01&to=2030-01-01": 3} {
		got := ask(h, http.MethodGet, "/api/v1/curves"+query)
		var c curves
		if err := json.Unmarshal(got.Body.Bytes(), &c); err != nil || got.Code != http.StatusOK || len(c.Dates) > days || len(c.Dates) == 0 {
			t.Errorf("%s: %d %.200s", query, got.Code, got.Body)
		}
	}
}

func TestPushesBesideCurvesAreBounded(t *testing.T) {
	w := three(t)
	w.all["one"] = nil
	for i := range maxPushes + 50 {
		at := slot.Add(time.Duration(i-maxPushes) * time.Hour)
		w.all["one"] = append(w.all["one"], history.Sample{Timestamp: at, PullCount: int64(i), LastUpdated: &at})
	}
	var c curves
	if err := json.Unmarshal(ask(w.handler(), http.MethodGet, "/api/v1/curves?q=one").Body.Bytes(), &c); err != nil {
		t.Fatal(err)
	}
	if n := len(c.Pushes); n != maxPushes || !c.Pushes[n-1].LastUpdated.Equal(slot.Add(49*time.Hour)) {
		t.Errorf("%d pushes, the last %+v", n, c.Pushes[n-1])
	}
}

func TestSimilarNamesAreSuggested(t *testing.T) {
	h := three(t).handler()
	for asked, want := range map[string][]string{
		"a/one":                           nil,
		"a/onne":                          {"a/one"},
		"library/two":                     {"b/two"},
		"b/tow":                           {"b/two"},
		"c/thre":                          nil, // c/three is private
		"B/ZERO":                          {"b/zero"},
		"zzzzz/qqqq":                      nil,
		strings.Repeat("a", 150) + "/two": nil,
	} {
		var p problem
		got := ask(h, http.MethodGet, "/api/v1/repositories/"+asked)
		if err := json.Unmarshal(got.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(p.Suggestions, want) || (got.Code == http.StatusNotFound) != (asked != "a/one") {
			t.Errorf("%s: got %d %v, want %v", asked, got.Code, p.Suggestions, want)
		}
	}
}

// several is a memory whose repositories have samples of their own, by name.
type several struct {
	memory
	all map[string][]history.Sample
}

func (s *several) Series(_ context.Context, r hub.Repository, _, _ time.Time, _ int) ([]history.Sample, error) {
	return s.all[r.Name], nil
}

// handler is asked at the time of the newest snapshot.
func (s *several) handler() http.Handler {
	log := slog.New(slog.DiscardHandler)
	return New(Options{
		History: s, Roster: fates{}, Operations: &operations{}, Log: log, Now: func() time.Time { return slot.Truncate(day).Add(3 * day) },
		Curves: rollup.New(rollup.Options{History: s, MaxGap: func() time.Duration { return 48 * time.Hour }, Log: log}),
	})
}
