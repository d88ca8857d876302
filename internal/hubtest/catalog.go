package hubtest

import "strings"

// catalog is which repositories there are.
type catalog struct {
	entries map[string]map[string]entry // by namespace and name
}

// entry is one repository that was named; its body is nil after Remove.
type entry struct {
	body    []byte
	private bool
}

func newCatalog() catalog {
	return catalog{entries: map[string]map[string]entry{}}
}

// Set gives a repository ("namespace/name") a full answer with this many pulls.
func (h *Hub) Set(repository string, pulls int64) {
	h.SetBody(repository, Detail(repository, pulls))
}

// SetBody gives a repository this answer.
func (h *Hub) SetBody(repository string, body []byte) {
	h.put(repository, entry{body: body})
}

// SetPrivate gives a repository a full answer that only a login sees which owns its
// namespace. To everybody else it is absent.
func (h *Hub) SetPrivate(repository string, pulls int64) {
	h.put(repository, entry{body: render(wholeDetail, parse(repository), pulls, true), private: true})
}

// Remove takes a repository away.
func (h *Hub) Remove(repository string) { h.put(repository, entry{}) }

func (h *Hub) put(repository string, e entry) {
	namespace, name, _ := strings.Cut(full(repository), "/")
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &h.catalog
	if c.entries[namespace] == nil {
		c.entries[namespace] = map[string]entry{}
	}
	c.entries[namespace][name] = e
}

// full is "namespace/name", also for the bare name of an official image.
func full(repository string) string {
	if strings.Contains(repository, "/") {
		return repository
	}
	return "library/" + repository
}

// find is the proper answer for a repository; nil where it is absent to the caller,
// known then being true where it was named all the same.
func (c *catalog) find(namespace, name string, by *account) (body []byte, known bool) {
	e, known := c.entries[namespace][name]
	switch {
	case known && e.private && !by.owns(namespace):
		return nil, true
	case known:
		return e.body, true
	}
	return nil, false
}
