//go:build integration

package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/cli"
	"pulltrail/internal/hubtest"
	"pulltrail/internal/tlsconf"
)

// prepared is the secured cluster of the testbed, with a configuration whose indices,
// user and role are of one test alone.
type prepared struct {
	t           *testing.T
	dir, prefix string
	client      *http.Client
}

func prepare(t *testing.T) prepared {
	t.Helper()
	conf, err := tlsconf.Config{CAFile: neighbour(t, "OPENSEARCH_SECURE_CA")}.Build()
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: conf}
	t.Cleanup(transport.CloseIdleConnections)
	p := prepared{t, t.TempDir(), fmt.Sprintf("setup%d", time.Now().UnixNano()), &http.Client{Transport: transport}}
	p.write("password", "Spade-0f-t1n!")
	p.write("reader", "Shovel-0f-t1n!")
	p.write("admin", neighbour(t, "OPENSEARCH_SECURE_ADMIN_PASSWORD"))
	p.configure("")
	t.Cleanup(func() {
		for _, path := range []string{
			"/_plugins/_security/api/rolesmapping/" + p.prefix, "/_plugins/_security/api/roles/" + p.prefix, "/_plugins/_security/api/internalusers/" + p.prefix,
			"/_plugins/_security/api/rolesmapping/" + p.prefix + "-reads", "/_plugins/_security/api/roles/" + p.prefix + "-reads", "/_plugins/_security/api/internalusers/" + p.prefix + "-reads",
			"/_index_template/pulltrail-" + p.prefix + "*", "/" + p.prefix + "*",
		} {
			if status, answer := p.ask("admin", http.MethodDelete, path, ""); status != http.StatusOK && status != http.StatusNotFound {
				t.Errorf("%s: %d %s", path, status, answer)
			}
		}
	})
	return p
}

