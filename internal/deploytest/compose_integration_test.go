//go:build integration

package deploytest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pulltrail/internal/cli"
	"pulltrail/internal/hubtest"
	"pulltrail/internal/porttest"
)

// installation is what setup.sh has made, and where the servers of compose.full.yaml run
// for a test: with their files of deploy/compose, under their users, without containers.
type installation struct {
	t       *testing.T
	dir     string
	secrets string
}

// setUp makes certificates and passwords, and lets every user come to them, as an engine
// does with mounts.
func setUp(t *testing.T) installation {
	t.Helper()
	root(t, "bash", "openssl", "setpriv", "curl")
	dir := t.TempDir()
	reachable(t, filepath.Join(dir, "here"))
	i := installation{t, dir, filepath.Join(dir, "secrets")}
	if out, err := i.script("setup.sh").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return i
}

// script is one of deploy/compose.
func (i installation) script(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(project(i.t), "deploy/compose", name), args...)
	cmd.Env = append(os.Environ(), "SECRETS="+i.secrets)
	return cmd
}

func (i installation) secret(name string) string {
	i.t.Helper()
	return strings.TrimSpace(read(i.t, filepath.Join(i.secrets, name)))
}

// adapted writes a file of deploy/compose with other places and ports.
func (i installation) adapted(name string, old ...string) string {
	i.t.Helper()
	file := filepath.Join(i.dir, filepath.Base(name))
	write(i.t, file, strings.NewReplacer(append(old, "/run/secrets", i.secrets)...).Replace(read(i.t, filepath.Join(project(i.t), "deploy/compose", name))))
	if err := os.Chmod(file, 0o644); err != nil {
		i.t.Fatal(err)
	}
	return file
}

// directory makes one that belongs to a user.
func (i installation) directory(name string, user int) string {
	i.t.Helper()
	dir := filepath.Join(i.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		i.t.Fatal(err)
	}
	if err := os.Chown(dir, user, user); err != nil {
		i.t.Fatal(err)
	}
	return dir
}

// serve runs a server under a user until the test ends.
func (i installation) serve(user int, env []string, program ...string) {
	i.t.Helper()
	id := fmt.Sprint(user)
	server := exec.Command("setpriv", append([]string{"--reuid=" + id, "--regid=" + id, "--clear-groups"}, program...)...)
	server.Env = append(os.Environ(), env...)
	log := filepath.Join(i.dir, filepath.Base(program[0])+".log")
	file, err := os.Create(log)
	if err != nil {
		i.t.Fatal(err)
	}
	server.Stdout, server.Stderr, server.Dir = file, file, i.dir
	if err := server.Start(); err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait() // it says that it was killed
		if err := file.Close(); err != nil {
			i.t.Error(err)
		}
		if i.t.Failed() {
			lines := strings.SplitAfter(read(i.t, log), "\n")
			i.t.Logf("the end of what %s says: %s", program[0], strings.Join(lines[max(0, len(lines)-30):], ""))
		}
	})
}

func TestSetupMakesEverySecretOnceAndForItsReader(t *testing.T) {
	i := setUp(t)
	readers := map[string]uint32{"pulltrail": 5241, "mosquitto": 1883, "opensearch": 1000, "opensearch-users": 5241, "grafana": 472}
	p := compose(t, "compose.full.yaml")
	seen := map[string]string{}
	for _, s := range p.Services {
		for _, mounted := range s.Secrets {
			file := filepath.Join(i.secrets, filepath.Base(p.Secrets[mounted.Source].File))
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if mounted.Source == "ca.pem" {
				continue // everybody's
			}
			if uid, _ := owner(info); uid != readers[s.Name] || info.Mode().Perm() != 0o400 {
				t.Errorf("%s, for %s: user %d, %v", file, s.Name, uid, info.Mode())
			}
			seen[i.secret(mounted.Source)] = mounted.Source
		}
	}
	// One pair is one password for two readers.
	if len(seen) != len(p.Secrets)-1-1 {
		t.Errorf("%d secrets differ of %d", len(seen), len(p.Secrets))
	}
	if out, err := i.script("setup.sh").CombinedOutput(); err == nil || !strings.Contains(string(out), "is there already") {
		t.Errorf("a second time: %v, %s", err, out)
	}
	authority, certificate, password := i.secret("ca.pem"), i.secret("mosquitto.pem"), i.secret("grafana-admin")
	if out, err := i.script("setup.sh", "renew").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if i.secret("ca.pem") != authority || i.secret("grafana-admin") != password || i.secret("mosquitto.pem") == certificate {
		t.Error("renew makes certificates, and nothing but those")
	}
}

