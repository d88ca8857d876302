package provision

import (
	"context"
	"fmt"
	"slices"
)

// other is a template that is not one of ours, or not any more.
type other struct {
	name     string
	patterns []string
	priority int64
	// legacy is one of the older form, which counts only where no other does.
	legacy bool
}

func (o other) String() string {
	if o.legacy {
		return fmt.Sprintf("the legacy template %s", o.name)
	}
	return fmt.Sprintf("the template %s (priority %d)", o.name, o.priority)
}

// others are the templates of the cluster but for those that are wanted.
func (p *Plan) others(ctx context.Context, wanted []namedTemplate) ([]other, error) {
	var reply struct {
		Templates []struct {
			Name     string `json:"name"`
			Template struct {
				Patterns []string `json:"index_patterns"`
				Priority int64    `json:"priority"`
			} `json:"index_template"`
		} `json:"index_templates"`
	}
	const part = "index_templates.index_template."
	if _, err := p.get(ctx, "/_index_template?filter_path=index_templates.name,"+part+"index_patterns,"+part+"priority", &reply); err != nil {
		return nil, err
	}
	var legacy map[string]struct {
		Patterns []string `json:"index_patterns"`
	}
	if _, err := p.get(ctx, "/_template?filter_path=*.index_patterns", &legacy); err != nil {
		return nil, err
	}
	var all []other
	for _, t := range reply.Templates {
		if !slices.ContainsFunc(wanted, func(w namedTemplate) bool { return w.name == t.Name }) {
			all = append(all, other{name: t.Name, patterns: t.Template.Patterns, priority: t.Template.Priority})
		}
	}
	for name, t := range legacy {
		all = append(all, other{name: name, patterns: t.Patterns, legacy: true})
	}
	slices.SortFunc(all, func(a, b other) int { return slices.Compare([]string{a.name}, []string{b.name}) })
	return all, nil
}

// rivals are the others for some of the same indices: above are those that count in place
// of the template, below those in whose place it counts, or which the cluster would not
// have beside it.
func rivals(t template, others []other) (above, below []string) {
	for _, o := range others {
		switch {
		case !overlapping(t.IndexPatterns, o.patterns):
		case !o.legacy && o.priority > t.Priority:
			above = append(above, o.String())
		default:
			below = append(below, o.String())
		}
	}
	return above, below
}

// overlapping reports whether there is a name that a pattern of each takes.
func overlapping(a, b []string) bool {
	return slices.ContainsFunc(a, func(one string) bool {
		return slices.ContainsFunc(b, func(another string) bool { return overlap(one, another) })
	})
}

// overlap reports whether there is a name that both patterns take, in which * stands for
// any text.
func overlap(a, b string) bool {
	// meet[j] says whether the rests a[i:] and b[j:] have a name in common.
	meet := make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		next := slices.Clone(meet) // that of i+1
		for j := len(b); j >= 0; j-- {
			starA, starB := i < len(a) && a[i] == '*', j < len(b) && b[j] == '*'
			switch {
			case i == len(a) && j == len(b):
				meet[j] = true
			case starA:
				meet[j] = next[j] || j < len(b) && meet[j+1]
			case starB:
				meet[j] = meet[j+1] || i < len(a) && next[j]
			default:
				meet[j] = i < len(a) && j < len(b) && a[i] == b[j] && next[j+1]
			}
		}
	}
	return meet[0]
}
