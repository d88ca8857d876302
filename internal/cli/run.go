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

type runCommand struct{}

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
	Licenses bool `help:"Print the licences of everything that this program consists of."`
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
