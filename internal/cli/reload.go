package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/datadir"
)

const (
	// reloadPoll is how often the daemon is asked what became of its new configuration.
	reloadPoll = 100 * time.Millisecond
	// absence is how long it may have no socket meanwhile.
	absence = 45 * time.Second
)

type reloadCommand struct {
	Timeout time.Duration `default:"2m" help:"How long to wait for the result (${default})."`
	JSON    bool          `help:"Print JSON."`
}

// Help is shown below the usage.
func (reloadCommand) Help() string {
	return `The daemon reads the configuration file and the files with passwords and certificates again. Its environment is that
of its start. It finishes the work in progress first; MQTT sessions and the address of the page stay open. If the new
configuration has a mistake or cannot start, the daemon keeps the old one.

Changes of data_dir, log.format, web.listen, mqtt.client_id and mqtt.embedded need a restart.

SIGHUP does the same and writes the result to the log.

Examples:

	pulltrail reload
	pulltrail reload --config /etc/pulltrail/config.yaml --timeout 30s`
}

// Run asks the daemon, and waits for the outcome. The daemon finds the mistakes: what it
// may read, such as credentials of systemd, this command may not be able to.
func (c reloadCommand) Run(ctx context.Context, p *Process, top *command) error {
	cfg, err := top.load(p)
	var mistakes *config.Error
	if errors.As(err, &mistakes) {
		cfg.DataDir = mistakes.DataDir
	} else if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	daemon := control.NewClient(datadir.ControlSocket(cfg.DataDir))
	asked, err := daemon.Reload(ctx)
	switch {
	case errors.Is(err, control.ErrNoDaemon) && mistakes != nil:
		return mistakes
	case errors.Is(err, control.ErrNoDaemon):
		return fmt.Errorf("%w (data_dir %s): start it with \"pulltrail run\", it reads its configuration then", err, cfg.DataDir)
	case ctx.Err() != nil:
		return unknownYet(ctx)
	case err != nil:
		return err
	}
	outcome, err := await(ctx, daemon, asked)
	if err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(p.Stdout).Encode(outcome)
	} else if outcome.Error == "" {
		_, err = fmt.Fprintln(p.Stdout, told(outcome))
	}
	if err == nil && outcome.Error != "" {
		return fmt.Errorf("the new configuration is refused, the one before stays: %s", outcome.Error)
	}
	return err
}

// await asks until it is done. The daemon's socket is away for a moment meanwhile.
func await(ctx context.Context, daemon control.Reloader, asked control.Reload) (control.Reload, error) {
	newest, seen := asked, time.Now()
	for !newest.Done || newest.Number < asked.Number {
		select {
		case <-ctx.Done():
			return newest, unknownYet(ctx)
		case <-time.After(reloadPoll):
		}
		now, err := daemon.Reloaded(ctx)
		switch {
		case err == nil:
			newest, seen = now, time.Now()
		case time.Since(seen) > absence:
			return newest, fmt.Errorf("the daemon has ended, or is not ready since %v: see its log: %w", absence, err)
		}
	}
	return newest, nil
}

// unknownYet is what is known when nobody waits any longer.
func unknownYet(ctx context.Context) error {
	return fmt.Errorf("the outcome is not known yet: see the daemon's log: %w", ctx.Err())
}

func told(r control.Reload) string {
	if len(r.Changed) == 0 {
		return "The configuration is in force. No key has changed; the files that it names were read anew."
	}
	return "The new configuration is in force. Changed: " + strings.Join(r.Changed, ", ")
}
