package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"pulltrail/indexer"
	"pulltrail/internal/config"
)

// indicesCommand is about the indices that the routes name. It speaks to the clusters
// itself, whether a daemon runs or not.
type indicesCommand struct {
	List   listIndicesCommand   `cmd:"" default:"withargs" help:"List the indices of the routes. This is the default command."`
	Create createIndicesCommand `cmd:"" help:"Create the index of each route for one day, with its settings and mappings."`
	Delete deleteIndicesCommand `cmd:"" help:"Delete indices of the routes with all their documents."`
}

// Help is shown below the usage.
func (indicesCommand) Help() string {
	return `Shows and manages the indices that indexer.routes in the configuration writes to. Other indices are never touched.

Examples:

	pulltrail indices
	pulltrail indices create --date 2026-02-01
	pulltrail indices delete --older-than 2y`
}

// care is the configuration's indices, and the clusters that they are in.
type care struct {
	*indexer.Care
	clusters []*indexer.Cluster
}

// withCare calls do with the clusters open, all or the one that is called sink.
func withCare(p *Process, cfg config.Config, sink string, do func(care) error) (err error) {
	c := care{}
	if c.Care, err = indexer.NewCare(cfg.Indexer, cfg.MQTT.OwnFilter()); err != nil {
		return err
	}
	var names []string
	for _, setup := range cfg.Indexer.Clusters() {
		names = append(names, setup.Name)
		if sink != "" && sink != setup.Name {
			continue
		}
		cluster, err := setup.Open(indexer.ClusterOptions{Log: logger(p, quieter(cfg, "error"))})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, cluster.Close()) }()
		c.clusters = append(c.clusters, cluster)
	}
	switch {
	case len(names) == 0:
		return errors.New("no cluster is configured: name one in indexer.opensearch.urls or indexer.elasticsearch.urls")
	case len(c.clusters) == 0:
		return usagef("--sink %q: is not configured, only %s", sink, strings.Join(names, " and "))
	}
	return do(c)
}

// listedIndex is an index as --json prints it.
type listedIndex struct {
	Sink      string    `json:"sink"`
	Index     string    `json:"index"`
	Created   time.Time `json:"created"`
	Documents *int64    `json:"documents"`
	Bytes     *int64    `json:"bytes"`
	// Routes are the routes that name it, and Topic is that of the first.
	Routes []string `json:"routes"`
	Topic  string   `json:"topic"`

	end     time.Time
	cluster *indexer.Cluster
}

// list is what all clusters have; what one does not tell is in the error, beside what
// the others have told.
func (c care) list(ctx context.Context) ([]listedIndex, error) {
	all, errs := []listedIndex{}, []error(nil)
	for _, cluster := range c.clusters {
		indices, err := c.List(ctx, cluster, true)
		errs = append(errs, err)
		for _, i := range indices {
			all = append(all, listedIndex{
				Sink: cluster.String(), Index: i.Name, Created: i.Created, Documents: i.Documents, Bytes: i.Bytes,
				Routes: i.Routes, Topic: c.Topic(i.Routes[0]), end: i.End, cluster: cluster,
			})
		}
	}
	return all, errors.Join(errs...)
}

type listIndicesCommand struct {
	Sink string `placeholder:"NAME" help:"Show only this cluster: opensearch or elasticsearch."`
	JSON bool   `help:"Print JSON instead of a table."`
}

// Help is shown below the usage.
func (listIndicesCommand) Help() string {
	return `Examples:

	pulltrail indices list
	pulltrail indices list --sink opensearch --json`
}

// Run lists the indices.
func (c listIndicesCommand) Run(ctx context.Context, p *Process, top *command) error {
	cfg, err := top.load(p)
	if err != nil {
		return err
	}
	return withCare(p, cfg, c.Sink, func(all care) error {
		indices, err := all.list(ctx)
		if c.JSON {
			return errors.Join(err, printJSON(p.Stdout, map[string]any{"indices": indices}))
		}
		if err != nil && len(indices) == 0 {
			return err
		}
		return errors.Join(err, printIndices(p.Stdout, indices))
	})
}

func printIndices(w io.Writer, indices []listedIndex) error {
	if len(indices) == 0 {
		_, err := fmt.Fprintln(w, "There is no index that a route names.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "INDEX\tSINK\tDOCUMENTS\tBYTES\tCREATED (UTC)\tROUTE\tTOPIC\n")
	for _, i := range indices {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i.Index, i.Sink, grouped(i.Documents), grouped(i.Bytes), i.Created.Format(time.DateTime), strings.Join(i.Routes, ", "), oneLine(i.Topic))
	}
	return table.Flush()
}

type createIndicesCommand struct {
	mappingFlags

	Date string `placeholder:"2026-01-31" help:"Day in UTC. Default: today."`
	Sink string `placeholder:"NAME" help:"Use only this cluster: opensearch or elasticsearch."`
}

// Help is shown below the usage.
func (createIndicesCommand) Help() string {
	return `Pulltrail creates an index when it first writes to it, so this command is needed only to create it in advance.

Examples:

	pulltrail indices create
	pulltrail indices create --date 2026-02-01 --sink opensearch`
}

// Run creates what is missing; it fails where something could not be created.
func (c createIndicesCommand) Run(ctx context.Context, p *Process, top *command) error {
	day := time.Now()
	if c.Date != "" {
		var err error
		if day, err = time.Parse(time.DateOnly, c.Date); err != nil {
			return usagef("--date %q: is no day: write it as 2026-01-31", c.Date)
		}
	}
	cfg, err := top.load(p)
	if err != nil {
		return err
	}
	return withCare(p, cfg, c.Sink, func(all care) error {
		failed := false
		table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprint(table, "INDEX\tSINK\tROUTE\tRESULT\n")
		for _, cluster := range all.clusters {
			for _, made := range all.Create(ctx, cluster, day) {
				result := "is there already"
				switch {
				case made.Err != nil:
					failed, result = true, "failed: "+oneLine(made.Err.Error())
				case made.Created:
					result = "created"
				}
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", made.Index, cluster, made.Route, result)
			}
		}
		if err := table.Flush(); err != nil {
			return err
		}
		if failed {
			return errReported
		}
		return nil
	})
}
