//go:build integration

package browsertest

import (
	"encoding/json"
	"os"
	"strings"
)

// axe checks the page that is open by the rules of axe-core, and fails for each that it
// breaks.
func (p *tab) axe() {
	p.Helper()
	path := os.Getenv("PULLTRAIL_TEST_AXE")
	if path == "" {
		p.Skip("axe-core is not there: PULLTRAIL_TEST_AXE names its axe.min.js")
	}
	source, err := os.ReadFile(path)
	if err != nil {
		p.Fatal(err)
	}
	eval[bool](p, string(source)+"; true")
	eval[bool](p, `window.axeDone = null; axe.run().then(r => { window.axeDone = JSON.stringify(r.violations.map(v =>
		({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html + ' ' + n.failureSummary)}))) }); true`)
	p.await("window.axeDone !== null")
	var violations []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(eval[string](p, "window.axeDone")), &violations); err != nil {
		p.Fatal(err)
	}
	for _, v := range violations {
		p.Errorf("axe: %s (%s):\n%s", v.Help, v.ID, strings.Join(v.Nodes[:min(len(v.Nodes), 5)], "\n"))
	}
}
