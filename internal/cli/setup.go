package cli

import (
	"context"
	"errors"
	"fmt"

	"pulltrail/indexer"
	"pulltrail/internal/config"
	"pulltrail/internal/provision"
	"pulltrail/internal/search"
	"pulltrail/internal/secret"
)

// setupCommand prepares neighbours.
type setupCommand struct {
	OpenSearch setupOpenSearchCommand `cmd:"" name:"opensearch" help:"Make the user of the configuration in OpenSearch, with a role for the indices of the routes and no more, and index templates."`
}

type setupOpenSearchCommand struct {
	adminFlags

	Role               string `placeholder:"NAME" default:"pulltrail_writer" help:"What the role is called (${default})."`
	Reader             string `placeholder:"USER" help:"Make also a user who reads the indices, for Grafana and the like."`
	ReaderPasswordFile string `placeholder:"FILE" help:"A file with the reader's password in its first line."`
	ReaderRole         string `placeholder:"NAME" default:"pulltrail_reader" help:"What the reader's role is called (${default})."`
	NoTemplate         bool   `help:"Make no index templates."`
	Force              bool   `help:"Take over a role, user or template of these names that somebody else has made."`
	DryRun             bool   `help:"Change nothing, and print the requests. Without an administrator nobody is asked, and they are those for a new cluster."`
	JSON               bool   `help:"Print one JSON object instead of a table."`
}

// Help is what --help says besides.
func (setupOpenSearchCommand) Help() string {
	return `An administrator is needed once, and is not kept:

  pulltrail setup opensearch --admin-username admin
  pulltrail setup opensearch --admin-cert admin.pem --admin-key admin.key
  pulltrail setup opensearch --dry-run

The cluster, the user that is made, the password and the CA to trust are those of
indexer.opensearch in the configuration; the indices are those of indexer.routes. The
administrator's password is asked for, or is in the file of --admin-password-file or in the
environment as PULLTRAIL_SETUP_ADMIN_PASSWORD.

It may be repeated: what is as it should be is left alone, a changed password or a further
route gets there that way. What others have made is not touched.

Index templates give an index its mapping also where the cluster makes it by itself, say
after somebody has deleted it. Their priority is low (3 or little more), so that any
template of yours with a higher one counts in their place.

The requests of --dry-run fit the console of OpenSearch Dashboards.`
}

// Run prepares the cluster and looks whether the user can do with it.
func (c setupOpenSearchCommand) Run(ctx context.Context, p *Process, top *command) error {
	if (c.Reader == "") != (c.ReaderPasswordFile == "") {
		return fmt.Errorf("--reader and --reader-password-file belong together (%w)", errUsage)
	}
	admin, err := c.take(p)
	if err != nil {
		return err
	}
	cfg, err := top.load(p)
	if err != nil {
		return err
	}
	opts, err := c.options(cfg)
	if err != nil {
		return err
	}
	if !c.DryRun || admin.given() {
		if err := reachable(cfg.Indexer); err != nil {
			return err
		}
		client, err := admin.connect(ctx, p, cfg)
		if err != nil {
			return err
		}
		defer func() { _ = client.Close() }() // everything was asked and answered
		opts.Admin = client
		opts.Login = func(user string, password secret.String) (*search.Client, error) {
			return connectAs(cfg.Indexer.OpenSearch, user, password)
		}
	}
	plan, err := provision.NewPlan(ctx, opts)
	if err != nil {
		return err
	}
	if c.DryRun {
		return c.printRequests(p, plan)
	}
	return c.carryOut(ctx, p, cfg, plan, opts)
}

// options are those of the plan, but for who asks.
func (c setupOpenSearchCommand) options(cfg config.Config) (provision.Options, error) {
	care, err := indexer.NewCare(cfg.Indexer, cfg.MQTT.OwnFilter())
	if err != nil {
		return provision.Options{}, err
	}
	ours, err := cfg.Indexer.OpenSearch.Options()
	if err != nil {
		return provision.Options{}, fmt.Errorf("indexer.opensearch: %w", err)
	}
	reader, err := readSecret("--reader-password-file", c.ReaderPasswordFile)
	if err != nil {
		return provision.Options{}, err
	}
	if c.Reader != "" && (c.Reader == ours.Username || c.ReaderRole == c.Role) {
		return provision.Options{}, fmt.Errorf("the reader needs a name and a role of its own, not those of the user of the configuration (%w)", errUsage)
	}
	if c.Username != "" && c.Username == ours.Username {
		return provision.Options{}, fmt.Errorf("%s is the administrator, and is not to be the user of the configuration: write another into indexer.opensearch.username", c.Username)
	}
	return provision.Options{
		Needs:     care.Needs(),
		Writer:    provision.Account{User: ours.Username, Password: ours.Password, Role: c.Role},
		Reader:    provision.Account{User: c.Reader, Password: reader, Role: c.ReaderRole},
		Templates: !c.NoTemplate, Force: c.Force,
	}, nil
}

// reachable says what to do where there is no OpenSearch to prepare.
func reachable(cfg indexer.Config) error {
	switch {
	case len(cfg.OpenSearch.URLs) > 0:
		return nil
	case len(cfg.Elasticsearch.URLs) > 0:
		return errors.New("this prepares an OpenSearch, and the configuration has an Elasticsearch: make a role with create_index and write there, as docs/OPERATIONS.md shows")
	}
	return errors.New("no cluster is configured: name one in indexer.opensearch.urls")
}

// carryOut applies the plan, looks at the result as the user, and prints both.
func (c setupOpenSearchCommand) carryOut(ctx context.Context, p *Process, cfg config.Config, plan *provision.Plan, opts provision.Options) error {
	err := plan.Apply(ctx)
	var seen []checked
	if err == nil {
		seen = append(seen, verify(ctx, p, cfg, "opensearch", opts, opts.Writer))
		if opts.Reader.User != "" && !plan.Open {
			seen = append(seen, verify(ctx, p, cfg, "reader", opts, opts.Reader))
		}
	}
	if err := errors.Join(err, c.printDone(p, plan, seen)); err != nil {
		return err
	}
	for _, s := range seen {
		if !s.OK {
			return errReported
		}
	}
	return nil
}
