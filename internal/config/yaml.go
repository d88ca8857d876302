package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	yamlparser "github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	maxFile   = 1 << 20 // bytes
	maxTokens = 1 << 16
	maxDepth  = 32
)

// syntaxError is why a text is not YAML, and where. It quotes nothing of the
// text, which may be a secret.
type syntaxError struct {
	line, column int // 0 where it is not known
	message      string
}

func (e *syntaxError) Error() string { return e.message }

func syntaxAt(t *token.Token, format string, args ...any) *syntaxError {
	e := &syntaxError{message: fmt.Sprintf(format, args...)}
	if t != nil && t.Position != nil {
		e.line, e.column = t.Position.Line, t.Position.Column
	}
	return e
}

// parse reads content as one YAML document; nil is an empty one. Keys that stand
// twice are left to the caller, so that they do not hide other mistakes.
func parse(content []byte) (root ast.Node, err error) {
	defer func() {
		// The library has index expressions that odd escapes can lead astray.
		if recover() != nil {
			root, err = nil, &syntaxError{message: "is not YAML: look for a broken escape (\\) in double quotes"}
		}
	}()
	if line := invalidLine(content); line > 0 {
		return nil, &syntaxError{line: line, column: 1, message: "is not UTF-8: save the file in that encoding"}
	}
	tokens := lexer.Tokenize(strings.TrimPrefix(string(content), "\uFEFF"))
	if err := checkSize(tokens); err != nil {
		return nil, err
	}
	file, err := yamlparser.Parse(tokens, 0, yamlparser.AllowDuplicateMapKey())
	if err != nil {
		return nil, explain(err)
	}
	for _, doc := range file.Docs {
		switch body := doc.Body.(type) {
		case nil, *ast.CommentGroupNode, *ast.DirectiveNode:
		default:
			if root != nil {
				return nil, syntaxAt(start(body), "begins a second document (---): keep one")
			}
			root = body
		}
	}
	return root, nil
}

// invalidLine is the first line that is not UTF-8; 0 if all are.
func invalidLine(content []byte) int {
	line := 1
	for len(content) > 0 {
		r, n := utf8.DecodeRune(content)
		switch {
		case r == utf8.RuneError && n == 1:
			return line
		case r == '\n':
			line++
		}
		content = content[n:]
	}
	return 0
}

// checkSize bounds what the parser is given: it takes quadratic time, and recurses
// without a limit, which would end the process.
func checkSize(tokens token.Tokens) error {
	if len(tokens) > maxTokens {
		return syntaxAt(tokens[maxTokens], "has too many words and signs: at most %d are read", maxTokens)
	}
	flow, line, onLine := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, onLine = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			if onLine++; flow > 0 {
				onLine = 0 // between brackets these do not nest
			}
		}
		if flow > maxDepth || onLine > maxDepth || t.Position.IndentLevel > maxDepth {
			return syntaxAt(t, "is nested too deeply: at most %d levels are read", maxDepth)
		}
	}
	return nil
}

// quoted is what the library's messages quote of the file.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// explain is the library's error in words that say what to do, without the
// excerpt of the file that it adds.
func explain(err error) error {
	var e yaml.Error
	if !errors.As(err, &e) {
		return &syntaxError{message: "is not YAML"}
	}
	message := e.GetMessage()
	switch {
	case strings.Contains(message, "reserved character"):
		message = "a value that begins with @ or ` must stand in quotes"
	case strings.Contains(message, "unknown escape character"):
		message = `a backslash (\) in double quotes begins an escape: use single quotes for the character itself`
	case strings.Contains(message, "directive"):
		message = "a value that begins with % must stand in quotes"
	case strings.Contains(message, "tab character") || strings.Contains(message, "'\t'"):
		message = "a tab stands where only spaces may: indent with spaces"
	case strings.Contains(message, "mapping value is not allowed"):
		message = "a second \": \" stands on one line: put the value in quotes, or begin a new line"
	case strings.Contains(message, "tag"):
		message = "a value that begins with ! must stand in quotes"
	default:
		message = quoted.ReplaceAllString(message, "it")
	}
	return syntaxAt(e.GetToken(), "is not YAML here: %s", message)
}
