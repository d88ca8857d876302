package collector

import (
	"fmt"
	"slices"
	"strings"

	"pulltrail/internal/hub"
	"pulltrail/internal/problem"
)

// Plan is what the configuration says to track: repositories by their names, and
// namespaces of which some or all are.
type Plan struct {
	// Names are polled one by one, in the order of the configuration, each once.
	Names []hub.Repository
	// Namespaces are listed.
	Namespaces []Namespace

	named   map[hub.Repository]bool
	exclude []hub.Pattern
}

// Namespace is one to be listed.
type Namespace struct {
	Name      string
	patterns  []hub.Pattern
	selection string
}

// Selection returns a text that is the same for the same choice of the namespace's repositories: its patterns, what is
// excluded, and what is named and therefore not taken from the listing.
func (n Namespace) Selection() string { return n.selection }

// takes reports whether a listed repository is to be tracked, and is not named anyway.
func (p Plan) takes(n Namespace, r hub.Repository) bool {
	matches := func(pattern hub.Pattern) bool { return pattern.Match(r) }
	return !p.named[r] && slices.ContainsFunc(n.patterns, matches) && !slices.ContainsFunc(p.exclude, matches)
}

// Tracks reports whether r is tracked, by its name or by a pattern.
func (p Plan) Tracks(r hub.Repository) bool {
	return p.named[r] || slices.ContainsFunc(p.Namespaces, func(n Namespace) bool { return n.Name == r.Namespace && p.takes(n, r) })
}

// Plan reads Repositories and Exclude. What Validate objects to is left out.
func (c Config) Plan() Plan {
	plan, _ := c.plan()
	return plan
}

func (c Config) plan() (Plan, problem.List) {
	var mistakes problem.List
	plan := Plan{named: make(map[hub.Repository]bool)}
	plan.exclude = patterns("exclude", c.Exclude, &mistakes)
	at := make(map[string]int) // of namespaces
	for _, p := range patterns("repositories", c.Repositories, &mistakes) {
		if r, single := p.Single(); single {
			if !plan.named[r] {
				plan.named[r] = true
				plan.Names = append(plan.Names, r)
			}
			continue
		}
		i, known := at[p.Namespace]
		if !known {
			i = len(plan.Namespaces)
			at[p.Namespace] = i
			plan.Namespaces = append(plan.Namespaces, Namespace{Name: p.Namespace})
		}
		n := &plan.Namespaces[i]
		if !slices.Contains(n.patterns, p) {
			n.patterns = append(n.patterns, p)
		}
	}
	for i := range plan.Namespaces {
		plan.Namespaces[i].selection = plan.selection(plan.Namespaces[i])
	}
	for i, p := range plan.exclude {
		if r, single := p.Single(); single && plan.named[r] {
			mistakes.Add(fmt.Sprintf("exclude[%d]", i), p.String(), "is named in collector.repositories too: remove it from one of them")
		}
	}
	return plan, mistakes
}

func (p Plan) selection(n Namespace) string {
	var parts []string
	for _, pattern := range n.patterns {
		parts = append(parts, pattern.String())
	}
	for _, pattern := range p.exclude {
		if pattern.Namespace == n.Name {
			parts = append(parts, "-"+pattern.String())
		}
	}
	for _, r := range p.Names {
		if r.Namespace == n.Name {
			parts = append(parts, "="+r.String())
		}
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), " ")
}

func patterns(key string, texts []string, mistakes *problem.List) []hub.Pattern {
	var parsed []hub.Pattern
	for i, text := range texts {
		p, err := hub.ParsePattern(text)
		if err != nil {
			mistakes.Add(fmt.Sprintf("%s[%d]", key, i), nil, "%v", err) // the error quotes the value
			continue
		}
		parsed = append(parsed, p)
	}
	return parsed
}
