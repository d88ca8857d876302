package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"

	"pulltrail/internal/compat"
	"pulltrail/internal/secret"
)

// Options say where the configuration may be set. The zero value reads config.yaml
// in the working directory, where it exists, and nothing else.
type Options struct {
	// File is the configuration file; empty for config.yaml.
	File string
	// Explicit makes it a mistake when the file does not exist.
	Explicit bool
	// Env is the environment as os.Environ gives it.
	Env []string
	// Compat is what the tutorial's containers are configured with; nil for nothing. It
	// counts more than the defaults and less than everything else.
	Compat *compat.Found
	// Overrides are what the flags say, by path. A value is a text, as it stands on
	// the command line, or has the type of its key; nil is a flag that was not given.
	Overrides map[string]any
	// Warn is told, in one line each, of names that a later version refuses; nil for nobody.
	// A configuration with mistakes has no warnings.
	Warn func(line string)
}

// Load reads the configuration and checks it. Whatever a person can mend is in an
// *Error, all of it at once.
func Load(o Options) (Config, error) { return load(o, renames()) }

func load(o Options, renames []rename) (Config, error) {
	l := &loader{k: koanf.New("."), root: table(), renames: renames, mistakes: newMistakes()}
	if err := l.layers(o); err != nil {
		return Config{}, fmt.Errorf("assemble the configuration: %w", err)
	}
	c, err := l.decode()
	if err != nil {
		return Config{}, fmt.Errorf("assemble the configuration: %w", err)
	}
	l.mistakes.dataDir = c.DataDir
	warnings := l.judge(c)
	if err := l.mistakes.err(); err != nil {
		return Config{}, err
	}
	for _, line := range warnings {
		if o.Warn != nil {
			o.Warn(line)
		}
	}
	return c, nil
}

// judge finds what is wrong with the whole. Of a newer version nothing can be said but that.
func (l *loader) judge(c Config) (warnings []string) {
	if c.Version > current {
		l.mistakes.found = nil
		l.mistakes.addAtOrigin("version", c.Version, "is newer than this Pulltrail, which reads versions up to %d: install a newer one", current)
		return nil
	}
	warnings = l.judgeNames(c.Version)
	for _, p := range c.Validate() {
		l.mistakes.addFinding(p)
	}
	return warnings
}

// loader puts the layers on top of one another. Each layer holds only keys that
// exist, with values of their field's type; the rest are mistakes. Secrets are
// plain text in here, because koanf copies nothing that a type hides.
type loader struct {
	k        *koanf.Koanf
	root     *key
	renames  []rename
	used     []use // of their old names
	mistakes *mistakes
}

func (l *loader) layers(o Options) error {
	if err := l.k.Load(structs.Provider(Default(), "koanf"), nil); err != nil {
		return err
	}
	if err := l.compat(o.Compat); err != nil {
		return err
	}
	if err := l.file(o.File, o.Explicit); err != nil {
		return err
	}
	if err := l.environment(o.Env); err != nil {
		return err
	}
	if err := l.overrides(o.Overrides); err != nil {
		return err
	}
	return l.secretFiles()
}

// overrides loads the flags as a layer.
func (l *loader) overrides(values map[string]any) error {
	layer := make(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(values)) {
		value, o := values[path], origin{source: fromFlag, name: option(path)}
		if value == nil {
			continue
		}
		k := l.root.find(path)
		if k == nil || k.kind == section || k.kind == list {
			l.mistakes.add(o, "", nil, "%q is no key that a flag can set", path)
			continue
		}
		v, err := fromOverride(k.kind, value)
		if err != nil {
			if k.kind == secretText {
				value = nil
			}
			l.mistakes.add(o, path, value, "%v", err)
			continue
		}
		layer[path] = v
		l.mistakes.set(path, o)
	}
	return l.k.Load(confmap.Provider(layer, "."), nil)
}

func fromOverride(k kind, value any) (any, error) {
	if s, isText := value.(string); isText {
		return fromText(k, s)
	}
	return fromValue(k, value)
}

// secretFiles reads the secrets that stand in files: the key password_file names
// the file for the key password beside it.
func (l *loader) secretFiles() error {
	layer := make(map[string]any)
	l.root.leaves(func(k *key) {
		path := k.path + "_file"
		file := l.k.String(path)
		if k.kind != secretText || file == "" {
			return
		}
		if l.k.String(k.path) != "" {
			l.mistakes.addAtOrigin(path, file, "stands beside %s: keep one of the two", k.path)
			return
		}
		s, err := secret.ReadFile(file)
		if err != nil {
			l.mistakes.addAtOrigin(path, file, "%v: name a file that can be read, with the secret in its first line", cause(err))
			l.mistakes.excuse(k.path)
			return
		}
		layer[k.path] = s.Reveal()
	})
	return l.k.Load(confmap.Provider(layer, "."), nil)
}

// decode makes the structs. The layers are right by now; being strict once more
// keeps a key from being lost between the table and the structs.
func (l *loader) decode() (Config, error) {
	var c Config
	err := l.k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{
		DecoderConfig: &mapstructure.DecoderConfig{
			ErrorUnused: true,
			DecodeHook:  mapstructure.TextUnmarshallerHookFunc(), // for secrets
		},
	})
	// The structs provider makes an empty list of none.
	if len(c.Indexer.Routes) == 0 {
		c.Indexer.Routes = nil
	}
	if len(c.MQTT.Embedded.Users) == 0 {
		c.MQTT.Embedded.Users = nil
	}
	// The tutorial's container accepted either product there.
	c.Indexer.OpenSearch.AnyProduct = l.mistakes.origins["indexer.opensearch.urls"].source == fromCompat
	return c, err
}
