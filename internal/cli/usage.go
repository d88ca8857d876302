package cli

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"pulltrail/internal/nearest"
)

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usagef formats a usageError. The pointer to the command's help is added when it is printed.
func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// place is how far the words of a command line can be understood.
type place struct {
	node  *kong.Node // the deepest command that is named; the program itself if none is
	stray string     // the word after node that is none of its commands
	args  []string   // the positional arguments of node
	flag  *kong.Flag // the flag whose value comes next
	// onlyArgs is true after --.
	onlyArgs bool
}

// locate reads the words as the parser does, but past mistakes.
func locate(app *kong.Application, words []string) place {
	at := place{node: app.Node}
	for _, word := range words {
		switch {
		case at.flag != nil:
			at.flag = nil
		case !at.onlyArgs && word == "--":
			at.onlyArgs = true
		case !at.onlyArgs && len(word) > 1 && word[0] == '-':
			at.flag = at.awaits(word)
		case at.stray != "":
		case len(at.node.Children) == 0:
			at.args = append(at.args, word)
		default:
			if child := childOf(at.node, word); child != nil {
				at.node = child
			} else {
				at.stray = word
			}
		}
	}
	return at
}

// awaits returns the flag that a word names if its value is in the next word.
func (p place) awaits(word string) *kong.Flag {
	name, _, given := strings.Cut(word, "=")
	flag := p.lookup(name)
	if flag == nil || given || flag.IsBool() || name[1] != '-' && len(word) > 2 {
		return nil
	}
	return flag
}

// lookup finds a flag by its long or short name, with its dashes.
func (p place) lookup(name string) *kong.Flag {
	for _, flag := range p.flags() {
		if name == "--"+flag.Name || flag.Short != 0 && strings.HasPrefix(name, "-"+string(flag.Short)) {
			return flag
		}
	}
	return nil
}

// flags are the flags that are valid at this place.
func (p place) flags() []*kong.Flag {
	node := p.node
	if node.DefaultCmd != nil {
		node = node.DefaultCmd
	}
	return slices.Concat(node.AllFlags(true)...)
}

func childOf(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

// commandNames are the names of the commands below node that are shown in its help.
func commandNames(node *kong.Node) []string {
	var names []string
	for _, child := range node.Children {
		if !child.Hidden {
			names = append(names, child.Name)
		}
	}
	return names
}

// What the parser says of values.
var (
	needsValue = regexp.MustCompile(`^(--\S+?): expected \S+ value but got `)
	notOneOf   = regexp.MustCompile(`^(\S+) must be one of (.*) but got (".*")$`)
	notBool    = regexp.MustCompile(`^(--\S+?): bool value must be .* but got (".*")$`)
)

// explain puts an error of the parser into words of ours.
func explain(at place, err error) error {
	text := err.Error()
	if m := needsValue.FindStringSubmatch(text); m != nil {
		return usagef("%s needs a value", m[1])
	}
	if m := notOneOf.FindStringSubmatch(text); m != nil {
		values := strings.Split(strings.ReplaceAll(strings.TrimSuffix(m[2], `,""`), `"`, ""), ",")
		return usagef("%s: %s must be one of %s", m[1], m[3], strings.Join(values, ", "))
	}
	if m := notBool.FindStringSubmatch(text); m != nil {
		return usagef("%s: %s must be true or false, or left out", m[1], m[2])
	}
	if name, ok := strings.CutPrefix(text, "unknown flag "); ok {
		name, _, _ = strings.Cut(name, ",")
		return unknownFlag(at, name)
	}
	switch {
	case strings.HasPrefix(text, "unexpected argument ") && at.stray != "":
		return unknownCommand(at.node, at.stray)
	case strings.HasPrefix(text, "unexpected argument "):
		return unexpectedArgument(at)
	case strings.HasPrefix(text, "expected ") && len(at.node.Children) > 0:
		return usagef("%s needs a command: %s", at.node.FullPath(), strings.Join(commandNames(at.node), ", "))
	case strings.HasPrefix(text, "expected "):
		return usagef("missing argument %s", strings.Trim(strings.TrimPrefix(text, "expected "), `"`))
	}
	return usageError{err}
}

func unexpectedArgument(at place) error {
	most := len(at.node.Positional)
	if len(at.args) <= most {
		return usagef("unexpected argument")
	}
	if most == 0 {
		return usagef("unexpected argument %q: %s takes no arguments", at.args[0], at.node.FullPath())
	}
	return usagef("unexpected argument %q: %s takes %d %s", at.args[most], at.node.FullPath(), most, noun(int64(most), "argument", "arguments"))
}

func unknownCommand(node *kong.Node, name string) error {
	path := strings.TrimSpace(node.Path() + " " + name)
	return usagef("unknown command %q%s", path, didYouMean(name, commandNames(node)))
}

func unknownFlag(at place, name string) error {
	if flag := at.lookup(name); flag != nil {
		return usagef("%s belongs after the command: %s %s", name, at.node.FullPath(), name)
	}
	var names []string
	for _, flag := range at.flags() {
		names = append(names, "--"+flag.Name)
	}
	return usagef("unknown flag %s%s", name, didYouMean(name, names))
}

// maxSuggested bounds how many names are suggested.
const maxSuggested = 3

// didYouMean suggests the names that are closest to a mistyped one.
func didYouMean(name string, known []string) string {
	var close []string
	bare, best := strings.TrimLeft(name, "-"), 0
	for _, k := range known {
		other := strings.TrimLeft(k, "-")
		distance := nearest.Distance(strings.ToLower(bare), other)
		if len(bare) > 1 && strings.HasPrefix(other, bare) {
			distance = min(distance, 1)
		}
		switch {
		case distance > max(len(bare)/3, 1) || distance >= len(other):
		case len(close) == 0 || distance < best:
			close, best = []string{k}, distance
		case distance == best:
			close = append(close, k)
		}
	}
	if len(close) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(close[:min(len(close), maxSuggested)], " or ") + "?"
}

// valueMappers read numbers and durations, with errors that say what to write.
func valueMappers() kong.Option {
	read := func(kind string, set func(reflect.Value, string) error) kong.Mapper {
		return kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
			// A negative number looks like a short flag.
			if text, ok := ctx.Scan.Peek().Value.(string); ok && set(target, text) == nil {
				ctx.Scan.Pop()
				return nil
			}
			token, err := ctx.Scan.PopValue(kind)
			if err != nil {
				return err
			}
			return set(target, token.String())
		})
	}
	return kong.OptionFunc(func(k *kong.Kong) error {
		return errors.Join(
			kong.KindMapper(reflect.Int, read("int", func(target reflect.Value, text string) error {
				n, err := strconv.Atoi(text)
				if err != nil {
					return fmt.Errorf("%q is not a whole number", text)
				}
				target.SetInt(int64(n))
				return nil
			})).Apply(k),
			kong.TypeMapper(reflect.TypeFor[time.Duration](), read("duration", func(target reflect.Value, text string) error {
				d, err := time.ParseDuration(text)
				if err != nil {
					return fmt.Errorf("%q is not a duration: write it as 90s, 5m or 1h30m", text)
				}
				target.SetInt(int64(d))
				return nil
			})).Apply(k),
		)
	})
}
