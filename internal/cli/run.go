package cli

import (
	"context"
	"errors"
	"fmt"

	"pulltrail/app"
	"pulltrail/internal/compat"
	"pulltrail/internal/config"
	"pulltrail/internal/systemd"
	"pulltrail/internal/version"
)

type runCommand struct {
	mappingFlags
}

// Help is shown below the usage.
func (runCommand) Help() string {
	return `Polls Docker Hub on schedule, publishes the snapshots to MQTT, stores them and serves the page. Runs in the
foreground until it gets SIGINT or SIGTERM. SIGHUP makes it apply its changed configuration.

Without any argument, a container that has the variables or files of dockerhubstats2mqtt or mqtt2elasticsearch
behaves as those do: see docs/MIGRATION.md.

Examples:

	pulltrail run
	pulltrail run --config /etc/pulltrail/config.yaml --log-level debug`
}

// Run is the daemon.
func (runCommand) Run(ctx context.Context, p *Process, c *command) error {
	found := compat.Read(c.sources(p))
	cfg, err := c.loadWith(p, found)
	if err != nil {
		return err
	}
	log, level := adjustable(p, cfg)
	c.explain(log, found)
	tuneMemory()
	ctx, hangup := hangups(ctx, lostTerminal(p.Stderr))
	opts := app.Options{Log: log, Level: level, Hangup: hangup, Reload: func() (config.Config, error) { return c.load(p) }}
	manager, err := systemd.New(log)
	if err != nil {
		return err
	}
	if manager != nil {
		opts.Watch = manager.Run
	}
	err = app.Run(ctx, cfg, opts)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // it was told to stop while it was starting
	}
	return err
}

type versionCommand struct {
	Licenses bool `help:"Print the licenses of all dependencies."`
}

// Help is shown below the usage.
func (versionCommand) Help() string {
	return `Examples:

	pulltrail version
	pulltrail version --licenses | less`
}

// Run prints the version, or the licences.
func (c versionCommand) Run(p *Process) error {
	if c.Licenses {
		_, err := p.Stdout.Write(p.Notices)
		return err
	}
	_, err := fmt.Fprintln(p.Stdout, version.Long())
	return err
}
