package page

import (
	"cmp"
	"maps"
	"slices"

	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
)

// failures are those of the newest poll of each repository by their cause, those that
// need a person first. Strangers are told the names of those alone that have a page.
func (f *facts) failures(inside bool) ([]failure, string) {
	byCause := make(map[string][]Outcome)
	for _, o := range f.run.Outcomes {
		if o.Cause != "" {
			byCause[o.Cause] = append(byCause[o.Cause], o)
		}
	}
	causes := slices.SortedFunc(maps.Keys(byCause), func(a, b string) int {
		return cmp.Or(cmp.Compare(needsNobody(a), needsNobody(b)), cmp.Compare(len(byCause[b]), len(byCause[a])), cmp.Compare(a, b))
	})
	var all []failure
	named, total := 0, 0
	for _, cause := range causes {
		outcomes := byCause[cause]
		words := causeWords(cause)
		next := failure{What: clipped(words.what), Help: cmp.Or(words.help, helpItself), Count: grouped(int64(len(outcomes)))}
		for _, o := range outcomes {
			if named == maxNamed || !inside && !f.collected(o.Repository) {
				continue
			}
			named++
			one := failed{Repository: o.Repository, URL: "/r" + pathOf(o.Repository), Gone: o.Gone}
			if inside {
				one.Message = clipped(o.Message)
			}
			next.Repositories = append(next.Repositories, one)
		}
		total += len(outcomes)
		all = append(all, next)
	}
	if total > named {
		return all, moreFailures(total - named)
	}
	return all, ""
}

// collected reports whether there is a snapshot of r that the visitor may see.
func (f *facts) collected(r hub.Repository) bool {
	return slices.ContainsFunc(f.trails, func(t *rollup.Trail) bool { return t.Repository == r })
}

func needsNobody(cause string) int {
	if causeWords(cause).help != "" {
		return 0
	}
	return 1
}
