package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pulltrail/indexer"
	"pulltrail/internal/compat"
)

// theirs reads a folder as the tutorial's containers would have it: env has variables, one
// a line, config.json and mapping.json are the service's files; each may be missing.
func theirs(t *testing.T, dir string) *compat.Found {
	t.Helper()
	s := compat.Sources{Dir: t.TempDir()}
	if env, err := os.ReadFile(filepath.Join(dir, "env")); err == nil {
		s.Env = strings.Split(strings.TrimSpace(string(env)), "\n")
	}
	for name, variable := range map[string]string{"config.json": compat.ConfigVariable, "mapping.json": compat.MappingVariable} {
		file := filepath.ToSlash(filepath.Join(dir, name))
		if _, err := os.Stat(file); err == nil {
			s.Env = append(s.Env, variable+"="+file)
		}
	}
	return compat.Read(s)
}

// loadTheirs is the configuration with nothing of ours.
func loadTheirs(found *compat.Found, env ...string) (Config, error) {
	return Load(Options{File: os.DevNull, Explicit: true, Compat: found, Env: env})
}

// migrated is the printed file, which is what is loaded.
func migrated(t *testing.T, found *compat.Found, secrets bool, env ...string) (text string, c Config) {
	t.Helper()
	text, err := Migrate(found, readDocumented(t), secrets)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err = Load(Options{File: file, Explicit: true, Env: env}); err != nil {
		t.Fatalf("the printed file: %v\n%s", err, text)
	}
	return text, c
}

// sameKeys leaves out what is no key, and so is not printed.
var sameKeys = cmp.Options{sameSecrets, cmpopts.IgnoreFields(indexer.ClusterConfig{}, "AnyProduct")}

func TestNothingIsLostInMigration(t *testing.T) {
	for _, name := range []string{"job-least", "job-everything", "service-least", "service-everything", "service-mqtt5", "service-elasticsearch", "both"} {
		t.Run(name, func(t *testing.T) {
			found := theirs(t, "testdata/compat/"+name)
			want, err := loadTheirs(found)
			if err != nil {
				t.Fatal(err)
			}
			text, got := migrated(t, found, true)
			if diff := cmp.Diff(want, got, sameKeys); diff != "" {
				t.Errorf("(-started as before +the printed file):\n%s", diff)
			}
			golden(t, "testdata/compat/"+name+"/with-secrets.yaml", text)

			text, got = migrated(t, found, false, secretsOf(want)...)
			if diff := cmp.Diff(want, got, sameKeys); diff != "" {
				t.Errorf("without secrets, which are set in the environment (-started as before +the printed file):\n%s", diff)
			}
			if strings.Contains(text, "hunter2") {
				t.Errorf("a secret is printed:\n%s", text)
			}
			golden(t, "testdata/compat/"+name+"/config.yaml", text)
		})
	}
}

// secretsOf are the variables that set the secrets of c.
func secretsOf(c Config) (env []string) {
	root := table()
	for path, value := range flat(c) {
		if k := root.find(path); k.kind == secretText && value != "" {
			env = append(env, variable(path)+"="+value.(string))
		}
	}
	return env
}

// seed is the folder with the tutorial's own files, beside the recorded answers of
// Docker Hub.
func seed(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("PULLTRAIL_RECORDED")
	if dir == "" {
		t.Skip("PULLTRAIL_RECORDED does not name a folder beside which the tutorial's files are")
	}
	return filepath.Join(dir, "..", "..", "seed")
}

func TestTheTutorialsOwnFilesLoseNothingInMigration(t *testing.T) {
	for _, mapping := range []string{"dockerhub-stats-opensearch-mapping.json", "speedtest2mqtt-elasticsearch-mapping.json"} {
		found := compat.Read(compat.Sources{Dir: t.TempDir(), Env: []string{
			"MQTT_SERVER=broker", "MQTT_PORT=1883", "MQTT_TOPIC=com/docker/hub/repositories/metrics", "MQTT_RETAIN=true", "MQTT_TOPIC_REPO_EXTENSION=true",
			"REPOSITORIES=oitc/dockerhubstats2mqtt oitc/mqtt2elasticsearch",
			"CONFIG_FILE=testdata/compat/both/config.json", "ELASTICSEARCH_MAPPING_FILE=" + filepath.Join(seed(t), mapping),
		}})
		want, err := loadTheirs(found)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := migrated(t, found, true); !cmp.Equal(want, got, sameKeys) {
			t.Errorf("%s:\n%s", mapping, cmp.Diff(want, got, sameKeys))
		}
	}
}

func TestTheirMistakesAreToldInTheirWords(t *testing.T) {
	for _, name := range []string{"mistakes", "mistakes-of-values"} {
		_, err := loadTheirs(theirs(t, "testdata/compat/"+name))
		if err == nil {
			t.Fatalf("%s: no mistakes", name)
		}
		for _, ours := range []string{"hunter2", "314159", "indexer.", "mqtt.url", "collector."} {
			if strings.Contains(err.Error(), ours) {
				t.Errorf("%s: %q is in the words of nobody who has these files", name, ours)
			}
		}
		golden(t, "testdata/compat/"+name+"/err", err.Error()+"\n")
	}
}

func TestOurKeysCountMoreThanTheirs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte("mqtt: {retain: false}\nindexer: {routes: [{topic: mine, kind: document, index: mine}]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Options{File: file, Explicit: true, Env: []string{"PULLTRAIL_MQTT_URL=mqtt://other:1883"}, Compat: theirs(t, "testdata/compat/both")})
	if err != nil {
		t.Fatal(err)
	}
	if c.MQTT.Retain || c.MQTT.URL != "mqtt://other:1883" || len(c.Indexer.Routes) != 1 || !c.MQTT.TopicPerRepository {
		t.Errorf("%+v", c)
	}
	_, err = Load(Options{File: file, Explicit: true, Env: []string{"PULLTRAIL_MQTT_URL=x"}, Compat: theirs(t, "testdata/compat/both")})
	if err == nil || !strings.Contains(err.Error(), "PULLTRAIL_MQTT_URL: \"") {
		t.Errorf("a mistake of ours is told in other words: %v", err)
	}
}

// mqtt2elasticsearch wrote to an Elasticsearch under "opensearch" as well; the same key of
// ours is for an OpenSearch.
func TestTheirOpenSearchMayBeAnElasticsearch(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"config.json":  `{"opensearch": {"hosts": [{"host": "o"}]}, "mqtt": {"server": "b"}}`,
		"mapping.json": `{"t": {"elasticIndex": "i", "elasticBody": {}}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found := theirs(t, dir)
	for _, tt := range []struct {
		name string
		env  []string
		want bool
	}{
		{"with their URLs", nil, true},
		{"with URLs of ours", []string{"PULLTRAIL_INDEXER_OPENSEARCH_URLS=http://ours:9200"}, false},
	} {
		c, err := loadTheirs(found, tt.env...)
		if err != nil || c.Indexer.OpenSearch.AnyProduct != tt.want {
			t.Errorf("%s: %v, %v", tt.name, c.Indexer.OpenSearch.AnyProduct, err)
		}
	}
	if _, c := migrated(t, found, true); c.Indexer.OpenSearch.AnyProduct {
		t.Error("the printed file accepts any product too, without a key for it")
	}
}
