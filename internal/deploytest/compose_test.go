package deploytest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// compose loads a file as docker compose does: against the schema, with the defaults of
// its variables, and with all profiles.
func compose(t *testing.T, name string) *types.Project {
	t.Helper()
	file := filepath.Join(project(t), "deploy/compose", name)
	options, err := cli.NewProjectOptions([]string{file}, cli.WithProfiles([]string{"*"}), cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPulltrailAloneIsOneService(t *testing.T) {
	p := compose(t, "compose.yaml")
	if names := p.ServiceNames(); !slices.Equal(names, []string{"pulltrail"}) {
		t.Errorf("got %q", names)
	}
}

func TestEveryServiceMayDoLittle(t *testing.T) {
	for _, name := range []string{"compose.yaml", "compose.full.yaml"} {
		for _, s := range compose(t, name).Services {
			check := func(what string, holds bool) {
				t.Helper()
				if !holds {
					t.Errorf("%s: %s: %s", name, s.Name, what)
				}
			}
			check("is root", s.User != "" && !strings.HasPrefix(s.User, "0") && !strings.HasPrefix(s.User, "root"))
			check("has capabilities", slices.Equal(s.CapDrop, []string{"ALL"}) && len(s.CapAdd) == 0 && !s.Privileged)
			check("can gain rights", slices.Contains(s.SecurityOpt, "no-new-privileges:true"))
			check("may take all memory", s.MemLimit > 0)
			check("may start any number of processes", s.PidsLimit > 0)
			check("floats with the newest image", strings.HasPrefix(s.Image, "pulltrail:") || regexp.MustCompile(`:v?\d+\.\d+\.\d+$`).MatchString(s.Image))
			once := s.Restart == "no"
			check("is not looked after", once || s.HealthCheck != nil && len(s.HealthCheck.Test) > 0 && s.Restart == "unless-stopped")
			for _, port := range s.Ports {
				check("listens to the network", port.HostIP == "127.0.0.1")
			}
		}
	}
}

func TestEveryServiceWaitsForWhatItNeeds(t *testing.T) {
	p := compose(t, "compose.full.yaml")
	for name, want := range map[string]map[string]string{
		"mosquitto":        {},
		"opensearch":       {},
		"opensearch-users": {"opensearch": types.ServiceConditionHealthy},
		"pulltrail":        {"mosquitto": types.ServiceConditionHealthy, "opensearch-users": types.ServiceConditionCompletedSuccessfully},
		"grafana":          {"opensearch-users": types.ServiceConditionCompletedSuccessfully},
		"prometheus":       {"pulltrail": types.ServiceConditionHealthy},
	} {
		s, err := p.GetService(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.DependsOn) != len(want) {
			t.Errorf("%s waits for %v", name, s.DependsOn)
		}
		for other, condition := range want {
			if got := s.DependsOn[other].Condition; got != condition {
				t.Errorf("%s waits for %s to be %q, want %q", name, other, got, condition)
			}
		}
	}
	if s, err := p.GetService("prometheus"); err != nil || !slices.Equal(s.Profiles, []string{"prometheus"}) {
		t.Errorf("prometheus is not optional: %q, %v", s.Profiles, err)
	}
}

// kept are the directories in which the servers keep what must outlive their containers.
var kept = map[string]string{
	"pulltrail": "/data", "mosquitto": "/mosquitto/data", "opensearch": "/usr/share/opensearch/data",
	"grafana": "/var/lib/grafana", "prometheus": "/prometheus",
}

func TestEverythingIsKeptAndEveryFileExists(t *testing.T) {
	p := compose(t, "compose.full.yaml")
	for _, s := range p.Services {
		var volumes []string
		for _, v := range s.Volumes {
			switch v.Type {
			case types.VolumeTypeVolume:
				volumes = append(volumes, v.Target)
			case types.VolumeTypeBind:
				if _, err := os.Stat(v.Source); err != nil || !v.ReadOnly {
					t.Errorf("%s: %s, read-only %v: %v", s.Name, v.Source, v.ReadOnly, err)
				}
			}
		}
		if want := kept[s.Name]; want != "" && !slices.Equal(volumes, []string{want}) {
			t.Errorf("%s keeps %q", s.Name, volumes)
		}
	}
}

func TestNoPasswordStandsInTheFiles(t *testing.T) {
	wrong := regexp.MustCompile(`(?i)(passw|secret|token|api_?key)[a-z_]*["']?\s*[:=]\s*["']?[^\s"'/$#{]`)
	err := filepath.WalkDir(filepath.Join(project(t), "deploy/compose"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "/secrets") || strings.HasSuffix(path, ".sh") {
			return err
		}
		for line := range strings.Lines(read(t, path)) {
			code, _, _ := strings.Cut(line, "#")
			if wrong.MatchString(code) && !strings.Contains(code, "{file: secrets/") && !strings.Contains(code, " secrets: [") {
				t.Errorf("%s: %s", path, line)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, s := range compose(t, "compose.full.yaml").Services {
		for name := range s.Environment {
			if strings.Contains(name, "PASSWORD") && !strings.HasSuffix(name, "_FILE") {
				t.Errorf("%s: %s", s.Name, name)
			}
		}
	}
}
