package svg

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/trail"
)

func ofName(all []element, name, class string) []element {
	var found []element
	for _, e := range all {
		if e.name == name && (class == "" || strings.Contains(" "+e.attr["class"]+" ", " "+class+" ")) {
			found = append(found, e)
		}
	}
	return found
}

func texts(t *testing.T, c Chart) string {
	t.Helper()
	var all []string
	for _, e := range ofName(elements(t, c.SVG()), "text", "") {
		all = append(all, e.text)
	}
	return strings.Join(all, "|")
}

func TestNoLabelsOverlapWhateverTheRangeAndTheWidth(t *testing.T) {
	spans := []time.Duration{20 * time.Minute, time.Hour, 7 * time.Hour, day, 2 * day, 3 * day, 5 * day, 7 * day, 12 * day, 20 * day, 30 * day, 45 * day, 60 * day,
		90 * day, 120 * day, 180 * day, 270 * day, 365 * day, 500 * day, 730 * day, 1095 * day, 1825 * day, 3650 * day, 7305 * day, 36525 * day}
	starts := []time.Time{monday, monday.Add(13*time.Hour + 7*time.Minute), time.Date(2026, 12, 30, 0, 0, 0, 0, time.UTC), time.Date(2024, 2, 29, 23, 59, 0, 0, time.UTC)}
	for i, span := range spans {
		for j, start := range starts {
			for width := 300 + (37*i+11*j)%130; width <= 1600; width += 130 {
				c := Chart{
					Title: "A title", Subtitle: "A subtitle", Unit: "pulls per day", Width: width, Height: 200 + width%300, Inline: width%2 == 0, Log: width%5 == 0,
					From: start, To: start.Add(span), Lines: many(width%9+1, 3),
				}
				c.Lines[0].Points = []Point{{At: start}, {At: start.Add(span), Value: int64(width) * int64(width) * int64(width)}}
				checkPicture(t, c.SVG(), c.Inline)
				if p := newPicture(c); len(p.labels) == 0 {
					t.Errorf("%v in %d pixels has no time", span, width)
				}
				if t.Failed() {
					t.Fatalf("%v from %v in %d pixels", span, start, width)
				}
			}
		}
	}
}

func TestTimeAxis(t *testing.T) {
	for _, tt := range []struct {
		name  string
		from  time.Time
		span  time.Duration
		width float64
		want  string
	}{
		{"a day has hours", monday, day, 600, "3 Aug 03:00|06:00|09:00|12:00|15:00|18:00|21:00|4 Aug"},
		{"a week has days", monday, 7 * day, 700, "3 Aug 2026|4 Aug|5 Aug|6 Aug|7 Aug|8 Aug|9 Aug|10 Aug"},
		{"a quarter has Mondays", monday, 90 * day, 600, "17 Aug 2026|31 Aug|14 Sep|28 Sep|12 Oct|26 Oct"},
		{"a year has months, and the year where it begins", monday, 365 * day, 800, "Sep 2026|Oct|Nov|Dec|2027|Feb|Mar|Apr|May|Jun|Jul|Aug"},
		{"three years have quarters", monday, 1095 * day, 800, "Oct 2026|2027|Apr|Jul|Oct|2028|Apr|Jul|Oct|2029|Apr|Jul"},
		{"twenty years have years", monday, 7305 * day, 600, "2028|2030|2032|2034|2036|2038|2040|2042|2044|2046"},
		{"what is too short for a tick has its date", monday.Add(time.Minute), 2 * time.Minute, 600, "3 Aug 2026"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			least := day
			if tt.span <= day {
				least = 0
			}
			x := func(at time.Time) float64 { return tt.width * float64(at.Sub(tt.from)) / float64(tt.span) }
			var got []string
			for _, l := range timeAxis(tt.from, tt.from.Add(tt.span), least, x, 0, tt.width) {
				got = append(got, l.text)
			}
			if s := strings.Join(got, "|"); s != tt.want {
				t.Errorf("got %s\nwant %s", s, tt.want)
			}
		})
	}
}

