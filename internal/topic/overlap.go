package topic

import "strings"

// Overlap reports whether there is a topic that belongs to both filters.
func Overlap(a, b string) bool {
	a, b = Bare(a), Bare(b)
	if strings.HasPrefix(a, "$") != strings.HasPrefix(b, "$") {
		return false
	}
	for {
		x, aRest, aMore := strings.Cut(a, "/")
		y, bRest, bMore := strings.Cut(b, "/")
		if x == "#" || y == "#" {
			return true
		}
		if x != "+" && y != "+" && x != y {
			return false
		}
		switch {
		case !aMore && !bMore:
			return true
		case aMore && !bMore:
			return aRest == "#" // "a/#" takes "a" itself too
		case !aMore:
			return bRest == "#"
		}
		a, b = aRest, bRest
	}
}
