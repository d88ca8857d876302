package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// settings has a text for every key that differs from its default. Some are only
// right together with others.
func settings(k *key) string {
	switch k.kind {
	case boolean:
		if k.value == true {
			return "no"
		}
		return "1"
	case whole:
		return "7"
	case number:
		return "1.5"
	case size:
		return "7777777"
	case duration:
		return "77s"
	}
	return map[string]string{
		"mode": "indexer", "log.level": "warn", "log.format": "json", "collector.url": "https://hub.example",
		"collector.schedule": "@every 6h", "collector.timezone": "Europe/Berlin", "collector.repositories": "nginx, a/b", "collector.exclude": "", "collector.detail": "always",
		"mqtt.url": "mqtts://broker.example:8883", "indexer.opensearch.urls": "https://a.example:9200 https://b.example:9200", "indexer.opensearch.compress": "always",
		"mqtt.version": "3.1.1", "mqtt.status_topic": "home/{client_id}", "mqtt.home_assistant.prefix": "ha/discovery", "mqtt.embedded.listen": "localhost:2883", "mqtt.embedded.listen_tls": "localhost:9883", "web.listen": ":9090", "web.password_hash": "$2a$04$" + strings.Repeat("a", 53), "web.password_hash_file": "",
		"mqtt.password_file": "", "collector.password_file": "", "indexer.opensearch.password_file": "", // instead of password
		"collector.tls.ca_file": "", "collector.tls.cert_file": "", "collector.tls.key_file": "", "mqtt.embedded.tls.cert_file": "", "mqtt.embedded.tls.key_file": "", "mqtt.tls.ca_file": "", "mqtt.tls.cert_file": "", "mqtt.tls.key_file": "", // read when checked
		"indexer.opensearch.tls.ca_file": "", "indexer.opensearch.tls.cert_file": "", "indexer.opensearch.tls.key_file": "",
		"indexer.elasticsearch.urls": "https://c.example:9200", "indexer.elasticsearch.compress": "never", "indexer.elasticsearch.password_file": "",
		"indexer.elasticsearch.tls.ca_file": "", "indexer.elasticsearch.tls.cert_file": "", "indexer.elasticsearch.tls.key_file": "",
	}[k.path]
}

// alone is the key that can have no other value than its default beside the others' here:
// it needs mqtt.topic_per_repository.
const alone = "mqtt.home_assistant.discovery"

func TestTheKeyThatNeedsAnotherCanBeSetInTheEnvironment(t *testing.T) {
	c, err := Load(Options{Env: []string{variable(alone) + "=true"}})
	if err != nil || !c.MQTT.HomeAssistant.Discovery {
		t.Errorf("Load = %+v, %v", c.MQTT.HomeAssistant, err)
	}
}

// instead are the keys that do not go together with what settings has.
var instead = []string{"indexer.elasticsearch.api_key", "indexer.elasticsearch.fingerprint"}

