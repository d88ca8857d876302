package svg

import (
	"bytes"
	"fmt"
)

// entry is a name in the legend with its colour; without one it says what was left out.
type entry struct {
	name, class string
	x           float64
}

const (
	swatch      = 16 // a line of 10 pixels and a space
	betweenEach = 14
)

// entries are the legend in at most room rows, in which names are cut as far as needed.
// What does not fit is counted.
func (p *picture) entries(room int) [][]entry {
	if room < 1 {
		return nil
	}
	var all []entry
	for i, name := range p.names {
		if name == "" {
			name = "unnamed"
		}
		all = append(all, entry{name: name, class: p.classes[i]})
	}
	for _, width := range []float64{280, 180, 120, 80} {
		if rows := p.flow(all, width, len(p.Lines)-len(all)); len(rows) <= room {
			return rows
		}
	}
	for len(all) > 1 {
		all = all[:len(all)-1]
		if rows := p.flow(all, 80, len(p.Lines)-len(all)); len(rows) <= room {
			return rows
		}
	}
	return nil
}

// flow fills rows with names of at most that width, and with how many are missing.
func (p *picture) flow(all []entry, width float64, missing int) [][]entry {
	if missing > 0 {
		all = append(all[:len(all):len(all)], entry{name: fmt.Sprintf("and %d more", missing)})
	}
	var rows [][]entry
	x := p.inner() + 1
	for _, e := range all {
		e.name = fit(e.name, small, min(width, p.inner()-swatch))
		needs := textWidth(e.name, small)
		if e.class != "" {
			needs += swatch
		}
		if x+needs > p.inner() {
			rows = append(rows, nil)
			x = 0
		}
		e.x = p.pad + x
		rows[len(rows)-1] = append(rows[len(rows)-1], e)
		x += needs + betweenEach
	}
	return rows
}

func (p *picture) legend(b *bytes.Buffer) {
	for i, row := range p.rows {
		y := p.rowsAt + float64(i*rowHeight)
		for _, e := range row {
			x := e.x
			if e.class != "" {
				fmt.Fprintf(b, `<path class="chart-line %s" stroke-width="3" stroke-linecap="round" d="M%s %sh8"/>`, e.class, pixel(x+1.5), pixel(y-4))
				x += swatch
			}
			text(b, "chart-ink", "", x, y, e.name)
		}
	}
}
