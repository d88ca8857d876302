package cli

import (
	"strings"
	"testing"

	"pulltrail/internal/control"
	"pulltrail/internal/hub"
)

func some(n int64) *int64 { return &n }

func TestASparklineHasABarForEachDay(t *testing.T) {
	for want, days := range map[string][]*int64{
		"":     {},
		"▁▅█":  {some(0), some(50), some(100)},
		"█ █":  {some(1), nil, some(1)},
		"▁▁":   {some(0), some(0)},
		"  ":   {nil, nil},
		"▁▁█▁": {some(0), some(1), some(9223372036854775807), some(0)},
	} {
		if got := sparkline(days); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func topOf(name string, total, month int64) control.Top {
	r, err := hub.ParseRepository(name)
	if err != nil {
		panic(err)
	}
	return control.Top{Repository: r, PullCount: total, Month: &control.Growth{Pulls: month}}
}

func TestWhatIsShownIsChosenAndSorted(t *testing.T) {
	all := []control.Top{topOf("a/one", 1, 30), topOf("a/two", 2, 20), topOf("b/three", 3, 10), {Repository: hub.Repository{Namespace: "c", Name: "new"}, PullCount: 4}}
	for want, c := range map[string]topCommand{
		"a/one a/two b/three c/new": {Sort: "month"},
		"c/new b/three a/two a/one": {Sort: "total"},
		"a/two a/one":               {Sort: "total", Repositories: []string{"a/*"}},
		"b/three a/one":             {Sort: "total", Repositories: []string{"b/three", "a/one", "a/none"}},
		"":                          {Sort: "day", Repositories: []string{"x/*"}},
	} {
		var names []string
		for _, t := range c.chosen(all) {
			names = append(names, t.String())
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%+v: got %q, want %q", c, got, want)
		}
	}
}

func TestATableSaysWhatIsNotKnown(t *testing.T) {
	percent := 12.4
	whole := topOf("library/nginx", 12916987208, 0)
	whole.Day, whole.Month = &control.Growth{Pulls: 1234, Whole: true}, &control.Growth{Pulls: 99, Whole: true, Percent: &percent}
	part := topOf("a/part", 5, 3)
	var out strings.Builder
	if err := (topCommand{Sort: "total", Limit: 2}).show(&out, []control.Top{topOf("a/hidden", 1, 1), whole, part}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"12,916,987,208", "1,234", "+12%", "library/nginx", "≥ 3", "a/part", "and 1 more: --limit 0 shows all"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "hidden") {
		t.Errorf("more than two are shown:\n%s", out.String())
	}
}

func TestAChangeThatRoundsToNothingHasNoSign(t *testing.T) {
	for percent, want := range map[float64]string{12.4: "+12%", -12.6: "-13%", 0.4: "0%", -0.04: "0%", 0: "0%"} {
		if got := change(&control.Growth{Percent: &percent}); got != want {
			t.Errorf("%v is %s, want %s", percent, got, want)
		}
	}
}
