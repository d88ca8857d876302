// Package problem is how a part of the configuration says what is wrong with it:
// by key, with the value and the remedy, and all mistakes at once.
package problem

import (
	"fmt"
	"strings"
)

// Problem is one mistake in the configuration.
type Problem struct {
	// Key is the path of the key, such as "collector.schedule".
	Key string
	// Value is the offending value; never a secret. Nil says nothing of it.
	Value any
	// Message says what is wrong and what to write instead.
	Message string
}

func (p Problem) Error() string {
	if p.Value == nil {
		return fmt.Sprintf("%s: %s", p.Key, p.Message)
	}
	if s, ok := p.Value.(string); ok {
		return fmt.Sprintf("%s: %q: %s", p.Key, s, p.Message)
	}
	return fmt.Sprintf("%s: %v: %s", p.Key, p.Value, p.Message)
}

// List is every mistake that was found.
type List []Problem

// Add appends a mistake.
func (l *List) Add(key string, value any, format string, args ...any) {
	*l = append(*l, Problem{Key: key, Value: value, Message: fmt.Sprintf(format, args...)})
}

// AddUnder appends the mistakes of a section, their keys below prefix.
func (l *List) AddUnder(prefix string, section List) {
	for _, p := range section {
		p.Key = prefix + "." + p.Key
		*l = append(*l, p)
	}
}

// Error has one line for each mistake.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, p := range l {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Err is l as an error; nil when there is no mistake.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}
