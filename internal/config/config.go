// Package config assembles the sections of the configuration and reads them from
// where they may be set: the defaults, then what the tutorial's containers are
// configured with, then the file, then the environment, then the flags, each
// overriding the one before.
//
// It promises to be strict and complete. A key that nobody knows, a value of the
// wrong type (nothing is converted silently), a value that makes no sense: each is
// one line with the place it stands at, the key, the value and the remedy, and all
// of them are found in one go. A secret is never part of such a line.
//
// At its bounds: a file has at most 1 MiB, 65,536 words and signs and 32 levels of
// nesting; of more than 100 mistakes the first 100 are listed and the rest counted.
package config

import (
	"pulltrail/collector"
	"pulltrail/indexer"
	"pulltrail/internal/web"
	"pulltrail/mqttio"
)

// Config is the whole configuration. Printing it shows no secret.
type Config struct {
	// Version is that of the names below, from 1 on.
	Version int `koanf:"version"`
	// Mode is "both", "collector" or "indexer": which halves this process is.
	Mode string `koanf:"mode"`
	// DataDir is the directory of everything that is kept; a relative path is meant
	// from the working directory.
	DataDir string `koanf:"data_dir"`
	Log     Log    `koanf:"log"`

	Collector collector.Config `koanf:"collector"`
	MQTT      mqttio.Config    `koanf:"mqtt"`
	Indexer   indexer.Config   `koanf:"indexer"`
	Web       web.Config       `koanf:"web"`
}

// The values of Config.Mode.
const (
	ModeBoth      = "both"
	ModeCollector = "collector" // polls and publishes, and receives nothing
	ModeIndexer   = "indexer"   // receives and stores, and polls nothing
)

// Collects reports whether this process polls Docker Hub.
func (c Config) Collects() bool { return c.Mode != ModeIndexer }

// Receives reports whether this process subscribes.
func (c Config) Receives() bool { return c.Mode != ModeCollector }

// Log is the section "log".
type Log struct {
	// Level is "debug", "info", "warn" or "error".
	Level string `koanf:"level"`
	// Format is "text" or "json".
	Format string `koanf:"format"`
}

// Default is the configuration where nothing is configured. It needs no other
// service than Docker Hub.
func Default() Config {
	return Config{
		Version:   current,
		Mode:      ModeBoth,
		DataDir:   "data",
		Log:       Log{Level: "info", Format: "text"},
		Collector: collector.DefaultConfig(),
		MQTT:      mqttio.DefaultConfig(),
		Indexer:   indexer.DefaultConfig(),
		Web:       web.DefaultConfig(),
	}
}

// Plan is what to poll.
func (c Config) Plan() collector.Plan {
	return c.Collector.Plan()
}
