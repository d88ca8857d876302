package share

import (
	"net/http"
	"time"

	"pulltrail/internal/rollup"
	"pulltrail/internal/trail"
	"pulltrail/internal/web/svg"
)

// The bounds of a chart, in pixels, and of its marks.
const (
	usualWidth, leastWidth, mostWidth    = 800, 200, 2000
	usualHeight, leastHeight, mostHeight = 320, 200, 1000
	maxMarks                             = 200
)

// ranges are the times that a chart can show, by the parameter range: so many days, the
// present one among them. Zero is all.
var ranges = map[string]int{"7d": 7, "30d": 30, "90d": 90, "1y": 365, "all": 0}

func (h *handler) chart(w http.ResponseWriter, r *http.Request) {
	name, _, ok := cutExtension(r.PathValue("file"), ".svg")
	if !ok {
		h.refuse(w, problemChart, http.StatusNotFound, wordNoSuchPicture)
		return
	}
	t, ok := h.find(w, r, problemChart, name)
	if !ok {
		return
	}
	q := parseQuery(r.URL.RawQuery, "range", "metric", "log", "theme", "width", "height")
	asked := request{
		shown: q.choice("range", "30d", "7d", "30d", "90d", "1y", "all"), totals: q.choice("metric", "pulls", "pulls", "total") == "total",
		log:   q.choice("log", "false", "true", "false", "1", "0"),
		theme: q.choice("theme", "auto", "auto", "light", "dark"),
		width: q.number("width", usualWidth, leastWidth, mostWidth), height: q.number("height", usualHeight, leastHeight, mostHeight),
	}
	if q.mistake != "" {
		h.refuse(w, problemChart, http.StatusBadRequest, q.mistake)
		return
	}
	h.answer(w, r, t, problemChart, asked.draw(t, h.Now()).SVG())
}

// request is what a chart is to show.
type request struct {
	shown, log, theme string
	totals            bool
	width, height     int
}

func (asked request) draw(t *rollup.Trail, now time.Time) svg.Chart {
	var from time.Time
	if days := ranges[asked.shown]; days > 0 {
		from = trail.Day.Floor(now).AddDate(0, 0, 1-days)
	}
	c := svg.Chart{
		Title: t.String(), Unit: unitOf(asked.totals), Subtitle: subtitleOf(asked.shown), Empty: wordNothingInRange,
		Log: asked.log == "true" || asked.log == "1", From: from,
		Width: asked.width, Height: asked.height, Marks: marksOf(t.Pushes, from),
	}
	if asked.theme != "auto" {
		c.Theme = svg.Theme(asked.theme)
	}
	var points []svg.Point
	var last time.Time
	if asked.totals {
		points, last = totalsOf(t.Totals(from, time.Time{})), now.Truncate(time.Hour)
	} else {
		// The pulls of a day are drawn at its beginning.
		points, last = svg.Points(t.Days.Between(from, time.Time{})), trail.Day.Floor(now)
	}
	if !from.IsZero() {
		c.To = later(last, c.Marks)
	}
	c.Lines = []svg.Line{{Name: t.String(), Points: points}}
	return c
}

// later is last, or the time of the last mark where that is later.
func later(last time.Time, marks []svg.Mark) time.Time {
	if n := len(marks); n > 0 && marks[n-1].At.After(last) {
		return marks[n-1].At
	}
	return last
}

func totalsOf(totals []rollup.Total) []svg.Point {
	points := make([]svg.Point, len(totals))
	for i, n := range totals {
		points[i] = svg.Point{At: n.At, Value: n.Pulls, Gap: n.Gap}
	}
	return points
}

// marksOf are the newest pushes since from.
func marksOf(pushes []trail.Push, from time.Time) []svg.Mark {
	var marks []svg.Mark
	for _, p := range pushes[max(0, len(pushes)-maxMarks):] {
		if !p.At.Before(from) {
			marks = append(marks, svg.Mark{At: p.At, Label: wordPush})
		}
	}
	return marks
}
