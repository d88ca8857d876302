package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
)

func TestTheNoticesAreThoseOfWhatIsLinked(t *testing.T) {
	want, err := os.ReadFile("../../THIRD_PARTY_NOTICES")
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := run(t.Context(), []string{"notices"}, nil, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("read what is new, then: make notices\n%s", diff)
	}
}

func TestEveryPartHasItsLicences(t *testing.T) {
	all, err := parts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, p := range all {
		got[p.name] = p.expression()
		for _, id := range p.licences() {
			if !slices.Contains(allowed, id) {
				t.Errorf("%s has the licence %s", p.name, id)
			}
		}
	}
	for name, want := range map[string]string{
		"Go":                             "BSD-3-Clause",
		"golang.org/x/sys":               "BSD-3-Clause",
		"github.com/alecthomas/kong":     "MIT",
		"github.com/eclipse/paho.golang": "BSD-3-Clause",                        // of two, the one that we take
		"github.com/klauspost/compress":  "Apache-2.0 AND BSD-3-Clause AND MIT", // all in one file
		"github.com/mattn/go-isatty":     "MIT",                                 // on macOS alone
		"github.com/prometheus/procfs":   "Apache-2.0",                          // on Linux alone
		"modernc.org/sqlite":             "BSD-3-Clause AND MIT AND blessing",   // with SQLite itself
		"uPlot":                          "MIT",                                 // embedded
		"github.com/chromedp/chromedp":   "",                                    // of tests alone
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	vendored, err := os.ReadFile(filepath.Join("../..", uPlotFiles, "uPlot.iife.min.js"))
	if err != nil || !strings.Contains(string(vendored[:min(len(vendored), 200)]), "(v"+uPlotVersion+")") {
		t.Errorf("uPlot is not %s: %v", uPlotVersion, err)
	}
}

// write makes a part of files and returns its directory.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mit is our own licence.
func mit(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// copyleft is how a file says that it stands under such a licence.
func copyleft(name string) string {
	return "This program is free software; you can redistribute it and/or modify it under the terms of the " + name +
		" General Public License version 3 as published by the Free Software Foundation."
}

func TestWhatNobodyHasReadOrMayUseIsAMistake(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		wrong string
	}{
		"a part without a licence":        {map[string]string{"README": mit(t), "license.go": mit(t)}, "example.org/part has no licence that is known"},
		"a licence that is not allowed":   {map[string]string{"COPYING": copyleft("GNU")}, "example.org/part/COPYING has the licence GPL-3.0-only, which is not allowed"},
		"another one beside one that is":  {map[string]string{"LICENSE": mit(t), "inner/LICENSE-AGPL": copyleft("GNU Affero")}, "example.org/part/inner/LICENSE-AGPL has the licence AGPL-3.0-only"},
		"a licence that nobody knows":     {map[string]string{"Licence.txt": "You may read this on Sundays."}, "example.org/part/Licence.txt is 0 % of a licence that is known"},
		"a condition added to a licence":  {map[string]string{"LICENSE": mit(t) + strings.Repeat("Nobody may sell it, nor anything made of it. ", 9)}, "example.org/part/LICENSE is "},
		"a text that a person has to see": {map[string]string{"MIT-LICENSE": mit(t), "UNLICENSE": "?"}, "example.org/part/UNLICENSE is 0 %"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, c.files)
			if _, err := texts("example.org/part", []string{dir, filepath.Join(dir, "inner")}[:1+strings.Count(name, "beside")]); err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("got %v, want %s", err, c.wrong)
			}
		})
	}
}

func TestNoticesGoWithTheLicence(t *testing.T) {
	dir := write(t, map[string]string{"LICENSE": mit(t), "NOTICE.txt": "By me.\r\n\r\n", "PATENTS": "None.", "notice.go": "package notice"})
	got, err := texts("example.org/part", []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	p := part{name: "example.org/part", version: "v1.0.0", texts: got}
	text := notices([]part{p, {name: "example.org/twin", version: "v2.0.0", texts: got}})
	for _, want := range []string{
		"example.org/part  v1.0.0  MIT\nexample.org/twin  v2.0.0  MIT\n",
		line + "example.org/part: NOTICE.txt\nexample.org/twin: NOTICE.txt\n" + line + "\nBy me.\n",
		"example.org/part: PATENTS\n",
	} {
		if strings.Count(text, want) != 1 {
			t.Errorf("not once: %s\nin %s", want, text)
		}
	}
}

// madeSBOM is what cyclonedx-gomod might say of a binary.
const madeSBOM = `{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
	"metadata": {"tools": [{"name": "cyclonedx-gomod", "version": "v1", "hashes": [{"alg": "MD5", "content": "6a66a7e0d9b5eed59b7d27d53ba3fd9a"}]}],
		"component": {"bom-ref": "main", "type": "application", "name": "pulltrail", "version": "v1.2.3"}},
	"components": [
		{"bom-ref": "a", "type": "library", "name": "example.org/a", "version": "v1.0.0", "evidence": {"licenses": [{"license": {"id": "GPL-3.0"}}]}},
		{"bom-ref": "std", "type": "library", "name": "std", "version": "go1.26.8"}],
	"dependencies": [{"ref": "main", "dependsOn": ["a", "std"]}, {"ref": "a"}, {"ref": "std"}]}`

// madeOf are its parts.
func madeOf(version string) []part {
	of := func(name, version string, ids ...string) part {
		return part{name: name, version: version, texts: []text{{name: "LICENSE", licences: ids}}}
	}
	return []part{of("Go", "", "BSD-3-Clause"), of("example.org/a", version, "MIT", "Apache-2.0"), of(uPlotName, uPlotVersion, "MIT")}
}

func TestTheSBOMHasTheLicencesThatWeKnow(t *testing.T) {
	var out bytes.Buffer
	if err := complete(strings.NewReader(madeSBOM), &out, madeOf("v1.0.0")); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "GPL") || strings.Contains(out.String(), "MD5") {
		t.Errorf("it has what a tool has guessed, or what this machine is: %s", &out)
	}
	bom := new(cyclonedx.BOM)
	if err := cyclonedx.NewBOMDecoder(&out, cyclonedx.BOMFileFormatJSON).Decode(bom); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range append(*bom.Components, *bom.Metadata.Component) {
		licence := (*c.Licenses)[0]
		if licence.License != nil {
			licence.Expression = licence.License.ID
		}
		got = append(got, c.Name+" "+c.Version+" "+licence.Expression)
	}
	want := []string{"example.org/a v1.0.0 Apache-2.0 AND MIT", "std go1.26.8 BSD-3-Clause", "uPlot 1.6.32 MIT", "pulltrail v1.2.3 MIT"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a", "std", "pkg:npm/uplot@1.6.32"}, *(*bom.Dependencies)[0].Dependencies); diff != "" {
		t.Errorf("what the program depends on: %s", diff)
	}
}

func TestAnSBOMOfSomethingElseIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		sbom, version, wrong string
	}{
		"of an older binary": {madeSBOM, "v1.0.1", "example.org/a v1.0.0 is not what is linked today"},
		"of no binary":       {`{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}`, "v1.0.0", "is not that of a binary"},
		"that is none":       {"<bom>", "v1.0.0", "read the SBOM"},
	} {
		if err := complete(strings.NewReader(c.sbom), &bytes.Buffer{}, madeOf(c.version)); err == nil || !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := run(t.Context(), nil, nil, nil); err == nil || !strings.Contains(err.Error(), "usage") {
		t.Errorf("without arguments: %v", err)
	}
}
