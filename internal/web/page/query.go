package page

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"pulltrail/internal/hub"
)

// The bounds of what an address may ask for.
const (
	maxQuery   = 255  // characters of a search
	maxChosen  = 100  // repositories or namespaces that are named one by one
	maxNumber  = 9999 // the number of a page
	rowsAPage  = 100
	usualRange = "30d"
)

// The values of the address that are compared with.
const (
	rangeAll    = "all"
	metricPulls = "pulls"
	metricTotal = "total"
	viewLines   = "lines"
	viewStacked = "stacked"
	viewSum     = "sum"
	scaleLinear = "linear"
	scaleLog    = "log"
	ascending   = "asc"
	descending  = "desc"
	byNamespace = "namespace"
)

// query is what the address asks to see. All that the page shows follows from it, so
// that an address can be kept and sent to others.
type query struct {
	Range string
	// From and To are the first and the last day of a range that is none of the usual
	// ones; zero where that end is open.
	From, To            time.Time
	Metric, View, Scale string
	// Search is a part of the name.
	Search            string
	Sort, Dir         string
	Grouped           bool
	Namespace         string
	Picked, Hidden    []hub.Repository
	Open              []string // namespaces that are unfolded
	Page              int
	NotUnderstood     []string // what is in the address and makes no sense, as it stands there
	othersAreNotShown bool     // the line of all others is hidden
}

// others is how the line of all others is named in the address.
const others = "other"

// keys are the parameters in the order in which they are written.
var ranges = []string{"7d", usualRange, "90d", "1y", rangeAll}

// spans are how many days the usual ranges have.
var spans = map[string]int{"7d": 7, usualRange: 30, "90d": 90, "1y": 365}

// parseQuery reads an address. What makes no sense is as if it were not there, but is
// remembered.
func parseQuery(values url.Values) query {
	r := reading{values: values}
	q := query{
		Range:     r.one("range", usualRange, ranges...),
		From:      r.day("from"),
		To:        r.day("to"),
		Metric:    r.one("metric", metricPulls, metricPulls, metricTotal),
		View:      r.one("view", viewLines, viewLines, viewStacked, viewSum),
		Scale:     r.one("scale", scaleLinear, scaleLinear, scaleLog),
		Search:    r.text("q", maxQuery),
		Sort:      r.one("sort", columns[1].key, sortKeys()...),
		Grouped:   r.one("group", "", "", byNamespace) == byNamespace,
		Namespace: r.text("ns", maxQuery),
		Picked:    r.repositories("pick"),
		Open:      r.texts("open"),
		Page:      r.number("page"),
	}
	q.Dir = r.one("dir", usualDir(q.Sort), ascending, descending)
	if i := slices.Index(values["hide"], others); i >= 0 {
		q.othersAreNotShown = true
		values["hide"] = slices.Delete(slices.Clone(values["hide"]), i, i+1)
	}
	q.Hidden = r.repositories("hide")
	if !q.From.IsZero() && !q.To.IsZero() && q.To.Before(q.From) {
		r.refuse("from", q.From.Format(time.DateOnly))
		r.refuse("to", q.To.Format(time.DateOnly))
		q.From, q.To = time.Time{}, time.Time{}
	}
	q.NotUnderstood = r.refused
	return q
}

// custom reports whether the range is none of the usual ones.
func (q query) custom() bool { return !q.From.IsZero() || !q.To.IsZero() }

// url is the address of q. What is usual is left out.
func (q query) url() string {
	values := q.values()
	if len(values) == 0 {
		return "/"
	}
	return "/?" + values.Encode()
}

func (q query) values() url.Values {
	values := url.Values{}
	set := func(key, value, usual string) {
		if value != usual {
			values.Set(key, value)
		}
	}
	set("range", q.Range, usualRange)
	set("from", date(q.From), "")
	set("to", date(q.To), "")
	set("metric", q.Metric, metricPulls)
	set("view", q.View, viewLines)
	set("scale", q.Scale, scaleLinear)
	set("q", q.Search, "")
	set("sort", q.Sort, columns[1].key)
	set("dir", q.Dir, usualDir(q.Sort))
	set("ns", q.Namespace, "")
	if q.Grouped {
		values.Set("group", byNamespace)
	}
	for _, r := range q.Picked {
		values.Add("pick", r.String())
	}
	for _, r := range q.Hidden {
		values.Add("hide", r.String())
	}
	if q.othersAreNotShown {
		values.Add("hide", others)
	}
	if len(q.Open) > 0 {
		values["open"] = q.Open
	}
	if q.Page > 1 {
		values.Set("page", strconv.Itoa(q.Page))
	}
	return values
}

// but is the address of q with a change, from its first page on.
func (q query) but(change func(*query)) string {
	q.Page = 1
	change(&q)
	return q.url()
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

// reading remembers what made no sense.
type reading struct {
	values  url.Values
	refused []string
}

// refuse remembers a parameter, as far as it can be shown.
func (r *reading) refuse(key, value string) {
	const enough, few = 40, 5
	if len(r.refused) == few {
		return
	}
	value = strings.ToValidUTF8(value, "\ufffd")
	if utf8.RuneCountInString(value) > enough {
		value = string([]rune(value)[:enough]) + "…"
	}
	r.refused = append(r.refused, key+"="+value)
}

// one is the value of key where it is one of known, otherwise the usual.
func (r *reading) one(key, usual string, known ...string) string {
	value := r.values.Get(key)
	switch {
	case value == "":
		return usual
	case slices.Contains(known, value):
		return value
	}
	r.refuse(key, value)
	return usual
}

func (r *reading) text(key string, most int) string {
	value := strings.TrimSpace(r.values.Get(key))
	if !utf8.ValidString(value) || utf8.RuneCountInString(value) > most {
		r.refuse(key, value)
		return ""
	}
	return value
}

// day is a UTC day from the years that snapshots can be of.
func (r *reading) day(key string) time.Time {
	value := r.values.Get(key)
	if value == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, value)
	if err != nil || t.Year() < 1970 {
		r.refuse(key, value)
		return time.Time{}
	}
	return t
}

func (r *reading) number(key string) int {
	value := r.values.Get(key)
	if value == "" {
		return 1
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > maxNumber {
		r.refuse(key, value)
		return 1
	}
	return n
}

// texts are all values of key, each once.
func (r *reading) texts(key string) []string {
	var out []string
	for _, value := range r.values[key] {
		switch {
		case value == "", slices.Contains(out, value):
		case len(out) == maxChosen, len(value) > maxQuery, !utf8.ValidString(value):
			r.refuse(key, value)
		default:
			out = append(out, value)
		}
	}
	return out
}

// repositories are the names that are values of key. One in full, as it stands in the
// table, may be longer than what people type.
func (r *reading) repositories(key string) []hub.Repository {
	var out []hub.Repository
	for _, value := range r.values[key] {
		named, err := hub.ParseRepository(value)
		switch {
		case value == "", slices.Contains(out, named):
		case err != nil, len(out) == maxChosen:
			r.refuse(key, value)
		default:
			out = append(out, named)
		}
	}
	return out
}

// with is the address of q with a change, on the same page.
func (q query) with(change func(*query)) string {
	change(&q)
	return q.url()
}
