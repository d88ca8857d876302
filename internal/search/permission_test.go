package search

import "testing"

func TestTheMissingPermissionIsNamed(t *testing.T) {
	const byElastic = " is unauthorized for user [w] with effective roles [r] on indices [i], this action is granted by the index privileges [create_doc,create,delete,index,write,all]"
	for _, tt := range []struct{ name, reason, want string }{
		{"OpenSearch, a document", "no permissions for [indices:data/write/bulk[s]] and User [name=w, backend_roles=[], requestedTenant=null]", "write"},
		{"OpenSearch, an index that would have to be made", "no permissions for [indices:admin/create] and User [name=w]", "create_index"},
		{"OpenSearch, a new field", "no permissions for [indices:admin/mapping/put] and User [name=w]", "write"},
		{"OpenSearch, bulk requests at all", "no permissions for [indices:data/write/bulk] and User [name=w]", "indices:data/write/bulk"},
		{"OpenSearch, another", "no permissions for [cluster:monitor/main] and User [name=w]", "cluster:monitor/main"},
		{"OpenSearch, deleting", "no permissions for [indices:admin/delete] and User [name=w]", "indices:admin/delete"},
		{"OpenSearch, looking", "no permissions for [indices:monitor/settings/get] and User [name=w]", "indices_monitor"},
		{"Elasticsearch, deleting", "action [indices:admin/delete] is unauthorized for user [w]", "delete_index"},
		{"Elasticsearch, looking", "action [indices:monitor/settings/get] is unauthorized for user [w]", "monitor"},
		{"Elasticsearch, a document", "action [indices:data/write/bulk[s]]" + byElastic, "write"},
		{"Elasticsearch, bulk requests at all", "action [indices:data/write/bulk]" + byElastic, "write"},
		{"Elasticsearch, an index that would have to be made", "action [indices:admin/auto_create]" + byElastic, "create_index"},
		{"Elasticsearch, an index", "action [indices:admin/create]" + byElastic, "create_index"},
		{"an action without an end", "action [indices:admin/create", ""},
		{"other words", "current license is non-compliant for [security]", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := newError(403, "security_exception", tt.reason).Permission(); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	if got := newError(400, "x", "action [indices:admin/create] is odd").Permission(); got != "" {
		t.Errorf("an error that is not about permissions names %q", got)
	}
}