func TestTheServersOfComposeWorkTogether(t *testing.T) {
	i := setUp(t)
	if err := os.Chmod(i.secrets, 0o755); err != nil { // as if each file were mounted
		t.Fatal(err)
	}
	broker := i.mosquitto()
	cluster := i.openSearch()
	config := i.adapted("pulltrail.yaml", "mqtts://mosquitto:8883", "mqtts://localhost:"+broker, "https://opensearch:9200", cluster)
	i.makeUsers(config, " created")
	i.makeUsers(config, " unchanged") // it may be repeated

	hub := hubtest.New(t)
	hub.Set("library/nginx", 12916987208)
	var printed, complaints bytes.Buffer
	code := cli.Main(t.Context(), cli.Process{
		Args: []string{"collect", "--config", config}, Stdout: &printed, Stderr: &complaints,
		Env: []string{"PULLTRAIL_COLLECTOR_URL=" + hub.URL, "PULLTRAIL_COLLECTOR_REPOSITORIES=nginx", "PULLTRAIL_DATA_DIR=" + i.directory("data", 0)},
	})
	if code != 0 || !strings.Contains(printed.String(), "1 stored") {
		t.Fatalf("%d: %s%s", code, printed.String(), complaints.String())
	}

	// Grafana sees it, as its own user, and may do no more.
	const pattern = "/dockerhub-repositories-metrics-*"
	await(t, "the snapshot in the index", func() bool {
		status, body := i.ask(cluster, "grafana", http.MethodGet, pattern+"/_search?q=name:nginx", "")
		return status == http.StatusOK && strings.Contains(body, "12916987208")
	})
	for _, c := range []struct {
		user, method, path string
		want               int
	}{
		{"grafana", http.MethodGet, "/", http.StatusOK},
		{"grafana", http.MethodGet, pattern + "/_mapping", http.StatusOK},
		{"grafana", http.MethodPost, "/dockerhub-repositories-metrics-x/_doc", http.StatusForbidden},
		{"grafana", http.MethodGet, "/_all/_search", http.StatusForbidden},
		{"pulltrail", http.MethodGet, pattern + "/_search", http.StatusForbidden},
		{"pulltrail", http.MethodPost, "/other/_doc", http.StatusForbidden},
		{"admin", http.MethodGet, "/", http.StatusUnauthorized},
		{"", http.MethodGet, "/", http.StatusUnauthorized},
	} {
		if got, body := i.ask(cluster, c.user, c.method, c.path, "{}"); got != c.want {
			t.Errorf("%s: %s %s: %d %s, want %d", c.user, c.method, c.path, got, body, c.want)
		}
	}
	i.checkTopics(broker)
}

// makeUsers runs the program as the service opensearch-users does, which makes so many
// objects what the result says.
func (i installation) makeUsers(config, result string) {
	i.t.Helper()
	service, err := compose(i.t, "compose.full.yaml").GetService("opensearch-users")
	if err != nil {
		i.t.Fatal(err)
	}
	args := []string{"--config", config}
	for _, word := range service.Command {
		args = append(args, strings.ReplaceAll(word, "/run/secrets", i.secrets))
	}
	var printed, complaints bytes.Buffer
	code := cli.Main(i.t.Context(), cli.Process{Args: args, Stdout: &printed, Stderr: &complaints})
	if code != 0 || strings.Count(printed.String(), result) != 7 {
		i.t.Fatalf("%d: %s%s", code, printed.String(), complaints.String())
	}
}

// mosquitto runs the broker and returns its port.
func (i installation) mosquitto() string {
	const user = 1883
	port := porttest.Port(i.t)
	acl := i.adapted("mosquitto/acl")
	config := i.adapted("mosquitto/mosquitto.conf", "listener 8883", "listener "+port+" 127.0.0.1",
		"/mosquitto/config/acl", acl, "/mosquitto/data/", i.directory("mosquitto", user)+"/")
	i.serve(user, nil, neighbour(i.t, "MOSQUITTO_BIN"), "-c", config)
	await(i.t, "Mosquitto's health check", func() bool { return i.subscribes(port, "health", "health") == nil })
	return port
}

// subscribes tries a topic with the user's password.
func (i installation) subscribes(port, user, topic string) error {
	args := []string{"-h", "localhost", "-p", port, "-t", topic, "-E"}
	cmd := exec.Command("mosquitto_sub", args...)
	home := filepath.Join(i.dir, "options-"+user)
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	options := fmt.Sprintf("--cafile %s/ca.pem\n-u %s\n-P %s\n", i.secrets, user, i.password(user))
	if user == "health" {
		options = strings.ReplaceAll(i.secret("mosquitto_sub"), "/run/secrets", i.secrets)
	}
	if err := os.WriteFile(filepath.Join(home, "mosquitto_sub"), []byte(options), 0o600); err != nil {
		return err
	}
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+home)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// password is the one of a user of the broker; others have none that is right.
func (i installation) password(user string) string {
	i.t.Helper()
	if _, err := os.Stat(filepath.Join(i.secrets, "mqtt-"+user)); err != nil {
		return "wrong"
	}
	return i.secret("mqtt-" + user)
}

