package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulltrail/indexer"
	"pulltrail/internal/secret"
	"pulltrail/internal/tlsconf"
)

var update = flag.Bool("update", false, "write the golden files and docs/CONFIGURATION.md")

// sameSecrets compares what is never printed.
var sameSecrets = cmp.Comparer(func(a, b secret.String) bool { return a.Reveal() == b.Reveal() })

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; write it with go test -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not what is there (-want +got); if that is right, run go test -update:\n%s", file, diff)
	}
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no file is called %s: %v", pattern, err)
	}
	return names
}

func TestEachMistakeIsToldWithPlaceKeyValueAndRemedy(t *testing.T) {
	for _, file := range files(t, "*.bad.yaml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			c, err := Load(Options{File: file, Explicit: true})
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("Load = %v, not an *Error", err)
			}
			if !reflect.DeepEqual(c, Config{}) {
				t.Error("a configuration came with the mistakes")
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "314159") {
				t.Errorf("the secret stands in the message: %v", err)
			}
			golden(t, strings.TrimSuffix(file, "bad.yaml")+"err", err.Error()+"\n")
		})
	}
}

func TestAFileThatSetsNothingGivesTheDefaults(t *testing.T) {
	for _, file := range files(t, "*.default.yaml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			c, err := Load(Options{File: file, Explicit: true})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Default(), c, sameSecrets); diff != "" {
				t.Errorf("not the defaults (-default +loaded):\n%s", diff)
			}
		})
	}
}

func TestEveryKindOfValueIsRead(t *testing.T) {
	want := Default()
	want.DataDir = "/var/lib/pulltrail"
	want.Log = Log{Level: "debug", Format: "json"}
	want.Collector.Schedule = "@every 6h"
	want.Collector.Timezone = "Europe/Berlin"
	want.Collector.RunOnStart = false
	want.Collector.Jitter = 0
	want.Collector.Deadline = 90 * time.Minute
	want.Collector.Repositories = []string{"nginx", "oitc/mqtt2elasticsearch", "library/nginx"}
	want.Collector.Concurrency = 8
	want.Collector.Rate = 3
	want.Collector.MaxBody = 3 << 19
	want.MQTT.URL = "mqtts://broker.example"
	want.MQTT.Username = "pulltrail"
	want.MQTT.Password = secret.New("correct horse")
	want.MQTT.MaxPayload = 1_000_000
	want.MQTT.TLS = tlsconf.Config{ServerName: "broker.internal"}
	want.Indexer.OpenSearch.URLs = []string{"https://a.example:9200", "https://b.example:9200"}
	want.Indexer.OpenSearch.Username = "pulltrail"
	want.Indexer.OpenSearch.Password = secret.New("correct horse")
	want.Indexer.OpenSearch.PasswordFile = "testdata/secret"
	want.Indexer.OpenSearch.TLS = tlsconf.Config{ServerName: "broker.internal", InsecureSkipVerify: true}
	want.Indexer.BatchBytes = 2_000_000
	want.Indexer.Routes = []indexer.Route{
		{Topic: "home/#", Kind: "document", Index: "home-{Y}"},
		{Topic: "garden/#", Kind: "document", Index: "home-{Y}", TimeField: "at"},
	}
	for _, file := range files(t, "full*.good.yaml") {
		c, err := Load(Options{File: file, Explicit: true})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, c, sameSecrets); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
		if got := c.Plan().Names; len(got) != 2 || got[0].String() != "library/nginx" {
			t.Errorf("Repositories = %v, want each once", got)
		}
	}
}

func TestAFileIsNeededOnlyWhereItIsNamed(t *testing.T) {
	t.Chdir(t.TempDir())
	env := []string{"PULLTRAIL_DATA_DIR=/data"} // wherever the temporary directory is
	if _, err := Load(Options{Env: env}); err != nil {
		t.Errorf("without config.yaml: %v", err)
	}
	if err := os.WriteFile("config.yaml", []byte("log: {level: warn}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(Options{Env: env}); err != nil || c.Log.Level != "warn" {
		t.Errorf("config.yaml was not read: %v, %v", c.Log.Level, err)
	}
	for name, want := range map[string]string{
		"missing.yaml": "missing.yaml: no such file or directory: name a configuration file that can be read",
		".":            ".: is a directory: name a configuration file that can be read",
	} {
		_, err := Load(Options{File: name, Explicit: true, Env: []string{"PULLTRAIL_COLLECTOR_RATE=fast"}})
		if err == nil || !strings.Contains(err.Error(), "\n  "+want) || !strings.Contains(err.Error(), "PULLTRAIL_COLLECTOR_RATE") {
			t.Errorf("Load of %s = %v, want %q beside the other mistakes", name, err, want)
		}
	}
	if _, err := Load(Options{Explicit: true}); err == nil {
		t.Error("an explicit file without a name was accepted")
	}
}

func TestLaterLayersOverrideEarlierOnes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("data_dir: file\nlog: {level: warn, format: json}\nmqtt: {topic: file}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Options{
		File: file, Explicit: true,
		Env:       []string{"PULLTRAIL_DATA_DIR=first", "PULLTRAIL_DATA_DIR=environment", "PULLTRAIL_LOG_LEVEL=error", "HOME=/", "PULLTRAIL"},
		Overrides: map[string]any{"data_dir": "flag", "collector.timeout": 5 * time.Second, "collector.repositories": "a/b c/d", "web.listen": nil},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.Web.Listen, c.Log.Format, c.MQTT.Topic, c.Log.Level, c.DataDir, c.Collector.Timeout.String(), strings.Join(c.Collector.Repositories, " ")}
	want := []string{"127.0.0.1:8080", "json", "file", "error", "flag", "5s", "a/b c/d"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAMistakeIsToldInTheWordsOfWhoeverMadeIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("log:\n  level: loud\ncollector:\n  repositories: [A, B]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(Options{
		File: file, Explicit: true,
		Env: []string{"PULLTRAIL_LOG_FORMAT=xml", "PULLTRAIL_COLLECTOR_REPOSITORIES=a/b C/d", "PULLTRAIL_WEB_LISTEN=8080"},
		Overrides: map[string]any{
			"web.listen": "9090", "data_dir": "", "no.such": "x", "indexer.routes": "x", "log": "x",
			"collector.rate": []string{"x"}, "mqtt.password": 7, "mqtt.retain": "perhaps",
		},
	})
	if err == nil {
		t.Fatal("nothing was found wrong")
	}
	golden(t, "testdata/origins.err", strings.ReplaceAll(err.Error(), file, "c.yaml")+"\n")
}

func TestManyMistakesAreCountedRatherThanListed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("collector: {repositories: ["+strings.Repeat("7, ", 250)+"]}"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(Options{File: file, Explicit: true})
	if err == nil || strings.Count(err.Error(), "\n") != maxListed+1 || !strings.HasSuffix(err.Error(), "and 150 more") {
		t.Errorf("Load = %v", err)
	}
}
