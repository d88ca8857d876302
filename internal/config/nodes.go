package config

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// verbatim is printed as it was written, without quotes.
type verbatim string

// native is the value of a scalar, and how it was written; nil for a list or a
// section.
func native(n ast.Node) (value, shown any) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, n.Value
	case *ast.LiteralNode:
		return n.Value.Value, n.Value.Value
	case *ast.IntegerNode:
		return n.Value, verbatim(n.Token.Value)
	case *ast.FloatNode:
		return n.Value, verbatim(n.Token.Value)
	case *ast.BoolNode:
		return n.Value, verbatim(n.Token.Value)
	case *ast.InfinityNode:
		return n.Value, verbatim(n.Token.Value)
	case *ast.NanNode:
		return n.GetValue(), verbatim(n.Token.Value)
	}
	return nil, nil
}

func article(n ast.Node) string {
	switch n.(type) {
	case *ast.SequenceNode:
		return "a list"
	case ast.MapNode:
		return "a section"
	}
	return "no value"
}

func isNull(n ast.Node) bool {
	_, null := n.(*ast.NullNode)
	return null || n == nil
}

// start is the first sign of n: of a section its first key, not the colon.
func start(n ast.Node) *token.Token {
	switch n := n.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return n.GetToken()
}

// keyName is the text of a key, whatever it looks like.
func keyName(n ast.Node) string {
	switch n := n.(type) {
	case *ast.MappingKeyNode:
		return keyName(n.Value)
	case *ast.AnchorNode:
		return keyName(n.Value)
	case *ast.StringNode:
		return n.Value
	case nil:
		return ""
	}
	return strings.TrimSpace(n.GetToken().Value)
}