func (i installation) checkTopics(port string) {
	const snapshots = "com/docker/hub/repositories/metrics/#"
	if err := i.subscribes(port, "home", snapshots); err != nil {
		i.t.Error(err)
	}
	if err := i.subscribes(port, "stranger", snapshots); err == nil {
		i.t.Error("a stranger may subscribe")
	}
	// What is retained under a topic shows who could publish there.
	for _, c := range []struct {
		user  string
		may   bool
		topic string
	}{
		{"pulltrail", true, "pulltrail/test/status"},
		{"home", false, "pulltrail/other/status"},
		{"pulltrail", false, "sensors/other"},
	} {
		cmd := exec.Command("mosquitto_pub", "-h", "localhost", "-p", port, "-V", "5", "-q", "1", "-t", c.topic, "-m", "x",
			"--cafile", filepath.Join(i.secrets, "ca.pem"), "-u", c.user, "-P", i.password(c.user))
		out, err := cmd.CombinedOutput()
		if err != nil {
			i.t.Errorf("%s: %v: %s", c.topic, err, out)
		}
		if refused := strings.Contains(string(out), "Not authorized"); refused == c.may {
			i.t.Errorf("%s publishes to %s: %s", c.user, c.topic, out)
		}
	}
}

// openSearch runs the cluster with the program of the testbed and returns its address.
func (i installation) openSearch() string {
	const user = 1000
	t := i.t
	home := filepath.Dir(filepath.Dir(neighbour(t, "OPENSEARCH_SECURE_CA")))
	state := i.directory("opensearch", user)
	// The shell does what is tedious here: the image's configuration, with ours in it.
	output(t, exec.Command("bash", "-euc", `
		home=$1 state=$2 ours=$3 secrets=$4
		mkdir "$state"/{config,config/certificates,data,logs,tmp}
		cp -r "$home"/config/{jvm.options,jvm.options.d,log4j2.properties,fips_java.security} "$state/config"
		sed -i -e '/gc\.log/d' -e "s#=data\$#=$state/logs#" -e "s#logs/#$state/logs/#" "$state/config/jvm.options"
		cp "$ours/opensearch.yml" "$state/config"
		cp -r "$ours/security" "$state/config/opensearch-security"
		chown -R 1000:1000 "$state"
		cp -p "$secrets"/{ca.pem,opensearch.pem,opensearch.key} "$state/config/certificates"`,
		"bash", home, state, filepath.Join(project(t), "deploy/compose/opensearch"), i.secrets))
	java := exec.Command("bash", "-c", `testbed=$PWD/testbed; source testbed/lib/common.sh; java_home`)
	java.Dir = project(t)
	port := porttest.Port(t)
	// What the machine of the test gives otherwise than a container does.
	i.serve(user, []string{
		"HOME=" + state, "OPENSEARCH_JAVA_HOME=" + strings.TrimSpace(output(t, java)), "OPENSEARCH_PATH_CONF=" + state + "/config",
		"OPENSEARCH_TMPDIR=" + state + "/tmp", "OPENSEARCH_JAVA_OPTS=-Xms512m -Xmx512m -XX:-UsePerfData",
	}, home+"/bin/opensearch", "-Enetwork.host=127.0.0.1", "-Ehttp.port="+port, "-Etransport.port="+porttest.Port(t), "-Ebootstrap.memory_lock=false",
		"-Epath.data="+state+"/data", "-Epath.logs="+state+"/logs", "-Ecluster.routing.allocation.disk.threshold_enabled=false")
	address := "https://localhost:" + port
	await(t, "OpenSearch's health check", func() bool {
		status, body := i.ask(address, "", http.MethodGet, "/_plugins/_security/health", "")
		return status == http.StatusOK && strings.Contains(body, `"UP"`)
	})
	return address
}

// ask is a request of a user over a connection that is verified; status 0 is none.
func (i installation) ask(address, user, method, path, body string) (status int, answer string) {
	i.t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(i.secret("ca.pem"))) {
		i.t.Fatal("the authority is none")
	}
	request, err := http.NewRequestWithContext(i.t.Context(), method, address+path, strings.NewReader(body))
	if err != nil {
		i.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	switch user {
	case "":
	case "admin":
		request.SetBasicAuth(user, user) // what others have by default
	default:
		request.SetBasicAuth(user, i.secret("opensearch-"+user))
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool}}}
	response, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil || !json.Valid(data) && response.StatusCode == http.StatusOK {
		return 0, fmt.Sprintf("%v: %s", err, data)
	}
	return response.StatusCode, string(data)
}

// neighbour is a variable of the testbed.
func neighbour(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv("PULLTRAIL_TEST_" + name)
	if value == "" {
		t.Fatalf("PULLTRAIL_TEST_%s is not set: start the servers with testbed/testbed.sh up, then eval \"$(testbed/testbed.sh env)\"", name)
	}
	return value
}
