package config

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// fileParser is a koanf.Parser that gives the keys which are right and notes the
// mistakes, each with its line and column.
type fileParser struct {
	name     string
	root     *key
	renames  []rename
	mistakes *mistakes

	old     []use // keys with names of earlier versions
	anchors map[string]ast.Node
	visited int // keys, which merging can multiply
}

// Marshal is no part of what a configuration is used for.
func (*fileParser) Marshal(map[string]any) ([]byte, error) {
	return nil, errors.New("the configuration is only read, never written")
}

// Unmarshal never fails: what is wrong is noted.
func (p *fileParser) Unmarshal(data []byte) (map[string]any, error) {
	node, err := parse(data)
	if err != nil {
		o := origin{source: fromFile, name: p.name}
		if e, ok := errors.AsType[*syntaxError](err); ok {
			o.line, o.column = e.line, e.column
		}
		p.mistakes.add(o, "", nil, "%v", err)
		for _, k := range p.root.keys {
			p.mistakes.excuse(k.name) // nothing of the file is known
		}
		return nil, nil
	}
	if node == nil {
		return nil, nil
	}
	p.anchors = make(map[string]ast.Node)
	ast.Walk(p, node)
	values, ok := p.value(p.root, node, "", node.GetToken()).(map[string]any)
	if !ok {
		return nil, nil
	}
	return values, nil
}

// Visit collects the anchors.
func (p *fileParser) Visit(n ast.Node) ast.Visitor {
	anchor, ok := n.(*ast.AnchorNode)
	if !ok || anchor.Name == nil {
		return p
	}
	name := anchor.Name.GetToken()
	if _, known := p.anchors[name.Value]; known {
		p.add(name, "", nil, "an anchor (&) of this name stands further up: give it another name")
	}
	p.anchors[name.Value] = anchor.Value
	return p
}

func (p *fileParser) at(t *token.Token) origin {
	o := origin{source: fromFile, name: p.name}
	if t != nil && t.Position != nil {
		o.line, o.column = t.Position.Line, t.Position.Column
	}
	return o
}

func (p *fileParser) add(t *token.Token, path string, value any, format string, args ...any) {
	p.mistakes.add(p.at(t), path, value, format, args...)
}

// value is what stands in the file for key k, as the type of its field; nil where
// nothing is set, or what is set is wrong. The token at is the key's own.
func (p *fileParser) value(k *key, n ast.Node, path string, at *token.Token) any {
	n, err := p.resolve(n)
	if err != nil {
		p.add(at, path, nil, "%v", err)
		return nil
	}
	if _, null := n.(*ast.NullNode); null || n == nil {
		return nil
	}
	p.mistakes.set(path, p.at(at))
	switch k.kind {
	case section:
		if m, ok := n.(ast.MapNode); ok {
			return p.section(k, m, path)
		}
		p.add(at, path, nil, "must be a section, with its keys indented below it: %s", k.names())
		return nil
	case list:
		return p.list(k, n, path, at)
	case words:
		if s, ok := n.(*ast.SequenceNode); ok {
			return p.words(s, path)
		}
	}
	return p.scalar(k, n, path, at)
}

func (p *fileParser) section(k *key, m ast.MapNode, path string) map[string]any {
	values := make(map[string]any)
	for _, pair := range p.pairs(m, path, 0) {
		below := join(path, pair.name)
		child := k.child(pair.name)
		if child == nil {
			if !p.isOld(below, pair) {
				p.unknown(k, pair, path)
			}
			continue
		}
		if v := p.value(child, pair.value, below, pair.at); v != nil {
			values[pair.name] = v
		}
	}
	return values
}

// unknown never shows the value, which may be a secret under a misspelt name.
func (p *fileParser) unknown(k *key, pair pair, path string) {
	below := join(path, pair.name)
	if inPlace := p.root.find(below); inPlace != nil {
		p.add(pair.at, below, nil, "has dots in one name: write each part of the name on a line of its own, indented below the one before")
		return
	}
	suggestion := suggest(p.root, k, path, pair.name)
	if suggestion == "" {
		p.add(pair.at, below, nil, "unknown key; write one of: %s", k.names())
		return
	}
	p.add(pair.at, below, nil, "unknown key; did you mean %s?", suggestion)
	if p.root.find(suggestion) == nil || p.root.find(suggestion).kind != section {
		p.mistakes.excuse(suggestion)
	}
}

func (p *fileParser) list(k *key, n ast.Node, path string, at *token.Token) any {
	sequence, ok := n.(*ast.SequenceNode)
	if !ok {
		p.add(at, path, nil, "%s", remedy(list))
		return nil
	}
	entries := make([]any, 0, len(sequence.Values))
	for i, node := range sequence.Values {
		entry := &key{kind: section, keys: k.keys}
		v := p.value(entry, node, fmt.Sprintf("%s[%d]", path, i), start(node))
		if v == nil { // it keeps its place, so that the others keep their numbers
			v = map[string]any{}
		}
		entries = append(entries, v)
	}
	return entries
}

func (p *fileParser) words(s *ast.SequenceNode, path string) any {
	list := make([]string, 0, len(s.Values))
	for i, n := range s.Values {
		path := fmt.Sprintf("%s[%d]", path, i)
		if r, err := p.resolve(n); err == nil && isNull(r) {
			p.add(start(n), path, nil, "is empty: write a word, or remove it")
		}
		v, _ := p.value(&key{kind: text}, n, path, start(n)).(string)
		list = append(list, v) // empty if it is wrong: the others keep their numbers
	}
	return noneIsNil(list)
}

func (p *fileParser) scalar(k *key, n ast.Node, path string, at *token.Token) any {
	value, shown := native(n)
	if value == nil {
		p.add(at, path, nil, "must be %s, not %s", wanted(k.kind), article(n))
		return nil
	}
	if k.kind == secretText {
		shown = nil
	}
	v, err := fromValue(k.kind, value)
	if err != nil {
		p.add(at, path, shown, "%v", err)
		return nil
	}
	return v
}
