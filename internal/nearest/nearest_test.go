package nearest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/hub"
)

func all(names ...string) []hub.Repository {
	list := make([]hub.Repository, len(names))
	for i, n := range names {
		list[i].Namespace, list[i].Name, _ = strings.Cut(n, "/")
	}
	return list
}

func TestTheNearestNamesAreSuggested(t *testing.T) {
	known := all("grafana/grafana", "library/nginx", "library/redis", "me/nginx-exporter", "nginx/nginx-ingress", "you/nginx")
	for asked, want := range map[string][]string{
		"library/nginx":                          {"library/nginx", "you/nginx"},
		"Library/NGINX":                          {"library/nginx", "you/nginx"},
		"library/ngnix":                          {"library/nginx", "you/nginx"}, // swapped
		"nginx":                                  {"library/nginx", "you/nginx"},
		"nobody/nginx":                           {"library/nginx", "you/nginx"},
		"grafana/grafna":                         {"grafana/grafana"},
		"me/exporter":                            {"me/nginx-exporter"},
		"something/else":                         nil,
		"":                                       nil,
		"/":                                      nil,
		"\u202eلينكس/😀":                          nil,
		"x/" + strings.Repeat("nginx", maxAsked): nil,
	} {
		t.Run(fmt.Sprintf("%.40q", asked), func(t *testing.T) {
			var got []string
			for _, r := range Repositories(asked, known, 2) {
				got = append(got, r.String())
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got := Repositories("a/app", all("a/app1", "a/app2", "a/app3", "a/app4", "a/app5", "a/app6"), 5); len(got) != 5 {
		t.Errorf("there are %d", len(got))
	}
}

// The distance is one: it is symmetric, zero for the same alone, and no way round is
// shorter; a single change is one.
func TestWrongLettersAreCounted(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		b := make([]byte, r.IntN(7))
		for i := range b {
			b[i] = "abc"[r.IntN(3)]
		}
		return string(b)
	}
	for range 3000 {
		a, b := word(), word()
		d := Distance(a, b)
		if d != Distance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) || d < len(a)-len(b) {
			t.Fatalf("%q and %q: %d and %d", a, b, d, Distance(b, a))
		}
		i := r.IntN(len(a) + 1)
		if d := Distance(a, a[:i]+"z"+a[i:]); d != 1 {
			t.Fatalf("%q with one put in at %d: %d", a, i, d)
		}
	}
	if d := Distance("ab", "ba"); d != 1 {
		t.Errorf("swapped: %d", d)
	}
}
