package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"pulltrail/internal/compat"
	"pulltrail/internal/problem"
)

const (
	maxListed = 100 // mistakes that are printed
	maxValue  = 120 // runes of a value that are printed
)

// Error is every mistake in a configuration, in the order of where they stand.
type Error struct {
	Mistakes []Mistake
	// DataDir is the key data_dir all the same, as far as it could be read.
	DataDir string
}

// Error has a heading and one line for each mistake.
func (e *Error) Error() string {
	var b strings.Builder
	if n := len(e.Mistakes); n == 1 {
		b.WriteString("the configuration has 1 mistake:")
	} else {
		fmt.Fprintf(&b, "the configuration has %d mistakes:", n)
	}
	for i, m := range e.Mistakes {
		if i == maxListed {
			fmt.Fprintf(&b, "\n  and %d more", len(e.Mistakes)-i)
			break
		}
		b.WriteString("\n  " + m.Error())
	}
	return b.String()
}

// Mistake is one mistake and where it was made.
type Mistake struct {
	Problem problem.Problem
	origin  origin
}

// userinfo is what stands before the @ of a URL, where passwords are written by
// those who do not know the key for them; in a text it ends at white space and quotes.
var (
	userinfo       = regexp.MustCompile(`(?s)://.*@`)
	userinfoInText = regexp.MustCompile(`://[^\s"]*@`)
)

const withoutUserinfo = "://(secret)@"

// newMistake keeps of p what may be printed.
func newMistake(o origin, p problem.Problem) Mistake {
	p.Key = shorten(p.Key)
	if s, ok := p.Value.(string); ok {
		p.Value = shorten(userinfo.ReplaceAllString(s, withoutUserinfo))
	}
	p.Message = userinfoInText.ReplaceAllString(p.Message, withoutUserinfo)
	return Mistake{Problem: p, origin: o}
}

// Error is one line: the place, the key, the value, what is wrong and the remedy. The name of
// a variable or a flag stands in place of the key.
func (m Mistake) Error() string {
	p, place := m.Problem, m.origin.String()
	named := p.Key != "" && (m.origin.source == fromEnvironment || m.origin.source == fromFlag)
	if named {
		_, index, found := strings.Cut(p.Key, "[")
		if p.Key = place; found {
			p.Key += "[" + index
		}
	}
	line := p.Message
	if p.Key != "" {
		line = p.Error()
	}
	if place != "" && !named {
		line = place + ": " + line
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, line)
}

func shorten(s string) string {
	if runes := []rune(s); len(runes) > maxValue {
		return string(runes[:maxValue]) + "…"
	}
	return s
}

// source is where a value was set. Later ones override earlier ones, and their
// mistakes are listed later.
type source int

const (
	fromDefault source = iota
	fromCompat
	fromFile
	fromEnvironment
	fromFlag
)

// origin is the place of a value, in the words of whoever wrote it.
type origin struct {
	source       source
	name         string // of the file, the variable or the flag
	line, column int    // in the file; 0 for the file as a whole
	theirs       string // what a user of the tutorial's containers calls the key; with fromCompat
}

func (o origin) String() string {
	if o.line == 0 {
		return o.name
	}
	return fmt.Sprintf("%s:%d:%d", o.name, o.line, o.column)
}

func (o origin) compare(other origin) int {
	last := func(s source) source { // what is wrong with a default comes of what was set elsewhere
		if s == fromDefault {
			return fromFlag + 1
		}
		return s
	}
	return cmp.Or(
		cmp.Compare(last(o.source), last(other.source)),
		cmp.Compare(o.line, other.line),
		cmp.Compare(o.column, other.column),
		cmp.Compare(o.name, other.name),
	)
}

// mistakes collects what is wrong, and knows where each key was set.
type mistakes struct {
	dataDir string // as far as it was read
	found   []Mistake
	origins map[string]origin // by path, "a.b[0].c" for sections in lists
	excused map[string]bool   // paths about which nothing more is said
	theirs  *compat.Found     // nil where nothing of the tutorial's containers is read
}

func newMistakes() *mistakes {
	return &mistakes{origins: make(map[string]origin), excused: make(map[string]bool)}
}

// set remembers where the key at path was set, in place of earlier layers.
func (m *mistakes) set(path string, o origin) {
	m.origins[path] = o
	for p, earlier := range m.origins {
		if earlier.source != o.source && strings.HasPrefix(p, path+"[") {
			delete(m.origins, p)
		}
	}
}

// add takes a mistake at a known place. Further mistakes at the same key would
// only be its consequences and are not listed.
func (m *mistakes) add(o origin, path string, value any, format string, args ...any) {
	m.found = append(m.found, newMistake(o, problem.Problem{Key: path, Value: value, Message: fmt.Sprintf(format, args...)}))
	m.excuse(path)
}

// addAtOrigin takes a mistake at the place where the key at path was set.
func (m *mistakes) addAtOrigin(path string, value any, format string, args ...any) {
	o, p := m.inTheirWords(m.origins[path], problem.Problem{Key: path, Value: value, Message: fmt.Sprintf(format, args...)})
	m.found = append(m.found, newMistake(o, p))
	m.excuse(path)
}

// excuse keeps mistakes from being listed that only follow from one at path.
func (m *mistakes) excuse(path string) {
	if path != "" {
		m.excused[path] = true
	}
}

// addFinding takes what a section has found, at the place where the key was set.
func (m *mistakes) addFinding(p problem.Problem) {
	for path := p.Key; path != ""; path = parent(path) {
		if m.excused[path] {
			return
		}
	}
	var o origin
	for path := p.Key; path != ""; path = parent(path) {
		var known bool
		if o, known = m.origins[path]; known {
			break
		}
	}
	if m.follows(o, p) {
		return
	}
	m.found = append(m.found, newMistake(m.inTheirWords(o, p)))
}

// follows reports whether p may only be a consequence of what was found wrong in the
// configuration of the tutorial's containers: something is missing, or said already.
func (m *mistakes) follows(o origin, p problem.Problem) bool {
	if m.theirs == nil || len(m.theirs.Problems) == 0 || o.source > fromCompat {
		return false
	}
	name, known := m.theirs.Word(p.Key)
	return o.source == fromDefault || strings.HasSuffix(p.Key, ".kind") || known && m.theirs.Complains(name)
}

// inTheirWords puts the names of the tutorial's containers in place of ours, where the
// value, or the lack of one, is theirs.
func (m *mistakes) inTheirWords(o origin, p problem.Problem) (origin, problem.Problem) {
	if m.theirs == nil || o.source > fromCompat {
		return o, p
	}
	name, known := m.theirs.Word(p.Key)
	if !known {
		return o, p
	}
	p.Message = m.theirs.Translate(p.Message)
	return theirOrigin(name), problem.Problem{Key: name.Key, Value: p.Value, Message: p.Message}
}

// parent is path without its last name or number.
func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// err is the mistakes as an error; nil when there are none.
func (m *mistakes) err() error {
	if len(m.found) == 0 {
		return nil
	}
	slices.SortStableFunc(m.found, func(a, b Mistake) int { return a.origin.compare(b.origin) })
	return &Error{Mistakes: m.found, DataDir: m.dataDir}
}
