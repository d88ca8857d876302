package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
)

// current is the version of the configuration that this program knows. It grows with a
// release that refuses a name which earlier ones took.
const current = 1

// renames are the names that keys once had. So far no key has ever had another one.
func renames() []rename { return []rename{} }

// rename is what became of a key or a section. Neither name stands in a list.
type rename struct {
	old, path string // path is empty where the key was removed
	// refused is the first version that does not take the old name any more. Until then it
	// is read, with a warning.
	refused int
	// convert makes the text of the new value from that of the old one, and returns what it
	// does not understand as it is; nil where they are the same.
	convert func(string) string
	instead string // what to do where the key was removed
}

// use is an old name that stands somewhere.
type use struct {
	rename
	origin origin
	now    string     // the new name, in the words of the place
	read   func() any // the value as the type of the new key; nil if it is wrong, which is noted
}

// say begins with the old name, unless the place is called so.
func (u use) say(format string, args ...any) string {
	text := fmt.Sprintf(format, args...)
	if u.origin.source == fromFile {
		return u.old + " " + text
	}
	return text
}

func (u use) advice(since string) string {
	if u.path == "" {
		return u.say("has no effect %s: %s", since, u.instead)
	}
	return u.say("is called %s %s: rename it", u.now, since)
}

// oldNames loads what stands under old names in a source, above the rest of it.
func (l *loader) oldNames(uses []use) error {
	for _, u := range uses {
		l.used = append(l.used, u)
		if u.path == "" {
			continue
		}
		if l.mistakes.origins[u.path].source == u.origin.source {
			l.mistakes.add(u.origin, "", nil, "%s", u.say("is the old name of %s, which is there too: remove it", u.now))
		} else if v := u.read(); v != nil {
			if err := l.k.Load(confmap.Provider(map[string]any{u.path: v}, "."), nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// judgeNames refuses the old names that a version does not take any more, and returns a
// line for each of the others.
func (l *loader) judgeNames(version int) (warnings []string) {
	for _, u := range l.used {
		if version < u.refused {
			warnings = append(warnings, fmt.Sprintf("%s: %s; version %d of the configuration refuses it", u.origin, u.advice("now"), u.refused))
			continue
		}
		l.mistakes.add(u.origin, "", nil, "%s, or write version: %d", u.advice(fmt.Sprintf("since version %d of the configuration", u.refused)), u.refused-1)
	}
	return warnings
}

// isOld reports whether a key of the file has an old name, and keeps it for later.
func (p *fileParser) isOld(path string, pair pair) bool {
	i := slices.IndexFunc(p.renames, func(r rename) bool { return r.old == path })
	if i < 0 {
		return false
	}
	r := p.renames[i]
	p.old = append(p.old, use{r, p.at(pair.at), r.path, func() any { return p.renamed(r, pair) }})
	return true
}

func (p *fileParser) renamed(r rename, pair pair) any {
	k := p.root.find(r.path)
	n, err := p.resolve(pair.value)
	value, shown := native(n)
	if r.convert == nil || err != nil || value == nil {
		return p.value(k, pair.value, r.path, pair.at)
	}
	p.mistakes.set(r.path, p.at(pair.at))
	v, err := fromText(k.kind, r.convert(fmt.Sprint(shown)))
	if err != nil {
		p.add(pair.at, r.path, nil, "%v", err)
		return nil
	}
	return v
}

// oldVariable is a variable that has an old name; false if it has none.
func (l *loader) oldVariable(name, value string) (use, bool) {
	for _, r := range l.renames {
		u := use{rename: r, origin: origin{source: fromEnvironment, name: name}}
		if r.path == "" && strings.HasPrefix(name+"_", variable(r.old)+"_") {
			return u, true
		}
		l.root.leaves(func(k *key) {
			rest, below := strings.CutPrefix(k.path+".", r.path+".")
			if !below || k.kind == list || variable(strings.TrimSuffix(r.old+"."+rest, ".")) != name {
				return
			}
			if r.convert != nil {
				value = r.convert(value)
			}
			u.path, u.now = k.path, variable(k.path)
			u.read = func() any { _, v := l.variable(name, value, k); return v }
		})
		if u.read != nil {
			return u, true
		}
	}
	return use{}, false
}
