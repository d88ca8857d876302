package compat

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	leastConfig  = `{"opensearch": {"hosts": [{"host": "o"}]}, "mqtt": {"server": "b"}}`
	leastMapping = `{"t": {"elasticIndex": "i"}}`
)

// service reads two files that stand where the service has them.
func service(t *testing.T, config, mapping string, env ...string) *Found {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{configName: config, mappingName: mapping} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := Read(Sources{Env: env, Dir: dir})
	if !f.Service {
		t.Fatal("the files were not found")
	}
	for i := range f.Problems {
		f.Problems[i].File = strings.TrimPrefix(f.Problems[i].File, dir+"/")
		f.Problems[i].Key = strings.ReplaceAll(f.Problems[i].Key, dir+"/", "")
	}
	return f
}

func TestTheServicesConnections(t *testing.T) {
	opensearch := func(keys string) string {
		return `{"opensearch": {"hosts": [{"host": "o"}]` + keys + `}, "mqtt": {"server": "b"}}`
	}
	mqtt := func(keys string) string {
		return `{"opensearch": {"hosts": [{"host": "o"}]}, "mqtt": {"server": "b"` + keys + `}}`
	}
	for _, tt := range []struct {
		name, config string
		want         map[string]any // what differs from the least; nil for what is not set
	}{
		{"the least", leastConfig, nil},
		{"debug", `{"DEBUG": true, ` + leastConfig[1:], map[string]any{"log.level": "debug"}},
		{"not removing anything", `{"DEBUG": false, "removeIndex": false, ` + leastConfig[1:], nil},
		{"null is nothing", `{"DEBUG": null, "elasticsearch": null, ` + leastConfig[1:], nil},
		{"several hosts", `{"opensearch": {"hosts": [{"host": "o", "port": 9201}, {"host": "::1"}]}, "mqtt": {"server": "b"}}`, map[string]any{"indexer.opensearch.urls": []string{"http://o:9201", "http://[::1]:9200"}}},
		{"a user", opensearch(`, "username": "u", "password": "p"`), map[string]any{"indexer.opensearch.username": "u", "indexer.opensearch.password": "p"}},
		{"TLS verifies where nothing else is said", opensearch(`, "tls": true`), map[string]any{"indexer.opensearch.urls": []string{"https://o:9200"}}},
		{"TLS without verification", opensearch(`, "tls": true, "verify_certs": false`), map[string]any{"indexer.opensearch.urls": []string{"https://o:9200"}, "indexer.opensearch.tls.insecure_skip_verify": true}},
		{"TLS with a CA", opensearch(`, "tls": true, "verify_certs": true, "ca_certs_path": "/ca"`), map[string]any{"indexer.opensearch.urls": []string{"https://o:9200"}, "indexer.opensearch.tls.ca_file": "/ca"}},
		{"TLS options without TLS", opensearch(`, "tls": false, "verify_certs": false, "ca_certs_path": "/ca"`), nil},
		{"Elasticsearch", `{"elasticsearch": {"cluster": ["https://a:9200/", "https://b:9200"], "api_key": "k"}, "mqtt": {"server": "b"}}`, map[string]any{
			"indexer.opensearch.urls": nil, "indexer.elasticsearch.urls": []string{"https://a:9200", "https://b:9200"}, "indexer.elasticsearch.api_key": "k",
		}},
		{"Elasticsearch with a key in two parts", `{"elasticsearch": {"cluster": ["https://a:9200"], "api_key": ["id", "key"]}, "mqtt": {"server": "b"}}`, map[string]any{
			"indexer.opensearch.urls": nil, "indexer.elasticsearch.urls": []string{"https://a:9200"}, "indexer.elasticsearch.api_key": "aWQ6a2V5",
		}},
		{"Elasticsearch with a user in its URL", `{"elasticsearch": {"cluster": ["https://u:p@a:9200"]}, "mqtt": {"server": "b"}}`, map[string]any{
			"indexer.opensearch.urls": nil, "indexer.elasticsearch.urls": []string{"https://a:9200"}, "indexer.elasticsearch.username": "u", "indexer.elasticsearch.password": "p",
		}},
		{"a broker", `{"opensearch": {"hosts": [{"host": "o"}]}, "mqtt": {"server": "c", "port": 8883, "tls": true}}`, map[string]any{"mqtt.url": "mqtts://c:8883"}},
		{"a broker's user", mqtt(`, "client_id": "c", "user": "u", "password": "p"`), map[string]any{"mqtt.client_id": "c", "mqtt.username": "u", "mqtt.password": "p"}},
		{"a broker's name is not validated", mqtt(`, "tls": true, "hostname_validation": false`), map[string]any{"mqtt.url": "mqtts://b:1883", "mqtt.tls.skip_hostname_verify": true}},
		{"validation without TLS", mqtt(`, "hostname_validation": false`), nil},
		{"MQTT 3.1.1", mqtt(`, "protocol_version": 3`), nil},
		{"MQTT 5", mqtt(`, "protocol_version": 5`), map[string]any{"mqtt.version": "5"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := map[string]any{
				"mode": "indexer", "mqtt.url": "mqtt://b:1883", "mqtt.version": "3.1.1", "mqtt.topic": "", "indexer.opensearch.urls": []string{"http://o:9200"},
				"indexer.routes": []any{map[string]any{"topic": "t", "index": "i", "kind": "document"}},
			}
			for path, value := range tt.want {
				if want[path] = value; value == nil {
					delete(want, path)
				}
			}
			f := service(t, tt.config, leastMapping)
			if diff := cmp.Diff(want, f.settings()); diff != "" || len(f.Problems) > 0 || f.Job {
				t.Errorf("(-want +got):\n%s%s", diff, f.complaints())
			}
		})
	}
}

