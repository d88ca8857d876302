package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// madeUp are names that there might have been. Version 1 refuses some of them.
func madeUp() []rename {
	return []rename{
		{old: "mqtt.keep", path: "mqtt.retain", refused: 2},
		{old: "mqtt.secret", path: "mqtt.password", refused: 2},
		{old: "hub", path: "collector", refused: 2},
		{old: "patience", path: "collector.timeout", refused: 2, convert: seconds},
		{old: "web.threads", refused: 2, instead: "remove it, because there is no such bound any more"},
		{old: "log.severity", path: "log.level", refused: 1},
		{old: "log.colour", refused: 1, instead: "remove it"},
	}
}

// seconds adds the unit to a number.
func seconds(s string) string {
	if strings.Trim(s, "0123456789") == "" {
		return s + "s"
	}
	return s
}

// loadOld loads a file and variables, and returns what is said of them.
func loadOld(t *testing.T, content string, env ...string) (c Config, warnings, mistakes string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	said := func(line string) string { return strings.ReplaceAll(line, file, "c.yaml") + "\n" }
	c, err := load(Options{File: file, Explicit: true, Env: env, Warn: func(line string) { warnings += said(line) }}, madeUp())
	if err != nil {
		mistakes = said(err.Error())
	}
	if strings.Contains(warnings+mistakes, "hunter2") {
		t.Errorf("a secret is told: %s%s", warnings, mistakes)
	}
	return c, warnings, mistakes
}

func TestOldNamesAreReadWithAWarning(t *testing.T) {
	const file = `
version: 1
patience: 7
hub:
  rate: 1.5
  repositories: [a/b]
mqtt: {keep: false}
web:
  threads: {most: 4}
`
	c, warnings, mistakes := loadOld(t, file, "PULLTRAIL_HUB_GONE_AFTER=9", "PULLTRAIL_MQTT_URL=mqtt://b:1883", "PULLTRAIL_MQTT_USERNAME=me", "PULLTRAIL_MQTT_SECRET=hunter2", "PULLTRAIL_WEB_THREADS=5")
	if mistakes != "" {
		t.Fatal(mistakes)
	}
	want := Default()
	want.Collector.Timeout, want.Collector.Rate, want.Collector.Repositories, want.Collector.GoneAfter = 7*time.Second, 1.5, []string{"a/b"}, 9
	want.MQTT.Retain, want.MQTT.URL, want.MQTT.Username, want.MQTT.Password = false, "mqtt://b:1883", "me", c.MQTT.Password
	if diff := cmp.Diff(want, c, sameSecrets); diff != "" || c.MQTT.Password.Reveal() != "hunter2" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	golden(t, "testdata/renames.warnings", warnings)
}

func TestOldNamesCountWhereTheyStand(t *testing.T) {
	c, _, mistakes := loadOld(t, "patience: 7\nmqtt: {retain: false}\n", "PULLTRAIL_COLLECTOR_TIMEOUT=8s", "PULLTRAIL_MQTT_KEEP=yes")
	if c.Collector.Timeout != 8*time.Second || !c.MQTT.Retain || mistakes != "" {
		t.Errorf("an old name in the file counts more than a new one in the environment, or less than one in the file: %v, %v, %s", c.Collector.Timeout, c.MQTT.Retain, mistakes)
	}
	c, _, mistakes = loadOld(t, "patience:\nhub:\nmqtt: {keep: null}\n")
	if diff := cmp.Diff(Default(), c, sameSecrets); diff != "" || mistakes != "" {
		t.Errorf("what has no value changes something: %s%s", diff, mistakes)
	}
}

func TestOldNamesThatCannotBeReadAreMistakes(t *testing.T) {
	_, warnings, mistakes := loadOld(t, `
patience: later
log: {severity: warn, colour: true}
mqtt:
  retain: true
  keep: perhaps
  secret: [hunter2]
hub: 7
`, "PULLTRAIL_PATIENCE=soon", "PULLTRAIL_LOG_SEVERITY=warn", "PULLTRAIL_LOG_COLOUR=hunter2", "PULLTRAIL_MQTT_RETAIN=no",
		"PULLTRAIL_MQTT_KEEP=no", "PULLTRAIL_HUB=x", "PULLTRAIL_HUBS_RATE=1", "PULLTRAIL_MQTT_KEEPS=no")
	if warnings != "" {
		t.Errorf("warnings beside mistakes: %s", warnings)
	}
	golden(t, "testdata/renames.err", mistakes)
}

func TestOfANewerVersionNothingIsSaidButThat(t *testing.T) {
	_, _, mistakes := loadOld(t, "version: 2\nmodes: [both]\nlog: {level: loud}\n", "PULLTRAIL_COLOUR=x")
	want := "the configuration has 1 mistake:\n  c.yaml:1:1: version: 2: is newer than this Pulltrail, which reads versions up to 1: install a newer one\n"
	if mistakes != want {
		t.Errorf("got %s, want %s", mistakes, want)
	}
}

func TestTheNamesThatThereWereLeadToKeys(t *testing.T) {
	root := table()
	for _, r := range renames() {
		if root.find(r.old) != nil || (root.find(r.path) == nil) == (r.instead == "") || r.refused > current+1 {
			t.Errorf("%+v", r)
		}
	}
}
