package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pulltrail/indexer"
)

// documented is the file that explains every key, from the top of the project.
func documented() string { return filepath.Join("..", "..", "config.yaml") }

func TestTheDocumentedFileIsTheDefaults(t *testing.T) {
	c, err := Load(Options{File: documented(), Explicit: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), c, sameSecrets); diff != "" {
		t.Errorf("(-Default +config.yaml):\n%s", diff)
	}
	want := []string{"oitc/dockerhubstats2mqtt", "oitc/mqtt2elasticsearch"}
	if diff := cmp.Diff(want, c.Collector.Repositories); diff != "" {
		t.Errorf("not the tutorial's repositories:\n%s", diff)
	}
}

func TestTheDocumentedExamplesAreRight(t *testing.T) {
	content, err := withExamples(string(readDocumented(t)))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Options{File: file, Env: []string{"PULLTRAIL_INDEXER_OPENSEARCH_URLS=http://localhost:9200"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []indexer.Route{{
		Topic: "home/speedtest/#", Kind: indexer.KindDocument, Payload: indexer.PayloadObject, Index: "speedtest-{Y}-{m}", ID: "fields(timestamp, host)", TimeField: "timestamp", Untimed: indexer.UntimedRefuse, Keep: "0",
	}}
	if diff := cmp.Diff(want, c.Indexer.Routes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(c.MQTT.Embedded.Users) != 1 || c.MQTT.Embedded.Users[0].Username != "home" || !c.MQTT.Embedded.Users[0].PasswordHash.IsSet() {
		t.Errorf("the users are %+v", c.MQTT.Embedded.Users)
	}
}

// readDocumented is the documented file.
func readDocumented(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(documented())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTheDocumentationSaysWhatTheDocumentedFileSays(t *testing.T) {
	golden(t, filepath.Join("..", "..", "docs", "CONFIGURATION.md"), documentation(t))
}

func documentation(t *testing.T) string {
	t.Helper()
	means, err := meanings(readDocumented(t))
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	rows := make(map[string]string)
	for _, k := range Keys() {
		if means[k.Path] == "" {
			t.Errorf("%s has no value or no comment in config.yaml", k.Path)
		}
		s := sectionOfKey(k.Path)
		if rows[s] == "" {
			order = append(order, s)
		}
		rows[s] += row(k, means[k.Path])
	}
	text := introduction
	for _, s := range order {
		text += "\n## " + title(s) + "\n\n"
		if s != "" {
			text += means[s] + "\n\n"
		}
		text += "| key | environment variable | type | default | meaning |\n|---|---|---|---|---|\n" + rows[s]
	}
	return text
}

func row(k Key, meaning string) string {
	variable, value := "", "*empty*"
	switch {
	case k.Default != "":
		value = code(k.Default)
	case strings.Contains(k.Path, "[]"):
		value = ""
	}
	if k.Env != "" {
		variable = code(k.Env)
	}
	meaning = strings.ReplaceAll(meaning, "|", `\|`)
	return fmt.Sprintf("| %s | %s | %s | %s | %s |\n", code(k.Path), variable, k.Type, value, meaning)
}

func title(section string) string {
	if section == "" {
		return "Top level"
	}
	return code(section)
}

// sectionOfKey is the part of the path that is a heading.
func sectionOfKey(path string) string {
	if list, _, found := strings.Cut(path, "[]"); found {
		return list
	}
	return parent(path)
}

func code(s string) string { return "`" + s + "`" }

const introduction = `# Configuration

<!-- Generated from config.yaml by: go test ./internal/config -update -->

Without any configuration Pulltrail polls two repositories once a night, is its own
broker and keeps the history in the directory ` + "`data`" + `. A configuration needs only the
keys that differ from these defaults.

Values come from five places, each overriding the one before: the defaults below, the
configuration of the tutorial's containers where there is one ([MIGRATION.md](MIGRATION.md)), the file
(` + "`config.yaml`" + ` in the working directory, or the one named by ` + "`--config`" + `), the environment,
the flags. ` + "[`config.yaml`](../config.yaml)" + ` is the defaults as a file, to copy from.

- **Mistakes stop the start**, and all of them are told in one go, each with the place, the key,
  the value and what to write instead. ` + "`pulltrail check`" + ` looks for them without starting anything.
- **Names change rarely.** An old name of a key or variable is read for as long as ` + "`version`" + ` allows, with a
  warning that names the new one. A file for a newer Pulltrail is refused.
- **Types are strict.** In the file text that looks like a number needs quotes, and true or false are
  only ` + "`true`" + ` and ` + "`false`" + `. In the environment ` + "`yes`, `no`, `1` and `0`" + ` serve as well.
- **Durations** have a unit: ` + "`30s`, `5m`, `24h`, `1h30m`" + `.
- **Sizes** are bytes, or have a unit: ` + "`1MiB` is 1,048,576 bytes, `1MB` is 1,000,000" + `.
- **Lists of words** are lists in the file, or one text with white space or commas in between, as
  they are in the environment.
- **A key without a value** in the file has its default. **An empty variable** sets an empty text or an
  empty list; for anything else it is a mistake.
- **Secrets** are never printed or logged. Best put them in a file of their own and name it in the
  key that ends in ` + "`_file`" + `: its first line counts.
- **Unknown variables** that begin with ` + "`PULLTRAIL_`" + ` are mistakes, except those which Kubernetes and Docker
  set for a service of that name (such as ` + "`PULLTRAIL_SERVICE_HOST`" + `).
- The file is [YAML 1.2](https://yaml.org/spec/1.2.2/), in UTF-8, of at most 1 MiB. Anchors, references
  and merging (` + "`&`, `*`, `<<`" + `) work; tags (` + "`!`" + `) do not. JSON is YAML too.
`
