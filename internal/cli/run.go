package cli

import (
	"context"
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
	return app.Run(ctx, cfg, app.Options{Log: logger(p, cfg)})
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(p *Process) error {
	_, err := fmt.Fprintln(p.Stdout, version.Long())
	return err
}
