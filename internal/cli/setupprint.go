package cli

import (
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"

	"pulltrail/internal/provision"
)

// setupResult is a step as --json prints it. The request is there with --dry-run alone.
type setupResult struct {
	Kind    string        `json:"kind"`
	Name    string        `json:"name"`
	Result  string        `json:"result"`
	Note    string        `json:"note,omitempty"`
	Request *setupRequest `json:"request,omitempty"`
}

type setupRequest struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Body   any    `json:"body"`
}

// result says what became of a step, or what would.
func result(step provision.Step, dryRun bool) string {
	switch {
	case step.Action == provision.Keep:
		return "unchanged"
	case step.Action == provision.Omit:
		return "left out"
	case dryRun:
		return "would be " + string(step.Action) + "d"
	case !step.Done:
		return "not " + string(step.Action) + "d"
	}
	return string(step.Action) + "d"
}

// noSecurity is said of a cluster that knows no users.
const noSecurity = "the cluster has no security plugin, or one that is switched off: everybody may do everything there, so there is no role and no user to make"

// printRequests prints what would be sent, in the form that the console of Dashboards
// takes.
func (c setupOpenSearchCommand) printRequests(p *Process, plan *provision.Plan) error {
	if c.JSON {
		all := results(plan, true)
		return printJSON(p.Stdout, map[string]any{"objects": all})
	}
	if plan.Open {
		fmt.Fprintf(p.Stdout, "# %s\n", noSecurity)
	}
	for i, r := range results(plan, true) {
		fmt.Fprintf(p.Stdout, "# %s %s: %s\n", r.Kind, r.Name, r.Result)
		if r.Note != "" {
			fmt.Fprintf(p.Stdout, "# %s\n", harmless(r.Note))
		}
		if r.Request == nil {
			continue
		}
		var body strings.Builder
		if err := printJSON(&body, r.Request.Body); err != nil {
			return err
		}
		if strings.Contains(body.String(), hiddenPassword) {
			fmt.Fprintln(p.Stdout, "# with the password in place of (secret)")
		}
		fmt.Fprintf(p.Stdout, "%s %s\n%s", r.Request.Method, r.Request.Path, body.String())
		if i < len(plan.Steps)-1 {
			fmt.Fprintln(p.Stdout)
		}
	}
	return nil
}

// hiddenPassword is how the password of a user is encoded.
const hiddenPassword = `"password": "(secret)"`

func results(plan *provision.Plan, dryRun bool) []setupResult {
	all := []setupResult{}
	for _, step := range plan.Steps {
		r := setupResult{Kind: step.Kind, Name: step.Name, Result: result(step, dryRun), Note: step.Note}
		if dryRun && (step.Action == provision.Create || step.Action == provision.Update) {
			r.Request = &setupRequest{http.MethodPut, step.Path, step.Body}
		}
		all = append(all, r)
	}
	return all
}

// printDone prints what became of each object, and what the users see.
func (c setupOpenSearchCommand) printDone(p *Process, plan *provision.Plan, seen []checked) error {
	all := results(plan, false)
	if c.JSON {
		return printJSON(p.Stdout, struct {
			Security bool          `json:"security"`
			Objects  []setupResult `json:"objects"`
			Checks   []checked     `json:"checks"`
		}{!plan.Open, all, append([]checked{}, seen...)})
	}
	if plan.Open {
		fmt.Fprintf(p.Stdout, "%s%s.\n\n", strings.ToUpper(noSecurity[:1]), noSecurity[1:])
	}
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "OBJECT\tNAME\tRESULT\n")
	for _, r := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\n", r.Kind, r.Name, r.Result)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range all {
		if r.Note != "" {
			fmt.Fprintf(p.Stdout, "\n%s %s: %s.\n", strings.ToUpper(r.Kind[:1])+r.Kind[1:], r.Name, harmless(r.Note))
		}
	}
	if len(seen) == 0 {
		return nil
	}
	fmt.Fprintln(p.Stdout)
	return printChecks(p.Stdout, seen, false)
}
