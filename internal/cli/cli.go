// Package cli is Pulltrail's command line: the sub-commands and what they print.
// Results go to standard output, everything else to standard error. Exit codes:
// 0 done, 1 something failed, 2 the command line or the configuration is wrong.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/alecthomas/kong"

	"pulltrail/internal/compat"
	"pulltrail/internal/config"
	"pulltrail/internal/version"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// Process is what a command sees of the world.
type Process struct {
	Args           []string // without the program's name
	Env            []string // "KEY=value"
	Stdin          *os.File // nil: there is nobody to ask
	Stdout, Stderr io.Writer
	// CompatDir is where mqtt2elasticsearch has its files; empty for /app/etc.
	CompatDir string
	// Documented is config.yaml with its comments.
	Documented []byte
	// Notices are the licences of everything that is linked.
	Notices []byte
}

// command is the grammar of the command line. The help, the man pages and the completion are
// generated from it.
type command struct {
	Config   string           `short:"c" placeholder:"FILE" help:"Configuration file. Default: config.yaml in the working directory, if it exists."`
	DataDir  string           `placeholder:"DIR" help:"Data directory. Overrides the key data_dir."`
	LogLevel string           `placeholder:"LEVEL" help:"Log level: debug, info, warn or error. Overrides the key log.level."`
	Number   kong.VersionFlag `name:"version" help:"Print the version and exit."`

	Init    initCommand    `cmd:"" group:"start" help:"Write a commented config.yaml to start from."`
	Check   checkCommand   `cmd:"" group:"start" help:"Check the configuration and, with --connect, test every connection."`
	Run     runCommand     `cmd:"" group:"start" default:"withargs" help:"Run the daemon. This is the default command."`
	Demo    demoCommand    `cmd:"" group:"start" help:"Run a demo with simulated data. It needs no configuration."`
	Migrate migrateCommand `cmd:"" group:"start" help:"Convert the configuration of dockerhubstats2mqtt and mqtt2elasticsearch to a config.yaml."`

	Collect collectCommand `cmd:"" group:"data" help:"Poll Docker Hub now, store the snapshots and print the results."`
	Top     topCommand     `cmd:"" group:"data" help:"List the repositories with their pulls and a 30-day sparkline."`
	Export  exportCommand  `cmd:"" group:"data" help:"Export snapshots or daily pulls as CSV, JSON or JSON lines."`
	History historyCommand `cmd:"" group:"data" help:"Delete wrong snapshots from the history."`
	Import  importCommand  `cmd:"" group:"data" help:"Import older snapshots from CSV, JSON lines, OpenSearch or Elasticsearch."`

	Reload      reloadCommand      `cmd:"" group:"operate" help:"Make the running daemon apply its changed configuration."`
	Healthcheck healthcheckCommand `cmd:"" group:"operate" help:"Test whether the daemon is healthy."`
	Backup      backupCommand      `cmd:"" group:"operate" help:"Back up all data to one file, also while the daemon runs."`
	Restore     restoreCommand     `cmd:"" group:"operate" help:"Restore a backup, or verify one."`
	DeadLetters deadLettersCommand `cmd:"" group:"operate" name:"deadletters" help:"List, show, retry or discard rejected messages."`

	Indices      indicesCommand      `cmd:"" group:"sinks" help:"List, create or delete the indices in OpenSearch or Elasticsearch."`
	Setup        setupCommand        `cmd:"" group:"sinks" help:"Create a least-privilege user and index templates in OpenSearch."`
	HashPassword hashPasswordCommand `cmd:"" group:"sinks" help:"Hash a password for the page or the embedded broker."`

	Help       helpCommand       `cmd:"" group:"help" help:"Show the help of a command."`
	Completion completionCommand `cmd:"" group:"help" help:"Print the completion script for bash, zsh or fish."`
	Version    versionCommand    `cmd:"" group:"help" help:"Print the version or the licenses of all dependencies."`
	Man        manCommand        `cmd:"" hidden:"" group:"help" help:"Write the man pages into a directory."`

	way          string // how a start without arguments was understood; empty with arguments
	keepMappings bool
}

// groups are the titles of the groups of commands.
var groups = kong.Groups{
	"start":   "Get started:",
	"data":    "Collect and use data:",
	"operate": "Operate:",
	"sinks":   "Set up clusters and users:",
	"help":    "Help:",
}

