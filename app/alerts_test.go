package app_test

import (
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// alert is one of deploy/prometheus. Whether it fires when it should is tested by
// promtool, in the integration tests.
type alert struct {
	Alert       string
	Labels      map[string]string
	Annotations map[string]string
}

func alerts(t *testing.T) (all []alert) {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []alert }
	}
	if err := yaml.Unmarshal([]byte(text(t, "../deploy/prometheus/pulltrail.rules.yml")), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("there are no alerts")
	}
	return all
}

func text(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestEveryAlertIsExplainedAndTested(t *testing.T) {
	operations, tests := text(t, "../docs/OPERATIONS.md"), text(t, "../deploy/prometheus/pulltrail.rules_test.yml")
	for _, a := range alerts(t) {
		if a.Labels["severity"] == "" || a.Annotations["summary"] == "" || a.Annotations["description"] == "" {
			t.Errorf("%s: labels %v, annotations %v", a.Alert, a.Labels, a.Annotations)
		}
		if got, want := a.Annotations["runbook"], "docs/OPERATIONS.md#"+strings.ToLower(a.Alert); got != want {
			t.Errorf("%s has the runbook %s, want %s", a.Alert, got, want)
		}
		if !strings.Contains(operations, "\n#### "+a.Alert+"\n") {
			t.Errorf("docs/OPERATIONS.md does not explain %s", a.Alert)
		}
		if !strings.Contains(tests, "alertname: "+a.Alert+"\n") || !strings.Contains(tests, "{alertname: "+a.Alert+", ") {
			t.Errorf("%s is not tested for when it fires and when not", a.Alert)
		}
	}
}
