package cli

import (
	"context"
	"fmt"
	"time"

	"pulltrail/internal/control"
	"pulltrail/internal/hub"
)

// historyCommand changes the history.
type historyCommand struct {
	Delete deleteHistoryCommand `cmd:"" help:"Delete snapshots of one repository."`
}

// Help is shown below the usage.
func (historyCommand) Help() string {
	return `Examples:

	pulltrail history delete me/app --from 2026-03-01 --to 2026-03-02 --dry-run
	pulltrail history delete me/app --from 2026-03-01 --to 2026-03-02`
}

type deleteHistoryCommand struct {
	Repository string `arg:"" name:"repository" help:"Repository as namespace/name; nginx is the official image."`
	From       moment `placeholder:"TIME" help:"Delete snapshots from this time on: a date, or a time such as 2026-01-31T01:00:00Z."`
	To         moment `placeholder:"TIME" help:"Delete snapshots before this time."`
	DryRun     bool   `help:"Print how many snapshots would be deleted and delete none."`
	Yes        bool   `short:"y" help:"Do not ask for confirmation."`
	JSON       bool   `help:"Print one JSON object. Requires --yes or --dry-run."`
}

// Help is shown below the usage.
func (deleteHistoryCommand) Help() string {
	return `Deletes the snapshots of one repository permanently; without --from and --to, all of them. The page, the API and the
metrics change at once. Make a backup first.

Documents already in OpenSearch or Elasticsearch stay there: delete them in the cluster. A broker that retains a deleted
snapshot sends it again at the next connection, until a newer one replaces it.

Examples:

	pulltrail history delete me/app --from 2026-03-01 --to 2026-03-02 --dry-run
	pulltrail history delete me/app --from 2026-03-01 --to 2026-03-02`
}

// Run deletes, once somebody has agreed.
func (c deleteHistoryCommand) Run(ctx context.Context, p *Process, top *command) error {
	r, err := hub.ParseRepository(c.Repository)
	if err != nil {
		return usagef("%w", err)
	}
	if !c.From.IsZero() && !c.To.IsZero() && !c.From.Before(c.To.Time) {
		return usagef("--from must be before --to")
	}
	if !c.DryRun && !c.Yes && (c.JSON || !p.interactive()) {
		return usagef("there is no terminal to ask on: add --yes to delete without being asked")
	}
	cfg, err := top.load(p)
	if err != nil {
		return err
	}
	which := control.Deletion{Repository: r, From: c.From.Time, To: c.To.Time}
	var found, deleted control.Deleted
	err = reachHistory(ctx, cfg, func(ctx context.Context, via control.History) (err error) {
		check := which
		check.DryRun = true
		if found, err = via.Delete(ctx, check); err != nil || c.DryRun || found.Count == 0 {
			return err
		}
		if !c.Yes {
			if err := p.confirm(ctx, fmt.Sprintf("Delete %s for good?", described(found, r)), "nothing is deleted"); err != nil {
				return err
			}
		}
		deleted, err = via.Delete(ctx, which)
		return err
	})
	switch {
	case err != nil:
		return err
	case c.JSON && c.DryRun:
		return printJSON(p.Stdout, found)
	case c.JSON:
		return printJSON(p.Stdout, deleted)
	case c.DryRun:
		if found.Count == 0 {
			fmt.Fprintf(p.Stdout, "%s would be deleted\n", described(found, r))
			return nil
		}
		fmt.Fprintf(p.Stdout, "%s, would be deleted\n", described(found, r))
		return nil
	}
	fmt.Fprintf(p.Stdout, "deleted %s\n", described(deleted, r))
	if deleted.Count > 0 {
		fmt.Fprintln(p.Stderr, "pulltrail: documents already in OpenSearch or Elasticsearch stay there")
	}
	return nil
}

// described is such as "2 snapshots of me/app, from 2026-01-31T01:00:00Z to 2026-02-01T01:00:00Z".
func described(d control.Deleted, r hub.Repository) string {
	n := int64(d.Count)
	text := fmt.Sprintf("%s %s of %s", grouped(&n), noun(n, "snapshot", "snapshots"), r)
	switch {
	case n == 1:
		return fmt.Sprintf("%s, at %s", text, d.First.Format(time.RFC3339))
	case n > 1:
		return fmt.Sprintf("%s, from %s to %s", text, d.First.Format(time.RFC3339), d.Last.Format(time.RFC3339))
	}
	return text
}
