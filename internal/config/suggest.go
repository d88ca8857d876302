package config

import (
	"strings"

	"pulltrail/internal/nearest"
)

// maxName bounds the names for which something similar is looked for, in bytes.
const maxName = 64

// others are names from other programs, and what the same thing is called here.
// Those that a section has count.
var others = []struct{ theirs, ours string }{
	{"interval", "schedule"}, {"cron", "schedule"}, {"every", "schedule"}, {"tz", "timezone"},
	{"repos", "repositories"}, {"images", "repositories"},
	{"server", "url"}, {"server", "urls"}, {"broker", "url"}, {"host", "url"}, {"hosts", "urls"}, {"cluster", "urls"},
	{"address", "listen"}, {"addr", "listen"}, {"bind", "listen"}, {"port", "listen"}, {"port", "url"}, {"port", "urls"},
	{"user", "username"}, {"pass", "password"}, {"passwd", "password"},
	{"topic_repo_extension", "topic_per_repository"}, {"cacert_file", "ca_file"}, {"verify_certs", "insecure_skip_verify"},
	{"ssl", "tls"},
}

// suggest is the path of the key that was most likely meant by name in section k,
// which is at path; empty when nothing is similar.
func suggest(root, k *key, path, name string) string {
	name = strings.ToLower(name)
	if len(name) > maxName {
		return ""
	}
	best, bestDistance := "", max(len(name)/3, 1)+1
	consider := func(spelling, path string) {
		if d := nearest.Distance(name, spelling); d < bestDistance {
			best, bestDistance = path, d
		}
	}
	for _, c := range k.keys {
		consider(c.name, join(path, c.name))
	}
	for _, o := range others {
		if k.child(o.ours) != nil {
			consider(o.theirs, join(path, o.ours))
		}
	}
	if best == "" {
		best = elsewhere(root, name)
	}
	return best
}

// elsewhere is the only key of that name in any section; empty if there are more.
func elsewhere(root *key, name string) string {
	found := ""
	more := false
	root.leaves(func(k *key) {
		if k.name == name {
			more = found != ""
			found = k.path
		}
	})
	if more {
		return ""
	}
	return found
}

// suggestVariable is the variable that was most likely meant; empty when none is
// similar.
func suggestVariable(root *key, name string) string {
	rest := strings.ToLower(strings.TrimPrefix(name, prefix))
	k, path := root, ""
	for descended := true; descended; {
		descended = false
		for _, c := range k.keys {
			if below, found := strings.CutPrefix(rest, c.name+"_"); found && c.kind == section {
				k, path, rest, descended = c, c.path, below, true
				break
			}
		}
	}
	found := root.find(suggest(root, k, path, rest))
	if found != nil && found.kind != section && found.kind != list {
		return variable(found.path)
	}
	return nearestVariable(root, strings.ToUpper(name))
}

// nearestVariable is the variable with the most similar name, or the only one that
// ends like this one.
func nearestVariable(root *key, name string) string {
	if len(name) > maxName {
		return ""
	}
	const most = 3 // letters that may be wrong
	best, bestDistance := "", most+1
	var ending []string
	root.leaves(func(k *key) {
		if k.kind == list {
			return
		}
		if d := nearest.Distance(name, variable(k.path)); d < bestDistance {
			best, bestDistance = variable(k.path), d
		}
		if strings.HasSuffix(variable(k.path), "_"+strings.TrimPrefix(name, prefix)) {
			ending = append(ending, variable(k.path))
		}
	})
	if best == "" && len(ending) == 1 {
		best = ending[0]
	}
	return best
}
