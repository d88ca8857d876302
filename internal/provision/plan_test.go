package provision

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pulltrail/indexer"
	"pulltrail/internal/secret"
)

var (
	snapshots = indexer.Need{Index: "pulls-{Y}-{m}", Wildcard: "pulls-*-*", Body: []byte(`{"settings":{"number_of_shards":1},"mappings":{"properties":{"pull_count":{"type":"long"}}}}`)}
	sensors   = indexer.Need{Index: "sensors-{Y}", Wildcard: "sensors-*", Expires: true}
)

// options are those of two routes for a cluster.
func options(t *testing.T, c *fakeCluster) Options {
	return Options{
		Needs: []indexer.Need{snapshots, sensors}, Templates: true, Admin: c.login(t, "admin", "root"), Login: c.connect,
		Writer: Account{User: "pulltrail", Password: secret.New("hush"), Role: "writer"},
	}
}

// applied makes a plan and carries it out; it is what became of each object.
func applied(t *testing.T, o Options) (done []string) {
	t.Helper()
	plan, err := NewPlan(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range plan.Steps {
		line := fmt.Sprintf("%s %s: %s", s.Kind, s.Name, s.Action)
		if s.Note != "" {
			line += " (" + s.Note + ")"
		}
		done = append(done, line)
	}
	return done
}

func check(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestANewClusterGetsEverythingAndASecondRunNothing(t *testing.T) {
	c := newFake(t)
	o := options(t, c)
	o.Reader = Account{User: "grafana", Password: secret.New("see"), Role: "reader"}
	check(t, applied(t, o),
		"role writer: create", "user pulltrail: create", "role mapping writer: create",
		"role reader: create", "user grafana: create", "role mapping reader: create",
		"index template pulltrail-pulls-yyyy-mm: create")
	check(t, c.sent(), securityAPI+"roles/writer", securityAPI+"internalusers/pulltrail", securityAPI+"rolesmapping/writer",
		securityAPI+"roles/reader", securityAPI+"internalusers/grafana", securityAPI+"rolesmapping/reader", "/_index_template/pulltrail-pulls-yyyy-mm")
	check(t, applied(t, o),
		"role writer: keep", "user pulltrail: keep", "role mapping writer: keep",
		"role reader: keep", "user grafana: keep", "role mapping reader: keep",
		"index template pulltrail-pulls-yyyy-mm: keep")
	check(t, c.sent())
	others, err := Verify(t.Context(), c.login(t, "pulltrail", "hush"), "writer")
	if err != nil || len(others) > 0 {
		t.Errorf("as the user: %v, %v", others, err)
	}
	if _, err := Verify(t.Context(), c.login(t, "grafana", "see"), "writer"); err == nil || !strings.Contains(err.Error(), "does not have the role writer, only: reader") {
		t.Errorf("as the reader: %v", err)
	}
}

func TestOnlyRoutesThatExpireMayDelete(t *testing.T) {
	role := writerRole([]indexer.Need{snapshots, sensors})
	if len(role.IndexPermissions) != 2 {
		t.Fatalf("%+v", role)
	}
	writes, expires := role.IndexPermissions[0], role.IndexPermissions[1]
	check(t, writes.IndexPatterns, "pulls-*-*")
	check(t, expires.IndexPatterns, "sensors-*")
	if slices.Contains(writes.AllowedActions, "indices:admin/delete") || !slices.Contains(expires.AllowedActions, "indices:admin/delete") {
		t.Errorf("%v, %v", writes, expires)
	}
	check(t, role.ClusterPermissions, "indices:data/write/bulk", "cluster:monitor/health")
	check(t, writerRole([]indexer.Need{snapshots}).ClusterPermissions, "indices:data/write/bulk")
	check(t, readerRole([]indexer.Need{snapshots, {Wildcard: "pulls-*"}, {Wildcard: "a-*-b-*-c"}, {Wildcard: "plain"}}).IndexPermissions[0].IndexPatterns, "a-*-c", "plain", "pulls-*")
}

func TestWhatHasChangedIsUpdatedAndTheRestIsNot(t *testing.T) {
	tests := []struct {
		name   string
		change func(c *fakeCluster, o *Options)
		want   string
		sent   string
	}{
		{"a password", func(_ *fakeCluster, o *Options) { o.Writer.Password = secret.New("other") },
			"user pulltrail: update (the password has changed)", securityAPI + "internalusers/pulltrail"},
		{"a further route", func(_ *fakeCluster, o *Options) { o.Needs = append(o.Needs, indexer.Need{Wildcard: "more"}) },
			"role writer: update", securityAPI + "roles/writer"},
		{"a body", func(_ *fakeCluster, o *Options) {
			o.Needs[0].Body = []byte(`{"settings":{"number_of_shards":2},"mappings":{"properties":{"pull_count":{"type":"long"}}}}`)
		}, "index template pulltrail-pulls-yyyy-mm: update", "/_index_template/pulltrail-pulls-yyyy-mm"},
		{"a role that somebody gave more", func(c *fakeCluster, _ *Options) {
			c.has(securityAPI+"roles/writer", `{"description":"`+mark+`","cluster_permissions":["*"],"index_permissions":[]}`)
		}, "role writer: update", securityAPI + "roles/writer"},
		{"a mapping that lost the user", func(c *fakeCluster, _ *Options) {
			c.has(securityAPI+"rolesmapping/writer", `{"users":["bob"],"backend_roles":["team"]}`)
		}, "role mapping writer: update (others have the role too: bob, team)", securityAPI + "rolesmapping/writer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newFake(t)
			o := options(t, c)
			applied(t, o)
			c.sent()
			tt.change(c, &o)
			done := applied(t, o)
			check(t, slices.DeleteFunc(done, func(line string) bool { return strings.HasSuffix(line, ": keep") }), tt.want)
			check(t, c.sent(), tt.sent)
			for _, line := range applied(t, o) {
				if strings.Contains(line, "update") {
					t.Errorf("once more: %s", line)
				}
			}
		})
	}
}

func TestNobodyIsTakenOutOfAMapping(t *testing.T) {
	c := newFake(t)
	c.has(securityAPI+"rolesmapping/writer", `{"users":["bob"],"backend_roles":["team"],"hosts":["h"]}`)
	applied(t, options(t, c))
	if got := c.object(securityAPI + "rolesmapping/writer"); got != `{"backend_roles":["team"],"hosts":["h"],"users":["bob","pulltrail"]}` {
		t.Error(got)
	}
}

func TestWhatIsNotOursIsRefusedBeforeAnythingIsChanged(t *testing.T) {
	c := newFake(t)
	c.has(securityAPI+"roles/writer", `{"description":"theirs"}`)
	c.has(securityAPI+"internalusers/pulltrail", `{"description":"","backend_roles":["team"]}`)
	c.has("/_index_template/pulltrail-pulls-yyyy-mm", `{"index_patterns":["x"],"_meta":{"managed_by":["somebody"]}}`)
	o := options(t, c)
	_, err := NewPlan(t.Context(), o)
	for _, want := range []string{
		"the role writer is there, and was not made by pulltrail setup: choose another name with --role or --reader-role, or take it over with --force",
		"the user pulltrail is there, and was not made by pulltrail setup: configure another, or take it over with --force",
		"the index template pulltrail-pulls-yyyy-mm is there, and was not made by pulltrail setup: leave ours out with --no-template, or take it over with --force",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v says nothing of: %s", err, want)
		}
	}
	o.Force = true
	applied(t, o)
	if got := c.object(securityAPI + "internalusers/pulltrail"); !strings.Contains(got, mark) || !strings.Contains(got, `"backend_roles":["team"]`) {
		t.Errorf("taken over: %s", got)
	}
	c.sent()
	applied(t, o)
	check(t, c.sent())
}

