package config

import (
	"errors"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// pair is one key of a section in the file.
type pair struct {
	name  string
	at    *token.Token
	value ast.Node
}

// resolve follows anchors and references to the value itself. Its errors name no
// reference: an unquoted password that begins with * or ! looks like one.
func (p *fileParser) resolve(n ast.Node) (ast.Node, error) {
	for range maxDepth {
		switch r := n.(type) {
		case *ast.AnchorNode:
			n = r.Value
		case *ast.AliasNode:
			target, known := p.anchors[r.Value.GetToken().Value]
			if !known {
				return nil, errors.New("refers (*) to an anchor (&) that does not exist: put the value in quotes if it is text")
			}
			n = target
		case *ast.TagNode:
			return nil, errors.New("has a tag (!), which is not supported: put the value in quotes if it is text")
		default:
			return n, nil
		}
	}
	return nil, errors.New("refers (*) to itself: write the value instead")
}

// pairs are the keys of a section, with those that "<<" merges into it behind its
// own. A key that stands twice is a mistake; of merged ones the first counts.
func (p *fileParser) pairs(m ast.MapNode, path string, depth int) []pair {
	var own, merged []pair
	seen := make(map[string]bool)
	for entries := m.MapRange(); entries.Next(); {
		key, value := entries.Key(), entries.Value()
		if p.tooMuch(key.GetToken(), path, depth) {
			return own
		}
		if key.IsMergeKey() {
			merged = append(merged, p.merged(value, key.GetToken(), path, depth+1)...)
			continue
		}
		name := keyName(key)
		if seen[name] {
			p.add(start(key), join(path, name), nil, "stands twice in its section: remove one")
			continue
		}
		seen[name] = true
		own = append(own, pair{name: name, at: start(key), value: value})
	}
	for _, pair := range merged {
		if !seen[pair.name] {
			seen[pair.name] = true
			own = append(own, pair)
		}
	}
	return own
}

// merged are the keys of the section, or the list of sections, behind a "<<".
func (p *fileParser) merged(n ast.Node, at *token.Token, path string, depth int) []pair {
	if p.tooMuch(at, path, depth) {
		return nil
	}
	n, err := p.resolve(n)
	if err != nil {
		p.add(at, join(path, "<<"), nil, "%v", err)
		return nil
	}
	switch n := n.(type) {
	case ast.MapNode:
		return p.pairs(n, path, depth)
	case *ast.SequenceNode:
		var pairs []pair
		for _, entry := range n.Values {
			pairs = append(pairs, p.merged(entry, at, path, depth+1)...)
		}
		return pairs
	}
	p.add(at, join(path, "<<"), nil, "must refer (*) to a section, or to several in a list")
	return nil
}

// tooMuch bounds merging, which can multiply a small file without end. It says so
// once for a section.
func (p *fileParser) tooMuch(at *token.Token, path string, depth int) bool {
	p.visited++
	if depth <= maxDepth && p.visited <= 2*maxTokens {
		return false
	}
	if merge := join(path, "<<"); !p.mistakes.excused[merge] {
		p.add(at, merge, nil, "merges too much, or merges itself: write the keys themselves")
	}
	return true
}
