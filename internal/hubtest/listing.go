package hubtest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
)

// The sizes of a page, in rows.
const (
	defaultPageSize = 10
	maxPageSize     = 100
)

// listings is how listings behave.
type listings struct {
	cap     int             // pages for callers without a login; 0 is any number
	lie     int             // what is added to every count
	shift   bool            // the next page that is not the last is the last in order
	shifted map[string]bool // namespaces whose pages have shifted
}

// CapAnonymousPages refuses the pages beyond this number with 403 to callers without
// a login; 0 refuses none. Docker Hub caps since August 2026, at about two pages of 100.
func (h *Hub) CapAnonymousPages(pages int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listings.cap = pages
}

// ShiftListing lets somebody push while the next listing of several pages is being
// read: behind its first page that has a next one, the last repository moves to the
// front. Who reads on sees the last row of that page a second time and never the
// repository that moved. The order by name is back with the next first page.
func (h *Hub) ShiftListing() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listings.shift = true
}

// LieCount makes the count of every listing wrong by this much; 0 makes it true again.
func (h *Hub) LieCount(by int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listings.lie = by
}

// page is which part of a listing is asked for.
type page struct {
	number, size int // the number counts from 1; 0 is none
	self         *url.URL
}

// pageOf reads what is asked for. A size that is none is the default.
func pageOf(r *http.Request) page {
	self := *r.URL
	self.Host = r.Host
	if self.Scheme == "" {
		self.Scheme = "http"
		if r.TLS != nil {
			self.Scheme = "https"
		}
	}
	p := page{number: 1, size: defaultPageSize, self: &self}
	query := r.URL.Query()
	if query.Has("page") {
		p.number, _ = strconv.Atoi(query.Get("page")) // what is no number is page 0, which is none
	}
	if size, err := strconv.Atoi(query.Get("page_size")); err == nil && size > 0 {
		p.size = min(size, maxPageSize)
	}
	return p
}

// link is the address of another page of the listing, as JSON.
func (p page) link(number int, there bool) string {
	if !there {
		return "null"
	}
	to := *p.self
	query := to.Query()
	query.Set("page", strconv.Itoa(number))
	query.Set("page_size", strconv.Itoa(p.size))
	to.RawQuery = query.Encode()
	return strconv.Quote(to.String())
}

// row is one row and what befalls it.
type row struct {
	body  []byte
	fault Fault
}

// extract is a page with what stands around it.
type extract struct {
	page
	count      int
	next, prev bool
	rows       []row
}

// listing answers with a page of a namespace's repositories.
func (h *Hub) listing(w http.ResponseWriter, r *http.Request) {
	p, namespace := pageOf(r), r.PathValue("namespace")
	h.mu.Lock()
	h.traffic.listings[namespace]++
	x, status := h.extract(namespace, p, caller(r))
	fault := h.faults.or(h.faults.listings[namespace])
	h.mu.Unlock()

	var body []byte
	switch status {
	case http.StatusForbidden:
		body = []byte(`{"message":"pagination offset too large for anonymous requests; sign in to page further","errinfo":{}}`)
	case http.StatusNotFound:
		body = notFound(r)
	default:
		body = x.encode(r)
	}
	proper{status: status}.play(w, r, body, fault)
}

// extract finds what is on a page, or the status that refuses it.
func (h *Hub) extract(namespace string, p page, by *account) (extract, int) {
	if by == nil && h.listings.cap > 0 && p.number > h.listings.cap {
		return extract{}, http.StatusForbidden
	}
	count, at := h.catalog.list(shelf{namespace, by.owns(namespace)})
	last := max(1, (count+p.size-1)/p.size)
	if !h.catalog.exists(namespace) || p.number < 1 || p.number > last {
		return extract{}, http.StatusNotFound
	}
	x := extract{page: p, count: max(0, count+h.listings.lie), next: p.number < last, prev: p.number > 1}
	if !x.prev {
		delete(h.listings.shifted, namespace)
	}
	moved := 0
	if h.listings.shifted[namespace] {
		moved = count - 1
	}
	for i := (p.number - 1) * p.size; i < min(p.number*p.size, count); i++ {
		name := at((i + moved) % count)
		x.rows = append(x.rows, row{h.shapes.drifted(h.catalog.row(namespace, name)), h.faults.rows[namespace+"/"+name]})
	}
	if h.listings.shift && x.next {
		h.listings.shift, h.listings.shifted[namespace] = false, true
	}
	return x, http.StatusOK
}

// encode writes the page as Docker Hub does.
func (x extract) encode(r *http.Request) []byte {
	var b bytes.Buffer
	b.WriteString(`{"count":` + strconv.Itoa(x.count))
	b.WriteString(`,"next":` + x.link(x.number+1, x.next))
	b.WriteString(`,"previous":` + x.link(x.number-1, x.prev))
	b.WriteString(`,"results":[`)
	for i, row := range x.rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(row.encode(r))
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// encode is the row as it is sent: what its fault writes, if it has one.
func (row row) encode(r *http.Request) []byte {
	if row.fault == nil {
		return row.body
	}
	w := httptest.NewRecorder()
	row.fault(w, r, row.body)
	return w.Body.Bytes()
}
