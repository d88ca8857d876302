package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"pulltrail/internal/compat"
	"pulltrail/internal/config"
)

type migrateCommand struct {
	mappingFlags

	Env         bool   `help:"Read the environment variables of dockerhubstats2mqtt. Default: read them and the files if they exist."`
	ConfigFile  string `placeholder:"FILE" help:"Connections file of mqtt2elasticsearch."`
	MappingFile string `placeholder:"FILE" help:"Mappings file of mqtt2elasticsearch."`
	WithSecrets bool   `help:"Print passwords and API keys too."`
}

// Help is shown below the usage.
func (migrateCommand) Help() string {
	return `Reads the configuration of dockerhubstats2mqtt, mqtt2elasticsearch or both, and prints the equivalent config.yaml with
comments. Nothing else is changed. See docs/MIGRATION.md.

Examples:

	pulltrail migrate --env > config.yaml
	pulltrail migrate --config-file etc/mqtt2elasticsearch.json --mapping-file etc/mappings.json`
}

// Run prints the equivalent configuration.
func (c migrateCommand) Run(p *Process, top *command) error {
	found := compat.Read(c.sources(top.sources(p)))
	if !found.Any() {
		return errors.New("there is nothing to migrate: set REPOSITORIES and MQTT_TOPIC, or name the files in --config-file and --mapping-file")
	}
	// What is wrong with the whole is also wrong with what is printed, or only on this
	// machine, where a file may be missing.
	_, err := config.Load(config.Options{File: os.DevNull, Explicit: true, Compat: found})
	if len(found.Problems) > 0 {
		return err
	}
	text, failed := config.Migrate(found, p.Documented, c.WithSecrets)
	if failed != nil {
		return failed
	}
	if _, failed = io.WriteString(p.Stdout, text); failed != nil {
		return failed
	}
	if err != nil {
		_, failed = fmt.Fprintf(p.Stderr, "pulltrail: on this machine %v\n", err)
	}
	return failed
}

func (c migrateCommand) sources(s compat.Sources) compat.Sources {
	named := c.ConfigFile != "" || c.MappingFile != ""
	if !c.Env && !named {
		return s
	}
	s.Job, s.Service = compat.Ignore, compat.Ignore
	if c.Env {
		s.Job = compat.Require
	}
	if named {
		s.Service = compat.Require
	}
	for _, file := range []struct{ variable, name string }{{compat.ConfigVariable, c.ConfigFile}, {compat.MappingVariable, c.MappingFile}} {
		if file.name != "" {
			s.Env = append(s.Env[:len(s.Env):len(s.Env)], file.variable+"="+file.name)
		}
	}
	return s
}