func TestScaleTicks(t *testing.T) {
	for _, tt := range []struct {
		name string
		most int64
		log  bool
		room int
		want string
	}{
		{"zero has one above it", 0, false, 10, "0|1"},
		{"there are no halves", 2, false, 10, "0|1|2"},
		{"hundreds", 842, false, 10, "0|250|500|750|1,000"},
		{"thousands", 41_000, false, 10, "0|20 k|40 k|60 k"},
		{"billions", 12_916_987_208, false, 10, "0|5 B|10 B|15 B"},
		{"decimals", 9_000_000, false, 10, "0|2.5 M|5 M|7.5 M|10 M"},
		{"the largest", math.MaxInt64, false, 10, "0|2,500,000 T|5,000,000 T|7,500,000 T|10,000,000 T"},
		{"little room", 842, false, 3, "0|500|1,000"},
		{"logarithmic from zero", 842, true, 10, "0|10|100|1,000"},
		{"logarithmic thinned out", 12_916_987_208, true, 12, "0|100|100 k|100 M|100 B"},
		{"logarithmic of nothing", 0, true, 10, "0|10"},
		{"logarithmic largest", math.MaxInt64, true, 10, "0|1,000|10 M|100 B|1,000 T|10,000,000 T"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, ticks := upTo(tt.most, tt.log, tt.room)
			var got []string
			for _, v := range ticks {
				got = append(got, strings.ReplaceAll(short(v), space, " "))
			}
			if text := strings.Join(got, "|"); text != tt.want {
				t.Errorf("got %s, want %s", text, tt.want)
			}
			if h := s.height(float64(tt.most)); h < 0 || h > 1 || s.height(0) != 0 {
				t.Errorf("heights are %v and %v", s.height(0), h)
			}
		})
	}
}

func TestALinearScaleHasFourOrFiveTicks(t *testing.T) {
	for most := int64(3); most > 0 && most < math.MaxInt64/3; most = most*5/4 + 1 {
		s, ticks := upTo(most, false, 12)
		if len(ticks) < 4 || len(ticks) > 5 || s.top < float64(most) {
			t.Errorf("%d has %v", most, ticks)
		}
	}
}

func TestALineBreaksAtAGapAndIsDashedWhereItForms(t *testing.T) {
	points := holed(wave(monday, 30, 400, 0))
	all := elements(t, Chart{Lines: []Line{{Points: points}}, Inline: true}.SVG())
	var solid []element
	for _, e := range ofName(all, "path", "") {
		if e.attr["class"] == "" && e.attr["stroke-width"] == "" {
			solid = append(solid, e)
		}
	}
	if len(solid) != 1 || strings.Count(solid[0].attr["d"], "M") != 2 {
		t.Errorf("not one line of two parts: %v", solid)
	}
	if dashed := ofName(all, "path", "chart-partial"); len(dashed) != 1 || strings.Count(dashed[0].attr["d"], "M") != 2 || dashed[0].attr["stroke-dasharray"] == "" {
		t.Errorf("not two dashes: %v", dashed)
	}
	if dots := ofName(all, "path", "chart-dot"); len(dots) != 1 || strings.Count(dots[0].attr["d"], "h0") != 1 {
		t.Errorf("not one dot: %v", dots)
	}
}

func TestWhatIsOnlyGapsIsEmpty(t *testing.T) {
	c := Chart{Lines: []Line{{Points: []Point{{At: monday, Value: 7, Gap: true}}}}, Empty: "Not yet"}
	if got := texts(t, c); got != "Not yet" {
		t.Errorf("it says %q", got)
	}
}

