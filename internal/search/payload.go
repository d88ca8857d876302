package search

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"pulltrail/internal/document"
)

// payload is the text of a bulk request, two lines for each document, or a part of
// one.
type payload struct {
	text []byte
	// offsets are where each document begins in text and, at last, where they end.
	offsets []int
}

// newPayload writes documents down and returns which of them it holds. A body that
// cannot stand on a line of its own would shift the lines of its neighbours: it is
// left out, and refused in results.
func newPayload(docs []document.Document, results []error) (p payload, sent []int) {
	const around = 64 // the braces, names and line ends of two lines
	size := 0
	for _, d := range docs {
		size += len(d.Index) + len(d.ID) + len(d.Body) + around
	}
	var text bytes.Buffer
	text.Grow(size)
	p.offsets = make([]int, 0, len(docs)+1)
	sent = make([]int, 0, len(docs))
	for i, doc := range docs {
		start := text.Len()
		if err := writeLines(&text, doc); err != nil {
			text.Truncate(start)
			results[i] = newError(http.StatusBadRequest, "invalid_document", err.Error())
			continue
		}
		p.offsets = append(p.offsets, start)
		sent = append(sent, i)
	}
	p.offsets = append(p.offsets, text.Len())
	p.text = text.Bytes()
	return p, sent
}

func writeLines(text *bytes.Buffer, doc document.Document) error {
	index, err := json.Marshal(doc.Index)
	if err != nil {
		return err
	}
	id, err := json.Marshal(doc.ID)
	if err != nil {
		return err
	}
	text.WriteString(`{"create":{"_index":`)
	text.Write(index)
	text.WriteString(`,"_id":`)
	text.Write(id)
	text.WriteString("}}\n")
	switch {
	case len(doc.Body) == 0:
		return errors.New("the document is empty")
	case bytes.IndexByte(doc.Body, '\n') >= 0 || bytes.IndexByte(doc.Body, '\r') >= 0: // faster than ContainsAny
		if err := json.Compact(text, doc.Body); err != nil {
			return fmt.Errorf("the document is not JSON: %w", err)
		}
	default:
		text.Write(doc.Body)
	}
	text.WriteByte('\n')
	return nil
}

func (p payload) bytes() []byte {
	return p.text[p.offsets[0]:p.offsets[len(p.offsets)-1]]
}

// slice is the part with the documents from and up to but not until.
func (p payload) slice(from, until int) payload {
	return payload{text: p.text, offsets: p.offsets[from : until+1]}
}
