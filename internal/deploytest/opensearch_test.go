package deploytest

import (
	"bytes"
	"encoding/json"
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"pulltrail/internal/cli"
)

var update = flag.Bool("update", false, "write the files of deploy/opensearch anew")

// What a person sends by hand is what the program would send.
func TestTheFilesForOpenSearchAreThoseOfSetup(t *testing.T) {
	here := filepath.Join(project(t), "deploy/opensearch")
	t.Chdir(t.TempDir()) // where no config.yaml is
	var out, complaints bytes.Buffer
	code := cli.Main(t.Context(), cli.Process{
		Args:   []string{"setup", "opensearch", "--dry-run", "--json"},
		Env:    []string{"PULLTRAIL_INDEXER_OPENSEARCH_USERNAME=pulltrail", "PULLTRAIL_INDEXER_OPENSEARCH_PASSWORD=x"},
		Stdout: &out, Stderr: &complaints,
	})
	var printed struct {
		Objects []struct {
			Request struct {
				Path string
				Body json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &printed); code != 0 || err != nil {
		t.Fatalf("%d, %v: %s", code, err, complaints.String())
	}
	files := map[string]string{
		"/_plugins/_security/api/roles/pulltrail_writer":                    "role.json",
		"/_plugins/_security/api/internalusers/pulltrail":                   "user.json",
		"/_plugins/_security/api/rolesmapping/pulltrail_writer":             "role-mapping.json",
		"/_index_template/pulltrail-dockerhub-repositories-metrics-yyyy-mm": "index-template.json",
	}
	readme := read(t, filepath.Join(here, "README.md"))
	for _, o := range printed.Objects {
		name, known := files[o.Request.Path]
		if !known {
			t.Errorf("there is no file for %s", o.Request.Path)
			continue
		}
		delete(files, o.Request.Path)
		var body bytes.Buffer
		if err := json.Indent(&body, o.Request.Body, "", "  "); err != nil {
			t.Fatal(err)
		}
		body.WriteByte('\n')
		file := filepath.Join(here, name)
		if *update {
			write(t, file, body.String())
		}
		if read(t, file) != body.String() {
			t.Errorf("%s is not what setup sends: go test ./internal/deploytest -run OpenSearch -update", name)
		}
		if !strings.Contains(readme, "put "+strings.TrimPrefix(o.Request.Path, "/")+" "+name) && name != "user.json" {
			t.Errorf("the README does not send %s to %s", name, o.Request.Path)
		}
	}
	if len(files) > 0 {
		t.Errorf("setup does not send %v", files)
	}
}
