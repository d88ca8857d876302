package svg

import (
	"slices"
	"strconv"
	"time"
)

// picture is a chart whose parts have found their places.
type picture struct {
	Chart
	width, height int
	pad           float64
	title, unit   string

	// points are those of each line that are within the time; drawn are the same, put one
	// upon another if they are stacked.
	points  [][]Point
	drawn   [][]Point
	names   []string
	classes []string
	// shown reports whether there is anything to draw.
	shown       bool
	first, last time.Time

	titleAt, subtitleAt, unitAt float64
	rows                        [][]entry
	rowsAt                      float64

	left, right, top, bottom float64
	scale                    scale
	ticks                    []float64
	labels                   []label
}

func newPicture(c Chart) *picture {
	p := &picture{Chart: c, pad: padFile}
	if c.Inline {
		p.pad = padInline
	}
	p.width = sized(c.Width, usualWidth, leastWidth, mostWidth)
	p.height = sized(c.Height, usualHeight, leastHeight, mostHeight)
	p.words()
	p.data()
	p.stackRows()
	p.plot()
	return p
}

func sized(v, usual, least, most int) int {
	if v == 0 {
		return usual
	}
	return max(least, min(v, most))
}

func (p *picture) words() {
	p.Title, p.Subtitle, p.Unit = clean(p.Title, titleLength), clean(p.Subtitle, titleLength), clean(p.Unit, titleLength)
	p.title = p.Title
	if p.title == "" {
		p.title = "Chart"
	}
	p.Log = p.Log && !p.Stacked
	p.unit = p.Unit
	switch {
	case p.Log && p.unit != "":
		p.unit += ", logarithmic scale"
	case p.Log:
		p.unit = "logarithmic scale"
	}
}

func (p *picture) data() {
	lines := p.Lines[:min(len(p.Lines), maxLines)]
	all := make([][]Point, len(lines))
	for i, l := range lines {
		all[i] = l.Points
		p.names = append(p.names, clean(l.Name, titleLength))
		p.classes = append(p.classes, class(l.Class, i))
	}
	p.first, p.last = span(p.From, p.To, all)
	for i := range all {
		all[i] = within(all[i], p.first, p.last)
	}
	p.points, p.drawn = all, all
	if p.Stacked {
		p.drawn = stacked(all)
	}
	_, _, p.shown = most(all)
}

// class is the name of a line's colour.
func class(number, place int) string {
	switch {
	case number == 0 && place < colours:
		number = place + 1
	case number <= 0:
		return "chart-series-other"
	}
	return "chart-series-" + strconv.Itoa((number-1)%colours+1)
}

// stackRows gives the lines of text above the plot their places. The legend has what
// they leave of the height.
func (p *picture) stackRows() {
	y := p.pad
	if p.Title != "" {
		p.titleAt = y + 13
		y += 20
	}
	if p.Subtitle != "" {
		p.subtitleAt = y + 12
		y += 18
	}
	foot := p.pad + belowAxis
	above := 8.0
	if p.unit != "" {
		above += rowHeight + 4
	}
	if len(p.Lines) > 1 {
		room := int((float64(p.height) - y - above - foot - leastPlot - 8) / rowHeight)
		if p.rows = p.entries(room); len(p.rows) > 0 {
			y += 4
			p.rowsAt = y + 12
			y += float64(len(p.rows)*rowHeight) + 4
		}
	}
	p.unitAt = y + 12
	p.top, p.bottom = y+above, float64(p.height)-foot
}

// plot places the axes.
func (p *picture) plot() {
	p.right = float64(p.width) - max(p.pad, 8)
	p.left = max(p.pad, 8)
	if p.shown {
		best, _, _ := most(p.drawn)
		p.scale, p.ticks = upTo(best.Value, p.Log, int((p.bottom-p.top)/18))
		for _, v := range p.ticks {
			p.left = max(p.left, p.pad+textWidth(short(v), small)+8)
		}
	}
	if p.shown || !p.From.IsZero() && !p.To.IsZero() {
		p.labels = timeAxis(p.first, p.last, p.unitOfTime(), p.x, p.pad, float64(p.width)-p.pad)
	}
}

// unitOfTime is a day where all points are at the beginning of one; hours would say
// nothing then. Otherwise it is zero.
func (p *picture) unitOfTime() time.Duration {
	for _, points := range p.points {
		for _, q := range points {
			if !q.At.Equal(q.At.Truncate(day)) {
				return 0
			}
		}
	}
	if !p.shown {
		return 0
	}
	return day
}

// inner is the width between the paddings.
func (p *picture) inner() float64 { return float64(p.width) - 2*p.pad }

func (p *picture) x(t time.Time) float64 {
	from, to := seconds(p.first), seconds(p.last)
	return p.left + (seconds(t)-from)/(to-from)*(p.right-p.left)
}

func (p *picture) y(v float64) float64 {
	return p.bottom - p.scale.height(v)*(p.bottom-p.top)
}

// spots are where points come to lie.
func (p *picture) spots(points []Point) []spot {
	spots := make([]spot, len(points))
	for i, q := range points {
		spots[i] = spot{at: at{tenths(p.x(q.At)), tenths(p.y(float64(q.Value)))}, gap: q.Gap, partial: q.Partial}
	}
	return spots
}

// stacked are the lines put one upon another. All have the same times; one of them is a
// gap where no line has more than that, and partial where one is.
func stacked(lines [][]Point) [][]Point {
	var times []time.Time
	for _, points := range lines {
		for _, p := range points {
			times = append(times, p.At)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	times = slices.CompactFunc(times, time.Time.Equal)
	sum := make([]Point, len(times))
	for i, t := range times {
		sum[i] = Point{At: t, Gap: true}
	}
	tops := make([][]Point, len(lines))
	for n, points := range lines {
		i := 0
		for _, p := range points {
			for !times[i].Equal(p.At) {
				i++
			}
			sum[i].Value = added(sum[i].Value, p.Value)
			sum[i].Gap = sum[i].Gap && p.Gap
			sum[i].Partial = sum[i].Partial || p.Partial
		}
		tops[n] = slices.Clone(sum)
	}
	for n := range tops {
		for i := range sum {
			tops[n][i].Gap, tops[n][i].Partial = sum[i].Gap, sum[i].Partial
		}
	}
	return tops
}