func TestEveryKeyCanBeSetInTheEnvironment(t *testing.T) {
	root := table()
	var env []string
	want := make(map[string]any)
	root.leaves(func(k *key) {
		if k.kind == list {
			return
		}
		if k.path == alone || k.path == "version" { // of which there is one
			want[k.path] = k.value
			return
		}
		s := settings(k)
		if s == "" && !strings.HasSuffix(k.path, "_file") && !slices.Contains(instead, k.path) {
			s = "value-of-" + k.name
		}
		env = append(env, variable(k.path)+"="+s)
		v, err := fromText(k.kind, s)
		if err != nil {
			t.Fatal(err)
		}
		if s != "" && cmp.Equal(v, k.value) {
			t.Errorf("%s: the test sets the default", k.path)
		}
		want[k.path] = v
	})
	c, err := Load(Options{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, flat(c)); diff != "" {
		t.Errorf("(-set +loaded):\n%s", diff)
	}
}

func TestElasticsearchCanBeReachedByAKeyAndAFingerprint(t *testing.T) {
	const key, fingerprint = "aWQ6a2V5", "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
	c, err := Load(Options{Env: []string{
		"PULLTRAIL_INDEXER_ELASTICSEARCH_URLS=https://c.example:9200",
		"PULLTRAIL_INDEXER_ELASTICSEARCH_API_KEY=" + key, "PULLTRAIL_INDEXER_ELASTICSEARCH_FINGERPRINT=" + fingerprint,
	}})
	if got := c.Indexer.Elasticsearch; err != nil || got.APIKey.Reveal() != key || got.Fingerprint != fingerprint {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAnEmptyVariableIsAnEmptyText(t *testing.T) {
	file := filepath.Join("testdata", "full.good.yaml")
	c, err := Load(Options{File: file, Env: []string{
		"PULLTRAIL_MQTT_CLIENT_ID=", "PULLTRAIL_COLLECTOR_REPOSITORIES=", "PULLTRAIL_INDEXER_OPENSEARCH_PASSWORD=",
	}})
	if err != nil || c.Collector.Repositories != nil || c.MQTT.ClientID != "" || c.Indexer.OpenSearch.Password.Reveal() != "correct horse" {
		t.Errorf("Load = %+v, %v", c, err)
	}
	_, err = Load(Options{File: file, Env: []string{"PULLTRAIL_COLLECTOR_RATE=", "PULLTRAIL_MQTT_RETAIN=", "PULLTRAIL_COLLECTOR_JITTER= "}})
	if err == nil {
		t.Fatal("empty numbers were accepted")
	}
	golden(t, "testdata/empty-variables.err", err.Error()+"\n")
}

func TestVariablesOfOthersAreLeftAlone(t *testing.T) {
	_, err := Load(Options{Env: []string{
		"PULLTRAIL_RECORDED=/recorded", "PULLTRAIL_TEST_BROKER=localhost",
		"PULLTRAIL_SERVICE_HOST=10.0.0.1", "PULLTRAIL_SERVICE_PORT=80", "PULLTRAIL_SERVICE_PORT_HTTP=80",
		"PULLTRAIL_PORT=tcp://10.0.0.1:80", "PULLTRAIL_PORT_80_TCP=tcp://10.0.0.1:80", "PULLTRAIL_PORT_80_TCP_PROTO=tcp",
		"PULLTRAIL_PORT_53_UDP_ADDR=10.0.0.1",
		"PULLTRAIL_MQTT_SERVICE_HOST=10.0.0.2", "PULLTRAIL_MQTT_SERVICE_PORT=1883", "PULLTRAIL_MQTT_PORT=tcp://10.0.0.2:1883",
		"PULLTRAIL_MQTT_PORT_1883_TCP_ADDR=10.0.0.2", "OTHER_MQTT_URL=x", "pulltrail_mqtt_url=x", "PULLTRAILS=x",
	}})
	if err != nil {
		t.Error(err)
	}
}

func TestUnknownVariablesAreMistakes(t *testing.T) {
	_, err := Load(Options{Env: []string{
		"PULLTRAIL_COLECTOR_RATE=1", "PULLTRAIL_COLLECTOR_INTERVAL=1h", "PULLTRAIL_Collector_Rate=1", "PULLTRAIL_REPOSITORIES=a/b",
		"PULLTRAIL_MQTT_PASSWROD=hunter2", "PULLTRAIL_MQTT_SERVER=x", "PULLTRAIL_MQTT_PORT=1883", "PULLTRAIL_MQTT_TLS=true",
		"PULLTRAIL_OPENSEARCH_URLS=x", "PULLTRAIL_INDEXER_OPENSEARCH_URL=x", "PULLTRAIL_=x", "PULLTRAIL_COLOUR=hunter2",
		"PULLTRAIL_INDEXER_ROUTES=hunter2", "PULLTRAIL_INDEXER_ROUTES_0_TOPIC=hunter2", "PULLTRAIL_COLLECTOR=x",
		"PULLTRAIL_" + strings.Repeat("X", 1000) + "=x",
	}})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("Load = %v", err)
	}
	golden(t, "testdata/variables.err", err.Error()+"\n")
}
