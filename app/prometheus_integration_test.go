//go:build integration

package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pulltrail/internal/porttest"
)

const deployed = "../deploy/prometheus/"

// tool is a program of Debian's package prometheus, which .ci/run installs.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("there is no %s: install Debian's package prometheus", name)
	}
	return path
}

// promtool runs it in the folder with our files.
func promtool(t *testing.T, stdin io.Reader, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), tool(t, "promtool"), args...)
	command.Dir, command.Stdin = deployed, stdin
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestTheFilesForPrometheusAreRight(t *testing.T) {
	promtool(t, nil, "check", "config", "prometheus.yml")
	promtool(t, nil, "check", "rules", "--lint-fatal", "pulltrail.rules.yml", "migration.rules.yml")
	promtool(t, nil, "test", "rules", "pulltrail.rules_test.yml", "migration.rules_test.yml")
}

// server is a real Prometheus that scrapes a daemon.
type server struct {
	t    *testing.T
	base string
}

// scraping starts one with our own configuration and rules, the address apart. It has
// what the daemon would have answered in the days before now.
func scraping(t *testing.T, o *observed, now time.Time) *server {
	t.Helper()
	binary := tool(t, "prometheus")
	dir := t.TempDir()
	for _, name := range []string{"prometheus.yml", "pulltrail.rules.yml"} {
		text, err := os.ReadFile(deployed + name)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("127.0.0.1:8080"), []byte(o.Web))
		text = bytes.ReplaceAll(text, []byte("interval: 1m"), []byte("interval: 1s"))
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.backfill(dir, now)
	s := &server{t, "http://" + porttest.Address(t)}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), //nolint:noctx // it ends by a signal, below
		"--storage.tsdb.retention.time=90d", "--web.listen-address="+strings.TrimPrefix(s.base, "http://"))
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := command.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := command.Wait(); err != nil || log.Close() != nil || t.Failed() {
			text, _ := os.ReadFile(log.Name()) // it is for a person
			t.Logf("prometheus: %v\n%s", err, text)
		}
	})
	eventually(t, "Prometheus is ready", func() bool {
		response, err := http.Get(s.base + "/-/ready")
		return err == nil && response.Body.Close() == nil && response.StatusCode == http.StatusOK
	})
	return s
}

// backfill writes the totals of the days before, some minutes around the same time of each.
func (o *observed) backfill(dir string, now time.Time) {
	o.t.Helper()
	var text strings.Builder
	for _, r := range o.repositories() {
		namespace, name, _ := strings.Cut(r, "/")
		labels := fmt.Sprintf(`{job="pulltrail",instance=%q,namespace=%q,repository=%q}`, o.Web, namespace, name)
		for day := observedDays; day >= 1; day-- {
			for minute := -5; minute <= 5; minute++ {
				at := now.AddDate(0, 0, -day).Add(time.Duration(minute) * time.Minute)
				if total, known := o.totalAt(r, now.AddDate(0, 0, -day)); known {
					fmt.Fprintf(&text, "pulltrail_repository_pulls%s %d %d\n", labels, total, at.Unix())
				}
			}
		}
	}
	path := filepath.Join(dir, "past")
	if err := os.WriteFile(path, []byte("# TYPE pulltrail_repository_pulls gauge\n"+text.String()+"# EOF\n"), 0o600); err != nil {
		o.t.Fatal(err)
	}
	promtool(o.t, nil, "tsdb", "create-blocks-from", "openmetrics", path, filepath.Join(dir, "data"))
}

// sample is one series of an answer, with its newest value.
type sample struct {
	Metric map[string]string
	value  float64
}

// ask sends a query as Grafana does, and fails if Prometheus does not understand it.
func (s *server) ask(path string, form url.Values) []sample {
	s.t.Helper()
	response, err := http.PostForm(s.base+path, form)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct {
				Metric map[string]string
				Value  []any
				Values [][]any
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Status != "success" {
		s.t.Fatalf("%s %v: %s %v", path, form, answer.Error, err)
	}
	var all []sample
	for _, r := range answer.Data.Result {
		newest := r.Value
		if len(r.Values) > 0 {
			newest = r.Values[len(r.Values)-1]
		}
		v, err := strconv.ParseFloat(fmt.Sprint(newest[1]), 64)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, sample{r.Metric, v})
	}
	return all
}

func (s *server) at(expr string, now time.Time) []sample {
	s.t.Helper()
	return s.ask("/api/v1/query", url.Values{"query": {expr}, "time": {unix(now)}})
}

