// Package compat reads the configuration of the two containers that Pulltrail takes the
// place of: the environment of the job dockerhubstats2mqtt, and the two JSON files of
// the service mqtt2elasticsearch. What they say comes out as keys of Pulltrail's own
// configuration, each with the name under which its user knows it.
//
// # What it promises
//
// Whatever those containers accept is accepted, with the same defaults, and means the
// same; where it cannot, or where they have a defect that is not inherited, a note or a
// problem says so. Every mistake is found in one go and is told in the user's own
// spelling: the name of the variable, or the file and the path in it. No secret is part
// of a note or a problem.
//
// The job's variables count only where REPOSITORIES and MQTT_TOPIC are both there, since
// a variable such as MQTT_SERVER may be meant for another program; so does CONFIG_FILE
// only beside a mapping.
//
// # At its bounds
//
// A file has at most 1 MiB; a larger one is a problem, and nothing of it is read.
package compat

import (
	"fmt"
	"slices"
	"strings"

	"pulltrail/internal/problem"
)

// The directory and the names of the service's files, where no variable names them.
const (
	Dir         = "/app/etc"
	configName  = "mqtt2elasticsearch.json"
	mappingName = "mqtt2elasticsearch-mappings.json"
)

// The variables that decide whether there is anything to read.
const (
	varRepositories = "REPOSITORIES"
	varTopic        = "MQTT_TOPIC"
	// ConfigVariable and MappingVariable name the service's files.
	ConfigVariable  = "CONFIG_FILE"
	MappingVariable = "ELASTICSEARCH_MAPPING_FILE"
)

// Presence says of one of the two configurations whether it is to be read.
type Presence int

// The values of Presence.
const (
	Detect Presence = iota // where it is there
	Ignore
	Require // what is missing of it is a problem
)

// Sources are where to look.
type Sources struct {
	// Env is the environment as os.Environ gives it.
	Env []string
	// Dir is where the service's files are without a variable; empty for Dir.
	Dir          string
	Job, Service Presence
	// KeepMappings leaves the type integer where Docker Hub's counters have it.
	KeepMappings bool
}

// Name is what the user calls a setting: a variable, or a path in a file.
type Name struct {
	File string // empty for a variable
	Key  string
}

// Setting is one key of ours and its value.
type Setting struct {
	// Path is the key's path, such as "mqtt.url".
	Path string
	// Value is a string, a bool, a list of strings or, for routes, []any with a
	// map[string]any for each.
	Value any
	// Names are where the value comes from, the most important first.
	Names []Name
}

// Problem is one mistake and where it was made.
type Problem struct {
	File string
	problem.Problem
}

// Found is what was read. It may hold secrets: do not print it.
type Found struct {
	// Job and Service say whose configuration is there.
	Job, Service bool
	// ConfigFile and MappingFile are the service's files.
	ConfigFile, MappingFile string
	// Settings are the keys of ours, each once.
	Settings []Setting
	Problems []Problem
	// Notes are sentences about what is passed over, or done otherwise than before.
	Notes []string

	words map[string]Name
}

// Read reads what is there. It never fails: what is wrong is in Problems.
func Read(s Sources) *Found {
	if s.Dir == "" {
		s.Dir = Dir
	}
	f := &Found{words: make(map[string]Name)}
	env := variables(s.Env)
	f.detect(s, env)
	if f.Job {
		f.job(env)
	}
	if f.Service {
		f.service(s.KeepMappings)
	}
	return f
}

// Any reports whether anything is there.
func (f *Found) Any() bool { return f.Job || f.Service }

// Sources says in words what was read.
func (f *Found) Sources() string {
	var all []string
	if f.Job {
		all = append(all, "the variables REPOSITORIES, MQTT_TOPIC and others of dockerhubstats2mqtt")
	}
	if f.Service {
		all = append(all, fmt.Sprintf("the files %s and %s of mqtt2elasticsearch", f.ConfigFile, f.MappingFile))
	}
	return strings.Join(all, ", and ")
}

func variables(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	return env
}

func (f *Found) detect(s Sources, env map[string]string) {
	_, repositories := env[varRepositories]
	_, topic := env[varTopic]
	f.Job = s.Job == Require || s.Job == Detect && repositories && topic
	if s.Job == Detect && repositories != topic {
		is, missing := varRepositories, varTopic
		if topic {
			is, missing = missing, is
		}
		f.note("%s is set but %s is not, so the variables of dockerhubstats2mqtt are passed over", is, missing)
	}
	f.ConfigFile, f.MappingFile = s.Dir+"/"+configName, s.Dir+"/"+mappingName
	there := env[MappingVariable] != "" || exists(f.MappingFile) || exists(f.ConfigFile)
	for name, file := range map[string]*string{ConfigVariable: &f.ConfigFile, MappingVariable: &f.MappingFile} {
		if value := env[name]; value != "" {
			*file = value
		}
	}
	f.Service = s.Service == Require || s.Service == Detect && there
}

// Word is what the user calls the key of ours at path, or the part of it that is
// closest; false where the configuration that was read has no such thing.
func (f *Found) Word(path string) (Name, bool) {
	for ; path != ""; path = path[:max(strings.LastIndexAny(path, ".["), 0)] {
		if name, ok := f.words[path]; ok {
			return name, true
		}
	}
	return Name{}, false
}

// Complains reports whether there is a problem with what has that name.
func (f *Found) Complains(n Name) bool {
	return slices.ContainsFunc(f.Problems, func(p Problem) bool { return p.File == n.File && p.Key == n.Key })
}

// Translate puts the user's names in place of ours in a message.
func (f *Found) Translate(message string) string {
	paths := make([]string, 0, len(f.words))
	for path := range f.words {
		paths = append(paths, path)
	}
	slices.SortFunc(paths, func(a, b string) int { return len(b) - len(a) }) // none is a part of one before it
	pairs := make([]string, 0, 2*len(paths))
	for _, path := range paths {
		pairs = append(pairs, path, f.words[path].Key)
	}
	return strings.NewReplacer(pairs...).Replace(message)
}

func (f *Found) note(format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
}

func (f *Found) wrong(n Name, value any, format string, args ...any) {
	f.Problems = append(f.Problems, Problem{n.File, problem.Problem{Key: n.Key, Value: value, Message: fmt.Sprintf(format, args...)}})
}

// set makes path have value. A value that the other configuration contradicts is a
// problem, because one process has one broker.
func (f *Found) set(path string, value any, names ...Name) {
	for _, s := range f.Settings {
		if s.Path != path {
			continue
		}
		if s.Value != value {
			f.wrong(names[0], nil, "is not what %s says, and one process has one broker: write the same in both, or start each by itself "+
				"(pulltrail collect --publish-only is the job)", s.Names[0].Key)
		}
		return
	}
	f.Settings = append(f.Settings, Setting{Path: path, Value: value, Names: names})
	f.words[path] = names[0]
}
