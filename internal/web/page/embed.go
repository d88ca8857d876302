package page

import (
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"pulltrail/internal/hub"
)

// placeholder stands for an address that others can reach.
const placeholder = "https://your-host"

// snippet is something to be copied into a document.
type snippet struct{ Label, Code string }

// Copy is the word on its button, Copied the one afterwards.
func (snippet) Copy() string   { return copyWord }
func (snippet) Copied() string { return copiedWord }

// embedding is what a repository has for other pages.
type embedding struct {
	Badge, Chart string // addresses on this server, for the preview
	Badges       []badgeChoice
	Snippets     []snippet
	Charts       []snippet
	// Nowhere says that nobody else can reach the address by which the page was asked for.
	Nowhere bool
}

// badgeChoice is a badge among several, by the address that chooses it.
type badgeChoice struct {
	Label, URL, Badge string
	Chosen            bool
}

// badgeMetrics are what a badge can show, the first unless asked otherwise.
var badgeMetrics = []string{"total", "day", "week", "month"}

// chartRanges are those of a chart for other pages.
var chartRanges = map[string]bool{"7d": true, "30d": true, "90d": true, "1y": true, "all": true}

// embedOf are the snippets of r for the page that was asked for, with the badge and the
// range of the chart that its query chooses.
func embedOf(r hub.Repository, req *http.Request) embedding {
	query := req.URL.Query()
	base, nowhere := baseOf(req)
	path := pathOf(r)
	metric := badgeMetrics[0]
	e := embedding{Nowhere: nowhere, Chart: "/chart" + path + ".svg?range=" + chartRange(query.Get("range"))}
	for _, m := range badgeMetrics {
		c := badgeChoice{Label: badgeWords(m), Badge: "/badge" + path + ".svg?metric=" + m, URL: but(query, "badge", m, "embed")}
		if m == query.Get("badge") {
			metric = m
		}
		e.Badges = append(e.Badges, c)
	}
	for i, m := range badgeMetrics {
		e.Badges[i].Chosen = m == metric
	}
	e.Badge = "/badge" + path + ".svg?metric=" + metric
	alt, target := badgeAlt(metric), base+"/r"+path
	e.Snippets = append(snippets(base+e.Badge, alt, target), snippet{"shields.io", shields(base + "/badge" + path + ".json?metric=" + metric)})
	e.Charts = snippets(base+e.Chart, chartAlt(r.String()), target)
	return e
}

// snippets are a picture that leads to target. Neither address nor words have what would
// need quoting: they are made of a base, a repository's name and words of our own.
func snippets(picture, alt, target string) []snippet {
	return []snippet{
		{"Markdown", "[![" + alt + "](" + picture + ")](" + target + ")"},
		{"HTML", `<a href="` + target + `"><img src="` + picture + `" alt="` + alt + `"></a>`},
		{"reStructuredText", ".. image:: " + picture + "\n   :target: " + target + "\n   :alt: " + alt},
		{"AsciiDoc", "image:" + picture + "[" + alt + ",link=" + target + "]"},
	}
}

// shields is the address of a badge that shields.io draws of ours.
func shields(endpoint string) string {
	return "https://img.shields.io/endpoint?url=" + url.QueryEscape(endpoint)
}

// chartRange is the range of the page, or everything where a chart has no such range.
func chartRange(asked string) string {
	if chartRanges[asked] {
		return asked
	}
	return "all"
}

// pathOf is /namespace/name.
func pathOf(r hub.Repository) string {
	return "/" + url.PathEscape(r.Namespace) + "/" + url.PathEscape(r.Name)
}

// hostName is what a Host header may have that is written into a document.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*(:[0-9]{1,5})?$|^\[[0-9a-f:.]{2,45}\](:[0-9]{1,5})?$`)

// baseOf is the address of this server as the reader knows it. On loopback, behind a
// proxy or not, and for a Host that is none it is a placeholder.
func baseOf(r *http.Request) (base string, nowhere bool) {
	host := strings.ToLower(r.Host)
	if len(host) > 261 || !hostName.MatchString(host) || isLocal(host) {
		return placeholder, true
	}
	if r.TLS != nil {
		return "https://" + host, false
	}
	return "http://" + host, false
}

// isLocal reports whether a host, with or without a port, is this machine alone.
func isLocal(host string) bool {
	name := strings.TrimPrefix(host, "[")
	if end := strings.IndexByte(name, ']'); end >= 0 {
		name = name[:end]
	} else {
		name, _, _ = strings.Cut(name, ":")
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && (addr.IsLoopback() || addr.IsUnspecified())
}
