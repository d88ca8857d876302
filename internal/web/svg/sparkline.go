package svg

import (
	"bytes"
	"fmt"
	"time"
)

// Spark says how a sparkline is drawn. The zero value is a usual one.
type Spark struct {
	// From and To are the ends of the time that is shown, so that the sparklines of a
	// table can be compared. A zero one is that of the points.
	From, To time.Time
	// Width and Height are in pixels.
	Width, Height int
}

// Sparkline draws points in the colour of the text around, without any words: what it
// shows must be said beside it. It is for a page and is no file. Points that are all
// gaps, or none, leave the line at zero.
func Sparkline(points []Point, s Spark) []byte {
	width, height := sized(s.Width, 120, 16, 1000), sized(s.Height, 28, 12, 400)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg class="spark" aria-hidden="true" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round">`,
		width, height)
	fmt.Fprintf(&b, `<path stroke-width="1" stroke-opacity=".25" d="M2 %d.5h%d"/>`, height-2, width-4)
	solid, dashed, dots := strokes(pieces(s.spots(points, width, height), 10))
	stroke(&b, "", solid)
	stroke(&b, ` stroke-dasharray="2 3"`, dashed)
	stroke(&b, ` stroke-width="3"`, dots)
	b.WriteString("</svg>")
	return b.Bytes()
}

// spots leave a margin for the width of the line.
func (s Spark) spots(points []Point, width, height int) []spot {
	first, last := span(s.From, s.To, [][]Point{points})
	points = within(points, first, last)
	best, _, _ := most([][]Point{points})
	top := max(1, float64(best.Value))
	from, to := seconds(first), seconds(last)
	spots := make([]spot, len(points))
	for i, p := range points {
		x := 2 + (seconds(p.At)-from)/(to-from)*float64(width-4)
		y := float64(height) - 2 - float64(p.Value)/top*float64(height-4)
		spots[i] = spot{at: at{tenths(x), tenths(y)}, gap: p.Gap, partial: p.Partial}
	}
	return spots
}
