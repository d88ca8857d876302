package share

import (
	"net/http"
	"strings"
	"time"

	"pulltrail/internal/rollup"
	"pulltrail/internal/web/svg"
)

// metrics are what a badge can say, by the parameter metric.
var metrics = []struct {
	name   string
	length time.Duration // zero is the total
	suffix string
}{
	{"total", 0, ""},
	{"day", 24 * time.Hour, wordPerDay},
	{"week", 7 * 24 * time.Hour, wordPerWeek},
	{"month", 30 * 24 * time.Hour, wordPerMonth},
}

const (
	colourUsual   = "blue"
	colourUnknown = "lightgrey"
)

func (h *handler) badge(w http.ResponseWriter, r *http.Request) {
	name, extension, ok := cutExtension(r.PathValue("file"), ".svg", ".json")
	as := problemBadge
	if extension == ".json" {
		as = problemShield
	}
	if !ok {
		h.refuse(w, as, http.StatusNotFound, wordNoSuchPicture)
		return
	}
	t, ok := h.find(w, r, as, name)
	if !ok {
		return
	}
	q := parseQuery(r.URL.RawQuery, "metric", "label", "color")
	metric, label, colour := q.choice("metric", "total", "total", "day", "week", "month"), q.label(), q.colour()
	if q.mistake != "" {
		h.refuse(w, as, http.StatusBadRequest, q.mistake)
		return
	}
	value, known := valueOf(t, metric, h.Now())
	if !known {
		colour = colourUnknown
	}
	if extension == ".json" {
		h.answer(w, r, t, as, shield{Label: label, Message: value, Color: strings.TrimPrefix(colour, "#")}.encode())
		return
	}
	h.answer(w, r, t, as, svg.Badge(label, value, colour))
}

// valueOf is what a badge says; false where it is not known.
func valueOf(t *rollup.Trail, metric string, now time.Time) (string, bool) {
	for _, m := range metrics {
		switch {
		case m.name != metric:
			continue
		case m.length == 0:
			return svg.Short(t.Newest.PullCount), true
		}
		if span := t.Recent(m.length, now).Now; span.Whole() {
			return svg.Short(span.Pulls) + m.suffix, true
		}
	}
	return wordNotKnown, false
}
