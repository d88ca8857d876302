package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"pulltrail/internal/document"
)

// bulkPath asks for no more of the answer than is looked at. The timeout is how long the
// cluster waits for an index that is unavailable (red): the answer for the documents of
// other indices takes as long, and with the cluster's default of a minute the whole
// request would end in Options.Timeout.
const bulkPath = "/_bulk?filter_path=items.*.status,items.*.error&timeout=2s"

// Create stores documents, each unless its id exists. The first value has one entry
// for each document: nil for one that is stored or was there, else an *Error. The
// second is the *Error of the whole request, after which nothing is known.
func (c *Client) Create(ctx context.Context, docs []document.Document) ([]error, error) {
	results := make([]error, len(docs))
	p, sent := newPayload(docs, results)
	if len(sent) == 0 {
		return results, nil
	}
	errs := make([]error, len(sent))
	if err := c.create(ctx, p, errs); err != nil {
		return nil, err
	}
	for i, at := range sent {
		results[at] = errs[i]
	}
	return results, nil
}

// create sends a payload. A request that is refused for one of its documents, or for
// its size, is halved until that document stands alone.
func (c *Client) create(ctx context.Context, p payload, results []error) error {
	answer, err := c.send(ctx, request{method: http.MethodPost, path: bulkPath, contentType: "application/x-ndjson", body: p})
	if err == nil {
		return readItems(answer, results)
	}
	var refused *Error
	if !errors.As(err, &refused) || (refused.Class != TooLarge && refused.Class != Refused) {
		return err
	}
	if len(results) == 1 {
		results[0] = refused
		return nil
	}
	half := len(results) / 2
	if err := c.create(ctx, p.slice(0, half), results[:half]); err != nil {
		return err
	}
	return c.create(ctx, p.slice(half, len(results)), results[half:])
}

// readItems gives each document its part of the answer.
func readItems(answer []byte, results []error) error {
	var reply struct {
		Items []struct {
			Create struct {
				Status int   `json:"status"`
				Error  cause `json:"error"`
			} `json:"create"`
		} `json:"items"`
	}
	if err := json.Unmarshal(answer, &reply); err != nil {
		return notJSON(answer, err)
	}
	if len(reply.Items) != len(results) {
		return newError(http.StatusOK, "", fmt.Sprintf("the answer speaks of %d documents, %d were sent", len(reply.Items), len(results)))
	}
	for i, item := range reply.Items {
		switch status := item.Create.Status; {
		case status == 0:
			return newError(http.StatusOK, "", fmt.Sprintf("the answer does not say what became of document %d", i+1))
		case status < 200 || status > 299:
			if err := newError(status, item.Create.Error.Type, item.Create.Error.words()); err.Class != Exists {
				results[i] = err
			}
		}
	}
	return nil
}
