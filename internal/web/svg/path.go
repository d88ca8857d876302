package svg

import (
	"math"
	"strconv"
)

// at is a place in the picture, in tenths of a pixel: finer is not seen, and whole
// numbers add up.
type at struct{ x, y int }

// tenths is v pixels.
func tenths(v float64) int { return int(math.Round(v * 10)) }

// coordinate writes tenths of a pixel in as few characters as can be: 12, 12.3, -.5.
func coordinate(b []byte, v int) []byte {
	if v < 0 {
		b = append(b, '-')
		v = -v
	}
	if v >= 10 || v == 0 {
		b = strconv.AppendInt(b, int64(v/10), 10)
	}
	if v%10 != 0 {
		b = append(b, '.', byte('0'+v%10))
	}
	return b
}

// pair writes two coordinates; a minus sign parts them as well as a space does.
func pair(b []byte, x, y int) []byte {
	b = coordinate(b, x)
	if y >= 0 {
		b = append(b, ' ')
	}
	return coordinate(b, y)
}

// path collects the data of a path element. The zero value is empty.
type path struct {
	data []byte
	last at
	// open says that what was written last was a line.
	open bool
}

func (p *path) move(to at) {
	p.data = pair(append(p.data, 'M'), to.x, to.y)
	p.last, p.open = to, false
}

func (p *path) line(to at) {
	dx, dy := to.x-p.last.x, to.y-p.last.y
	switch {
	case !p.open:
		p.data = append(p.data, 'l')
	case dx >= 0:
		p.data = append(p.data, ' ')
	}
	p.data = pair(p.data, dx, dy)
	p.last, p.open = to, true
}

// lines goes through all points of one piece.
func (p *path) lines(points []at) {
	p.move(points[0])
	for _, to := range points[1:] {
		p.line(to)
	}
}

// dot is a line without length, which round caps make visible.
func (p *path) dot(where at) {
	p.move(where)
	p.data = append(p.data, "h0"...)
}

// area is what lies between the points and the base.
func (p *path) area(points []at, base int) {
	p.move(at{points[0].x, base})
	for _, to := range points {
		p.line(to)
	}
	p.line(at{points[len(points)-1].x, base})
	p.data = append(p.data, 'z')
	p.open = false
}
