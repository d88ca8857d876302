package provision

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"pulltrail/indexer"
)

// basePriority is that of our templates, of which one cluster takes one for each index:
// that of the highest priority. It is above the 0 of templates that name none, since two
// of one priority may not be for the same indices, and below what people write who mean
// their own to count.
const basePriority = 3

// manager stands in the _meta of templates that are ours.
const manager = "pulltrail setup"

// template is an index template.
type template struct {
	IndexPatterns []string        `json:"index_patterns"`
	Priority      int64           `json:"priority"`
	Meta          templateMeta    `json:"_meta"`
	Template      json.RawMessage `json:"template"`
	// ComposedOf is never ours.
	ComposedOf []string `json:"composed_of,omitempty"`
}

type templateMeta struct {
	ManagedBy string `json:"managed_by,omitempty"`
}

// UnmarshalJSON takes whatever others wrote into a _meta.
func (m *templateMeta) UnmarshalJSON(data []byte) error {
	var any struct {
		ManagedBy any `json:"managed_by"`
	}
	if json.Unmarshal(data, &any) == nil {
		m.ManagedBy, _ = any.ManagedBy.(string)
	}
	return nil
}

type namedTemplate struct {
	name string
	template
}

// templatesFor are those of the needs that have a body. Where two are for the same
// indices, the one whose name says more of them has the higher priority.
func templatesFor(needs []indexer.Need) []namedTemplate {
	var all []namedTemplate
	for _, need := range needs {
		if need.Body == nil {
			continue
		}
		name := templateName(need.Index)
		for slices.ContainsFunc(all, func(t namedTemplate) bool { return t.name == name }) {
			name += "-2"
		}
		all = append(all, namedTemplate{name, template{
			IndexPatterns: []string{need.Wildcard}, Priority: basePriority, Meta: templateMeta{manager}, Template: need.Body,
		}})
	}
	byText := make([]*namedTemplate, len(all))
	for i := range all {
		byText[i] = &all[i]
	}
	slices.SortStableFunc(byText, func(a, b *namedTemplate) int { return cmp.Compare(literal(a.template), literal(b.template)) })
	for i, t := range byText {
		for _, below := range byText[:i] {
			if overlapping(t.IndexPatterns, below.IndexPatterns) {
				t.Priority = max(t.Priority, below.Priority+1)
			}
		}
	}
	return all
}

// literal is how much of an index's name a template says.
func literal(t template) int { return len(strings.ReplaceAll(t.IndexPatterns[0], "*", "")) }

// templateName is that of the indices, with letters for the parts of a date.
func templateName(index string) string {
	return "pulltrail-" + strings.NewReplacer("{Y}", "yyyy", "{m}", "mm", "{d}", "dd").Replace(index)
}

// templates plans the index templates.
func (p *Plan) templates(ctx context.Context) error {
	wanted := templatesFor(p.opts.Needs)
	others, err := p.others(ctx, wanted)
	if err != nil {
		return fmt.Errorf("index templates: %w", err)
	}
	var errs []error
	for _, want := range wanted {
		errs = append(errs, p.template(ctx, want, others))
	}
	return errors.Join(errs...)
}

func (p *Plan) template(ctx context.Context, want namedTemplate, others []other) error {
	step := Step{Kind: "index template", Name: want.name, Action: Create, Path: "/_index_template/" + url.PathEscape(want.name), Body: want.template}
	var there struct {
		Templates []struct {
			Template template `json:"index_template"`
		} `json:"index_templates"`
	}
	found, err := p.get(ctx, step.Path, &there)
	if err != nil {
		return fmt.Errorf("index template %s: %w", want.name, err)
	}
	above, below := rivals(want.template, others)
	step.Note = note(above, below)
	if found && len(there.Templates) > 0 {
		has := there.Templates[0].Template
		if err := p.mayChange(step, has.Meta.ManagedBy == manager, protection{}, "leave ours out with --no-template"); err != nil {
			return err
		}
		step.Action = Update
		if same(has, want.template) {
			step.Action = Keep
		}
	} else if len(below) > 0 {
		step.Action = Omit
		step.Note = fmt.Sprintf("%s is there for the same indices, and would not count beside this one: delete it, or give it a priority above %d, and run this again",
			strings.Join(below, ", "), want.Priority)
	}
	p.Steps = append(p.Steps, step)
	return nil
}

func note(above, below []string) string {
	var notes []string
	if len(above) > 0 {
		notes = append(notes, "others are for the same indices and count in its place: "+strings.Join(above, ", "))
	}
	if len(below) > 0 {
		notes = append(notes, "others are for the same indices and have no effect: "+strings.Join(below, ", "))
	}
	return strings.Join(notes, "; ")
}

// same reports whether two templates mean the same. A cluster gives back settings as
// texts, below "index", and the routing of an alias as the two that it stands for.
func same(a, b template) bool {
	type parts struct {
		Settings map[string]any            `json:"settings"`
		Mappings map[string]any            `json:"mappings"`
		Aliases  map[string]map[string]any `json:"aliases"`
	}
	var first, second parts
	if json.Unmarshal(a.Template, &first) != nil || json.Unmarshal(b.Template, &second) != nil {
		return false
	}
	for _, p := range []*parts{&first, &second} {
		p.Settings = flat(p.Settings)
		spread(p.Aliases)
	}
	return slices.Equal(a.IndexPatterns, b.IndexPatterns) && a.Priority == b.Priority && a.Meta == b.Meta &&
		len(a.ComposedOf) == 0 && len(b.ComposedOf) == 0 &&
		reflect.DeepEqual(first.Settings, second.Settings) &&
		(len(first.Mappings)+len(second.Mappings) == 0 || reflect.DeepEqual(first.Mappings, second.Mappings)) &&
		(len(first.Aliases)+len(second.Aliases) == 0 || reflect.DeepEqual(first.Aliases, second.Aliases))
}
