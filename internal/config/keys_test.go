package config

import (
	"reflect"
	"strings"
	"testing"

	"pulltrail/internal/secret"
)

func TestEveryFieldIsAKeyOfAKnownKind(t *testing.T) {
	variables := make(map[string]string)
	table().leaves(func(k *key) {
		if k.kind == unsupported {
			t.Errorf("%s has a type that cannot be configured", k.path)
		}
		if other := variables[variable(k.path)]; other != "" {
			t.Errorf("%s and %s have the same environment variable", k.path, other)
		}
		variables[variable(k.path)] = k.path
	})
	everyFieldHasATag(t, reflect.TypeFor[Config]())
}

func everyFieldHasATag(t *testing.T, of reflect.Type) {
	t.Helper()
	for field := range of.Fields() {
		inner := field.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		switch {
		case inner == reflect.TypeFor[secret.String]():
			continue
		case field.Anonymous:
			everyFieldHasATag(t, inner)
			continue
		}
		if field.Tag.Get("koanf") == "" {
			t.Errorf("%s.%s has no koanf tag", of, field.Name)
		}
		if inner.Kind() == reflect.Struct {
			everyFieldHasATag(t, inner)
		}
	}
}

func TestTheFixedKeysExist(t *testing.T) {
	known := make(map[string]Key)
	for _, k := range Keys() {
		known[k.Path] = k
	}
	for path := range strings.FieldsSeq(`data_dir collector.url collector.schedule collector.timezone
		collector.run_on_start collector.repositories mqtt.url mqtt.topic mqtt.topic_per_repository mqtt.retain
		mqtt.embedded.listen mqtt.username mqtt.password mqtt.password_file indexer.opensearch.urls
		indexer.opensearch.username indexer.opensearch.password indexer.opensearch.password_file
		indexer.routes indexer.routes[].topic web.listen web.public web.username web.password_hash web.password_hash_file`) {
		k, ok := known[path]
		if !ok {
			t.Errorf("%s is no key", path)
		}
		if want := variable(path); !strings.HasPrefix(path, "indexer.routes") && k.Env != want {
			t.Errorf("%s has the variable %q, want %q", path, k.Env, want)
		}
	}
	if k := known["mqtt.session_expiry"]; k.Default != "168h" || k.Type != "duration" {
		t.Errorf("mqtt.session_expiry is described as %+v", k)
	}
}

func TestSomethingSimilarIsSuggested(t *testing.T) {
	root := table()
	for _, c := range []struct{ section, name, want string }{
		{"collector", "intervall", "collector.schedule"},
		{"collector", "shedule", "collector.schedule"},
		{"collector", "Time-Zone", "collector.timezone"},
		{"collector", "repos", "collector.repositories"},
		{"mqtt", "hostname", ""},
		{"mqtt", "host", "mqtt.url"},
		{"indexer.opensearch", "hosts", "indexer.opensearch.urls"},
		{"", "datadir", "data_dir"},
		{"", "repositories", "collector.repositories"},
		{"web", "password", ""}, // there are two
		{"web", strings.Repeat("l", 1000), ""},
	} {
		k := root
		if c.section != "" {
			k = root.find(c.section)
		}
		if got := suggest(root, k, c.section, c.name); got != c.want {
			t.Errorf("for %s in %q: %q, want %q", c.name, c.section, got, c.want)
		}
	}
}
