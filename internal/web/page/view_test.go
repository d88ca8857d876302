package page

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/history"
	"pulltrail/internal/trail"
)

func viewOf(t testing.TB, s scene, raw string) view {
	t.Helper()
	run := Run{}
	if s.runs.run != nil {
		run = *s.runs.run
	}
	return newView(frame{}, facts{now: now, trails: trailsIn(t, s), tracked: s.tracked, run: run, next: s.runs.next, ask: asked(t, raw)})
}

func names(v view) (names []string) {
	for _, g := range v.Table.Groups {
		if g.Namespace != "" {
			names = append(names, g.Namespace)
		}
		for _, r := range g.Rows {
			names = append(names, r.String())
		}
	}
	return names
}

func TestRowsAreSortedAndWhatIsUnknownComesLast(t *testing.T) {
	s := grown(t)["history"]
	const image, other, third, added = "library/nginx", "stefanprodan/podinfo", "stefanprodan/tool", "me/added"
	for raw, want := range map[string][]string{
		"":                      {image, third, other, added},
		"dir=asc":               {other, third, image, added},
		"sort=name":             {image, added, other, third},
		"sort=name&dir=desc":    {third, other, added, image},
		"sort=month":            {image, third, other, added},
		"sort=day&dir=asc":      {other, third, image, added},
		"sort=size":             {image, added, other, third},
		"sort=size&dir=asc":     {image, added, other, third},
		"sort=stars":            {image, third, other, added},
		"sort=push":             {image, third, added, other},
		"sort=state":            {added, image, other, third},
		"group=namespace":       {"library", "stefanprodan", "me"},
		"group=namespace&q=pod": {"stefanprodan", other},
		"group=namespace&sort=stars&dir=asc&open=stefanprodan": {"stefanprodan", other, third, "library", "me"},
		"group=namespace&sort=name&dir=desc":                   {"stefanprodan", "me", "library"},
		"ns=stefanprodan":                                      {third, other},
		"q=N/T":                                                {third},
	} {
		if got := names(viewOf(t, s, raw)); !cmp.Equal(got, want) {
			t.Errorf("%q: got %v", raw, got)
		}
	}
}

func TestANamespaceHasTheSumsOfItsRepositories(t *testing.T) {
	v := viewOf(t, grown(t)["history"], "group=namespace")
	g := v.Table.Groups[1]
	if g.Pulls.Exact != "91,052" || g.Stars.Short != "7" || g.Open || g.Count != "2 repositories" || !strings.Contains(g.URL, "open=stefanprodan") {
		t.Errorf("got %+v", g)
	}
	opened := viewOf(t, grown(t)["history"], "group=namespace&open=stefanprodan").Table.Groups[1]
	if !opened.Open || len(opened.Rows) != 2 || strings.Contains(opened.URL, "open") {
		t.Errorf("got %+v", opened)
	}
}

func TestANamespaceShowsNoMoreRowsThanAPage(t *testing.T) {
	g := viewOf(t, many(t, 150), "group=namespace").Table.Groups[0]
	if len(g.Rows) != rowsAPage || g.More == nil || g.More.URL != "/?ns=stefanprodan" || !strings.Contains(g.More.Text, "50 more") {
		t.Errorf("%d rows, %+v", len(g.Rows), g.More)
	}
}

func TestSumsAreOfWhatIsChosen(t *testing.T) {
	s := grown(t)["history"]
	for raw, want := range map[string][2]string{
		"": {"4", "12,917,078,260"}, "q=prodan": {"2", "91,052"}, "pick=stefanprodan%2Ftool&q=nginx": {"1", "90,210"},
		"pick=me%2Fadded": {"1", ""}, "ns=nobody": {"0", ""},
	} {
		v := viewOf(t, s, raw)
		if got := [2]string{v.Numbers[3].Short, v.Numbers[1].Exact}; got != want {
			t.Errorf("%q: got %v", raw, got)
		}
	}
}

func TestAChoiceOutlivesASearch(t *testing.T) {
	v := viewOf(t, grown(t)["history"], "pick=stefanprodan%2Ftool&pick=library%2Fnginx&q=tool&range=7d&page=1&sort=name&from=2026-11-01")
	// library/nginx is not in the table, so it has no box there.
	want := []field{{"pick", "library/nginx"}, {"range", "7d"}, {"sort", "name"}}
	if diff := cmp.Diff(want, v.Search.State); diff != "" {
		t.Error(diff)
	}
}