func TestWhatBelongsToTheClusterIsRefusedWhateverIsSaid(t *testing.T) {
	for kind, path := range map[string]string{"role writer": "roles/writer", "user pulltrail": "internalusers/pulltrail", "role mapping writer": "rolesmapping/writer"} {
		for _, flag := range []string{"reserved", "hidden", "static"} {
			c := newFake(t)
			c.has(securityAPI+path, `{"`+flag+`":true}`)
			o := options(t, c)
			o.Force = true
			if _, err := NewPlan(t.Context(), o); err == nil || !strings.Contains(err.Error(), "the "+kind+" belongs to the cluster itself") {
				t.Errorf("%s, %s: %v", path, flag, err)
			}
			check(t, c.sent())
		}
	}
}

func TestAnAdministratorWhoIsNone(t *testing.T) {
	c := newFake(t)
	o := options(t, c)
	o.Admin = c.login(t, "admin", "wrong")
	if _, err := NewPlan(t.Context(), o); err == nil || !strings.Contains(err.Error(), "give an administrator, by --admin-username") {
		t.Errorf("a wrong password: %v", err)
	}
	c.passwords["bob"] = "b"
	o.Admin = c.login(t, "bob", "b")
	if _, err := NewPlan(t.Context(), o); err == nil || !strings.Contains(err.Error(), "the administrator may not read "+securityAPI+"roles/writer: give one with the role all_access") {
		t.Errorf("anybody: %v", err)
	}
}

