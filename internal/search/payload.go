package search

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"

	"pulltrail/internal/document"
)

// payload is the text of a bulk request, or a part of one. It has the bodies of the
// documents as they are, not a copy: they are most of the memory that a batch takes.
type payload struct {
	parts [][]byte // three for each document: the line before its body, the body, the end of the line
}

const partsEach = 3

var lineEnd = []byte("\n")

// newPayload writes documents down and returns which of them it holds. A body that
// cannot stand on a line of its own would shift the lines of its neighbours: it is
// left out, and refused in results.
func newPayload(docs []document.Document, results []error) (p payload, sent []int) {
	p.parts = make([][]byte, 0, partsEach*len(docs))
	sent = make([]int, 0, len(docs))
	for i, doc := range docs {
		action, body, err := lines(doc)
		if err != nil {
			results[i] = newError(http.StatusBadRequest, "invalid_document", err.Error())
			continue
		}
		p.parts = append(p.parts, action, body, lineEnd)
		sent = append(sent, i)
	}
	return p, sent
}

// lines are what a bulk request has for a document; the second lacks its end.
func lines(doc document.Document) (action, body []byte, err error) {
	index, err := json.Marshal(doc.Index)
	if err != nil {
		return nil, nil, err
	}
	id, err := json.Marshal(doc.ID)
	if err != nil {
		return nil, nil, err
	}
	action = slices.Concat([]byte(`{"create":{"_index":`), index, []byte(`,"_id":`), id, []byte("}}\n"))
	switch {
	case len(doc.Body) == 0:
		return nil, nil, errors.New("the document is empty")
	case bytes.IndexByte(doc.Body, '\n') >= 0 || bytes.IndexByte(doc.Body, '\r') >= 0: // faster than ContainsAny
		var compact bytes.Buffer
		if err := json.Compact(&compact, doc.Body); err != nil {
			return nil, nil, fmt.Errorf("the document is not JSON: %w", err)
		}
		return action, compact.Bytes(), nil
	}
	return action, doc.Body, nil
}

// size is in bytes.
func (p payload) size() (n int64) {
	for _, part := range p.parts {
		n += int64(len(part))
	}
	return n
}

// reader reads the text from its beginning.
func (p payload) reader() *net.Buffers {
	parts := net.Buffers(slices.Clone(p.parts)) // which are used up by reading
	return &parts
}

// slice is the part with the documents from and up to but not until.
func (p payload) slice(from, until int) payload {
	return payload{parts: p.parts[partsEach*from : partsEach*until]}
}