func TestMistakesInTheServicesFilesAreToldByTheirPaths(t *testing.T) {
	const c, m = configName + ": ", mappingName + ": "
	database := `"opensearch": {"hosts": [{"host": "o"}]}`
	broker := `"mqtt": {"server": "b"}`
	for _, tt := range []struct{ name, config, mapping, want string }{
		{"no JSON", "{\n  \"mqtt\": {,}", "", configName + ":2:12: not JSON"},
		{"no object", "[]", "", configName + ": not a JSON object but an array"},
		{"a key twice", `{"mqtt": {}, "mqtt": {}}`, "", configName + `: the key "mqtt" occurs twice`},
		{"removing indices", `{"removeIndex": true, ` + database + `,` + broker + `}`, "", c + "removeIndex: true: would delete every index"},
		{"truth in quotes", `{"DEBUG": "hunter2", ` + database + `,` + broker + `}`, "", c + "DEBUG: must be true or false"},
		{"both databases", `{"elasticsearch": {"cluster": ["http://a"]}, ` + database + `,` + broker + `}`, "", c + "opensearch: stands beside elasticsearch"},
		{"no database", `{` + broker + `}`, "", c + "opensearch: is missing"},
		{"no broker", `{` + database + `}`, "", c + "mqtt: is missing"},
		{"no host of the broker", `{` + database + `, "mqtt": {}}`, "", c + "mqtt.server: is missing"},
		{"a port in quotes", `{` + database + `, "mqtt": {"server": "b", "port": "1883"}}`, "", c + "mqtt.port: must be a port, a whole number from 1 to 65535 without quotes"},
		{"a port too high", `{` + database + `, "mqtt": {"server": "b", "port": 65536}}`, "", c + "mqtt.port: 65536: must be a port"},
		{"an unknown version", `{` + database + `, "mqtt": {"server": "b", "protocol_version": 4}}`, "", c + "mqtt.protocol_version: 4: must be 3"},
		{"a secret that is no text", `{` + database + `, "mqtt": {"server": "b", "password": 314159}}`, "", c + "mqtt.password: must be text in quotes"},
		{"no hosts", `{"opensearch": {"hosts": []},` + broker + `}`, "", c + "opensearch.hosts: names no node"},
		{"a host that is none", `{"opensearch": {"hosts": [{"host": "o"}, "p"]},` + broker + `}`, "", c + "opensearch.hosts[1]: must be an object"},
		{"a host's port", `{"opensearch": {"hosts": [{"host": "o", "port": 0}]},` + broker + `}`, "", c + "opensearch.hosts[0].port: 0: must be a port"},
		{"a URL for a host", `{"opensearch": {"hosts": [{"host": "http://o"}]},` + broker + `}`, "", c + "opensearch.hosts[0].host: must be the name"},
		{"a cluster that is none", `{"elasticsearch": {"cluster": ["http://a", "b"]},` + broker + `}`, "", c + "elasticsearch.cluster[1]: must be a URL"},
		{"a cluster without nodes", `{"elasticsearch": {"cluster": []},` + broker + `}`, "", c + "elasticsearch.cluster: names no node"},
		{"a key that is none", `{"elasticsearch": {"cluster": ["http://a"], "api_key": ["hunter2"]},` + broker + `}`, "", c + "elasticsearch.api_key: must be text in quotes, or a list of two"},
		{"no topics", "", `{}`, mappingName + ": names no topic"},
		{"an entry that is none", "", `{"home/+/x": "i"}`, m + `"home/+/x": must be an object`},
		{"a topic with braces", "", `{"home/{a}/x": {"elasticIndex": "i"}}`, m + `"home/{a}/x": has braces, which stand for fields here: write + for a level that has them`},
		{"no index", "", `{"home/+/x": {}}`, m + `"home/+/x".elasticIndex: is missing`},
		{"an index that is no text", "", `{"home/+/x": {"elasticIndex": 1}}`, m + `"home/+/x".elasticIndex: must be text`},
		{"a body that is none", "", `{"home/+/x": {"elasticIndex": "i", "elasticBody": []}}`, m + `"home/+/x".elasticBody: must be an object`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config, mapping := tt.config, tt.mapping
			if config == "" {
				config = leastConfig
			}
			if mapping == "" {
				mapping = leastMapping
			}
			got := service(t, config, mapping).complaints()
			if !strings.HasPrefix(got, tt.want) || strings.Contains(got, "\n") || strings.Contains(got, "hunter2") || strings.Contains(got, "314159") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestFilesThatAreMissingAreToldWithTheirVariable(t *testing.T) {
	dir := t.TempDir()
	f := Read(Sources{Env: []string{"ELASTICSEARCH_MAPPING_FILE=" + dir + "/m.json"}, Dir: dir})
	want := dir + "/" + configName + ": no such file or directory: name a JSON file that can be read in CONFIG_FILE\n" +
		dir + "/m.json: no such file or directory: name a JSON file that can be read in ELASTICSEARCH_MAPPING_FILE"
	if got := f.complaints(); got != want {
		t.Errorf("got %q", got)
	}
	if f := Read(Sources{Env: []string{"CONFIG_FILE=" + dir + "/c.json"}, Dir: dir}); f.Any() {
		t.Error("CONFIG_FILE alone was taken for the service's")
	}
	large := filepath.Join(dir, "large.json")
	if err := os.WriteFile(large, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	f = Read(Sources{Env: []string{"ELASTICSEARCH_MAPPING_FILE=" + large}, Dir: dir})
	if got := f.complaints(); !strings.Contains(got, "large.json: has more than 1048576 bytes") {
		t.Errorf("got %q", got)
	}
}

func TestUnknownKeysArePassedOverWithANote(t *testing.T) {
	f := service(t, `{"mqtt": {"server": "b", "pasword": "hunter2"}, "opensearch": {"hosts": [{"host": "o", "prot": 1}]}, "x": 1}`, `{"t": {"elasticIndex": "i", "elasticbody": {}}}`)
	notes := strings.Join(f.Notes, "\n")
	for _, want := range []string{"mqtt.pasword is not known", "opensearch.hosts[0].prot", ": x is not known", `"t".elasticbody`, "known here: client_id"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note says %q:\n%s", want, notes)
		}
	}
	if strings.Contains(notes, "hunter2") || len(f.Problems) > 0 {
		t.Errorf("%s\n%s", notes, f.complaints())
	}
}

func TestTheMapping(t *testing.T) {
	const tutorial = `{"mappings":{"properties":{"pull_count":{"type":"integer"},"storage_size":{"type":"integer"},"status":{"type":"integer"}}}}`
	for _, tt := range []struct {
		name, mapping string
		want          []any
	}{
		{"a body may be missing", `{"a": {"elasticIndex": "i-{Y}{m}{d}"}}`, []any{map[string]any{"topic": "a", "index": "i-{Y}{m}{d}", "kind": "document"}}},
		{"or be empty", `{"a": {"elasticIndex": "i", "elasticBody": {}}, "b": {"elasticIndex": "j", "elasticBody": null}}`, []any{
			map[string]any{"topic": "a", "index": "i", "kind": "document"}, map[string]any{"topic": "b", "index": "j", "kind": "document"},
		}},
		{"a date called timestamp is the document's time", `{"a": {"elasticIndex": "i", "elasticBody": {"mappings": {"properties": {"timestamp": {"type": "date"}}}}}}`, []any{map[string]any{
			"topic": "a", "index": "i", "kind": "document", "id": "content", "time_field": "timestamp", "untimed": "receipt",
			"body": `{"mappings":{"properties":{"timestamp":{"type":"date"}}}}`,
		}}},
		{"a date in a format of its own is not", `{"a": {"elasticIndex": "i", "elasticBody": {"mappings": {"properties": {"timestamp": {"type": "date", "format": "yyyy"}}}}}}`, []any{map[string]any{
			"topic": "a", "index": "i", "kind": "document", "body": `{"mappings":{"properties":{"timestamp":{"type":"date","format":"yyyy"}}}}`,
		}}},
		{"what comes under the tutorial's topic is a snapshot, with a mapping that the database chooses", `{"com/docker/hub/repositories/metrics/#": {"elasticIndex": "i"}}`, []any{map[string]any{
			"topic": "com/docker/hub/repositories/metrics/#", "index": "i", "kind": "snapshot", "body": "{}",
		}}},
		{"what has Docker Hub's counter is a snapshot, and counters are long", `{"mine": {"elasticIndex": "i", "elasticBody": ` + tutorial + `}}`, []any{map[string]any{
			"topic": "mine", "index": "i", "kind": "snapshot",
			"body": `{"mappings":{"properties":{"pull_count":{"type":"long"},"storage_size":{"type":"long"},"status":{"type":"integer"}}}}`,
		}}},
		{"other integers stay", `{"a": {"elasticIndex": "i", "elasticBody": {"mappings":{"properties":{"bytes_sent":{"type":"integer"}}}}}}`, []any{map[string]any{
			"topic": "a", "index": "i", "kind": "document", "body": `{"mappings":{"properties":{"bytes_sent":{"type":"integer"}}}}`,
		}}},
		{"an exact topic counts before a wildcard", `{"#": {"elasticIndex": "x"}, "a/#": {"elasticIndex": "y"}, "b": {"elasticIndex": "w"}, "a/b": {"elasticIndex": "z"}}`, []any{
			map[string]any{"topic": "a/b", "index": "z", "kind": "document"}, map[string]any{"topic": "a/#", "index": "y", "kind": "document"},
			map[string]any{"topic": "b", "index": "w", "kind": "document"}, map[string]any{"topic": "#", "index": "x", "kind": "document"},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := service(t, leastConfig, tt.mapping)
			routes, _ := f.settings()["indexer.routes"].([]any)
			for _, r := range routes {
				if entry, ok := r.(map[string]any); ok && entry["body"] != nil {
					entry["body"] = compacted(t, entry["body"].(string))
				}
			}
			if diff := cmp.Diff(tt.want, routes); diff != "" || len(f.Problems) > 0 {
				t.Errorf("(-want +got):\n%s%s", diff, f.complaints())
			}
		})
	}
}

func compacted(t *testing.T, text string) string {
	t.Helper()
	var value json.RawMessage
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestMappingsAreKeptWhereThatIsAskedFor(t *testing.T) {
	dir := t.TempDir()
	mapping := filepath.Join(dir, "m.json")
	if err := os.WriteFile(mapping, []byte(`{"t": {"elasticIndex": "i", "elasticBody": {"mappings": {"properties": {"pull_count": {"type": "integer"}}}}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, keep := range []bool{false, true} {
		f := Read(Sources{Env: []string{"ELASTICSEARCH_MAPPING_FILE=" + mapping}, Dir: dir, KeepMappings: keep})
		body := f.settings()["indexer.routes"].([]any)[0].(map[string]any)["body"].(string)
		if strings.Contains(body, "integer") != keep || strings.Contains(strings.Join(f.Notes, ""), "long in place of integer for pull_count") == keep {
			t.Errorf("with KeepMappings %v: %s, %q", keep, body, f.Notes)
		}
	}
}

func TestJobAndServiceAreOneProcess(t *testing.T) {
	f := service(t, leastConfig, `{"mine/#": {"elasticIndex": "i"}}`, "REPOSITORIES=a/b", "MQTT_TOPIC=mine", "MQTT_SERVER=b")
	got := f.settings()
	if len(f.Problems) > 0 || got["mode"] != nil || got["mqtt.topic"] != "mine" || got["mqtt.url"] != "mqtt://b:1883" {
		t.Errorf("%v %s", got, f.complaints())
	}
	if kind := got["indexer.routes"].([]any)[0].(map[string]any)["kind"]; kind != "snapshot" {
		t.Errorf("what the job publishes is a %v", kind)
	}
	f = service(t, leastConfig, leastMapping, "REPOSITORIES=a/b", "MQTT_TOPIC=mine", "MQTT_SERVER=other")
	if got := f.complaints(); !strings.HasPrefix(got, configName+": mqtt.server: is not what MQTT_SERVER says") {
		t.Errorf("two brokers: %s", got)
	}
}
