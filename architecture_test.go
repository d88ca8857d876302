package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows says which packages of this module each package may import; docs/ARCHITECTURE.md
// says why. What every package may use (vocabulary without behaviour of its own) is
// in shared.
var arrows = map[string][]string{
	"pulltrail": {"internal/cli"},
	"app": {
		"collector", "indexer", "mqttio", "scheduler",
		"internal/backup", "internal/broker", "internal/config", "internal/control", "internal/database", "internal/datadir", "internal/deadletter",
		"internal/history", "internal/homeassistant", "internal/journal", "internal/outbox", "internal/rollup", "internal/roster", "internal/state", "internal/trail", "internal/version",
		"internal/web", "internal/web/access", "internal/web/api", "internal/web/ops", "internal/web/page", "internal/web/share",
	},

	// The four never import one another: they meet in app.
	"scheduler": {},
	"collector": {"internal/roster"},
	"mqttio":    {"internal/passhash"},
	"indexer":   {"internal/search"},

	"internal/cli":    {"app", "collector", "indexer", "mqttio", "internal/backup", "internal/broker", "internal/compat", "internal/config", "internal/control", "internal/datadir", "internal/demo", "internal/nearest", "internal/passhash", "internal/provision", "internal/search", "internal/systemd", "internal/transfer", "internal/version", "internal/web"},
	"internal/config": {"collector", "indexer", "mqttio", "scheduler", "internal/compat", "internal/nearest", "internal/web", "internal/datadir"},

	"internal/document": nil, "internal/durable": nil, "internal/hub": nil, "internal/topic": nil,
	"internal/problem": nil, "internal/secret": nil, "internal/version": nil, "internal/trail": nil, "internal/tlsconf": {},

	"internal/backup":        {"internal/database", "internal/datadir", "internal/journal"},
	"internal/broker":        {"internal/loginlimit", "internal/passhash"},
	"internal/compat":        {},
	"internal/control":       {"internal/serving"},
	"internal/serving":       {},
	"internal/database":      {},
	"internal/datadir":       {},
	"internal/deadletter":    {"internal/database"},
	"internal/demo":          {"collector", "internal/database", "internal/datadir", "internal/history", "internal/roster"},
	"internal/history":       {"internal/database"},
	"internal/homeassistant": {},
	"internal/journal":       {},
	"internal/loginlimit":    {},
	"internal/nearest":       {},
	"internal/outbox":        {"internal/database"},
	"internal/passhash":      {},
	"internal/provision":     {"indexer", "internal/search"},
	"internal/rollup":        {"internal/history", "internal/trail"},
	"internal/roster":        {"internal/database"},
	"internal/search":        {},
	"internal/state":         {"internal/database"},
	"internal/systemd":       {},
	"internal/transfer":      {"internal/control", "internal/search"},
	"internal/web":           {"internal/passhash", "internal/serving", "internal/web/access"},
	"internal/web/access":    {"internal/loginlimit", "internal/passhash"},
	"internal/web/api":       {"internal/history", "internal/nearest", "internal/rollup", "internal/trail", "internal/web/access", "internal/web/reply"},
	"internal/web/ops":       {"internal/web/access"},
	"internal/web/page":      {"internal/history", "internal/nearest", "internal/rollup", "internal/trail", "internal/web/access", "internal/web/reply", "internal/web/svg"},
	"internal/web/reply":     {},
	"internal/web/share":     {"internal/rollup", "internal/trail", "internal/web/access", "internal/web/reply", "internal/web/svg"},
	"internal/web/svg":       {"internal/trail"},

	"bench":           {},
	"deploy/licences": {},

	"internal/browsertest": {},
	"internal/deploytest":  {},
	"internal/faulttest":   {},
	"internal/hubtest":     {},
	"internal/porttest":    {},
	"internal/sinktest":    {},
}

// shared is the vocabulary. A package whose entry above is nil imports not even
// that, only the standard library.
var shared = []string{"internal/document", "internal/durable", "internal/hub", "internal/problem", "internal/secret", "internal/tlsconf", "internal/topic"}

// testOnly packages are imported by tests alone.
var testOnly = []string{"internal/hubtest", "internal/porttest", "internal/sinktest"}

func TestImportsRunOneWay(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		name := strings.TrimPrefix(words[0], "pulltrail/")
		seen[name] = true
		allowed, known := arrows[name]
		if !known {
			t.Errorf("%s is not in the table of arrows: say what it may import", name)
			continue
		}
		for _, imported := range words[1:] {
			checkArrow(t, name, imported, allowed)
		}
	}
	for name := range arrows {
		if !seen[name] {
			t.Errorf("%s is in the table of arrows but does not exist", name)
		}
	}
}

func checkArrow(t *testing.T, name, imported string, allowed []string) {
	t.Helper()
	inner, ours := strings.CutPrefix(imported, "pulltrail/")
	switch {
	case !ours && allowed == nil && strings.Contains(strings.Split(imported, "/")[0], "."):
		t.Errorf("%s imports %s: it keeps to the standard library", name, imported)
	case !ours:
	case slices.Contains(testOnly, inner):
		t.Errorf("%s imports %s, which is for tests only", name, inner)
	case allowed == nil:
		t.Errorf("%s imports %s: it keeps to the standard library", name, inner)
	case !slices.Contains(allowed, inner) && !slices.Contains(shared, inner):
		t.Errorf("%s imports %s: that arrow is not in the table", name, inner)
	}
}

// maxPackages bounds the packages that are compiled into the program, those of the
// standard library included. A dependency that exceeds it makes the first build of
// everybody slower: see CONTRIBUTING.md.
const maxPackages = 440

func TestTheFirstBuildStaysCheap(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	if packages := len(strings.Fields(string(out))); packages > maxPackages {
		t.Errorf("the program consists of %d packages, of which there may be %d", packages, maxPackages)
	}
}
