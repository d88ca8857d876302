package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// allowed are the licences, by their names in SPDX, under which a part may stand. None of
// them asks more of who passes the binary on than the notices and where the source is.
var allowed = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "blessing"}

// wellKnown is how much of a text has to be that of a licence, in percent. The rest is
// names and years.
const wellKnown = 90

// told are the files that a person has read, because a program cannot tell what they say.
// They are named by part and path, and stand for these licences.
var told = map[string][]string{
	// Under one of two licences, of which the EDL is taken: it is BSD-3-Clause, in edl-v10.
	"github.com/eclipse/paho.golang/LICENSE":      nil,
	"github.com/eclipse/paho.golang/epl-v20":      nil,
	"github.com/eclipse/paho.mqtt.golang/LICENSE": nil,
	"github.com/eclipse/paho.mqtt.golang/epl-v20": nil,
	// In the public domain, with SQLite's blessing.
	"modernc.org/sqlite/LICENSE-SQLITE": {"blessing"},
	// Lists of others' licences with words in between, also of what is not linked.
	"modernc.org/libc/LICENSE-3RD-PARTY.md":   {"BSD-3-Clause", "MIT"},
	"modernc.org/sqlite/LICENSE-3RD-PARTY.md": {"BSD-3-Clause", "MIT"},
	// Of a picture that is not linked.
	"modernc.org/memory/LICENSE-LOGO": nil,
}

var (
	licenceName = regexp.MustCompile(`(?i)^([\w.]+[-.])?(un)?licen[cs]e|^copying|^e[dp]l-v\d+$`)
	noticeName  = regexp.MustCompile(`(?i)^(notice|patents)`)
	noText      = regexp.MustCompile(`(?i)\.(go|s|c|h|py|sh|js)$`)
)

// text is a file that has to be passed on with a part.
type text struct {
	name     string // below the part
	content  string
	licences []string // nil for a notice
}

// texts reads those of a part from its directories, of which the first is its own.
func texts(part string, dirs []string) (all []text, err error) {
	var wrong []error
	known := false
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			isLicence, isNotice := licenceName.MatchString(e.Name()), noticeName.MatchString(e.Name())
			if e.IsDir() || noText.MatchString(e.Name()) || !isLicence && !isNotice {
				continue
			}
			t, err := readText(part, dirs[0], filepath.Join(dir, e.Name()), isLicence)
			all, wrong = append(all, t), append(wrong, err)
			known = known || len(t.licences) > 0
		}
	}
	if !known {
		wrong = append(wrong, fmt.Errorf("%s has no licence that is known: read its sources, and write what they say in deploy/licences", part))
	}
	return all, errors.Join(wrong...)
}

func readText(part, root, file string, isLicence bool) (text, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return text{}, err
	}
	name, err := filepath.Rel(root, file)
	if err != nil {
		return text{}, err
	}
	t := text{name: filepath.ToSlash(name), content: strings.TrimRight(strings.ReplaceAll(string(content), "\r\n", "\n"), "\n ") + "\n"}
	if isLicence {
		t.licences, err = identify(path.Join(part, t.name), content)
	}
	return t, err
}

// identify are the licences in a text. What is not known, or not allowed, is an error.
func identify(name string, content []byte) ([]string, error) {
	if ids, isTold := told[name]; isTold {
		return ids, nil
	}
	found := licensecheck.Scan(content)
	var ids []string
	for _, m := range found.Match {
		if !slices.Contains(allowed, m.ID) {
			return nil, fmt.Errorf("%s has the licence %s, which is not allowed: use another module", name, m.ID)
		}
		ids = append(ids, m.ID)
	}
	if found.Percent < wellKnown {
		return nil, fmt.Errorf("%s is %.0f %% of a licence that is known: read it, and write what it says in deploy/licences", name, found.Percent)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
