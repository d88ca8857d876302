package svg

import (
	"bytes"
	"fmt"
	"slices"
)

// enough is how many bytes all lines together may take.
const enough = 42_000

// widest is the widest column, in tenths of a pixel.
const widest = 640

// series are the lines, in as fine columns as there is room for.
func (p *picture) series() []byte {
	draw := p.lines
	if p.Stacked {
		draw = p.areas
	}
	spots := make([][]spot, len(p.drawn))
	for i, points := range p.drawn {
		spots[i] = p.spots(points)
	}
	for column := 10; ; column += 10 {
		if out := draw(spots, column); len(out) <= enough || column >= widest {
			return out
		}
	}
}

// lines are drawn so that the first, the most important, is in front.
func (p *picture) lines(all [][]spot, column int) []byte {
	var b bytes.Buffer
	for i, spots := range slices.Backward(all) {
		solid, dashed, dots := strokes(pieces(spots, column))
		fmt.Fprintf(&b, `<g class="chart-line %s" fill="none" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round">`, p.classes[i])
		stroke(&b, "", solid)
		stroke(&b, ` class="chart-partial" stroke-dasharray="3 4"`, dashed)
		stroke(&b, ` class="chart-dot" stroke-width="5"`, dots)
		b.WriteString("</g>\n")
	}
	return b.Bytes()
}

// strokes are what is drawn of a line: what is known, what is known in part, and days that
// stand alone.
func strokes(all []piece) (solid, dashed, dots path) {
	for _, piece := range all {
		switch {
		case len(piece.points) == 1:
			dots.dot(piece.points[0])
		case piece.partial:
			dashed.lines(piece.points)
		default:
			solid.lines(piece.points)
		}
	}
	return solid, dashed, dots
}

// stroke writes a path, if there is one.
func stroke(b *bytes.Buffer, attributes string, p path) {
	if len(p.data) > 0 {
		fmt.Fprintf(b, `<path%s d="%s"/>`, attributes, p.data)
	}
}

// areas reach down to the axis, the topmost behind all others. What is partial lies
// under a veil.
func (p *picture) areas(all [][]spot, column int) []byte {
	var b bytes.Buffer
	for i, spots := range slices.Backward(all) {
		var area path
		for _, piece := range pieces(spots, column) {
			area.area(p.broad(piece.points), tenths(p.bottom))
		}
		fmt.Fprintf(&b, `<path class="chart-area %s" stroke-width=".5" d="%s"/>`+"\n", p.classes[i], area.data)
	}
	if len(all) > 0 {
		p.veil(&b, pieces(all[len(all)-1], column))
	}
	return b.Bytes()
}

// broad makes a point as wide as a dot.
func (p *picture) broad(points []at) []at {
	first, last := points[0], points[len(points)-1]
	if first.x != last.x {
		return points
	}
	const half = 20
	first.x, last.x = max(first.x-half, tenths(p.left)), min(last.x+half, tenths(p.right))
	return append(append([]at{first}, points...), last)
}

func (p *picture) veil(b *bytes.Buffer, all []piece) {
	var veil path
	for _, piece := range all {
		if piece.partial {
			points := p.broad(piece.points)
			top := tenths(p.top)
			veil.area([]at{{points[0].x, top}, {points[len(points)-1].x, top}}, tenths(p.bottom))
		}
	}
	if len(veil.data) > 0 {
		fmt.Fprintf(b, `<path class="chart-veil chart-partial" fill-opacity=".5" d="%s"/>`+"\n", veil.data)
	}
}

// markWidth is that of a mark, and so the least distance of two, in pixels.
const markWidth = 7

// marks are triangles that point at the axis from below. Those that would touch are
// one, at the place of the first, which has the label of the last and says how many
// came before.
func (p *picture) marks(b *bytes.Buffer) {
	marks := slices.Clone(p.Marks)
	marks = slices.DeleteFunc(marks, func(m Mark) bool { return m.At.Before(p.first) || m.At.After(p.last) })
	if len(marks) == 0 || len(p.labels) == 0 {
		return
	}
	slices.SortStableFunc(marks, func(a, b Mark) int { return a.At.Compare(b.At) })
	b.WriteString(`<g class="chart-mark">`)
	for i := 0; i < len(marks); {
		end := i + 1
		for end < len(marks) && p.x(marks[end].At)-p.x(marks[i].At) < markWidth {
			end++
		}
		p.mark(b, p.x(marks[i].At), marks[end-1], end-i)
		i = end
	}
	b.WriteString("</g>\n")
}

func (p *picture) mark(b *bytes.Buffer, x float64, m Mark, n int) {
	words := m.At.UTC().Format(dateLayout)
	if label := clean(m.Label, 80); label != "" {
		words += ": " + isolated(label)
	}
	if n > 1 {
		words = fmt.Sprintf("%s, and %d before", words, n-1)
	}
	fmt.Fprintf(b, `<path d="M%s %sl3.5 6h-7z"><title>%s</title></path>`, pixel(x), pixel(p.bottom+1), escaped(words))
}
