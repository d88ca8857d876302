package hubtest

import (
	"maps"
	"slices"
	"strings"
)

// catalog is which repositories there are. What was Set or Removed by name comes
// before the population.
type catalog struct {
	entries    map[string]map[string]entry // by namespace and name
	known      map[string]bool             // namespaces that exist, be they empty
	population population
	sorted     map[shelf][]string // names of a shelf in order, as far as they were needed
}

// entry is one repository that was named; its body is nil after Remove.
type entry struct {
	body    []byte
	private bool
}

// shelf is what a kind of caller sees of a namespace.
type shelf struct {
	namespace string
	private   bool // with the private repositories
}

func newCatalog() catalog {
	return catalog{entries: map[string]map[string]entry{}, known: map[string]bool{}, sorted: map[shelf][]string{}}
}

// Set gives a repository ("namespace/name") a full answer with this many pulls.
func (h *Hub) Set(repository string, pulls int64) {
	h.SetBody(repository, Detail(repository, pulls))
}

// SetBody gives a repository this answer. In a listing, its row is the answer without
// what rows lack, or null where it is not JSON.
func (h *Hub) SetBody(repository string, body []byte) {
	h.put(repository, entry{body: body})
}

// SetPrivate gives a repository a full answer that only a login sees which owns its
// namespace. To everybody else it is absent.
func (h *Hub) SetPrivate(repository string, pulls int64) {
	h.put(repository, entry{body: render(wholeDetail, parse(repository), pulls, true), private: true})
}

// Remove takes a repository away, be it of the population or not. Its namespace
// stays.
func (h *Hub) Remove(repository string) { h.put(repository, entry{}) }

// AddNamespace makes a namespace exist, so that its listing is empty instead of
// absent. Whatever else names one does too.
func (h *Hub) AddNamespace(namespace string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.catalog.known[namespace] = true
}

func (h *Hub) put(repository string, e entry) {
	namespace, name, _ := strings.Cut(full(repository), "/")
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &h.catalog
	if c.entries[namespace] == nil {
		c.entries[namespace] = map[string]entry{}
	}
	c.entries[namespace][name] = e
	c.known[namespace] = true
	c.forget(namespace)
}

// forget drops the order of a namespace's names, which has changed.
func (c *catalog) forget(namespace string) {
	delete(c.sorted, shelf{namespace, false})
	delete(c.sorted, shelf{namespace, true})
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
	return c.population.detail(namespace, name), false
}

// row is the proper row of a repository that is there.
func (c *catalog) row(namespace, name string) []byte {
	if e, named := c.entries[namespace][name]; named {
		return rowOf(e.body)
	}
	return c.population.row(namespace, name)
}

// exists reports whether a namespace does.
func (c *catalog) exists(namespace string) bool {
	return c.known[namespace] || c.population.size(namespace) > 0
}

// list is how many repositories are on a shelf, and the name at each place, from 0.
func (c *catalog) list(s shelf) (count int, at func(int) string) {
	if len(c.entries[s.namespace]) == 0 {
		return c.population.size(s.namespace), c.population.name
	}
	names, ok := c.sorted[s]
	if !ok {
		names = c.sort(s)
		c.sorted[s] = names
	}
	return len(names), func(i int) string { return names[i] }
}

func (c *catalog) sort(s shelf) []string {
	names := map[string]bool{}
	for i := range c.population.size(s.namespace) {
		names[c.population.name(i)] = true
	}
	for name, e := range c.entries[s.namespace] {
		names[name] = e.body != nil && (s.private || !e.private)
	}
	maps.DeleteFunc(names, func(_ string, listed bool) bool { return !listed })
	return slices.Sorted(maps.Keys(names))
}