func TestThinningKeepsTheExtremesOfEachColumnAndItsGaps(t *testing.T) {
	var spots []spot
	for i := range 10_000 {
		spots = append(spots, spot{at: at{x: i, y: i * 7919 % 1009}, gap: i >= 5000 && i < 5100})
	}
	got := pieces(spots, 10)
	if len(got) != 2 || got[0].points[len(got[0].points)-1].x >= 5000 || got[1].points[0].x < 5100 {
		t.Fatalf("%d pieces", len(got))
	}
	low, high := map[int]int{}, map[int]int{}
	kept := 0
	for _, piece := range got {
		for _, p := range piece.points {
			c := p.x / 10
			if _, seen := low[c]; !seen {
				low[c], high[c] = p.y, p.y
			}
			low[c], high[c] = min(low[c], p.y), max(high[c], p.y)
			kept++
		}
	}
	if kept > 2010 {
		t.Errorf("%d points are kept", kept)
	}
	for _, s := range spots {
		if !s.gap && (s.y < low[s.x/10] || s.y > high[s.x/10]) {
			t.Fatalf("%v lies outside of its column: %d to %d", s, low[s.x/10], high[s.x/10])
		}
	}
}

func TestAGapThatComesAndGoesWithinAColumnIsNotDrawn(t *testing.T) {
	var spots []spot
	for i := range 10_000 {
		spots = append(spots, spot{at: at{x: i, y: i % 50}, gap: i%2 == 1, partial: i%4 == 0})
	}
	n := 0
	for _, piece := range pieces(spots, 10) {
		n += len(piece.points)
	}
	if n > 4*1000 {
		t.Errorf("%d points for 1,000 columns", n)
	}
}

