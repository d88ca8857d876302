//go:build integration

package deploytest

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
)

// Where a package has what the program is made of.
const (
	installedSBOM    = "usr/share/doc/pulltrail/pulltrail.cdx.json"
	installedNotices = "usr/share/doc/pulltrail/THIRD_PARTY_NOTICES"
)

// release builds one for amd64 alone and returns its directory.
func release(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	cmd := exec.Command(filepath.Join(project(t), "deploy/release/build.sh"), "1.2.3")
	cmd.Env = append(os.Environ(), "OUT="+dir, "PLATFORMS=linux/amd64")
	output(t, cmd)
	return dir
}

// isTheSameAgain compares a release with another one, and with its checksums.
func isTheSameAgain(t *testing.T, dir string) {
	const sums = "SHA256SUMS"
	if diff := cmp.Diff(read(t, filepath.Join(dir, sums)), read(t, filepath.Join(release(t), sums))); diff != "" {
		t.Error(diff)
	}
	check := exec.Command("sha256sum", "--check", "--strict", sums)
	check.Dir = dir
	checked := output(t, check)
	for _, name := range []string{"pulltrail_1.2.3_amd64.deb", "pulltrail-1.2.3-1.x86_64.rpm", "pulltrail_1.2.3_linux_amd64.cdx.json", "pulltrail_1.2.3_linux_amd64.tar.gz"} {
		if !strings.Contains(checked, name+": OK") {
			t.Errorf("%s is not among the checked files: %s", name, checked)
		}
	}
	listed := output(t, exec.Command("tar", "-tzf", filepath.Join(dir, "pulltrail_1.2.3_linux_amd64.tar.gz")))
	for _, name := range []string{"pulltrail", "LICENSE", "THIRD_PARTY_NOTICES", "pulltrail.cdx.json", "config.yaml", "man/pulltrail.1", "man/pulltrail-collect.1", "completion/pulltrail", "completion/_pulltrail", "completion/pulltrail.fish"} {
		if !strings.Contains(listed, "pulltrail_1.2.3_linux_amd64/"+name+"\n") {
			t.Errorf("%s is not in the archive: %s", name, listed)
		}
	}
}

// listsWhatItIsMadeOf compares the SBOM and the notices of a package with its program.
func listsWhatItIsMadeOf(t *testing.T, system string) {
	program := filepath.Join(system, installedProgram)
	built, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"std": built.GoVersion}
	for _, module := range built.Deps {
		want[module.Path] = module.Version
	}
	if len(want) < 50 {
		t.Fatalf("the program is made of %d modules", len(want))
	}
	bom, notices := new(cyclonedx.BOM), read(t, filepath.Join(system, installedNotices))
	if err := cyclonedx.NewBOMDecoder(strings.NewReader(read(t, filepath.Join(system, installedSBOM))), cyclonedx.BOMFileFormatJSON).Decode(bom); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, c := range *bom.Components {
		if c.Licenses == nil || len(*c.Licenses) == 0 {
			t.Errorf("%s has no licence", c.Name)
		}
		if strings.HasPrefix(c.PackageURL, "pkg:golang/") {
			got[c.Name] = c.Version
		}
		if c.Name != "std" && !strings.Contains(notices, "\n"+c.Name+" ") {
			t.Errorf("%s is not in the notices", c.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-program +SBOM):\n%s", diff)
	}
	if bom.SerialNumber != "" || bom.Metadata.Timestamp != "" || bom.Metadata.Component.Version != "v1.2.3" {
		t.Errorf("number %q, time %q, version %q", bom.SerialNumber, bom.Metadata.Timestamp, bom.Metadata.Component.Version)
	}
	if told := output(t, exec.Command(program, "version", "--licenses")); told != notices {
		t.Error("the program tells other licences than the package")
	}
}