const description = `Records the pull counts of Docker Hub repositories. Pulltrail polls Docker Hub on a cron schedule,
publishes every snapshot to MQTT and stores it in an embedded database and, optionally, in OpenSearch or Elasticsearch.

Examples:

	pulltrail demo
	pulltrail init grafana/grafana nginx
	pulltrail run

Every configuration key can also be set as an environment variable: PULLTRAIL_COLLECTOR_SCHEDULE sets
collector.schedule.

Exit codes: 0 success, 1 failure, 2 wrong arguments or configuration.`

// mappingFlags is for the commands that create or describe indices.
type mappingFlags struct {
	KeepMappings bool `help:"Keep the type integer for counters in a mapping file of mqtt2elasticsearch. Default: change it to long."`
}

// AfterApply hands the flag to what reads mqtt2elasticsearch's files.
func (f mappingFlags) AfterApply(top *command) error {
	top.keepMappings = f.KeepMappings
	return nil
}

// Main runs one command and returns the exit code.
func Main(ctx context.Context, p Process) int {
	var c command
	parser, exit := newParser(&c, &p)
	args, way := start(&p)
	c.way = way
	if len(args) > 0 && args[0] == completeCommand {
		return complain(p, "", complete(p.Stdout, parser.Model, args[1:]))
	}
	parsed, err := parser.Parse(args)
	if *exit >= 0 {
		return *exit
	}
	if err != nil {
		at := locate(parser.Model, args)
		return complain(p, at.node.FullPath(), explain(at, err))
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return complain(p, parsed.Selected().FullPath(), parsed.Run(&p, &c, parser))
}

// newParser makes the parser of the command line. --help and --version set exit to the exit
// code; until then it is negative.
func newParser(c *command, p *Process) (parser *kong.Kong, exit *int) {
	exit = new(int)
	*exit = -1
	parser = kong.Must(c,
		kong.Name("pulltrail"), kong.Description(description), kong.Vars{"version": version.Long()}, groups,
		kong.Writers(p.Stdout, p.Stderr), kong.Exit(func(code int) { *exit = code }), kong.Bind(c), valueMappers(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
	)
	parser.Model.HelpFlag.Help = "Show this help and exit."
	for _, child := range parser.Model.Children {
		for _, sub := range child.Children {
			sub.Group = &kong.Group{Key: "commands", Title: "Commands:"}
		}
	}
	return parser, exit
}

// errReported is a failure that the command has already put into words.
var errReported = errors.New("reported")

// complain prints an error and returns the exit code. A usage error points to the help of the
// command.
func complain(p Process, command string, err error) int {
	var mistakes *config.Error
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errReported):
		return exitFailed
	case errors.Is(err, context.Canceled):
		err = fmt.Errorf("interrupted: %w", err)
	}
	fmt.Fprintf(p.Stderr, "pulltrail: %v\n", err)
	switch {
	case errors.As(err, &usage):
		fmt.Fprintf(p.Stderr, "See \"%s --help\".\n", command)
		return exitUsage
	case errors.As(err, &mistakes):
		return exitUsage
	}
	return exitFailed
}

// load reads the configuration with what the flags say on top.
func (c *command) load(p *Process) (config.Config, error) {
	return c.loadWith(p, compat.Read(c.sources(p)))
}

func (c *command) loadWith(p *Process, found *compat.Found) (config.Config, error) {
	overrides := make(map[string]any)
	for key, value := range map[string]string{"data_dir": c.DataDir, "log.level": c.LogLevel} {
		if value != "" {
			overrides[key] = value
		}
	}
	var warnings []string
	cfg, err := config.Load(config.Options{
		File: c.Config, Explicit: c.Config != "", Env: p.Env, Compat: found, Overrides: overrides,
		Warn: func(line string) { warnings = append(warnings, line) },
	})
	for _, line := range warnings {
		logger(p, cfg).Warn(line)
	}
	return cfg, err
}

// sources are where the tutorial's containers have their configuration.
func (c *command) sources(p *Process) compat.Sources {
	return compat.Sources{Env: p.Env, Dir: p.CompatDir, KeepMappings: c.keepMappings}
}

// logger writes to standard error.
func logger(p *Process, c config.Config) *slog.Logger {
	log, _ := adjustable(p, c)
	return log
}

// adjustable is a logger with its level, which may be changed.
func adjustable(p *Process, c config.Config) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		level.Set(slog.LevelInfo) // the configuration was validated before
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "json" {
		options.ReplaceAttr = inSeconds
		return slog.New(slog.NewJSONHandler(p.Stderr, options)), level
	}
	return slog.New(slog.NewTextHandler(p.Stderr, options)), level
}

// inSeconds turns a duration into seconds, with the unit in the key, because a number in JSON has none.
func inSeconds(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		return slog.Float64(a.Key+"_seconds", a.Value.Duration().Seconds())
	}
	return a
}
