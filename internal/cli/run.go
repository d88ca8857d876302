package cli

import (
	"context"
	"errors"
	"fmt"

	"pulltrail/app"
	"pulltrail/internal/version"
)

type runCommand struct{}

// Run is the daemon.
func (runCommand) Run(ctx context.Context, p *Process, c *command) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	tuneMemory()
	err = app.Run(ctx, cfg, app.Options{Log: logger(p, cfg)})
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // it was told to stop while it was starting
	}
	return err
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(p *Process) error {
	_, err := fmt.Fprintln(p.Stdout, version.Long())
	return err
}
