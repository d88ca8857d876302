package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"pulltrail/internal/control"
	"pulltrail/internal/hub"
	"pulltrail/internal/nearest"
)

// topCommand shows how the repositories fare.
type topCommand struct {
	Repositories []string      `arg:"" optional:"" name:"repository" help:"Show only these, as namespace/name; 'namespace/*' is a whole namespace."`
	Sort         string        `enum:"day,week,month,total,stars,name" default:"month" placeholder:"KEY" help:"Sort by day, week, month, total or stars, largest first, or by name (${default})."`
	Limit        int           `short:"n" default:"50" help:"Maximum number of repositories to show; 0 shows all (${default})."`
	Watch        time.Duration `placeholder:"TIME" help:"Refresh after this time, such as 10s, until interrupted."`
	JSON         bool          `help:"Print JSON with exact numbers instead of a table."`
}

// Help is shown below the usage.
func (topCommand) Help() string {
	return `Shows for each repository the total, the pulls of the last 24 hours, 7 and 30 days, and the change against the 30 days
before. ≥ marks a period of which only a part is known.

Examples:

	pulltrail top --sort day
	pulltrail top 'grafana/*' nginx
	pulltrail top --watch 10s --limit 20`
}

// topReport is what --json prints.
type topReport struct {
	Repositories []control.Top `json:"repositories"`
	// Total is how many there are, shown or not.
	Total int `json:"total"`

	chosen bool // by arguments
}

// Run shows the table, once or again and again.
func (c topCommand) Run(ctx context.Context, p *Process, top *command) error {
	switch {
	case c.Limit < 0:
		return usagef("--limit %d: must be 0 or more", c.Limit)
	case c.Watch < 0:
		return usagef("--watch %v: must be a positive time, such as 10s", c.Watch)
	case c.Watch > 0 && c.JSON:
		return usagef("--watch cannot be combined with --json")
	}
	if err := c.understood(); err != nil {
		return err
	}
	cfg, err := top.load(p)
	if err != nil {
		return err
	}
	for {
		var all []control.Top
		err := reachHistory(ctx, cfg, func(ctx context.Context, via control.History) (err error) {
			all, err = via.Top(ctx)
			return err
		})
		if err != nil {
			return err
		}
		if err := c.show(p.Stdout, all); err != nil {
			return err
		}
		if c.Watch == 0 {
			return c.unknown(all)
		}
		select {
		case <-time.After(c.Watch):
		case <-ctx.Done():
			return nil // that is how one leaves it
		}
	}
}

func (c topCommand) show(w io.Writer, all []control.Top) error {
	r := topReport{Repositories: c.chosen(all), chosen: len(c.Repositories) > 0}
	r.Total = len(r.Repositories)
	if c.Limit > 0 && r.Total > c.Limit {
		r.Repositories = r.Repositories[:c.Limit]
	}
	if c.JSON {
		return printJSON(w, r)
	}
	if c.Watch > 0 {
		fmt.Fprint(w, "\033[H\033[2J")
	}
	return r.print(w)
}

// understood returns an error for arguments that cannot be the name of a repository.
func (c topCommand) understood() error {
	var errs []error
	for _, name := range c.Repositories {
		if _, err := hub.ParsePattern(name); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return usagef("%w", errors.Join(errs...))
	}
	return nil
}

// unknown returns an error for each argument of which there is no snapshot.
func (c topCommand) unknown(all []control.Top) error {
	known := make([]hub.Repository, len(all))
	for i, t := range all {
		known[i] = t.Repository
	}
	var errs []error
	for _, name := range c.Repositories {
		if slices.ContainsFunc(known, func(r hub.Repository) bool { return names(name, r) }) {
			continue
		}
		text := "no snapshot of " + oneLine(name)
		if near := nearest.Repositories(name, known, maxSuggested); len(near) > 0 {
			text += "; did you mean " + near[0].String() + "?"
		}
		errs = append(errs, errors.New(text))
	}
	return errors.Join(errs...)
}

// chosen are those that were asked for, sorted.
func (c topCommand) chosen(all []control.Top) []control.Top {
	out := []control.Top{}
	for _, t := range all {
		if len(c.Repositories) == 0 || slices.ContainsFunc(c.Repositories, func(name string) bool { return names(name, t.Repository) }) {
			out = append(out, t)
		}
	}
	slices.SortStableFunc(out, func(a, b control.Top) int { return cmp.Compare(c.weight(b), c.weight(a)) })
	return out
}

// names reports whether an argument means r.
func names(argument string, r hub.Repository) bool {
	pattern, err := hub.ParsePattern(argument)
	return err == nil && pattern.Match(r)
}

// weight is what it is sorted by; they come sorted by name.
func (c topCommand) weight(t control.Top) int64 {
	pulls := func(g *control.Growth) int64 {
		if g == nil {
			return -1
		}
		return g.Pulls
	}
	switch c.Sort {
	case "day":
		return pulls(t.Day)
	case "week":
		return pulls(t.Week)
	case "month":
		return pulls(t.Month)
	case "total":
		return t.PullCount
	case "stars":
		if t.StarCount != nil {
			return *t.StarCount
		}
		return -1
	}
	return 0
}

func (r topReport) print(w io.Writer) error {
	if r.Total == 0 && !r.chosen {
		_, err := fmt.Fprintln(w, "No snapshots yet. Take the first with: pulltrail collect")
		return err
	}
	if r.Total == 0 {
		return nil // the error says what is missing
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "TOTAL\t24 H\t7 D\t30 D\tCHANGE\tSTARS\t  %-*s  REPOSITORY\n", control.TopDays, "30 DAYS")
	for _, t := range r.Repositories {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t  %s  %s%s\n", grouped(&t.PullCount), pullsOf(t.Day), pullsOf(t.Week), pullsOf(t.Month),
			change(t.Month), grouped(t.StarCount), sparkline(t.Days), oneLine(t.String()), inOutbox(t))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if hidden := r.Total - len(r.Repositories); hidden > 0 {
		_, err := fmt.Fprintf(w, "\nand %d more: --limit 0 shows all\n", hidden)
		return err
	}
	return nil
}

// inOutbox is a mark behind the name of a repository whose newest snapshot is not stored yet.
func inOutbox(t control.Top) string {
	if t.Outbox {
		return "  (waits in the outbox for the broker)"
	}
	return ""
}

// pullsOf is marked where a part of the time is not known.
func pullsOf(g *control.Growth) string {
	switch {
	case g == nil:
		return "-"
	case !g.Whole:
		return "≥ " + grouped(&g.Pulls)
	}
	return grouped(&g.Pulls)
}

func change(g *control.Growth) string {
	if g == nil || g.Percent == nil {
		return ""
	}
	whole := math.Round(*g.Percent)
	if whole == 0 {
		return "0%" // and neither -0% nor +0%
	}
	text := strconv.FormatFloat(whole, 'f', 0, 64) + "%"
	if whole > 0 {
		text = "+" + text
	}
	return text
}

var bars = []rune("▁▂▃▄▅▆▇█")

// sparkline has a bar for each day, relative to the highest; days of which nothing is
// known are empty.
func sparkline(days []*int64) string {
	var most int64
	for _, n := range days {
		if n != nil {
			most = max(most, *n)
		}
	}
	line := make([]rune, len(days))
	for i, n := range days {
		switch {
		case n == nil:
			line[i] = ' '
		case *n == 0:
			line[i] = bars[0]
		default:
			line[i] = bars[int(float64(*n)/float64(most)*float64(len(bars)-1)+0.5)]
		}
	}
	return string(line)
}
