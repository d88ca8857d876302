package compat

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// job reads an environment that has the two mandatory variables unless it says otherwise.
func job(t *testing.T, env ...string) *Found {
	t.Helper()
	return Read(Sources{Env: append([]string{"REPOSITORIES=a/b", "MQTT_TOPIC=t"}, env...), Dir: t.TempDir()})
}

// settings are what was found, by path.
func (f *Found) settings() map[string]any {
	all := make(map[string]any)
	for _, s := range f.Settings {
		all[s.Path] = s.Value
	}
	return all
}

// complaints are the problems, one a line.
func (f *Found) complaints() string {
	var lines []string
	for _, p := range f.Problems {
		line := p.Error()
		if p.File != "" {
			line = p.File + ": " + line
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestTheJobsVariables(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  []string
		want map[string]any // what differs from the least
	}{
		{"the least", nil, nil},
		{"empty ones are not set", []string{"MQTT_SERVER=", "MQTT_PORT=", "MQTT_TLS_enabled=", "MQTT_USER=", "MQTT_PASSWORD=", "MQTT_PASSWORD_FILE=", "MQTT_RETAIN=", "MQTT_CACERT_FILE="}, nil},
		{"a broker", []string{"MQTT_SERVER=broker", "MQTT_PORT=1884"}, map[string]any{"mqtt.url": "mqtt://broker:1884"}},
		{"an address of IPv6", []string{"MQTT_SERVER=::1"}, map[string]any{"mqtt.url": "mqtt://[::1]:1883"}},
		{"TLS", []string{"MQTT_TLS_enabled=true"}, map[string]any{"mqtt.url": "mqtts://localhost:1883"}},
		{"TLS with a CA and without the host's name", []string{"MQTT_TLS_enabled=1", "MQTT_CACERT_FILE=/etc/ssl/certs", "MQTT_TLS_no_hostname_validation=YES"}, map[string]any{
			"mqtt.url": "mqtts://localhost:1883", "mqtt.tls.ca_file": "/etc/ssl/certs", "mqtt.tls.skip_hostname_verify": true,
		}},
		{"a CA without TLS is passed over", []string{"MQTT_CACERT_FILE=/etc/ssl/certs", "MQTT_TLS_no_hostname_validation=1"}, nil},
		{"a user", []string{"MQTT_USER=u", "MQTT_PASSWORD= p "}, map[string]any{"mqtt.username": "u", "mqtt.password": " p "}},
		{"a file counts more than a password", []string{"MQTT_PASSWORD=p", "MQTT_PASSWORD_FILE=/run/p"}, map[string]any{"mqtt.password_file": "/run/p"}},
		{"retained", []string{"MQTT_RETAIN=True"}, map[string]any{"mqtt.retain": true}},
		{"not retained", []string{"MQTT_RETAIN=nO"}, nil},
		{"a topic for each", []string{"MQTT_TOPIC_REPO_EXTENSION=yes"}, map[string]any{"mqtt.topic_per_repository": true}},
		{"slashes of the topic become one", []string{"MQTT_TOPIC=/a///b//", "MQTT_TOPIC_REPO_EXTENSION=1"}, map[string]any{"mqtt.topic": "/a/b", "mqtt.topic_per_repository": true}},
		{"and stay without the repository", []string{"MQTT_TOPIC=a//b/"}, map[string]any{"mqtt.topic": "a//b/"}},
		{"an official image by its bare name", []string{"REPOSITORIES=nginx docker.io/a/b"}, map[string]any{"collector.repositories": []string{"nginx", "docker.io/a/b"}}},
		{"several repositories", []string{"REPOSITORIES= a/b\n\tc/d  a/b "}, map[string]any{"collector.repositories": []string{"a/b", "c/d", "a/b"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := map[string]any{
				"mqtt.url": "mqtt://localhost:1883", "mqtt.topic": "t", "mqtt.topic_per_repository": false, "mqtt.retain": false,
				"collector.repositories": []string{"a/b"},
			}
			for path, value := range tt.want {
				want[path] = value
			}
			f := job(t, tt.env...)
			if diff := cmp.Diff(want, f.settings()); diff != "" || len(f.Problems) > 0 || !f.Job || f.Service {
				t.Errorf("(-want +got):\n%s%s", diff, f.complaints())
			}
		})
	}
}

func TestMistakesInTheJobsVariablesAreToldByTheirNames(t *testing.T) {
	for _, tt := range []struct{ name, env, want string }{
		{"no port", "MQTT_PORT=mqtt", `MQTT_PORT: "mqtt": must be a port`},
		{"a port too high", "MQTT_PORT=65536", `MQTT_PORT: "65536": must be a port`},
		{"a port too low", "MQTT_PORT=0", `MQTT_PORT: "0": must be a port`},
		{"a URL for a host", "MQTT_SERVER=mqtt://b", "MQTT_SERVER: must be the name or the address of a host"},
		{"a user in the host", "MQTT_SERVER=me:hunter2@b", "MQTT_SERVER: must be the name or the address of a host"},
		{"truth of TLS", "MQTT_TLS_enabled=on", `MQTT_TLS_enabled: "on": must be true, false, yes, no, 1 or 0`},
		{"truth of names", "MQTT_TLS_no_hostname_validation=2", `MQTT_TLS_no_hostname_validation: "2": must be true`},
		{"truth of retaining", "MQTT_RETAIN=y", `MQTT_RETAIN: "y": must be true`},
		{"truth of the extension", "MQTT_TOPIC_REPO_EXTENSION=-", `MQTT_TOPIC_REPO_EXTENSION: "-": must be true`},
		{"no topic", "MQTT_TOPIC= ", "MQTT_TOPIC: is mandatory"},
		{"no repositories", "REPOSITORIES= \n", "REPOSITORIES: is mandatory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := job(t, tt.env).complaints()
			if !strings.HasPrefix(got, tt.want) || strings.Contains(got, "\n") || strings.Contains(got, "hunter2") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTheJobCountsOnlyWithBothOfItsVariables(t *testing.T) {
	for env, note := range map[string]string{
		"REPOSITORIES=a/b": "MQTT_TOPIC is not", "MQTT_TOPIC=t": "REPOSITORIES is not", "MQTT_SERVER=b": "",
	} {
		f := Read(Sources{Env: []string{env, "MQTT_PORT=x"}, Dir: t.TempDir()})
		if f.Any() || len(f.Settings)+len(f.Problems) > 0 || !strings.Contains(strings.Join(f.Notes, ""), note) {
			t.Errorf("%s: %+v", env, f)
		}
	}
	f := Read(Sources{Dir: t.TempDir(), Job: Require})
	if got := f.complaints(); !strings.Contains(got, "MQTT_TOPIC: is mandatory") || !strings.Contains(got, "REPOSITORIES: is mandatory") {
		t.Errorf("required: %s", got)
	}
	if f := Read(Sources{Env: []string{"REPOSITORIES=a/b", "MQTT_TOPIC=t"}, Dir: t.TempDir(), Job: Ignore}); f.Any() {
		t.Error("the job was not ignored")
	}
}