func TestAClusterWithoutSecurityGetsTemplatesAlone(t *testing.T) {
	c := newFake(t)
	c.open = true
	o := options(t, c)
	o.Writer = Account{Role: "writer"}
	plan, err := NewPlan(t.Context(), o)
	if err != nil || !plan.Open {
		t.Fatalf("%+v, %v", plan, err)
	}
	check(t, applied(t, o), "index template pulltrail-pulls-yyyy-mm: create")
	if _, err := Verify(t.Context(), c.login(t, "", ""), "writer"); err != nil {
		t.Error(err)
	}
	c.open = false
	if _, err := NewPlan(t.Context(), o); err == nil || !strings.Contains(err.Error(), "indexer.opensearch.username") {
		t.Errorf("with security and no user: %v", err)
	}
}

func TestWithoutAnAdministratorThePlanIsThatOfANewCluster(t *testing.T) {
	o := Options{Needs: []indexer.Need{snapshots}, Writer: Account{User: "pulltrail", Password: secret.New("hush"), Role: "writer"}, Templates: true}
	plan, err := NewPlan(t.Context(), o)
	if err != nil || len(plan.Steps) != 4 {
		t.Fatalf("%+v, %v", plan, err)
	}
	for _, s := range plan.Steps {
		body, err := json.Marshal(s.Body)
		if err != nil || s.Action != Create || strings.Contains(string(body), "hush") {
			t.Errorf("%s: %s %s, %v", s.Kind, s.Action, body, err)
		}
	}
	o.Writer.User = ""
	if plan, err = NewPlan(t.Context(), o); err != nil || len(plan.Steps) != 2 || !strings.Contains(plan.Steps[0].Note, "nobody gets it") {
		t.Errorf("without a user: %+v, %v", plan, err)
	}
}

func TestARefusedChangeStopsTheRest(t *testing.T) {
	c := newFake(t)
	c.refuse[securityAPI+"internalusers/pulltrail"] = `{"status":"error","reason":"Weak password"}`
	plan, err := NewPlan(t.Context(), options(t, c))
	if err != nil {
		t.Fatal(err)
	}
	err = plan.Apply(t.Context())
	if err == nil || !strings.Contains(err.Error(), "user pulltrail: the cluster finds the password too weak") || strings.Contains(err.Error(), "hush") {
		t.Errorf("error %v", err)
	}
	if !plan.Steps[0].Done || plan.Steps[1].Done || plan.Steps[2].Done {
		t.Errorf("%+v", plan.Steps)
	}
	delete(c.refuse, securityAPI+"internalusers/pulltrail")
	check(t, applied(t, options(t, c)), "role writer: keep", "user pulltrail: create", "role mapping writer: create", "index template pulltrail-pulls-yyyy-mm: create")
}
