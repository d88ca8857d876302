package svg

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden files anew")

var monday = time.Date(2026, 8, 3, 0, 0, 0, 0, time.UTC)

// wave is n days of pulls about a level, falling at weekends, always the same.
func wave(from time.Time, n int, level float64, phase int) []Point {
	points := make([]Point, n)
	for i := range points {
		t := from.AddDate(0, 0, i)
		v := level * (1 + 0.3*math.Sin(float64(i+phase)/9) + 0.15*math.Sin(float64((i+phase)*(i+phase)%97)))
		if t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
			v *= 0.55
		}
		points[i] = Point{At: t, Value: int64(v)}
	}
	return points
}

// holed has gaps from the tenth to the 14th day and one day alone, and forms at its end.
func holed(points []Point) []Point {
	for i := 9; i < 14; i++ {
		points[i].Gap = true
	}
	points[11].Gap = false
	points[0].Partial = true
	points[len(points)-1].Partial = true
	points[len(points)-1].Value /= 3
	return points
}

func many(n, days int) []Line {
	lines := make([]Line, n)
	names := strings.Fields("nginx redis postgres alpine traefik grafana prometheus mosquitto others")
	for i := range lines {
		lines[i] = Line{Name: "library/" + names[i], Points: wave(monday, days, 4000/float64(i+1), 13*i)}
	}
	if n == 9 {
		lines[8].Class = Other
		lines[8].Name = "others"
	}
	return lines
}

var hostile = []string{
	`</script></style><script>alert("1")</script>`,
	"'\"><img src=x onerror=alert(1)>&amp;]]>",
	"evil\u202egnp.exe\u2066\x00\x1b[31m\xff\xfe\uffff\nnext",
	"عربي/صورة",
	"emoji/🐳👩‍💻🇩🇪 ﷽",
	strings.Repeat("W", 255),
}

func hostileLines() []Line {
	lines := make([]Line, len(hostile))
	for i, name := range hostile {
		lines[i] = Line{Name: name, Points: wave(monday, 30, 900/float64(i+1), 7*i)}
	}
	return lines
}

// pictures are all that have a golden file.
func pictures() map[string][]byte {
	ordinary := Chart{
		Title: "library/nginx", Subtitle: "Pulls a day, the last 90 days", Unit: "pulls per day",
		Lines: []Line{{Name: "library/nginx", Points: wave(monday, 90, 420, 0)}},
		Marks: []Mark{{At: monday.AddDate(0, 0, 20), Label: "push"}, {At: monday.AddDate(0, 0, 61), Label: "1.29.1"}, {At: monday.AddDate(0, 0, 61).Add(time.Hour), Label: "1.29.2"}},
	}
	with := func(change func(*Chart)) []byte {
		c := ordinary
		change(&c)
		return c.SVG()
	}
	return map[string][]byte{
		"badge":             Badge("docker pulls", "12.9 B", "blue"),
		"badge-value-alone": Badge("", "842", "green"),
		"badge-yellow":      Badge("pulls/day", "+12 %", "#fe3"),
		"badge-hostile":     Badge(hostile[0], hostile[2], `"/><script>`),
		"badge-long":        Badge(hostile[5], "1", "red"),
		"badge-rtl":         Badge(hostile[3], hostile[4], "grey"),
		"spark":             Sparkline(wave(monday, 30, 420, 0), Spark{}),
		"spark-gap":         Sparkline(holed(wave(monday, 30, 420, 0)), Spark{}),
		"spark-zero":        Sparkline(wave(monday, 30, 0, 0), Spark{}),
		"spark-one":         Sparkline(wave(monday, 1, 5, 0), Spark{From: monday.AddDate(0, 0, -29), To: monday.AddDate(0, 0, 1)}),
		"spark-none":        Sparkline(nil, Spark{}),
		"ordinary":          ordinary.SVG(),
		"gap":               with(func(c *Chart) { c.Lines = []Line{{Points: holed(wave(monday, 30, 420, 0))}} }),
		"many":              with(func(c *Chart) { c.Lines = many(9, 90) }),
		"narrow":            with(func(c *Chart) { c.Lines = many(9, 30); c.Width, c.Height = 340, 300 }),
		"stacked":           with(func(c *Chart) { c.Lines = many(5, 90); c.Stacked = true; c.Lines[1].Points = c.Lines[1].Points[40:] }),
		"stacked-gap": with(func(c *Chart) {
			c.Lines, c.Stacked = many(3, 30), true
			for _, l := range c.Lines {
				holed(l.Points)
			}
		}),
		"log": with(func(c *Chart) {
			c.Log = true
			c.Lines = []Line{{Name: "big", Points: wave(monday, 90, 12_916_987_208, 0)}, {Name: "small", Points: wave(monday, 90, 30, 5)}, {Name: "tiny", Points: wave(monday, 90, 1, 9)}}
		}),
		"one": with(func(c *Chart) {
			c.Lines = []Line{{Name: "one", Points: []Point{{At: monday, Value: 17}}}}
			c.Marks = nil
		}),
		"empty":    with(func(c *Chart) { c.Lines, c.Empty = nil, "The first snapshot comes at 01:00 UTC" }),
		"zero":     with(func(c *Chart) { c.Lines = []Line{{Name: "zero", Points: wave(monday, 365, 0, 0)}} }),
		"billions": with(func(c *Chart) { c.Lines[0].Points = wave(monday, 60, 12_916_987_208, 0); c.Unit = "pulls" }),
		"largest": with(func(c *Chart) {
			c.Lines = []Line{{Points: []Point{{At: monday}, {At: monday.Add(day), Value: math.MaxInt64}}}}
		}),
		"hostile": with(func(c *Chart) {
			c.Lines, c.Title, c.Subtitle = hostileLines(), hostile[5], hostile[0]
			c.Marks[0].Label = hostile[2]
		}),
		"three-years": with(func(c *Chart) { c.Lines = many(9, 3*365) }),
		"hours": with(func(c *Chart) {
			c.From, c.To = monday, monday.Add(day)
			c.Lines = []Line{{Points: hours(24)}}
			c.Unit = "pulls per hour"
		}),
		"inline":       with(func(c *Chart) { c.Lines = many(3, 30); c.Inline = true; c.Title, c.Subtitle = "", "" }),
		"inline-empty": Chart{Inline: true}.SVG(),
	}
}

func hours(n int) []Point {
	points := make([]Point, n)
	for i := range points {
		points[i] = Point{At: monday.Add(time.Duration(i) * time.Hour), Value: int64(i * (24 - i))}
	}
	return points
}

func TestGolden(t *testing.T) {
	for name, got := range pictures() {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".svg")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (go test -update writes it)", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			checkPicture(t, got, strings.HasPrefix(name, "spark") || strings.HasPrefix(name, "inline"))
		})
	}
}

func TestTheSameInputGivesTheSameBytes(t *testing.T) {
	again := pictures()
	for name, got := range pictures() {
		if string(again[name]) != string(got) {
			t.Errorf("%s differs", name)
		}
	}
}
