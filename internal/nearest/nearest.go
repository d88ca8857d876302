// Package nearest finds what somebody most likely meant by a name that is not known. It is
// pure; what it takes grows with the length of the names and with how many are known, so
// names of strangers are bounded.
package nearest

import (
	"cmp"
	"slices"
	"strings"

	"pulltrail/internal/hub"
)

// maxAsked bounds, in bytes, what is looked for: a longer name is no repository's.
const maxAsked = 2*255 + 1

// Repositories are those of known that were most likely meant by asked, at most so many,
// the likeliest first. The same name under another namespace is likely, as are a few
// wrong letters; none is better than one that has nothing to do with it.
func Repositories(asked string, known []hub.Repository, most int) []hub.Repository {
	asked = strings.ToLower(strings.Trim(asked, "/"))
	if asked == "" || len(asked) > maxAsked {
		return nil
	}
	type candidate struct {
		hub.Repository
		distance int
	}
	var near []candidate
	for _, r := range known {
		if d, ok := unlikeness(asked, r); ok {
			near = append(near, candidate{r, d})
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var out []hub.Repository
	for _, c := range near[:min(len(near), most)] {
		out = append(out, c.Repository)
	}
	return out
}

// unlikeness is how far asked is from the whole name of r, or from its name alone where
// only that is alike; false when it is too far.
func unlikeness(asked string, r hub.Repository) (int, bool) {
	whole, near := within(asked, r.String())
	_, name, found := strings.Cut(asked, "/")
	if !found {
		name = asked
	}
	if alone, ok := within(name, r.Name); ok {
		if alone++; !near || alone < whole {
			whole, near = alone, true
		}
	}
	if !near && len(name) > 2 && strings.Contains(r.Name, name) {
		return len(r.Name), true
	}
	return whole, near
}

// within is the number of letters that are wrong; false when that is more than a third.
func within(asked, name string) (int, bool) {
	most := max(len(asked)/3, 1)
	if len(asked)-len(name) > most || len(name)-len(asked) > most {
		return 0, false
	}
	d := Distance(asked, name)
	return d, d <= most
}

// Distance is how many bytes have to be put in, taken out, replaced or swapped with
// their neighbour to make b of a.
func Distance(a, b string) int {
	older, old, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		older, old, row = old, row, older
		row[0] = i + 1
		for j := range len(b) {
			replaced := old[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(old[j+1]+1, row[j]+1, replaced)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
