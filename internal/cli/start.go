package cli

import (
	"log/slog"
	"os"

	"pulltrail/internal/compat"
	"pulltrail/internal/config"
)

// start decides what a start without arguments is, so that Pulltrail can take the place
// of the tutorial's containers, which have none. The second value says in words which way
// was taken and how to choose another; it is empty where there are arguments.
func start(p *Process) (args []string, way string) {
	if len(p.Args) > 0 {
		return p.Args, ""
	}
	found := compat.Read(compat.Sources{Env: p.Env, Dir: p.CompatDir})
	_, err := os.Stat(config.DefaultFile)
	switch {
	case found.Job && !found.Service && err != nil:
		return []string{"collect", "--publish-only"},
			"publishing once, as dockerhubstats2mqtt does, because its variables are set; for a daemon start \"pulltrail run\""
	case found.Service && !found.Job && err != nil:
		return []string{"run"},
			"running as an indexer, as mqtt2elasticsearch does, because its files are there; to collect as well set PULLTRAIL_MODE=both, or see \"pulltrail --help\""
	}
	return []string{"run"}, "running the daemon, because there are no arguments; for anything else see \"pulltrail --help\""
}

// explain logs which way was taken, and what is done otherwise than by the tutorial's
// containers.
func (c *command) explain(log *slog.Logger, found *compat.Found) {
	if c.way != "" {
		log.Info(c.way)
	}
	if found.Any() {
		log.Info("the configuration has " + found.Sources())
	}
	for _, note := range found.Notes {
		log.Warn(note)
	}
}
