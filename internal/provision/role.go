package provision

import (
	"context"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"pulltrail/indexer"
)

// mark is part of the description of roles and users that are ours.
const mark = "Made by pulltrail setup."

// What the security plugin says of each of its objects besides.
type protection struct {
	Reserved bool `json:"reserved,omitempty"`
	Hidden   bool `json:"hidden,omitempty"`
	Static   bool `json:"static,omitempty"`
}

func (p protection) protected() bool { return p.Reserved || p.Hidden || p.Static }

// role is a role of the security plugin.
type role struct {
	Description        string            `json:"description"`
	ClusterPermissions []string          `json:"cluster_permissions"`
	IndexPermissions   []indexPermission `json:"index_permissions"`
	// TenantPermissions are never ours.
	TenantPermissions []any `json:"tenant_permissions,omitempty"`
}

type indexPermission struct {
	IndexPatterns  []string `json:"index_patterns"`
	AllowedActions []string `json:"allowed_actions"`
	// The rest is never ours: a filter of documents, of fields, and fields to be masked.
	DLS          string   `json:"dls,omitempty"`
	FLS          []string `json:"fls,omitempty"`
	MaskedFields []string `json:"masked_fields,omitempty"`
}

// The permissions, by the names of the actions where those of the plugin's groups would
// give more: its "write" deletes and changes documents, and its "indices_monitor" sees
// more than settings and sizes.
var (
	writeCluster  = []string{"indices:data/write/bulk"}
	expireCluster = []string{"cluster:monitor/health"} // to compare clocks
	writeIndex    = []string{"indices:admin/create", "indices:admin/mapping/put", "indices:data/write/bulk*", "indices:data/write/index"}
	expireIndex   = []string{"indices:monitor/settings/get", "indices:monitor/stats", "indices:admin/delete"}
	// readCluster and readIndex are what Grafana's plugin for OpenSearch asks for.
	readCluster = []string{"cluster:monitor/main", "cluster_composite_ops_ro"}
	readIndex   = []string{"read", "indices:admin/mappings/get", "indices:admin/mappings/fields/get*", "indices:admin/get"}
)

// writerRole is what the routes need.
func writerRole(needs []indexer.Need) role {
	r := role{Description: "Pulltrail writes its indices. " + mark, ClusterPermissions: writeCluster}
	var writes, expires indexPermission
	for _, need := range needs {
		if need.Expires {
			expires.IndexPatterns = append(expires.IndexPatterns, need.Wildcard)
		} else {
			writes.IndexPatterns = append(writes.IndexPatterns, need.Wildcard)
		}
	}
	if len(writes.IndexPatterns) > 0 {
		writes.AllowedActions = writeIndex
		r.IndexPermissions = append(r.IndexPermissions, writes)
	}
	if len(expires.IndexPatterns) > 0 {
		expires.AllowedActions = slices.Concat(writeIndex, expireIndex)
		r.IndexPermissions = append(r.IndexPermissions, expires)
		r.ClusterPermissions = slices.Concat(writeCluster, expireCluster)
	}
	return r
}

// readerRole reads the same indices.
func readerRole(needs []indexer.Need) role {
	var patterns []string
	for _, need := range needs {
		patterns = append(patterns, widened(need.Wildcard))
	}
	slices.Sort(patterns)
	return role{
		Description: "Reads Pulltrail's indices. " + mark, ClusterPermissions: readCluster,
		IndexPermissions: []indexPermission{{IndexPatterns: slices.Compact(patterns), AllowedActions: readIndex}},
	}
}

// widened has one * for all from the first to the last: who reads asks for what a person
// has written, such as sensors-*, and may see all that it takes or nothing.
func widened(wildcard string) string {
	first, last := strings.IndexByte(wildcard, '*'), strings.LastIndexByte(wildcard, '*')
	if first < 0 {
		return wildcard
	}
	return wildcard[:first] + wildcard[last:]
}

// role plans a role.
func (p *Plan) role(ctx context.Context, name string, want role) error {
	step := Step{Kind: "role", Name: name, Action: Create, Path: "/_plugins/_security/api/roles/" + url.PathEscape(name), Body: want}
	var there map[string]struct {
		role
		protection
	}
	found, err := p.get(ctx, step.Path, &there)
	if err != nil {
		return fmt.Errorf("role %s: %w", name, err)
	}
	if has := there[name]; found {
		ours := strings.Contains(has.Description, mark)
		if err := p.mayChange(step, ours, has.protection, "choose another name with --role or --reader-role"); err != nil {
			return err
		}
		step.Action = Update
		if reflect.DeepEqual(has.sorted(), want.sorted()) {
			step.Action = Keep
		}
	}
	p.Steps = append(p.Steps, step)
	return nil
}

// mayChange says why an object that is there must not be changed; other is what else a
// person can do.
func (p *Plan) mayChange(step Step, ours bool, has protection, other string) error {
	switch {
	case has.protected():
		return fmt.Errorf("the %s %s belongs to the cluster itself (it is reserved, hidden or static) and cannot be changed: %s", step.Kind, step.Name, other)
	case !ours && !p.opts.Force:
		return fmt.Errorf("the %s %s is there, and was not made by pulltrail setup: %s, or take it over with --force", step.Kind, step.Name, other)
	}
	return nil
}

// sorted is the role in a form that can be compared: what counts is not in which order
// its permissions stand.
func (r role) sorted() role {
	r.ClusterPermissions = slices.Sorted(slices.Values(r.ClusterPermissions))
	r.IndexPermissions = slices.Clone(r.IndexPermissions)
	for i, p := range r.IndexPermissions {
		p.IndexPatterns, p.AllowedActions = slices.Sorted(slices.Values(p.IndexPatterns)), slices.Sorted(slices.Values(p.AllowedActions))
		p.FLS, p.MaskedFields = slices.Concat(p.FLS), slices.Concat(p.MaskedFields) // none is nil
		r.IndexPermissions[i] = p
	}
	slices.SortFunc(r.IndexPermissions, func(a, b indexPermission) int { return slices.Compare(a.IndexPatterns, b.IndexPatterns) })
	r.TenantPermissions = slices.Concat(r.TenantPermissions)
	return r
}
