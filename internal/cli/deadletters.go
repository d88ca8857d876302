package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"pulltrail/internal/control"
)

// deadLettersCommand is about the messages that a store or a sink has refused.
type deadLettersCommand struct {
	List  listLettersCommand  `cmd:"" default:"withargs" help:"List dead letters (the default)."`
	Show  showLetterCommand   `cmd:"" help:"Show one dead letter with its payload."`
	Retry retryLettersCommand `cmd:"" help:"Retry dead letters with the current configuration. Those that are stored are removed."`
	Drop  dropLettersCommand  `cmd:"" help:"Discard dead letters permanently."`
}

// Help is shown below the usage.
func (deadLettersCommand) Help() string {
	return `A dead letter is a message that Pulltrail or a cluster rejected permanently. It is kept with its topic, payload and the
reason until it is retried successfully or discarded.

Examples:

	pulltrail deadletters
	pulltrail deadletters show opensearch/journal/42
	pulltrail deadletters retry --sink opensearch`
}

// chosenLetters are the arguments that name dead letters.
type chosenLetters struct {
	IDs  []control.LetterID `arg:"" optional:"" name:"id" help:"IDs as shown by the list, such as opensearch/journal/42."`
	All  bool               `help:"Select all dead letters."`
	Sink string             `placeholder:"NAME" help:"Select the dead letters of this sink: opensearch, elasticsearch, history or journal."`
}

// refusers are those that have dead letters.
var refusers = []string{"opensearch", "elasticsearch", "history", "journal"}

// checkSink refuses a name that nothing has: it would look as if there were no dead letters.
func checkSink(name string) error {
	if name == "" || slices.Contains(refusers, name) {
		return nil
	}
	return usagef("--sink %q: must be one of %s", name, strings.Join(refusers, ", "))
}

func (c chosenLetters) selection() (control.Selection, error) {
	if err := checkSink(c.Sink); err != nil {
		return control.Selection{}, err
	}
	ways := 0
	for _, given := range []bool{len(c.IDs) > 0, c.All, c.Sink != ""} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return control.Selection{}, usagef("name dead letters in one way: by their ids, with --sink, or with --all")
	}
	return control.Selection{IDs: c.IDs, Sink: c.Sink, All: c.All}, nil
}

type retryLettersCommand struct {
	chosenLetters
	JSON bool `help:"Print JSON instead of a table."`
}

// Help is shown below the usage.
func (retryLettersCommand) Help() string {
	return `Fix the cause first, such as a mapping or a missing permission. The exit code is 1 if a dead letter remains.

Examples:

	pulltrail deadletters retry opensearch/journal/42
	pulltrail deadletters retry --all`
}

// retryReport is what became of letters, and what --json prints.
type retryReport struct {
	control.RetrySummary
	Results []control.Retried `json:"results"`
}

// Run tries letters again; it fails where some remain.
func (c retryLettersCommand) Run(ctx context.Context, p *Process, top *command) error {
	which, err := c.selection()
	if err != nil {
		return err
	}
	cfg, err := top.load(p)
	if err != nil {
		return err
	}
	var r retryReport
	err = reach(ctx, p, cfg, func(ctx context.Context, via control.Daemon) (err error) {
		r = retryReport{Results: []control.Retried{}}
		r.RetrySummary, err = via.RetryDeadLetters(ctx, which, func(one control.Retried) { r.Results = append(r.Results, one) })
		return err
	})
	// What was done before it failed is worth knowing.
	if err == nil || len(r.Results) > 0 {
		err = errors.Join(err, r.print(p.Stdout, c.JSON, c.Sink))
	}
	if err == nil && r.Refused+r.Left > 0 {
		return errReported
	}
	return err
}

