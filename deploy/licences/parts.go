package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// platforms are those of a release, as GOOS/GOARCH.
var platforms = []string{"linux/amd64", "linux/arm64", "linux/arm", "darwin/amd64", "darwin/arm64"}

// uPlot draws the charts; it is embedded by internal/web/page.
const (
	uPlotName    = "uPlot"
	uPlotVersion = "1.6.32"
	uPlotFiles   = "internal/web/page/assets/vendor"
)

// part is something that the binary is made of.
type part struct {
	name, version string // version is empty for Go, which comes with whoever builds
	texts         []text
}

// linked is a package, as go list describes it.
type linked struct {
	Dir    string
	Module *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// parts are all that the binary is made of on any of the platforms, by name, but what is
// ours. The error names everything that is wrong with their licences.
func parts(ctx context.Context) ([]part, error) {
	root, goroot, err := places(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]part{"Go": {name: "Go"}, uPlotName: {name: uPlotName, version: uPlotVersion}}
	dirs := map[string][]string{"Go": {goroot}, uPlotName: {filepath.Join(root, uPlotFiles)}}
	for _, platform := range platforms {
		packages, err := list(ctx, root, platform)
		if err != nil {
			return nil, err
		}
		for _, p := range packages {
			if m := p.Module; m != nil && !m.Main {
				all[m.Path] = part{name: m.Path, version: m.Version}
				dirs[m.Path] = append(dirs[m.Path], upTo(m.Dir, p.Dir)...)
			}
		}
	}
	var out []part
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p := all[name]
		slices.Sort(dirs[name]) // the part's own directory is the shortest
		p.texts, err = texts(name, slices.Compact(dirs[name]))
		out, wrong = append(out, p), append(wrong, err)
	}
	return out, errors.Join(wrong...)
}

// places are the directories of the project and of Go.
func places(ctx context.Context) (root, goroot string, err error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD", "GOROOT").Output()
	if err != nil {
		return "", "", fmt.Errorf("go env: %w", err)
	}
	gomod, goroot, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return filepath.Dir(gomod), goroot, nil
}

// list are the packages that the binary is made of on a platform.
func list(ctx context.Context, root, platform string) (packages []linked, err error) {
	system, arch, _ := strings.Cut(platform, "/")
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Dir,Module", ".")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list for %s: %w", platform, err)
	}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p linked
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("go list for %s: %w", platform, err)
		}
		packages = append(packages, p)
	}
}

// upTo are the directories from dir up to root, where a package's licences may stand.
func upTo(root, dir string) []string {
	dirs := []string{root}
	for ; dir != root && len(dir) > len(root); dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
	}
	return dirs
}
