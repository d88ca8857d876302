package page

import (
	"net/url"
	"strings"
	"time"

	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
)

// chartKeys are what the address of a repository's page chooses for its chart.
var chartKeys = []string{"range", "from", "to", "metric", "scale"}

// kept are the parameters that the addresses on the page keep, besides those.
var kept = append([]string{"snapshots", "badge"}, chartKeys...)

// askedOf is what the address asks of the chart. The rest of what the overview knows is
// not asked for here.
func askedOf(values url.Values) query {
	return parseQuery(only(values, chartKeys))
}

func only(values url.Values, keys []string) url.Values {
	out := url.Values{}
	for _, key := range keys {
		if v := values.Get(key); v != "" {
			out.Set(key, v)
		}
	}
	return out
}

// but is the address of a part of this page with one choice made differently.
func but(values url.Values, key, value, part string) string {
	next := only(values, kept)
	next.Set(key, value)
	return "?" + next.Encode() + "#" + part
}

// draw makes the numbers at the head and the chart.
func (v *repositoryView) draw(t *rollup.Trail, f *facts) {
	if len(f.ask.NotUnderstood) > 0 {
		v.Notices = append(v.Notices, noticeNotUnderstood(f.ask.NotUnderstood))
	}
	one := chosen{trails: []*rollup.Trail{t}, items: 1, all: 1}
	v.Numbers = f.oneNumbers(one)
	if one.first() {
		v.Notices = append(v.Notices, noticeTrailBegins(f.nextRun()))
		return
	}
	v.Recent = f.recents(one.trails)
	v.Custom = custom{From: date(f.ask.From), To: date(f.ask.To), Current: f.ask.custom()}
	v.Kept = []field{{"metric", f.ask.Metric}, {"scale", f.ask.Scale}}
	v.Ranges = here(f.rangeLinks(), t.Repository)
	v.Chart = f.chart(one)
	v.Chart.Data, v.Chart.CSV = f.oneData(one, ""), f.oneData(one, "csv")
	var choices []choice
	for _, c := range v.Chart.Choices {
		if c.Label != labelView { // one line has no others to lie upon
			choices = append(choices, choice{c.Label, here(c.Links, t.Repository)})
		}
	}
	v.Chart.Choices = choices
}

// oneData is where the API has the numbers of this repository's chart.
func (f *facts) oneData(one chosen, format string) string {
	picking := *f
	picking.ask.Picked = []hub.Repository{one.trails[0].Repository}
	return picking.data(one, format)
}

// here are links of the overview that lead to the page of r instead.
func here(links []link, r hub.Repository) []link {
	out := make([]link, len(links))
	for i, l := range links {
		if l.URL != "" {
			l.URL = "/r" + pathOf(r) + strings.TrimPrefix(l.URL, "/")
		}
		out[i] = l
	}
	return out
}

// oneNumbers are those at the head of the page.
func (f *facts) oneNumbers(one chosen) []figure {
	newest := one.trails[0].Newest
	push := figure{ID: "number-push", Label: labelLastPush, value: moment(f.now, newest.LastUpdated)}
	if newest.LastUpdated != nil {
		push.Note = newest.LastUpdated.UTC().Format(dateLayout)
	}
	return []figure{
		f.pullsFigure(one),
		exactly(figure{ID: "number-total", Label: labelPulls, value: number(&newest.PullCount)}),
		exactly(figure{ID: "number-stars", Label: labelStars, value: number(newest.StarCount)}),
		{ID: "number-size", Label: labelSize, value: size(newest.StorageSize)},
		push,
	}
}

// openEnd is no bound.
var openEnd time.Time
