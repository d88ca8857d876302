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

// command is the grammar. Kong makes the help from it.
type command struct {
	Config   string `short:"c" placeholder:"FILE" help:"Configuration file. Without it config.yaml is read where it exists."`
	DataDir  string `placeholder:"DIR" help:"Directory of everything that is kept (key data_dir)."`
	LogLevel string `placeholder:"LEVEL" help:"debug, info, warn or error (key log.level)."`

	KeepMappings bool `help:"Leave counters that a mapping file of mqtt2elasticsearch has as integer as they are, instead of making them long."`

	Run     runCommand     `cmd:"" default:"withargs" help:"Run the daemon: poll on schedule, publish, store, serve the page (the default, but see docs/MIGRATION.md for the tutorial's containers)."`
	Collect collectCommand `cmd:"" help:"Poll now, through the whole chain, and print what became of each repository."`
	Reload  reloadCommand  `cmd:"" help:"Have the running daemon read its configuration anew, and say what became of it."`
	Top     topCommand     `cmd:"" help:"Show how the repositories fare, with a sparkline of 30 days."`
	Check   checkCommand   `cmd:"" help:"Check the configuration and, with --connect, every neighbour."`
	Demo    demoCommand    `cmd:"" help:"Show everything on a simulated Docker Hub with two years of history. It reads no configuration, sends nothing anywhere and leaves nothing behind."`
	Version versionCommand `cmd:"" help:"Print the version, or the licences of everything in this program."`

	Healthcheck healthcheckCommand `cmd:"" help:"Ask the daemon whether it is healthy, for containers and scripts."`

	Migrate migrateCommand `cmd:"" help:"Print the config.yaml that is equivalent to the configuration of dockerhubstats2mqtt, mqtt2elasticsearch or both."`

	HashPassword hashPasswordCommand `cmd:"" help:"Make the hash of a password, for users of the page and of the broker inside (keys web.password_hash, mqtt.embedded.users)."`
	Import       importCommand       `cmd:"" help:"Bring older data into history: CSV, JSON lines, or the indices of a cluster."`
	Export       exportCommand       `cmd:"" help:"Write history, or pulls per day, as CSV, JSON or JSON lines."`

	Backup  backupCommand  `cmd:"" help:"Write everything that is kept into one file, while the daemon runs."`
	Restore restoreCommand `cmd:"" help:"Bring a backup into an empty data directory, or check it."`

	DeadLetters deadLettersCommand `cmd:"" name:"deadletters" help:"List, show, retry or drop the messages that were refused."`

	Indices indicesCommand `cmd:"" help:"List, create or delete the indices that the routes name."`
	Setup   setupCommand   `cmd:"" help:"Prepare a cluster: its user, with the least permissions, and its index templates."`

	way string // how a start without arguments was understood; empty with arguments
}

const description = `Keeps the trail of Docker Hub's pull counters: polls repositories on a cron
schedule, publishes every snapshot to MQTT, receives it back and stores it in an
embedded history and, where configured, in OpenSearch or Elasticsearch.

Every key of the configuration file can also be set in the environment:
collector.schedule is PULLTRAIL_COLLECTOR_SCHEDULE.

The exit code is 0 when all is done, 1 when something has failed, and 2 when the
arguments or the configuration are wrong.`

// errUsage marks a mistake of the caller, who reads it in brackets behind the mistake.
var errUsage = errors.New("see pulltrail --help")

// Main runs one command and returns the exit code.
func Main(ctx context.Context, p Process) int {
	var c command
	exit := -1 // set by --help
	parser, err := kong.New(&c,
		kong.Name("pulltrail"), kong.Description(description),
		kong.Writers(p.Stdout, p.Stderr), kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.UsageOnError())
	if err != nil {
		return complain(p, err)
	}
	args, way := start(&p)
	c.way = way
	parsed, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		return complain(p, fmt.Errorf("%w (%w)", err, errUsage))
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return complain(p, parsed.Run(&p, &c))
}

// errReported is a failure that the command has already put into words.
var errReported = errors.New("reported")

func complain(p Process, err error) int {
	var mistakes *config.Error
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errReported):
		return exitFailed
	case errors.Is(err, context.Canceled):
		err = fmt.Errorf("interrupted: %w", err)
	}
	fmt.Fprintf(p.Stderr, "pulltrail: %v\n", err)
	if errors.Is(err, errUsage) || errors.As(err, &mistakes) {
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
	return compat.Sources{Env: p.Env, Dir: p.CompatDir, KeepMappings: c.KeepMappings}
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
		return slog.New(slog.NewJSONHandler(p.Stderr, options)), level
	}
	return slog.New(slog.NewTextHandler(p.Stderr, options)), level
}
