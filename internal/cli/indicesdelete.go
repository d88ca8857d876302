package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pulltrail/indexer"
	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/datadir"
)

// deleteIndicesCommand deletes indices for good.
type deleteIndicesCommand struct {
	Indices   []string `arg:"" optional:"" name:"index" help:"Names as shown by the list."`
	All       bool     `help:"Select the indices of all routes."`
	Route     string   `placeholder:"ROUTE" help:"Select the indices of this route: 0 is indexer.routes[0]; own is the built-in route of the snapshots."`
	OlderThan string   `placeholder:"AGE" help:"Select the indices in which all documents are older than this: 90d, 8w, 6mo or 2y."`
	Sink      string   `placeholder:"NAME" help:"Use only this cluster: opensearch or elasticsearch."`
	Yes       bool     `short:"y" help:"Do not ask for confirmation."`
}

// Help is shown below the usage.
func (deleteIndicesCommand) Help() string {
	return `Deleted indices are not filled again. The history in the data directory is kept.

Examples:

	pulltrail indices delete dockerhub-repositories-metrics-2024.01
	pulltrail indices delete --route 0 --older-than 90d --yes`
}

// check finds what is contradictory about the choice.
func (c deleteIndicesCommand) check() (age indexer.Age, err error) {
	if len(c.Indices) > 0 == (c.All || c.Route != "" || c.OlderThan != "") || c.All && c.Route != "" {
		return age, usagef("name indices in one way: by their names, with --all, or with --route, --older-than or both")
	}
	age, err = indexer.ParseAge(c.OlderThan)
	if err == nil && c.OlderThan != "" && age.IsZero() {
		err = errors.New("bounds nothing: write an age such as 90d")
	}
	if err != nil {
		return age, usagef("--older-than %q: %w", c.OlderThan, err)
	}
	return age, nil
}

// Run deletes, once somebody has agreed.
func (c deleteIndicesCommand) Run(ctx context.Context, p *Process, top *command) error {
	age, err := c.check()
	if err != nil {
		return err
	}
	if !c.Yes && !p.interactive() {
		return usagef("there is no terminal to ask on: say --yes to delete without being asked")
	}
	cfg, err := top.load(p)
	if err != nil {
		return err
	}
	return withCare(p, cfg, c.Sink, func(all care) error {
		if err := c.foreign(all); err != nil {
			return err
		}
		indices, err := all.list(ctx)
		if err != nil {
			return err // to delete in one cluster and not in the other would surprise
		}
		chosen, err := c.choose(all, indices, age)
		if err != nil {
			return err
		}
		if len(chosen) == 0 {
			fmt.Fprintln(p.Stdout, "There is no such index.")
			return nil
		}
		if !c.Yes {
			if err := p.confirm(ctx, question(chosen), "nothing is deleted"); err != nil {
				return err
			}
		}
		return c.delete(ctx, p, cfg, all, chosen)
	})
}

// foreign refuses names that no route knows, before anything is deleted.
func (c deleteIndicesCommand) foreign(all care) error {
	var errs []error
	for _, name := range c.Indices {
		if _, ok := all.Named(name); !ok {
			errs = append(errs, fmt.Errorf("%s: no route names this index, so it is left alone: delete it with the cluster's own tools", oneLine(name)))
		}
	}
	return errors.Join(errs...)
}

// choose are those of the indices that are meant.
func (c deleteIndicesCommand) choose(all care, indices []listedIndex, age indexer.Age) ([]listedIndex, error) {
	route := ""
	if c.Route != "" {
		var err error
		if route, err = all.Route(c.Route); err != nil {
			return nil, usagef("--route: %w", err)
		}
	}
	before := age.Before(time.Now())
	chosen := slices.DeleteFunc(slices.Clone(indices), func(i listedIndex) bool {
		switch {
		case len(c.Indices) > 0:
			return !slices.Contains(c.Indices, i.Index)
		case route != "" && !slices.Contains(i.Routes, route):
			return true
		}
		return !age.IsZero() && (i.end.IsZero() || i.end.After(before))
	})
	for _, name := range c.Indices {
		if !slices.ContainsFunc(chosen, func(i listedIndex) bool { return i.Index == name }) {
			return nil, fmt.Errorf("%s: there is no such index", name)
		}
	}
	return chosen, nil
}

// mostNamed is how many indices a question names.
const mostNamed = 10

// question says what will be lost.
func question(chosen []listedIndex) string {
	var names []string
	documents, bytes, known := int64(0), int64(0), true
	for _, i := range chosen {
		names = append(names, i.Index+" of "+i.Sink)
		if i.Documents == nil || i.Bytes == nil {
			known = false
			continue
		}
		documents, bytes = documents+*i.Documents, bytes+*i.Bytes
	}
	if n := len(names); n > mostNamed {
		names = append(names[:mostNamed-1], fmt.Sprintf("%d more", n-mostNamed+1))
	}
	loss := fmt.Sprintf("%s, %s", numbered(documents, "document", "documents"), numbered(bytes, "byte", "bytes"))
	if !known {
		loss = "nobody here may see how many documents"
	}
	return fmt.Sprintf("Delete %s (%s) for good? They are not filled again.", strings.Join(names, ", "), loss)
}

// delete deletes what it can, and tells the daemon.
func (c deleteIndicesCommand) delete(ctx context.Context, p *Process, cfg config.Config, all care, chosen []listedIndex) error {
	var errs []error
	gone := make(map[string][]string)
	for _, i := range chosen {
		if err := all.Delete(ctx, i.cluster, i.Index); err != nil {
			errs = append(errs, err)
			continue
		}
		gone[i.Sink] = append(gone[i.Sink], i.Index)
		fmt.Fprintf(p.Stdout, "%s of %s is deleted\n", i.Index, i.Sink)
	}
	daemon := control.NewClient(datadir.ControlSocket(cfg.DataDir))
	for sink, names := range gone {
		if err := daemon.ForgetIndices(ctx, sink, names); err != nil && !errors.Is(err, control.ErrNoDaemon) {
			errs = append(errs, fmt.Errorf("the daemon does not know that indices of %s were deleted, so it may write to them without their mappings: restart it: %w", sink, err))
		}
	}
	return errors.Join(errs...)
}
