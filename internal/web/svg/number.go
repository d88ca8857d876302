package svg

import (
	"math"
	"strconv"
)

// space does not break, so that a number and its unit stay together.
const space = "\u00a0"

// Short is a count as charts have it: 842, 9,999, 12.5 k, 3 M, 12.9 B.
func Short(n int64) string { return short(float64(max(n, 0))) }

// short is a label of an axis: 842, 9,999, 12.5 k, 3 M, 12.9 B. It has a decimal only
// where there is one.
func short(v float64) string {
	if v < 10_000 {
		return grouped(strconv.FormatFloat(v, 'f', 0, 64))
	}
	units := []string{"k", "M", "B", "T"}
	v /= 1000
	for len(units) > 1 && math.Round(v*10) >= 10_000 { // also what would be rounded up to a thousand
		v /= 1000
		units = units[1:]
	}
	tenths := math.Round(v * 10)
	whole, rest := math.Floor(tenths/10), math.Mod(tenths, 10)
	text := grouped(strconv.FormatFloat(whole, 'f', 0, 64))
	if rest != 0 {
		text += "." + strconv.Itoa(int(rest))
	}
	return text + space + units[0]
}

// grouped has commas between thousands.
func grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