// unix is a time as Prometheus takes it.
func unix(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func TestARealPrometheusHasWhatHistoryHas(t *testing.T) {
	o := observe(t)
	promtool(t, strings.NewReader(o.metrics()), "check", "metrics")
	o.checkNames()
	began := time.Now()
	s, now := scraping(t, o, began), began
	eventually(t, "a scrape", func() bool {
		now = time.Now()
		return len(s.at(`pulltrail_repository_pulls and on (instance) up == 1`, now)) == len(o.repositories())
	})
	for _, r := range o.repositories() {
		namespace, name, _ := strings.Cut(r, "/")
		got := s.at(fmt.Sprintf(`pulltrail_repository_pulls{job="pulltrail",namespace=%q,repository=%q}`, namespace, name), now)
		if want, _ := o.totalAt(r, now); len(got) != 1 || got[0].value != float64(want) {
			t.Errorf("%s is %v in Prometheus, %d in history", r, got, want)
		}
	}
	if got := s.at("sum(pulltrail_repository_restatements_total)", now); len(got) != 1 || got[0].value != 1 {
		t.Errorf("restatements: %v", got)
	}
	s.checkRules()
	s.checkDashboard(o, began, now)
}

// checkNames looks for metrics that alerts are about and the daemon does not have.
func (o *observed) checkNames() {
	o.t.Helper()
	rules, err := os.ReadFile(deployed + "pulltrail.rules.yml")
	if err != nil {
		o.t.Fatal(err)
	}
	metrics := o.metrics()
	for _, name := range regexp.MustCompile(`\bpulltrail_\w+`).FindAllString(string(rules), -1) {
		if !strings.Contains(metrics, "# TYPE "+name+" ") {
			o.t.Errorf("an alert is about %s, which the daemon does not have", name)
		}
	}
}

// checkRules waits until every alert was evaluated, and none could not.
func (s *server) checkRules() {
	s.t.Helper()
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError, State string }
			}
		}
	}
	eventually(s.t, "the evaluation of all alerts", func() bool {
		response, err := http.Get(s.base + "/api/v1/rules")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			s.t.Fatal(err)
		}
		for _, g := range answer.Data.Groups {
			for _, r := range g.Rules {
				if r.Health == "err" {
					s.t.Fatalf("%s: %s", r.Name, r.LastError)
				}
				if r.Health != "ok" {
					return false
				}
			}
		}
		return len(answer.Data.Groups) > 0
	})
	for _, g := range answer.Data.Groups {
		for _, r := range g.Rules {
			if r.State == "firing" {
				s.t.Errorf("%s fires about a daemon that fares well", r.Name)
			}
		}
	}
}

// checkDashboard runs every query of ours: each has an answer, and those of pulls have
// history's.
func (s *server) checkDashboard(o *observed, began, now time.Time) {
	s.t.Helper()
	d := readDashboard(s.t, "pulltrail-prometheus")
	variables := map[string]string{"namespace": ".+", "repository": ".+", "__range": "259200s", "__interval": "1h"}
	for _, v := range d.Templating.List {
		if v.Type == "query" && (v.AllValue != variables[v.Name] || !s.hasLabel(chosen(v.Definition, variables))) {
			s.t.Errorf("the variable %s: %s, %s", v.Name, v.Definition, v.AllValue)
		}
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			expr := chosen(target.Expr, variables)
			path, form := "/api/v1/query_range", url.Values{"query": {expr}, "start": {unix(now.AddDate(0, 0, -1))}, "end": {unix(now)}, "step": {"3600"}}
			if target.Instant {
				path, form = "/api/v1/query", url.Values{"query": {expr}, "time": {unix(now)}}
			}
			if len(s.ask(path, form)) == 0 {
				s.t.Errorf("%q shows nothing: %s", p.Title, expr)
			}
			switch p.Title {
			case "Totals":
				s.checkDays(o, p.Title, expr, began, now, func(_, total int64) int64 { return total }, 1)
			case "Pulls per day":
				s.checkDays(o, p.Title, expr, began, now, grown, 1)
			case "Top movers":
				s.checkDays(o, p.Title, expr, began, now, grown, 3)
			}
		}
	}
	pushes := s.at(chosen(d.Annotations.List[0].Expr, variables), now)
	for _, r := range o.repositories() {
		newest := o.newest(r)
		if !slices.ContainsFunc(pushes, func(p sample) bool {
			return p.Metric["namespace"]+"/"+p.Metric["repository"] == r && math.Round(p.value) == newest.field(s.t, "last_updated")
		}) {
			s.t.Errorf("the push of %s: %v, history has %v", r, pushes, newest.LastUpdated)
		}
	}
}

// grown is what the dashboard makes of two totals.
func grown(before, total int64) int64 { return max(total-before, 0) }

// checkDays compares what an expression says of now and of the days before with what
// history makes of the totals then, and some days before.
func (s *server) checkDays(o *observed, title, expr string, began, now time.Time, what func(before, total int64) int64, days int) {
	s.t.Helper()
	compared := 0
	for ago := range observedDays - days {
		at := now
		if ago > 0 {
			at = began.AddDate(0, 0, -ago)
		}
		got := map[string]float64{}
		for _, one := range s.at(expr, at) {
			got[one.Metric["namespace"]+"/"+one.Metric["repository"]] = one.value
		}
		for _, r := range o.repositories() {
			total, _ := o.totalAt(r, at)
			before, known := o.totalAt(r, began.AddDate(0, 0, -ago-days))
			if v, shown := got[r]; known && (!shown || v != float64(what(before, total))) {
				s.t.Errorf("%s of %s %d days ago is %v (%t), history has %d", title, r, ago, v, shown, what(before, total))
			}
			if known {
				compared++
			}
		}
	}
	if compared < 20 {
		s.t.Errorf("%s: only %d numbers were compared", title, compared)
	}
}

// hasLabel runs label_values(metric, label), which is a query of Grafana's own.
func (s *server) hasLabel(definition string) bool {
	s.t.Helper()
	inner, isOne := strings.CutPrefix(strings.TrimSuffix(definition, ")"), "label_values(")
	at := strings.LastIndex(inner, ", ")
	if !isOne || at < 0 {
		s.t.Fatalf("%s is no label_values(…)", definition)
	}
	request, err := http.NewRequestWithContext(context.WithoutCancel(s.t.Context()), http.MethodGet,
		s.base+"/api/v1/label/"+inner[at+2:]+"/values?match[]="+url.QueryEscape(inner[:at]), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ Data []string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		s.t.Fatal(err)
	}
	return len(answer.Data) == 2
}
