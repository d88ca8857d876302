package indexer

import (
	"strings"
	"testing"
	"testing/quick"
	"time"
)

func TestTheEndOfAnIndex(t *testing.T) {
	tests := []struct{ pattern, name, end string }{
		{"s-{Y}", "s-2026", "2027-01-01"},
		{"s-{Y}-{m}", "s-2026-12", "2027-01-01"},
		{"s-{Y}-{m}-{d}", "s-2024-02-29", "2024-03-01"},
		{"{Y}{m}{d}", "20240229", "2024-03-01"},
		{"s-{Y}-{d}", "s-2026-05", "2027-01-01"}, // the fifth of every month
		{"{Y}-{Y}", "2026-2026", "2027-01-01"},
		{"s-{m}", "s-05", ""},
		{"s-{m}-{d}", "s-02-29", ""},
		{"s", "s", ""},
	}
	for _, tt := range tests {
		end, ok := parsePattern(tt.pattern).end(tt.name)
		want := time.Time{}
		if tt.end != "" {
			want, _ = time.Parse(time.DateOnly, tt.end)
		}
		if !ok || !end.Equal(want) {
			t.Errorf("%s of %s ends %v, %v", tt.name, tt.pattern, end, ok)
		}
	}
}

func TestNamesThatNoDateGives(t *testing.T) {
	for _, tt := range []struct{ pattern, name string }{
		{"s", "s2"}, {"s", ""}, {"s-{Y}", "s-"}, {"s-{Y}", "s-26"}, {"s-{Y}", "s-20260"}, {"s-{Y}", "s-2o26"}, {"s-{Y}", "s-٢٠٢٦"},
		{"s-{Y}", "s-+202"}, {"s-{Y}", "xs-2026"}, {"s-{Y}", "s-2026-reindexed"}, {"s-{Y}-{m}", "s-2026-13"}, {"s-{Y}-{m}", "s-2026-00"},
		{"s-{Y}-{m}", "s-2026-1"}, {"s-{Y}-{m}-{d}", "s-2026-02-29"}, {"s-{Y}-{m}-{d}", "s-2026-04-31"}, {"s-{m}-{d}", "s-02-30"},
		{"{Y}-{Y}", "2026-2025"}, {"s-{Y}-{d}", "s-2026-32"}, {"s-{Y}", "s-*"},
		{"s-{Y}", "s-0000"}, {"s-{Y}-{m}", "s-0000-12"}, {"s-{Y}", "s-1969"}, // no document has such a time
	} {
		if _, ok := parsePattern(tt.pattern).end(tt.name); ok {
			t.Errorf("%s is taken for a name of %s", tt.name, tt.pattern)
		}
	}
}

var somePatterns = []string{"s", "s-{Y}", "s-{Y}-{m}", "s-{Y}-{m}-{d}", "{d}.{m}.{Y}", "{Y}{m}{d}", "a-{m}-b", "{d}", "{Y}x{Y}", "s-{Y}-{d}"}

// A name belongs to a pattern if and only if a date gives it, and what the date says is
// not over before it has ended.
func TestAPatternReadsWhatItWrites(t *testing.T) {
	writes := func(seconds uint32, days uint16) bool {
		at := time.Unix(int64(seconds), 0).UTC().AddDate(0, 0, int(days))
		for _, template := range somePatterns {
			p := parsePattern(template)
			end, ok := p.end(p.name(at))
			if !ok || p.has('Y') != !end.IsZero() || !end.IsZero() && !end.After(at) {
				t.Logf("%s at %v: %v, %v", template, at, end, ok)
				return false
			}
		}
		return true
	}
	if err := quick.Check(writes, nil); err != nil {
		t.Error(err)
	}
}

// FuzzPattern: a name that is read is the name of a day before its end.
func FuzzPattern(f *testing.F) {
	for _, template := range somePatterns {
		f.Add(template, parsePattern(template).name(time.Unix(0, 0)))
	}
	f.Add("s-{Y}-{m}", "s-2026-99")
	f.Add("s{Y}", "s0000")
	f.Add("s{Y}", "s1970")
	f.Add("s{Y}", "s9999")
	f.Fuzz(func(t *testing.T, template, name string) {
		p := parsePattern(template)
		end, ok := p.end(name)
		if !ok {
			return
		}
		if end.IsZero() != !p.has('Y') {
			t.Fatalf("%q of %q ends %v", name, template, end)
		}
		if end.IsZero() {
			for day := range 366 {
				if p.name(time.Date(2000, 1, 1+day, 0, 0, 0, 0, time.UTC)) == name {
					return
				}
			}
			t.Fatalf("%q is no name of %q", name, template)
		}
		for day := end.AddDate(-1, 0, 0); day.Before(end); day = day.AddDate(0, 0, 1) {
			if p.name(day) == name {
				return
			}
		}
		t.Fatalf("%q is no name of %q that ends %v", name, template, end)
	})
}

func TestAWildcardTakesEveryNameOfAPattern(t *testing.T) {
	for template, want := range map[string]string{"s": "s", "s-{Y}-{m}": "s-*-*", "{Y}{m}{d}-x": "***-x"} {
		if got := parsePattern(template).wildcard(); got != want || strings.ContainsAny(got, "{}") {
			t.Errorf("%s: %s", template, got)
		}
	}
}