func (p prepared) write(name, content string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// configure writes the configuration, with further routes.
func (p prepared) configure(routes string) {
	p.t.Helper()
	p.write("config.yaml", strings.NewReplacer("DIR", p.dir, "PREFIX", p.prefix, "URL", neighbour(p.t, "OPENSEARCH_SECURE"), "CA", neighbour(p.t, "OPENSEARCH_SECURE_CA")).Replace(`
data_dir: DIR/data
collector: {repositories: [nginx]}
mqtt: {embedded: {listen: "127.0.0.1:0"}}
web: {listen: "127.0.0.1:0"}
indexer:
  opensearch:
    urls: [URL]
    username: PREFIX
    password_file: DIR/password
    tls: {ca_file: CA}
  routes:
    - {topic: com/docker/hub/repositories/metrics/#, kind: snapshot, index: "PREFIX-pulls-{Y}-{m}"}
    - {topic: "sensors/{room}", kind: document, index: "PREFIX-sensors-{Y}", keep: 3mo, body: '{"settings":{"number_of_replicas":0}}'}
`+routes))
}

// run is the program with the configuration.
func (p prepared) run(env []string, args ...string) (code int, out, complaints string) {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	code = cli.Main(p.t.Context(), cli.Process{Args: append(args, "--config", filepath.Join(p.dir, "config.yaml")), Env: env, Stdout: &stdout, Stderr: &stderr})
	for _, secret := range []string{"Spade-", "Shovel-", "Rake-", neighbour(p.t, "OPENSEARCH_SECURE_ADMIN_PASSWORD")} {
		if strings.Contains(stdout.String()+stderr.String(), secret) {
			p.t.Errorf("a password is printed: %s%s", stdout.String(), stderr.String())
		}
	}
	return code, stdout.String(), stderr.String()
}

// setUp is "setup opensearch" with the test's role and reader.
func (p prepared) setUp(env []string, args ...string) (code int, out, complaints string) {
	p.t.Helper()
	return p.run(env, append([]string{
		"setup", "opensearch", "--role", p.prefix, "--reader", p.prefix + "-reads", "--reader-role", p.prefix + "-reads",
		"--reader-password-file", filepath.Join(p.dir, "reader"),
	}, args...)...)
}

// certificate and password are the two ways of an administrator.
func (p prepared) certificate() []string {
	return []string{"--admin-cert", neighbour(p.t, "OPENSEARCH_SECURE_CERT"), "--admin-key", neighbour(p.t, "OPENSEARCH_SECURE_KEY")}
}

func (p prepared) password() []string {
	return []string{"--admin-username", neighbour(p.t, "OPENSEARCH_SECURE_ADMIN_USER"), "--admin-password-file", filepath.Join(p.dir, "admin")}
}

// ask is a request of "admin", "writer" or "reader".
func (p prepared) ask(who, method, path, body string) (status int, answer string) {
	p.t.Helper()
	request, err := http.NewRequest(method, neighbour(p.t, "OPENSEARCH_SECURE")+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	switch who {
	case "admin":
		request.SetBasicAuth(neighbour(p.t, "OPENSEARCH_SECURE_ADMIN_USER"), neighbour(p.t, "OPENSEARCH_SECURE_ADMIN_PASSWORD"))
	case "writer":
		request.SetBasicAuth(p.prefix, p.read("password"))
	case "reader":
		request.SetBasicAuth(p.prefix+"-reads", p.read("reader"))
	}
	response, err := p.client.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

func (p prepared) read(name string) string {
	p.t.Helper()
	data, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

func TestSetupIsRepeatableWithEitherWayOfAnAdministratorForReal(t *testing.T) {
	p := prepare(t)
	code, out, complaints := p.setUp(nil, append(p.certificate(), "--dry-run")...)
	if code != 0 || strings.Count(out, "would be created") != 8 || strings.Count(out, "PUT /") != 8 {
		t.Errorf("dry run: %d %s%s", code, out, complaints)
	}
	if code, out, complaints := p.setUp(nil, p.certificate()...); code != 0 || strings.Count(out, " created") != 8 || strings.Count(out, " ok ") != 2 {
		t.Fatalf("%d %s%s", code, out, complaints)
	}
	env := []string{"PULLTRAIL_SETUP_ADMIN_PASSWORD=" + neighbour(t, "OPENSEARCH_SECURE_ADMIN_PASSWORD")}
	for _, again := range []struct {
		env  []string
		args []string
	}{{nil, p.certificate()}, {nil, p.password()}, {env, p.password()[:2]}} {
		if code, out, complaints := p.setUp(again.env, again.args...); code != 0 || strings.Count(out, " unchanged") != 8 || strings.Count(out, " ok ") != 2 {
			t.Errorf("again with %v: %d %s%s", again.args[0], code, out, complaints)
		}
	}
	p.write("password", "Rake-0f-t1n!")
	if code, out, complaints := p.setUp(nil, p.password()...); code != 0 || strings.Count(out, " updated") != 1 || !strings.Contains(out, "User "+p.prefix+": the password has changed.") {
		t.Errorf("a changed password: %d %s%s", code, out, complaints)
	}
	p.configure(`    - {topic: more, kind: document, index: "PREFIX-more"}`)
	if code, out, complaints := p.setUp(nil, p.password()...); code != 0 || strings.Count(out, " updated") != 2 || strings.Count(out, " unchanged") != 6 { // both roles
		t.Errorf("a further route: %d %s%s", code, out, complaints)
	}
}

func TestSetupLeavesAloneWhatOthersMadeForReal(t *testing.T) {
	p := prepare(t)
	if code, _, complaints := p.setUp(nil, append(p.certificate(), "--role", "pulltrail_writer")...); code != 1 || !strings.Contains(complaints, "the role pulltrail_writer is there, and was not made by pulltrail setup") {
		t.Errorf("a role of the testbed: %d %s", code, complaints)
	}
	if code, _, complaints := p.setUp(nil, append(p.password(), "--role", "all_access", "--force")...); code != 1 || !strings.Contains(complaints, "the role all_access belongs to the cluster itself") {
		t.Errorf("a role of the cluster: %d %s", code, complaints)
	}
	if code, _, complaints := p.setUp([]string{"PULLTRAIL_INDEXER_OPENSEARCH_USERNAME=kibanaserver"}, p.certificate()...); code != 1 || !strings.Contains(complaints, "the user kibanaserver belongs to the cluster itself") {
		t.Errorf("a user of the cluster: %d %s", code, complaints)
	}
	if status, answer := p.ask("admin", http.MethodGet, "/_plugins/_security/api/roles/"+p.prefix, ""); status != http.StatusNotFound {
		t.Errorf("it was changed all the same: %d %s", status, answer)
	}
	for _, nobody := range [][]string{nil, {"--admin-username", "admin", "--admin-password-file", filepath.Join(p.dir, "reader")}} {
		if code, _, complaints := p.setUp(nil, nobody...); code != 1 || !strings.Contains(complaints, "give an administrator") {
			t.Errorf("%v: %d %s", nobody, code, complaints)
		}
	}
	if code, out, complaints := p.setUp(nil, p.certificate()...); code != 0 {
		t.Fatalf("%d %s%s", code, out, complaints)
	}
	writer := []string{"--admin-username", p.prefix, "--admin-password-file", filepath.Join(p.dir, "password")}
	if code, _, complaints := p.setUp([]string{"PULLTRAIL_INDEXER_OPENSEARCH_USERNAME=another"}, writer...); code != 1 || !strings.Contains(complaints, "the administrator may not read /_plugins/_security/api/roles/"+p.prefix) {
		t.Errorf("the writer as administrator: %d %s", code, complaints)
	}
}

func TestTheUserOfSetupMayDoWhatTheDaemonDoesAndNoMoreForReal(t *testing.T) {
	p := prepare(t)
	if code, out, complaints := p.setUp(nil, p.certificate()...); code != 0 {
		t.Fatalf("%d %s%s", code, out, complaints)
	}
	hub := hubtest.New(t)
	hub.Set("library/nginx", 12916987208)
	env := []string{"PULLTRAIL_COLLECTOR_URL=" + hub.URL}
	if code, out, complaints := p.run(env, "collect"); code != 0 || !strings.Contains(out, "1 stored") {
		t.Fatalf("%d %s%s", code, out, complaints)
	}
	pulls := "/" + p.prefix + "-pulls-*"
	stored := func() bool {
		status, answer := p.ask("reader", http.MethodGet, pulls+"/_search?q=name:nginx", "")
		return status == http.StatusOK && strings.Contains(answer, "12916987208")
	}
	for deadline := time.Now().Add(patience); !stored(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the snapshot does not come into the index")
		}
	}

	// What has an age may be listed and deleted; the rest is not the daemon's affair.
	if code, out, complaints := p.run(nil, "indices", "create", "--date", "2020-01-31"); code != 0 || strings.Count(out, " created") != 2 {
		t.Fatalf("%d %s%s", code, out, complaints)
	}
	sensors := "/" + p.prefix + "-sensors-*"
	for _, c := range []struct {
		who, method, path, body string
		want                    int
	}{
		{"writer", http.MethodGet, sensors + "/_settings", "", http.StatusOK},
		{"writer", http.MethodGet, sensors + "/_stats", "", http.StatusOK},
		{"writer", http.MethodGet, sensors + "/_search", "", http.StatusForbidden},
		{"writer", http.MethodGet, "/_cat/health", "", http.StatusOK},
		{"writer", http.MethodDelete, "/" + p.prefix + "-sensors-2020", "", http.StatusOK},
		{"writer", http.MethodDelete, "/" + p.prefix + "-pulls-2020-01", "", http.StatusForbidden},
		{"writer", http.MethodGet, pulls + "/_settings", "", http.StatusForbidden},
		{"writer", http.MethodGet, pulls + "/_search", "", http.StatusForbidden},
		{"writer", http.MethodGet, "/_all/_search", "", http.StatusForbidden},
		{"writer", http.MethodDelete, "/" + p.prefix + "-pulls-2020-01/_doc/1", "", http.StatusForbidden},
		{"writer", http.MethodPost, "/" + p.prefix + "-pulls-2020-01/_update/1", `{"doc":{"a":1}}`, http.StatusForbidden},
		{"writer", http.MethodPost, "/" + p.prefix + "-pulls-2020-01/_delete_by_query", `{"query":{"match_all":{}}}`, http.StatusForbidden},
		{"writer", http.MethodPut, "/" + p.prefix + "-other", "", http.StatusForbidden},
		{"writer", http.MethodPost, "/" + p.prefix + "-other/_doc", "{}", http.StatusForbidden},
		{"writer", http.MethodPut, "/" + p.prefix + "-pulls-2020-01/_settings", `{"index":{"refresh_interval":"9s"}}`, http.StatusForbidden},
		{"writer", http.MethodPost, "/" + p.prefix + "-pulls-2020-01/_close", "", http.StatusForbidden},
		{"writer", http.MethodPut, "/_cluster/settings", `{"transient":{"cluster.max_shards_per_node":null}}`, http.StatusForbidden},
		{"writer", http.MethodGet, "/_cluster/settings", "", http.StatusForbidden},
		{"writer", http.MethodGet, "/_nodes", "", http.StatusForbidden},
		{"writer", http.MethodPut, "/_index_template/" + p.prefix + "-theirs", `{"index_patterns":["` + p.prefix + `-theirs"]}`, http.StatusForbidden},
		{"writer", http.MethodGet, "/_plugins/_security/api/internalusers", "", http.StatusForbidden},
		{"reader", http.MethodGet, "/", "", http.StatusOK},
		{"reader", http.MethodGet, pulls + "/_mapping", "", http.StatusOK},
		{"reader", http.MethodPost, "/_msearch", `{"index":"` + pulls[1:] + `"}` + "\n" + `{"size":0}` + "\n", http.StatusOK},
		{"reader", http.MethodPost, "/" + p.prefix + "-pulls-2020-01/_doc", "{}", http.StatusForbidden},
		{"reader", http.MethodGet, "/_all/_search", "", http.StatusForbidden},
		{"reader", http.MethodDelete, "/" + p.prefix + "-sensors-2020", "", http.StatusForbidden},
	} {
		if got, answer := p.ask(c.who, c.method, c.path, c.body); got != c.want {
			t.Errorf("%s: %s %s: %d %s, want %d", c.who, c.method, c.path, got, answer, c.want)
		}
	}
	if code, out, complaints := p.run(nil, "indices", "delete", "--yes", "--route", "0"); code != 1 || !strings.Contains(complaints, "is missing") {
		t.Errorf("without an age: %d %s%s", code, out, complaints)
	}
}