func TestAChangeIsSaidWhereItIsKnown(t *testing.T) {
	span := func(pulls int64, days time.Duration) trail.Span {
		return trail.Span{From: slot, To: slot.Add(7 * day), Pulls: pulls, Covered: days * day}
	}
	for name, c := range map[string]struct {
		now, before trail.Span
		want        change
	}{
		"more":             {span(112, 7), span(100, 7), change{"+12 %", "100 before", "up"}},
		"less":             {span(97_000, 7), span(100_000, 7), change{"−3 %", "100,000 before", "down"}},
		"a little":         {span(1004, 7), span(1000, 7), change{"+0.4 %", "1,000 before", "up"}},
		"the same":         {span(100, 7), span(100, 7), change{"±0 %", "100 before", ""}},
		"a trace less":     {span(99_990, 7), span(100_000, 7), change{"±0 %", "100,000 before", ""}},
		"a thousandfold":   {span(123_400, 7), span(100, 7), change{"+123,300 %", "100 before", "up"}},
		"nothing any more": {span(0, 7), span(100, 7), change{"−100 %", "100 before", "down"}},
		"few":              {span(31, 7), span(19, 7), change{"19 before", "", ""}},
		"too short":        {span(31, 7), span(19, 6), change{}},
		"nothing known":    {span(0, 0), span(0, 0), change{}},
	} {
		got := changeWords(trail.Together([]trail.Change{{Now: c.now, Before: c.before}}))
		if got.Text = plain(got.Text); got != c.want {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestTheFirstNumberSaysOfWhatItIs(t *testing.T) {
	s := grown(t)["history"]
	for raw, want := range map[string]string{
		"range=7d":                      "Pulls in 7 days: against the 7 days before",
		"range=30d":                     "Pulls in 30 days: against the 30 days before, 2 of 3 repositories",
		"range=90d":                     "Pulls in 90 days: 2 of 3 known for all of it",
		"range=1y":                      "Pulls in a year: known since 26 Jul 2026",
		"range=all":                     "Pulls so far: since 26 Jul 2026",
		"from=2026-11-20&to=2026-11-20": "Pulls on 20 Nov 2026: against as long before",
		"from=2026-11-20":               "Pulls from 20 Nov 2026: so far",
		"to=2026-08-01":                 "Pulls up to 1 Aug 2026: known since 26 Jul 2026",
		"from=2026-11-20&to=2026-11-30": "Pulls 20 Nov 2026 – 30 Nov 2026: so far",
		"to=2020-01-01":                 "Pulls up to 1 Jan 2020: not enough history",
	} {
		g := viewOf(t, s, raw).Numbers[0]
		if got := plain(g.Label + ": " + g.Note); got != want {
			t.Errorf("%q: got %q", raw, got)
		}
	}
}

func TestWithOneSnapshotTheAverageIsSaid(t *testing.T) {
	young := stored(t, "me/tool", `"pull_count":5000,"date_registered":"2026-11-13T01:00:02Z"`)
	s := scene{stored: []history.Repository{young}, tracked: all("me/tool"), runs: runs{ended([]string{"me/tool"}), tomorrow}}
	v := viewOf(t, s, "")
	if g := v.Numbers[0]; g.Label != labelAverage || g.Short != "500" || g.Note != "since 13 Nov 2026, the registration" {
		t.Errorf("got %+v", g)
	}
	if v.Chart != nil || len(v.Recent) != 0 || v.Notices[0].Title != "The trail starts now" || !strings.Contains(v.Notices[0].Text, "in"+space+"21") && !strings.Contains(v.Notices[0].Text, "in 21") {
		t.Errorf("got %+v", v.Notices[0])
	}
	s.stored = append(s.stored, podinfo(t)) // which does not tell
	if g := viewOf(t, s, "").Numbers[0]; !g.None() || g.Note != notEnough {
		t.Errorf("got %+v", g)
	}
}

func TestARepositorySaysWhenItIsOldOrQuiet(t *testing.T) {
	quietly, old := podinfo(t), nginx(t)
	s := scene{tracked: all("library/nginx", "stefanprodan/podinfo")}
	s.grow(&quietly, 400, 0)
	old.Newest.Timestamp = now.AddDate(0, 0, -20)
	s.grow(&old, 30, 1000)
	s.stored = []history.Repository{quietly, old}
	v := viewOf(t, s, "sort=name")
	rows := v.Table.Groups[0].Rows
	if rows[0].State.Level != levelWarn || plain(rows[0].State.Text) != "last collected 20 d ago" || !rows[0].Recent[2].None() {
		t.Errorf("got %+v", rows[0])
	}
	if rows[1].State.Level != levelIdle || rows[1].State.Text != stateQuiet || rows[1].Recent[2].Short != "0" {
		t.Errorf("got %+v", rows[1])
	}
}

func TestTheChartHasEightLinesAndTheOthersTogether(t *testing.T) {
	s := many(t, 12)
	for i := range s.stored {
		s.grow(&s.stored[i], 10, float64(i))
	}
	c := viewOf(t, s, "range=7d&hide=other&hide=stefanprodan%2Fn011").Chart
	if len(c.Heads) != topLines+2 || c.Heads[0] != "stefanprodan/n011" || c.Heads[topLines] != "4 others" || c.Heads[topLines+1] != labelSum || len(c.Days) != 8 {
		t.Errorf("got %v and %d days", c.Heads, len(c.Days))
	}
	drawn := string(c.Wide)
	if strings.Contains(drawn, "4 others") || strings.Contains(drawn, "n011") || !strings.Contains(drawn, "n010") {
		t.Error(drawn)
	}
	if !slices.Equal(c.Hidden, []string{"stefanprodan/n011", others}) {
		t.Errorf("hidden are %v", c.Hidden)
	}
}

func TestTheNumbersOfTheChartAreAskedForAsTheyAreShown(t *testing.T) {
	s := grown(t)["history"]
	for raw, want := range map[string]string{
		"":                                   "/api/v1/curves?from=2026-10-24&metric=pulls&top=8",
		"range=all&metric=total":             "/api/v1/curves?metric=total&top=8",
		"from=2026-11-01&to=2026-11-07":      "/api/v1/curves?from=2026-11-01&metric=pulls&to=2026-11-08&top=8",
		"range=all&ns=stefanprodan&q=t":      "/api/v1/curves?metric=pulls&namespace=stefanprodan&q=t&top=8",
		"range=all&q=t&pick=library%2Fnginx": "/api/v1/curves?metric=pulls&repository=library%2Fnginx&top=8",
	} {
		c := viewOf(t, s, raw).Chart
		if c.Data != want || !strings.HasSuffix(c.CSV, strings.TrimPrefix(c.CSV, "/api/v1/curves?format=csv")) || !strings.Contains(c.CSV, "format=csv") {
			t.Errorf("%q: got %s and %s", raw, c.Data, c.CSV)
		}
	}
}

func TestDarkColoursAreAlsoForThoseWhoChooseThem(t *testing.T) {
	css := ask(handlerOf(t, scene{}), http.MethodGet, stylePath).Body.String()
	for _, colour := range []string{"--paper: #121417", "--chart-2: #ee7733"} {
		if n := strings.Count(css, colour); n != 2 {
			t.Errorf("%s stands %d times in it", colour, n)
		}
	}
	if strings.Contains(css, "dark) {\n  :root {") || !strings.Contains(css, ".u-select") {
		t.Error("there are dark colours that a choice of light does not reach, or the styles of the library are missing")
	}
}

func TestTheScriptIsSmallAndSentWithoutItsComments(t *testing.T) {
	script := ask(handlerOf(t, scene{}), http.MethodGet, scriptPath).Body.String()
	if len(script) >= 16_000 || strings.Contains(script, "\n//") || !strings.HasPrefix(script, "(() => {\n'use strict';\n") {
		t.Errorf("it has %d bytes: %.200s", len(script), script)
	}
}

func BenchmarkAThousandRepositoriesOfThreeYears(b *testing.B) {
	s := scene{}
	for i := range 1000 {
		r := stored(b, fmt.Sprintf("n%02d/repository-%03d", i%37, i), fmt.Sprintf(`"pull_count":%d,"star_count":12,"storage_size":345678,"last_updated":"2026-11-20T02:04:05Z","description":"What it is."`, 1_000_000*(1+i%91)))
		s.grow(&r, 3*365, float64(1+i%53)*1000)
		s.stored = append(s.stored, r)
	}
	f := facts{now: now, trails: trailsIn(b, s)}
	templates, err := loadTemplates()
	if err != nil {
		b.Fatal(err)
	}
	for _, raw := range []string{"", "range=all", "range=all&metric=total&view=stacked", "group=namespace", "sort=month&page=4"} {
		b.Run(raw, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.ask = asked(b, raw)
				var size counter
				if err := templates["index.html"].ExecuteTemplate(&size, "layout", newView(frame{Words: english()}, f)); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(size), "bytes")
			}
		})
	}
}

// counter counts what is written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
