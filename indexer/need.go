package indexer

// Need is what routes want of a cluster for the indices of one form of name.
type Need struct {
	// Index is as in the first of the routes; Wildcard has a * for each part of the date.
	Index, Wildcard string
	// Routes are the names of those that name it, as in "routes[0]".
	Routes []string
	// Expires says that indices are deleted by their age.
	Expires bool
	// Body is the settings and mappings of new indices, as JSON; nil for none.
	Body []byte
}

// Needs are those of all routes, in their order. Where several have indices of one form,
// the first body counts, as it does when an index is made for a day.
func (c *Care) Needs() []Need {
	var all []Need
	at := make(map[string]int)
	for _, r := range c.routes {
		wildcard := r.index.wildcard()
		i, known := at[wildcard]
		if !known {
			i, at[wildcard] = len(all), len(all)
			all = append(all, Need{Index: r.Index, Wildcard: wildcard})
		}
		need := &all[i]
		need.Routes = append(need.Routes, r.name)
		need.Expires = need.Expires || !r.keep.IsZero()
		if need.Body == nil {
			need.Body = r.body
		}
	}
	return all
}
