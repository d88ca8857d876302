package search

import "strings"

// refusedAction begins the part of a reason that names what was not permitted: first
// in the words of OpenSearch, then in those of Elasticsearch.
var refusedAction = []string{"no permissions for [", "action ["}

// Permission is what is missing, by the name that it has in a role: "create_index" and
// "write" are of an index, others of the cluster or, where they are not known here,
// the action itself. Empty where the cluster does not say.
func (e *Error) Permission() string {
	if e.Class != Forbidden {
		return ""
	}
	for i, words := range refusedAction {
		_, rest, found := strings.Cut(e.Reason, words)
		if !found {
			continue
		}
		action := bracketed(rest)
		switch {
		case strings.HasPrefix(action, "indices:admin/create"), strings.HasPrefix(action, "indices:admin/auto_create"):
			return "create_index"
		case i == 1 && action == "indices:admin/delete":
			return "delete_index" // OpenSearch has no narrower name for it than the action
		case strings.HasPrefix(action, "indices:monitor/"):
			return [...]string{"indices_monitor", "monitor"}[i]
		case i == 0 && action == "indices:data/write/bulk":
			return action // OpenSearch's, of the cluster: write has all but this
		case strings.HasPrefix(action, "indices:data/write/"), strings.HasPrefix(action, "indices:admin/mapping/"):
			return "write"
		}
		return action
	}
	return ""
}

// bracketed is text up to the bracket that closes one before it: "a[s]" of "a[s]] b".
func bracketed(text string) string {
	depth := 1
	for i, r := range text {
		switch r {
		case '[':
			depth++
		case ']':
			depth--
		}
		if depth == 0 {
			return text[:i]
		}
	}
	return ""
}
