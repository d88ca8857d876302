package topic

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		filter, name string
		want         bool
	}{
		{"a/b", "a/b", true},
		{"a/b", "a/c", false},
		{"a/b", "a/b/c", false},
		{"a/b/c", "a/b", false},
		{"a/+", "a/b", true},
		{"a/+", "a", false},
		{"a/+", "a/", true},
		{"a/+/c", "a/b/c", true},
		{"a/+", "a/b/c", false},
		{"a/#", "a", true},
		{"a/#", "a/b/c", true},
		{"a/#", "ab", false},
		{"#", "a/b", true},
		{"+", "a/b", false},
		{"+/+", "/a", true},
		{"#", "$SYS/uptime", false},
		{"+/uptime", "$SYS/uptime", false},
		{"$SYS/#", "$SYS/uptime", true},
		{"$share/group/a/#", "a/b", true},
	} {
		if got := Match(c.filter, c.name); got != c.want {
			t.Errorf("Match(%q, %q) = %v, want %v", c.filter, c.name, got, c.want)
		}
	}
}

func TestCheckFilter(t *testing.T) {
	for filter, want := range map[string]string{
		"a/#":                      "",
		"#":                        "",
		"+/b/+":                    "",
		"$share/g/a/#":             "",
		"":                         "empty",
		"a/#/b":                    "last level",
		"a/b#":                     "mixes",
		"a/b+/c":                   "mixes",
		"a\x00b":                   "NUL",
		"\xff":                     "UTF-8",
		"$share/g":                 "shared",
		"$share/+/a":               "shared",
		strings.Repeat("a", 65536): "65535",
	} {
		err := CheckFilter(filter)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("CheckFilter(%.20q) = %v, want %q", filter, err, want)
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, want := range map[string]string{"a/b": "", "a/+": "wildcard", "$SYS/a": "broker", "": "empty"} {
		err := CheckName(name)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("CheckName(%q) = %v, want %q", name, err, want)
		}
	}
}

func TestMinimal(t *testing.T) {
	got := Minimal([]string{"a/b", "a/#", "b/+", "a/#", "b/c", "c"})
	if want := []string{"a/#", "b/+", "c"}; !slices.Equal(got, want) {
		t.Errorf("Minimal = %q, want %q", got, want)
	}
}

// What a covering filter promises is checked against Match itself.
func TestCoveringFilterMatchesWhateverTheCoveredOneMatches(t *testing.T) {
	level := rapid.SampledFrom([]string{"a", "b", "", "+"})
	word := rapid.SampledFrom([]string{"a", "b", ""})
	rapid.Check(t, func(t *rapid.T) {
		filter := func(label string) string {
			levels := rapid.SliceOfN(level, 1, 3).Draw(t, label)
			if rapid.Bool().Draw(t, label+" #") {
				levels = append(levels, "#")
			}
			return strings.Join(levels, "/")
		}
		outer, inner := filter("outer"), filter("inner")
		name := strings.Join(rapid.SliceOfN(word, 1, 4).Draw(t, "name"), "/")
		if Covers(outer, inner) && Match(inner, name) && !Match(outer, name) {
			t.Fatalf("%q covers %q but does not match %q", outer, inner, name)
		}
	})
}
