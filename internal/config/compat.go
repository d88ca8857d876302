package config

import (
	"fmt"

	"github.com/knadh/koanf/providers/confmap"

	"pulltrail/internal/compat"
	"pulltrail/internal/problem"
)

// compat loads what the tutorial's containers are configured with, as the layer above
// the defaults. What it has found wrong is told in its user's words; so is what
// validation finds wrong with it later.
func (l *loader) compat(found *compat.Found) error {
	if found == nil {
		return nil
	}
	l.mistakes.theirs = found
	for _, p := range found.Problems {
		l.mistakes.found = append(l.mistakes.found, newMistake(origin{source: fromCompat, name: p.File}, p.Problem))
	}
	layer := make(map[string]any)
	for _, s := range found.Settings {
		v, err := l.setting(s)
		if err != nil {
			p := problem.Problem{Key: s.Names[0].Key, Message: err.Error()}
			l.mistakes.found = append(l.mistakes.found, newMistake(theirOrigin(s.Names[0]), p))
			continue
		}
		layer[s.Path] = v
		l.mistakes.set(s.Path, theirOrigin(s.Names[0]))
	}
	return l.k.Load(confmap.Provider(layer, "."), nil)
}

func (l *loader) setting(s compat.Setting) (any, error) {
	k := l.root.find(s.Path)
	switch {
	case k == nil:
		return nil, fmt.Errorf("has no counterpart here")
	case k.kind == list:
		return s.Value, nil
	}
	return fromValue(k.kind, s.Value)
}

func theirOrigin(n compat.Name) origin {
	return origin{source: fromCompat, name: n.File, theirs: n.Key}
}