func (r retryReport) print(w io.Writer, asJSON bool, sink string) error {
	if asJSON {
		return printJSON(w, r)
	}
	if len(r.Results) == 0 {
		_, err := fmt.Fprintln(w, noLetters(sink))
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "ID\tRESULT\tREASON\n")
	for _, one := range r.Results {
		fmt.Fprintf(table, "%s\t%s\t%s\n", oneLine(one.ID.String()), one.Fate, oneLine(one.Reason))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d stored, %d refused again, %d left as they were\n", r.Stored, r.Refused, r.Left)
	return err
}

type dropLettersCommand struct {
	chosenLetters
	Yes bool `short:"y" help:"Do not ask for confirmation."`
}

// Help is shown below the usage.
func (dropLettersCommand) Help() string {
	return `Examples:

	pulltrail deadletters drop history/mqtt/601045173025192011
	pulltrail deadletters drop --sink opensearch --yes`
}

// Run forgets letters, once somebody has agreed.
func (c dropLettersCommand) Run(ctx context.Context, p *Process, top *command) error {
	which, err := c.selection()
	if err != nil {
		return err
	}
	if !c.Yes && !p.interactive() {
		return usagef("there is no terminal to ask on: say --yes to drop without being asked")
	}
	cfg, err := top.load(p)
	if err != nil {
		return err
	}
	var dropped control.Dropped
	err = reach(ctx, p, cfg, func(ctx context.Context, via control.Daemon) error {
		page, err := via.DeadLetters(ctx, control.LetterQuery{Sink: c.Sink, Limit: 1})
		if err != nil {
			return err
		}
		n := len(c.IDs)
		if n == 0 {
			n, which.Through = page.Total, page.Through
		}
		if n > 0 && !c.Yes {
			if err := p.confirm(ctx, fmt.Sprintf("Drop %s for good?", counted(n, c.Sink)), "nothing is dropped"); err != nil {
				return err
			}
		}
		dropped, err = via.DropDeadLetters(ctx, which)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "%s dropped\n", counted(dropped.Count, c.Sink))
	for _, id := range dropped.Missing {
		fmt.Fprintf(p.Stderr, "pulltrail: %v: %s\n", control.ErrNoLetter, id)
	}
	if len(dropped.Missing) > 0 {
		return errReported
	}
	return nil
}

type listLettersCommand struct {
	Sink   string `placeholder:"NAME" help:"Show only the dead letters of this sink: opensearch, elasticsearch, history or journal."`
	Limit  int    `default:"50" help:"Maximum number to show, up to 1000 (${default})."`
	Offset int    `help:"Number of dead letters to skip first."`
	JSON   bool   `help:"Print JSON instead of a table."`
}

// Help is shown below the usage.
func (listLettersCommand) Help() string {
	return `Examples:

	pulltrail deadletters list --sink opensearch
	pulltrail deadletters list --limit 1000 --json`
}

// Run lists letters in the order in which they were refused first.
func (c listLettersCommand) Run(ctx context.Context, p *Process, top *command) error {
	if c.Limit < 1 || c.Limit > control.MaxPage || c.Offset < 0 {
		return usagef("--limit %d --offset %d: the limit is from 1 to %d, the offset from 0", c.Limit, c.Offset, control.MaxPage)
	}
	if err := checkSink(c.Sink); err != nil {
		return err
	}
	cfg, err := top.load(p)
	if err != nil {
		return err
	}
	var page control.LetterPage
	err = reach(ctx, p, cfg, func(ctx context.Context, via control.Daemon) (err error) {
		page, err = via.DeadLetters(ctx, control.LetterQuery{Sink: c.Sink, Limit: c.Limit, Offset: c.Offset})
		return err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, map[string]any{"dead_letters": append([]control.Letter{}, page.Letters...), "total": page.Total})
	}
	return c.print(p.Stdout, page)
}

func (c listLettersCommand) print(w io.Writer, page control.LetterPage) error {
	if page.Total == 0 {
		_, err := fmt.Fprintln(w, noLetters(c.Sink))
		return err
	}
	if len(page.Letters) > 0 {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprint(table, "ID\tREFUSED (UTC)\tBYTES\tRETRIED\tTOPIC\tREASON\n")
		for _, l := range page.Letters {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", oneLine(l.ID.String()), l.Refused.Format(time.DateTime), grouped(&l.Size), retried(l), oneLine(l.Topic), oneLine(l.Reason))
		}
		fmt.Fprintln(table)
		if err := table.Flush(); err != nil {
			return err
		}
	}
	last := c.Offset + len(page.Letters)
	text := counted(page.Total, c.Sink)
	if len(page.Letters) < page.Total {
		text = fmt.Sprintf("%d to %d of %s", min(c.Offset+1, last), last, text)
	}
	if last < page.Total {
		text += fmt.Sprintf("; those behind: --offset %d", last)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

func retried(l control.Letter) string {
	if l.RetriedByItself {
		return "by itself"
	}
	return "by hand"
}

// counted is such as "3 dead letters of opensearch".
func counted(n int, sink string) string {
	total := int64(n)
	text := grouped(&total) + " " + noun(total, "dead letter", "dead letters")
	if sink != "" {
		text += " of " + sink
	}
	return text
}

func noLetters(sink string) string {
	if sink != "" {
		return "There are no dead letters of " + sink + "."
	}
	return "There are no dead letters."
}

func printJSON(w io.Writer, what any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(what)
}
