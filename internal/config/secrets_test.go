package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const hidden = "correct horse battery staple"

// hash has words of hidden in it, and the form of a hash.
const hash = "$2a$04$correct/horse/battery/staple/correct/horse/battery/st"

func TestNoWayOfPrintingTheConfigurationShowsASecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(hidden+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Options{Env: []string{
		"PULLTRAIL_MQTT_URL=mqtt://localhost", "PULLTRAIL_MQTT_USERNAME=me", "PULLTRAIL_MQTT_PASSWORD=" + hidden,
		"PULLTRAIL_INDEXER_OPENSEARCH_URLS=http://localhost:9200", "PULLTRAIL_INDEXER_OPENSEARCH_USERNAME=me",
		"PULLTRAIL_INDEXER_OPENSEARCH_PASSWORD_FILE=" + file,
		"PULLTRAIL_WEB_USERNAME=me", "PULLTRAIL_WEB_PASSWORD_HASH=" + hash,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if c.MQTT.Password.Reveal() != hidden || c.Indexer.OpenSearch.Password.Reveal() != hidden {
		t.Fatal("the passwords were not read")
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%t"} {
		fmt.Fprintf(&out, verb, c)
		fmt.Fprintf(&out, verb, &c)
		fmt.Fprintf(&out, verb, []any{c.MQTT, &c.Indexer})
	}
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Info("configuration", "config", c, "mqtt", &c.MQTT, "password", c.MQTT.Password)
	}
	if err := json.NewEncoder(&out).Encode(c); err != nil {
		t.Fatal(err)
	}
	showsNothing(t, out.String())
}

func showsNothing(t *testing.T, text string) {
	t.Helper()
	for _, form := range []string{"%s", "%x", "%X", "%q", "%v", "%d"} {
		if printed := fmt.Sprintf(form, []byte(hidden)); strings.Contains(text, strings.Trim(printed, `"[]`)) {
			t.Errorf("the secret stands in %s", text)
		}
	}
	for word := range strings.FieldsSeq(hidden) {
		if strings.Contains(text, word) {
			t.Errorf("a part of the secret, %s, stands in %s", word, text)
		}
	}
}

// Wherever in a file a secret may have got to, also by mistake, it is not printed.
func TestNoMistakeShowsASecret(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{
		"mqtt: {password: [%s]}", "mqtt: {password: {a: %s}}", "mqtt: {pasword: %s}", "mqtt: %s", "mqtt: {tls: %s}", "mqtt: {passwords: [%s]}",
		"mqtt:\n  password: \"%s", "mqtt:\n  password: '%s", "mqtt:\n  password: @%s", "mqtt:\n  password: *%s", "mqtt:\n  password: !%s", "mqtt:\n  password: %%%s",
		"mqtt:\n  password: &%s", "mqtt:\n  password: a: %s", "mqtt:\n  password: |%s", "mqtt:\n  password:\n\t%s", "mqtt:\n  password: ]%s", "mqtt:\n  password: {%s",
		"mqtt:\n  password: - %s", "mqtt:\n  password: `%s", "mqtt:\n password: a\n%s", "mqtt:\n  password: \"\\q%s\"", "%%YAML %s\n---\n", "mqtt:\n  password: !!null %s",
		"mqtt: {url: 'mqtt://me:%s@host'}", "indexer: {opensearch: {urls: ['https://me:%s@host']}}", "web: {listen: 'mqtt://me:%s@host'}",
		"web: {username: me, password_hash: %s}", "web:\n  username: me\n  password_hash: $argon2id$v=19$m=1,t=1,p=1$%s$a", "mqtt: {password: a, password: %s}", "mqtt: {password: a}\nmqtt: {password: %s}", "mqtt: {password: &x [%s]}", "mqtt: {password: %s, password_file: nowhere, url: 'mqtt://a', username: a}",
	} {
		file := filepath.Join(dir, "c.yaml")
		if err := os.WriteFile(file, fmt.Appendf(nil, text, hidden), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(Options{File: file, Explicit: true})
		if err == nil {
			t.Errorf("%s is not a mistake", text)
			continue
		}
		showsNothing(t, err.Error())
		showsNothing(t, fmt.Sprintf("%v %+v %#v", err, err, err))
	}
	_, err := Load(Options{
		Env:       []string{"PULLTRAIL_MQTT_PASWORD=" + hidden, "PULLTRAIL_X=" + hidden, "PULLTRAIL_INDEXER_ROUTES=" + hidden, "PULLTRAIL_MQTT_URL=mqtt://me:" + hidden + "@host"},
		Overrides: map[string]any{"indexer.opensearch.password": []string{hidden}, "mqtt": hidden, "no.such": hidden},
	})
	if err == nil {
		t.Fatal("nothing is a mistake")
	}
	showsNothing(t, fmt.Sprintf("%v %+v", err, err))
}
