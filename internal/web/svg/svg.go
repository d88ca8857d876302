// Package svg draws: a badge for a README, a sparkline for a cell of a table, and a
// chart, as a file of its own or within a page. It is pure: what it returns depends on
// its arguments alone, without clock, input or output, and the same arguments give the
// same bytes.
//
// # What it promises
//
//   - Well-formed XML whose coordinates are finite and within the picture, whatever the
//     numbers, times and names are. Names come from strangers: they are escaped, cut to
//     a length, and rid of what no text should have, which is control characters,
//     invalid UTF-8 and marks that change the direction of what follows. Names written
//     from right to left are isolated from their surroundings.
//   - Labels do not overlap one another and are not cut off by the edge. The width of a
//     text is reckoned with a wide font, as nobody knows which one the reader has.
//   - Rates begin at zero. A negative value, which pulls never have, is drawn as zero.
//   - A gap is a break in the line. What is still forming is dashed, or faint in a
//     stack. What is between two breaks is a dot.
//   - All times are UTC.
//
// # Bounds
//
// Sizes are held to what can be read. A chart draws its first 9 lines and says how
// many it left out; whoever has more adds them up to one that is Other. Points that
// share a column of pixels are thinned out to the lowest and the highest of them, and
// columns are made wider until all lines together take less than 42 kB.
//
// # Style
//
// A file has its style within itself. What is drawn for a page, by Sparkline and by a
// Chart that is Inline, has neither style elements nor style attributes, as the page's
// policy forbids both: it has classes, and CSS is the style sheet for them.
package svg

import (
	_ "embed"
	"time"

	"pulltrail/internal/trail"
)

// CSS are the rules for the classes of a chart, light and dark, to be appended to the
// style sheet of a page. A file has the same rules in it.
//
//go:embed svg.css
var CSS string

// Point is a value at a time.
type Point struct {
	// At is when what it counts begins.
	At    time.Time
	Value int64
	// Gap says that nothing certain is known: the line breaks. A time without a point is
	// no gap.
	Gap bool
	// Partial says that it may still grow.
	Partial bool
}

// Points are periods, as they are drawn.
func Points(periods []trail.Period) []Point {
	points := make([]Point, len(periods))
	for i, p := range periods {
		points[i] = Point{At: p.Start, Value: p.Pulls, Gap: p.Gap, Partial: p.Partial}
	}
	return points
}
