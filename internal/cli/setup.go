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
	OpenSearch setupOpenSearchCommand `cmd:"" name:"opensearch" help:"Create the configured user, its least-privilege role and the index templates."`
}

// Help is shown below the usage.
func (setupCommand) Help() string {
	return `Examples:

	pulltrail setup opensearch --admin-username admin
	pulltrail setup opensearch --dry-run`
}

type setupOpenSearchCommand struct {
	mappingFlags
	adminFlags

	Role               string `placeholder:"NAME" default:"pulltrail_writer" help:"Name of the role (${default})."`
	Reader             string `placeholder:"USER" help:"Also create a user that can read the indices, such as for Grafana."`
	ReaderPasswordFile string `placeholder:"FILE" help:"File with the reader's password in its first line."`
	ReaderRole         string `placeholder:"NAME" default:"pulltrail_reader" help:"Name of the reader's role (${default})."`
	NoTemplate         bool   `help:"Do not create index templates."`
	Force              bool   `help:"Replace a role, user or template that Pulltrail did not create."`
	DryRun             bool   `help:"Change nothing; print the requests. Without an administrator, the cluster is not contacted and the requests are those for a new cluster."`
	JSON               bool   `help:"Print JSON instead of a table."`
}

// Help is shown below the usage.
func (setupOpenSearchCommand) Help() string {
	return `Creates the user of indexer.opensearch in the configuration, with a role that can write to the indices of
indexer.routes and nothing else. It can be repeated: only what differs is changed, and objects that Pulltrail did not
create are not touched.

It needs an administrator once and does not store the credentials. The administrator's password is asked for, or read
from --admin-password-file or the environment variable PULLTRAIL_SETUP_ADMIN_PASSWORD.

Examples:

	pulltrail setup opensearch --admin-username admin
	pulltrail setup opensearch --admin-cert admin.pem --admin-key admin.key
	pulltrail setup opensearch --dry-run

The index templates set the mapping also when the cluster creates an index by itself. Their priority is low (3 or a
little more), so a template of yours with a higher priority wins.

The output of --dry-run can be pasted into the console of OpenSearch Dashboards.`
}

// Run prepares the cluster and looks whether the user can do with it.
func (c setupOpenSearchCommand) Run(ctx context.Context, p *Process, top *command) error {
	if (c.Reader == "") != (c.ReaderPasswordFile == "") {
		return usagef("--reader and --reader-password-file belong together")
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
		return provision.Options{}, usagef("the reader needs a name and a role of its own, not those of the user of the configuration")
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