func TestStacked(t *testing.T) {
	at := func(i int, v int64, gap, partial bool) Point {
		return Point{At: monday.AddDate(0, 0, i), Value: v, Gap: gap, Partial: partial}
	}
	got := stacked([][]Point{
		{at(0, 1, false, false), at(1, 2, true, false), at(2, 3, true, false)},
		{at(1, 10, false, false), at(2, 20, true, false), at(3, math.MaxInt64, false, true)},
		{at(3, 5, false, false)},
	})
	want := [][]Point{
		{at(0, 1, false, false), at(1, 2, false, false), at(2, 3, true, false), at(3, 0, false, true)},
		{at(0, 1, false, false), at(1, 12, false, false), at(2, 23, true, false), at(3, math.MaxInt64, false, true)},
		{at(0, 1, false, false), at(1, 12, false, false), at(2, 23, true, false), at(3, math.MaxInt64, false, true)},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestALogarithmicScaleIsLabelledAndAStackHasNone(t *testing.T) {
	c := Chart{Unit: "pulls", Log: true, Lines: []Line{{Points: wave(monday, 5, 100, 0)}}}
	if got := texts(t, c); !strings.Contains(got, "pulls, logarithmic scale|") {
		t.Errorf("it says %q", got)
	}
	c.Stacked = true
	if got := texts(t, c); strings.Contains(got, "logarithmic") {
		t.Errorf("it says %q", got)
	}
}

func TestLinesBeyondTheNinthAreCounted(t *testing.T) {
	c := Chart{Lines: append(many(9, 5), many(3, 5)...)}
	if got := texts(t, c); !strings.Contains(got, "|and 3 more|") {
		t.Errorf("it says %q", got)
	}
	if n := len(ofName(elements(t, c.SVG()), "g", "chart-line")); n != 9 {
		t.Errorf("%d lines", n)
	}
}

func TestMarksThatWouldTouchAreOne(t *testing.T) {
	c := Chart{Lines: []Line{{Points: wave(monday, 90, 9, 0)}}}
	for i := range 24 * 90 {
		c.Marks = append(c.Marks, Mark{At: monday.Add(time.Duration(i) * time.Hour), Label: fmt.Sprint("push ", i)})
	}
	c.Marks = append(c.Marks, Mark{At: monday.AddDate(-1, 0, 0), Label: "before"})
	svg := string(c.SVG())
	if n := strings.Count(svg, "7z"); n < 80 || n > 115 {
		t.Errorf("%d marks", n)
	}
	if strings.Contains(svg, "before:") || !strings.Contains(svg, "<title>3 Aug 2026: push 20, and 20 before</title>") {
		t.Errorf("the first is another: %s", svg[strings.Index(svg, `"chart-mark"`):][:300])
	}
}

func TestDescription(t *testing.T) {
	c := Chart{Title: "T", Unit: "pulls per day", Lines: []Line{{Name: "a/b", Points: []Point{{At: monday, Value: 1}, {At: monday.AddDate(0, 0, 1), Value: 12345}}}, {Name: "c/d"}}}
	said := func(c Chart) string { return ofName(elements(t, c.SVG()), "desc", "")[0].text }
	if got, want := said(c), "A chart of pulls per day from 3 Aug 2026 to 4 Aug 2026; the highest is 12,345 on 4 Aug 2026, of a/b; 2 lines."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c.Description = "12,346 pulls."
	if got := said(c); got != c.Description {
		t.Errorf("got %q", got)
	}
	if got := said(Chart{}); got != "There is nothing to show yet." {
		t.Errorf("got %q", got)
	}
}

func TestPointsOfPeriods(t *testing.T) {
	got := Points([]trail.Period{{Start: monday, Pulls: 7, Gap: true}, {Start: monday.Add(day), Pulls: 8, Partial: true}})
	want := []Point{{At: monday, Value: 7, Gap: true}, {At: monday.Add(day), Value: 8, Partial: true}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v", got)
	}
}

func TestTheStyleSheetHasARuleForEveryClass(t *testing.T) {
	ruled := map[string]bool{"chart-partial": true, "chart-dot": true} // for the page's own use
	for _, m := range regexp.MustCompile(`\.(chart[a-z0-9-]*) \{`).FindAllStringSubmatch(CSS, -1) {
		ruled[m[1]] = true
	}
	for name, svg := range pictures() {
		for _, e := range elements(t, svg) {
			for class := range strings.FieldsSeq(e.attr["class"]) {
				if !ruled[class] && class != "spark" {
					t.Errorf("%s: no rule for %s", name, class)
				}
			}
		}
	}
}

func TestEveryColourStandsOutInLightAndDark(t *testing.T) {
	colour := regexp.MustCompile(`--chart-(\w+): (#[0-9a-f]{6});`)
	light, dark, found := strings.Cut(CSS, "@media")
	if !found {
		t.Fatal("nothing for the dark")
	}
	for _, tt := range []struct {
		css    string
		papers []string
	}{
		{light, []string{"#ffffff", "#f5f7f9"}},
		{dark, []string{"#0d1117", "#121417", "#1a1e22"}},
	} {
		all := colour.FindAllStringSubmatch(tt.css, -1)
		if len(all) != 4+colours+1 {
			t.Errorf("%d colours", len(all))
		}
		for _, m := range all {
			least := 3.0
			switch m[1] {
			case "paper", "line":
				continue
			case "ink", "soft":
				least = 4.5
			}
			for _, paper := range tt.papers {
				if got := contrast(m[2], paper); got < least {
					t.Errorf("%s %s on %s has a contrast of %.2f", m[1], m[2], paper, got)
				}
			}
		}
	}
}

func TestThreeYearsOfNineLinesStaySmall(t *testing.T) {
	for _, stack := range []bool{false, true} {
		c := Chart{Title: "Three years", Lines: many(9, 3*366), Stacked: stack}
		for i := range 200 {
			c.Marks = append(c.Marks, Mark{At: monday.AddDate(0, 0, 5*i), Label: "push"})
		}
		for i := range c.Lines {
			c.Lines[i].Points[500].Gap = true
		}
		svg := c.SVG()
		checkPicture(t, svg, false)
		if len(svg) > 60_000 {
			t.Errorf("%d bytes", len(svg))
		}
	}
}

func BenchmarkThreeYearsOfNineLines(b *testing.B) {
	c := Chart{Title: "Three years", Lines: many(9, 3*366)}
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(c.SVG())))
	}
}

func BenchmarkSparkline(b *testing.B) {
	points := wave(monday, 30, 420, 0)
	b.ReportAllocs()
	for b.Loop() {
		Sparkline(points, Spark{})
	}
}
