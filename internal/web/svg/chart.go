package svg

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// Chart is a picture of lines over time.
type Chart struct {
	Title, Subtitle string
	// Description is a sentence for those who do not see the picture. Without it, one
	// tells the time, the highest value and the names.
	Description string
	// Unit is what the values are, such as "pulls per day".
	Unit string

	Lines []Line
	// Stacked puts the lines one upon another, the first at the bottom, as areas. A line
	// that has nothing at a time, while another has, adds nothing there, and one that has
	// a gap adds the estimate that the gap has: so neither looks like a fall.
	Stacked bool
	// Log makes the scale logarithmic. It does nothing where lines are stacked.
	Log bool
	// Marks are things that happened.
	Marks []Mark

	// From and To are the ends of the time that is shown. A zero one is that of the points.
	From, To time.Time

	// Width and Height are in pixels; zero is a usual size.
	Width, Height int
	// Inline is a chart for a page that has CSS; otherwise it is a file.
	Inline bool
	// Theme is that of a file.
	Theme Theme
	// Empty is what is said where no line has anything to show.
	Empty string
}

// Line is one series.
type Line struct {
	Name   string
	Points []Point
	// Class is the number of its colour, 1 to 8, or Other. Zero takes that of its place.
	Class int
}

// Other is the Class of a line that is the sum of the rest.
const Other = -1

// Mark is a moment on the time axis, such as a push.
type Mark struct {
	At    time.Time
	Label string
}

const (
	maxLines = 9
	colours  = 8

	// Pixels. There are two sizes of text.
	small, large              = 11, 16
	bold                      = 1.15 // times as wide
	usualWidth, usualHeight   = 800, 360
	leastWidth, leastHeight   = 200, 200
	mostWidth, mostHeight     = 4000, 2000
	rowHeight                 = 16
	leastPlot                 = 80
	padInline, padFile        = 2, 16
	belowAxis                 = 26
	titleLength, descriptionL = 300, 1000
)

// SVG draws the chart.
func (c Chart) SVG() []byte {
	p := newPicture(c)
	var b bytes.Buffer
	p.open(&b)
	p.heading(&b)
	p.legend(&b)
	if !p.shown {
		p.nothing(&b)
	}
	p.axes(&b)
	if p.shown {
		b.Write(p.series())
	}
	p.marks(&b)
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func (p *picture) open(b *bytes.Buffer) {
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-size="%d">`+"\n",
		p.width, p.height, small)
	fmt.Fprintf(b, "<title>%s</title>\n<desc>%s</desc>\n", escaped(p.title), escaped(p.description()))
	if !p.Inline {
		fmt.Fprintf(b, "<style>\n%s</style>\n", p.Theme.css())
		fmt.Fprintf(b, `<rect class="chart-paper" x=".5" y=".5" width="%d" height="%d" rx="6"/>`+"\n", p.width-1, p.height-1)
	}
}

// text writes s at a place; style are further attributes.
func text(b *bytes.Buffer, class, style string, x, y float64, s string) {
	fmt.Fprintf(b, `<text class="%s"%s x="%s" y="%s">%s</text>`+"\n", class, style, pixel(x), pixel(y), escaped(s))
}

func pixel(v float64) string { return string(coordinate(nil, tenths(v))) }

func (p *picture) heading(b *bytes.Buffer) {
	if p.Title != "" {
		text(b, "chart-ink", ` font-size="16" font-weight="600"`, p.pad, p.titleAt, fit(p.Title, large*bold, p.inner()))
	}
	if p.Subtitle != "" {
		text(b, "chart-soft", "", p.pad, p.subtitleAt, fit(p.Subtitle, small, p.inner()))
	}
	if p.unit != "" {
		text(b, "chart-soft", "", p.pad, p.unitAt, fit(p.unit, small, p.inner()))
	}
}

// nothing says so in the middle.
func (p *picture) nothing(b *bytes.Buffer) {
	words := clean(p.Empty, titleLength)
	if words == "" {
		words = "Nothing to show yet"
	}
	text(b, "chart-soft", ` text-anchor="middle"`, (p.left+p.right)/2, (p.top+p.bottom)/2, fit(words, small, p.right-p.left))
}

func (p *picture) axes(b *bytes.Buffer) {
	if p.shown {
		var grid path
		for _, v := range p.ticks[1:] {
			grid.move(at{tenths(p.left), tenths(p.y(v))})
			grid.line(at{tenths(p.right), tenths(p.y(v))})
		}
		fmt.Fprintf(b, `<path class="chart-grid" fill="none" d="%s"/>`+"\n", grid.data)
		for _, v := range p.ticks {
			text(b, "chart-soft", ` text-anchor="end"`, p.left-8, p.y(v)+4, short(v))
		}
	}
	axis := path{}
	axis.move(at{tenths(p.left), tenths(p.bottom)})
	axis.line(at{tenths(p.right), tenths(p.bottom)})
	for _, l := range p.labels {
		axis.move(at{tenths(l.tick), tenths(p.bottom)})
		axis.line(at{tenths(l.tick), tenths(p.bottom + 4)})
	}
	fmt.Fprintf(b, `<path class="chart-axis" fill="none" d="%s"/>`+"\n", axis.data)
	for _, l := range p.labels {
		text(b, "chart-soft", ` text-anchor="middle"`, (l.left+l.end)/2, p.bottom+21, l.text)
	}
}

// description is the caller's, or one that says what can be said of any values.
func (p *picture) description() string {
	if said := clean(p.Description, descriptionL); said != "" {
		return said
	}
	if !p.shown {
		return "There is nothing to show yet."
	}
	what := p.Unit
	if what == "" {
		what = "values"
	}
	best, line, _ := most(p.points)
	s := fmt.Sprintf("A chart of %s from %s to %s; the highest is %s on %s", what, p.first.Format(dateLayout), p.last.Format(dateLayout),
		grouped(strconv.FormatInt(best.Value, 10)), best.At.UTC().Format(dateLayout))
	if name := p.names[line]; name != "" {
		s += ", of " + isolated(name)
	}
	if n := len(p.points); n > 1 {
		s += fmt.Sprintf("; %d lines", n)
	}
	return s + "."
}
