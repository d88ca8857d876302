// Package secret keeps passwords out of logs, errors and printed configuration.
package secret

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
)

// maxFile bounds what is read as a secret, in bytes.
const maxFile = 64 << 10

const hidden = "(secret)"

// String is a text that is never printed: every way of formatting, logging or
// encoding it gives a placeholder. Reveal gives the text.
type String struct {
	// text is a pointer because fmt, where a verb does not suit the value around it,
	// passes over Format and prints what it finds: an address then.
	text *string
}

// New makes text a secret.
func New(text string) String {
	if text == "" {
		return String{}
	}
	return String{&text}
}

// Reveal is the text itself, for the one place that sends it.
func (s String) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsSet reports whether there is a secret at all.
func (s String) IsSet() bool { return s.Reveal() != "" }

func (s String) shown() string {
	if !s.IsSet() {
		return ""
	}
	return hidden
}

// String, GoString, Format, LogValue and MarshalText hide the text.
func (s String) String() string               { return s.shown() }
func (s String) GoString() string             { return fmt.Sprintf("%q", s.shown()) }
func (s String) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte(s.shown())) }
func (s String) LogValue() slog.Value         { return slog.StringValue(s.shown()) }
func (s String) MarshalText() ([]byte, error) { return []byte(s.shown()), nil }

// UnmarshalText makes text from a configuration file a secret.
func (s *String) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}

// ReadFile reads a secret from the first line of a file, white space around it
// removed.
func ReadFile(name string) (String, error) {
	info, err := os.Stat(name)
	if err != nil {
		return String{}, err
	}
	if info.IsDir() {
		return String{}, errors.New("is a directory, not a file with a secret")
	}
	if info.Size() > maxFile {
		return String{}, fmt.Errorf("has %d bytes, a secret has at most %d", info.Size(), maxFile)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return String{}, err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSpace(line)
	if line == "" {
		return String{}, errors.New("has no secret in its first line")
	}
	return New(line), nil
}
